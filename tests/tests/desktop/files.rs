//! Files that go and come.

use std::{fs, path::Path};

use sotto_client::model::MessageBody;
use sotto_proto::MessageId;
use sotto_tests::{Desk, Person};

use crate::{Scene, alice_of, connect_again, heard};

/// The newest message of the conversation with the person at the desktop.
fn newest(person: &Person) -> Option<sotto_client::model::Message> {
    let alice = alice_of(person);
    let page = sotto_client::Page::Latest;
    Desk::block_on(person.engine.history(alice, page, 1)).unwrap().pop()
}

fn attach(scene: &Scene, path: &Path) {
    scene.desk.desktop.set_file(path);
    scene.desk.press("Attach a file");
    scene.desk.see("Do not send the file");
}

/// Waits until somebody has a file, and saves it.
fn receives(scene: &Scene, person: &Person, name: &str) -> Vec<u8> {
    let has = |message: sotto_client::model::Message| match message.body {
        MessageBody::Attachment { file, .. } if file.name == name => Some(message.id),
        _ => None,
    };
    let mut found: Option<MessageId> = None;
    scene.desk.until(&format!("{} has {name}", person.name()), |_| {
        newest(person).and_then(has).is_some()
    });
    found = found.or_else(|| newest(person).and_then(has));
    let to = person.home().join(format!("received {name}"));
    let alice = alice_of(person);
    Desk::block_on(person.engine.save_attachment(alice, found.unwrap(), &to)).unwrap();
    fs::read(to).unwrap()
}

fn painted(path: &Path) {
    image::RgbImage::from_fn(640, 400, |x, y| {
        image::Rgb([u8::try_from(x % 256).unwrap(), u8::try_from(y % 256).unwrap(), 90])
    })
    .save(path)
    .unwrap();
}

#[test]
fn a_file_goes_with_its_caption() {
    let (scene, bob) = Scene::with_bob();
    let path = scene.home.path().join("notes.txt");
    fs::write(&path, "three lines\nof\ntext").unwrap();
    attach(&scene, &path);
    scene.say("bob", "as promised");
    scene.desk.see("notes.txt as promised. Delivered");
    assert_eq!(receives(&scene, &bob, "notes.txt"), b"three lines\nof\ntext");
    scene.desk.press_like("About bob");
    scene.desk.see("notes.txt");
}

#[test]
fn a_file_that_is_not_there_is_refused_in_words() {
    let (scene, _bob) = Scene::with_bob();
    // Without a dialog of the desktop, the path is asked for.
    scene.desk.key(&[slint::platform::Key::Control], "u");
    scene.desk.fill("Path of the file", "/nowhere/at/all");
    scene.desk.press("Attach");
    scene.desk.see("The file could not be read or written.");
    let path = scene.home.path().join("there.txt");
    fs::write(&path, "there").unwrap();
    scene.desk.fill("Path of the file", path.to_str().unwrap());
    scene.desk.press("Attach");
    scene.desk.see("there.txt");
    scene.desk.press("Do not send the file");
    scene.desk.miss("there.txt");
}

#[test]
fn a_picture_is_seen_in_the_conversation_and_large() {
    let (scene, bob) = Scene::with_bob();
    let path = scene.home.path().join("boat.png");
    painted(&path);
    attach(&scene, &path);
    scene.desk.press("Send");
    scene.desk.see("Look at the picture boat.png");
    assert_eq!(receives(&scene, &bob, "boat.png"), fs::read(&path).unwrap());
    scene.desk.press("Look at the picture boat.png");
    scene.desk.see("Save as…");
    scene.desk.key(&[], slint::platform::Key::Escape);
    scene.desk.miss("Save as…");
}

#[test]
fn a_received_file_is_saved_opened_and_a_program_never_started() {
    let (scene, bob) = Scene::with_bob();
    let alice = alice_of(&bob);
    let send = |name: &str, text: &str| {
        let path = bob.home().join(name);
        fs::write(&path, text).unwrap();
        Desk::block_on(bob.engine.send_file(alice, &path, "", None)).unwrap();
    };
    send("report.pdf", "%PDF");
    let to = scene.home.path().join("kept.pdf");
    scene.desk.until("it is there", |desk| desk.control("Save report.pdf as…").is_some());
    scene.desk.desktop.set_file(&to);
    scene.desk.press("Save report.pdf as…");
    scene.desk.see("Saved as");
    assert_eq!(fs::read_to_string(&to).unwrap(), "%PDF");
    scene.desk.press("Open report.pdf");
    scene.desk.until("it is open", |desk| desk.desktop.opened() == [to.to_str().unwrap()]);
    send("holiday.desktop", "[Desktop Entry]");
    let to = scene.home.path().join("holiday.txt");
    scene.desk.until("it is there", |desk| desk.control("Open holiday.desktop").is_some());
    scene.desk.desktop.set_file(&to);
    scene.desk.press("Open holiday.desktop");
    scene.desk.until("it is saved", |_| to.is_file());
    assert_eq!(scene.desk.desktop.opened().len(), 1, "a program was started");
}

#[test]
fn a_transfer_is_cancelled_and_sent_again() {
    let (mut scene, bob) = Scene::with_bob();
    let path = scene.home.path().join("long.bin");
    fs::write(&path, vec![7; 3_000_000]).unwrap();
    // Without a connection it waits to be carried.
    scene.relay.kill();
    scene.desk.miss("Online");
    attach(&scene, &path);
    scene.desk.press("Send");
    scene.desk.press("Cancel the transfer of long.bin");
    scene.desk.see("Not sent. It was cancelled.");
    scene.relay.restart();
    connect_again(&scene.desk);
    scene.desk.see("Online");
    scene.desk.press("Send again");
    assert_eq!(receives(&scene, &bob, "long.bin").len(), 3_000_000);
    scene.desk.miss("Not sent");
}

#[test]
fn a_pasted_image_is_sent() {
    let (scene, bob) = Scene::with_bob();
    let pixels = sotto_ui::Pixels::clone_from_slice(&[200; 64 * 48 * 4], 64, 48);
    scene.desk.desktop.set_image(pixels);
    scene.desk.key(&[slint::platform::Key::Control], "v");
    scene.desk.see("Do not send the file");
    scene.desk.press("Send");
    scene.desk.see("pasted");
    let alice = alice_of(&bob);
    scene.desk.until("bob has it", |_| {
        let page = sotto_client::Page::Latest;
        let history = Desk::block_on(bob.engine.history(alice, page, 5)).unwrap();
        history.iter().any(|message| {
            matches!(&message.body,
            MessageBody::Attachment { file, .. } if file.media_type == "image/png")
        })
    });
}

#[test]
fn a_conversation_and_all_of_them_are_exported() {
    let (scene, bob) = Scene::with_bob();
    scene.say("bob", "for the archive");
    heard(&scene, &bob, "for the archive");
    let (one, all) = (scene.home.path().join("one.md"), scene.home.path().join("all.json"));
    scene.desk.press_like("About bob");
    scene.desk.desktop.set_file(&one);
    scene.desk.press("Export as text…");
    scene.desk.see("Exported to");
    assert!(fs::read_to_string(&one).unwrap().contains("for the archive"));
    scene.desk.press("Close");
    scene.desk.press("Settings");
    scene.desk.press("Storage");
    scene.desk.see("Messages and keys: ");
    scene.desk.desktop.set_file(&all);
    scene.desk.press("Export as JSON…");
    scene.desk.until("it is there", |_| {
        fs::read_to_string(&all)
            .is_ok_and(|text| text.contains("for the archive") && text.ends_with("]}\n"))
    });
}
