//! How fast the desktop app is on a conversation of 100,000 messages, drawn by the software
//! renderer at 1280 by 800: opening it, scrolling through it, and the memory that takes.
//!
//! `cargo run --release -p sotto-tests --bin desktop_bench [MESSAGES]`

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "whoever measures wants to know where it failed"
)]

use std::{
    env, fs,
    path::Path,
    time::{Duration, Instant},
};

use slint::{ComponentHandle, Model, platform::WindowEvent};
use sotto_client::{Engine, NewAccount, model::ContactState};
use sotto_proto::{AccountId, Timestamp};
use sotto_tests::{Canvas, Desk, InnerRelay, Past, hear};
use sotto_ui::{
    Clock,
    generated::{Conversation, People},
};

const PASSPHRASE: &str = "a lantern in the harbour";
const NOW: Timestamp = Timestamp(1_795_192_920_000);
const MINUTE: u64 = 60_000;
/// Times that the conversation is opened.
const OPENINGS: usize = 20;
/// Frames that are scrolled.
const FRAMES: usize = 2000;
/// Of the wheel, in logical pixels a frame.
const WHEEL: f32 = 120.0;

fn main() {
    let messages = env::args().nth(1).map_or(100_000, |count| count.parse().expect("a number"));
    let home = tempfile::tempdir().unwrap();
    let relay = Desk::block_on(InnerRelay::start());
    let [long, short] = live(home.path(), relay.link(), messages);
    let clock = Clock::fixed(NOW);
    let desk = Desk::enter(home.path(), Canvas::Pixels, "alice", PASSPHRASE, clock);
    desk.see("Online");
    desk.see("Carol");
    desk.rest();
    let before = memory();
    opening(&desk, long, short, messages);
    let opened = memory();
    scrolling(&desk);
    let scrolled = memory();
    println!(
        "memory: {before:.1} MB with the list, {opened:.1} MB after opening, {scrolled:.1} MB after scrolling"
    );
}

/// A long conversation and a short one.
fn live(home: &Path, relay: &sotto_proto::link::RelayLink, messages: u64) -> [AccountId; 2] {
    let folder = home.join("profiles/alice");
    let engine = Desk::block_on(Engine::register(NewAccount {
        folder: folder.clone(),
        relay: relay.clone(),
        username: "alice".parse().unwrap(),
        display_name: "Alice".parse().unwrap(),
        password: PASSPHRASE.into(),
        passphrase: PASSPHRASE.into(),
        invitation: None,
    }));
    Desk::block_on(engine.unwrap().shutdown());
    let mut past = Past::of(&folder, PASSPHRASE);
    let began = Timestamp(NOW.0 - (messages + 10) * MINUTE);
    let short = past.contact("carol", "Carol", ContactState::Accepted, began);
    past.hears(short, began, "hello");
    let long = past.contact("bob", "Bob", ContactState::Accepted, began);
    past.write(|tx| {
        for number in 1..=messages {
            let at = Timestamp(began.0 + number * MINUTE);
            hear(tx, long, at, &text(number))?;
        }
        tx.mark_read(short.into(), None, NOW)?;
        tx.mark_read(long.into(), None, NOW)?;
        Ok(())
    });
    [long, short]
}

/// Between one and some forty words.
fn text(number: u64) -> String {
    const WORDS: [&str; 8] =
        ["harbour", "tomorrow", "the", "rigging", "list", "is", "ready", "and"];
    let length = 1 + (number * 7919 % 40);
    let words = (0..length).map(|word| WORDS[((number + word * 3) % 8) as usize]);
    format!("{number}: {}", words.collect::<Vec<_>>().join(" "))
}

/// From the click to the frame that shows the newest messages.
fn opening(desk: &Desk, long: AccountId, short: AccountId, messages: u64) {
    let mut times = Vec::new();
    for _ in 0..OPENINGS {
        open(desk, short);
        let begun = Instant::now();
        open(desk, long);
        times.push(begun.elapsed());
    }
    print_times(&format!("open a conversation of {messages} messages"), &mut times);
}

fn open(desk: &Desk, account: AccountId) {
    let people = desk.app.window().global::<People>();
    let conversation = desk.app.window().global::<Conversation>();
    people.invoke_open(account.to_string().into());
    while !conversation.get_loaded() || !conversation.get_settled() {
        if !desk.app.pump() {
            desk.app.wait(Duration::from_millis(1));
        }
        i_slint_backend_testing::mock_elapsed_time(Duration::from_millis(21));
    }
    draw(desk);
}

fn draw(desk: &Desk) {
    desk.app.window().window().take_snapshot().unwrap();
}

/// Upwards with the wheel, through pages that are read while one scrolls.
fn scrolling(desk: &Desk) {
    let conversation = desk.app.window().global::<Conversation>();
    let (mut times, mut most) = (Vec::new(), 0);
    for _ in 0..FRAMES {
        let begun = Instant::now();
        desk.app.window().window().dispatch_event(WindowEvent::PointerScrolled {
            position: slint::LogicalPosition::new(800.0, 400.0),
            delta_x: 0.0,
            delta_y: WHEEL,
        });
        desk.app.pump();
        i_slint_backend_testing::mock_elapsed_time(Duration::from_millis(16));
        draw(desk);
        times.push(begun.elapsed());
        most = most.max(conversation.get_rows().row_count());
    }
    let oldest = conversation.get_rows().iter().find(|row| !row.text.is_empty());
    let oldest = oldest.map(|row| row.text.split(':').next().unwrap_or_default().to_owned());
    print_times(&format!("scroll {WHEEL} px and draw, {FRAMES} frames"), &mut times);
    println!("scrolled back to message {}, {most} rows held at most", oldest.unwrap_or_default());
}

fn print_times(what: &str, times: &mut [Duration]) {
    times.sort();
    let at = |share: f64| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a place in a short list"
        )]
        let index = ((times.len() - 1) as f64 * share) as usize;
        times[index].as_secs_f64() * 1000.0
    };
    println!("{what}: median {:.1} ms, p95 {:.1} ms, most {:.1} ms", at(0.5), at(0.95), at(1.0));
}

/// What this process holds in memory (`VmRSS` of proc(5)), in MB.
fn memory() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    let kib: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib / 1000.0 * 1.024
}
