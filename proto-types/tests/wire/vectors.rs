//! The golden vectors in `proto-types/vectors`: each frame's name, its bytes in hex and what they say
//! in diagnostic notation. With `BLESS` set in the environment they are written, and so are the
//! fuzzers' seeds.

use std::{collections::BTreeSet, env, fmt::Debug, fs, path::PathBuf};

use sotto_proto::{
    Answer, Request, admin,
    codec::{self, Frame, HEADER_LEN},
    content::Body,
};

use crate::{
    diagnostic::diagnostic,
    samples::{self, Sample},
};

/// Whether the length stands before the body.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Header {
    Framed,
    Bare,
}

fn check<F: Frame + PartialEq + Debug>(file: &str, header: Header, samples: Vec<Sample<F>>) {
    let mut text = String::new();
    for (name, frame) in samples {
        let framed = codec::to_bytes(&frame).unwrap();
        let body = &framed[HEADER_LEN..];
        assert_eq!(
            codec::body_length::<F>(framed[..HEADER_LEN].try_into().unwrap()).unwrap(),
            body.len()
        );
        assert_eq!(codec::decode::<F>(body).unwrap(), frame, "{name}");
        let shown = if header == Header::Framed { framed.as_slice() } else { body };
        text.extend(["# ", name, "\n", &hex::encode(shown), "\n", &diagnostic(body), "\n\n"]);
        seed(file, name, body);
    }
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors").join(format!("{file}.txt"));
    if is_blessing() {
        fs::write(&path, &text).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap();
    for (golden, made) in golden.lines().zip(text.lines()) {
        assert_eq!(golden, made, "{}", path.display());
    }
    assert_eq!(golden.len(), text.len(), "{}", path.display());
}

/// Every kind of a frame has a sample.
fn has_all<F: Frame>(names: impl Iterator<Item = &'static str>) {
    let shown: BTreeSet<&str> = names.map(|name| name.split('/').next().unwrap()).collect();
    let kinds: BTreeSet<&str> = F::KINDS.iter().copied().collect();
    assert_eq!(shown, kinds);
}

/// Every kind within the frames of administration has a sample.
fn has_all_acts(kinds: &[&str], names: impl Iterator<Item = &'static str>) {
    let shown: BTreeSet<&str> = names
        .filter_map(|name| name.strip_prefix("admin/"))
        .map(|name| name.split('/').next().unwrap())
        .collect();
    assert_eq!(shown, kinds.iter().copied().collect());
}

fn is_blessing() -> bool {
    env::var_os("BLESS").is_some()
}

fn seed(target: &str, name: &str, body: &[u8]) {
    if is_blessing() {
        let folder = crate::corpus::folder().join(target);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name.replace('/', "-")), body).unwrap();
    }
}

#[test]
fn requests() {
    let samples = samples::requests();
    has_all::<Request>(samples.iter().map(|(name, _)| *name));
    has_all_acts(admin::Command::KINDS, samples.iter().map(|(name, _)| *name));
    assert!(samples.iter().all(|(name, frame)| name.starts_with(frame.kind())));
    check("request", Header::Framed, samples);
}

#[test]
fn answers() {
    let samples = samples::answers();
    has_all::<Answer>(samples.iter().map(|(name, _)| *name));
    has_all_acts(admin::Answer::KINDS, samples.iter().map(|(name, _)| *name));
    assert!(samples.iter().all(|(name, frame)| name.starts_with(frame.kind())));
    check("answer", Header::Framed, samples);
}

#[test]
fn registration_and_login() {
    check("registration_finish", Header::Framed, samples::registration_finishes());
    check("enrolment", Header::Framed, samples::enrolments());
    check("password_finish", Header::Framed, samples::password_finishes());
}

#[test]
fn uplink() {
    check("submission", Header::Framed, samples::submissions());
    check("acknowledgement", Header::Framed, samples::acknowledgements());
}

#[test]
fn downlink() {
    check("delivery", Header::Framed, samples::deliveries());
    check("consumed", Header::Framed, samples::consumptions());
}

#[test]
fn rooms() {
    check("room_submission", Header::Framed, samples::room_submissions());
    check("room_acknowledgement", Header::Framed, samples::room_acknowledgements());
    check("room_delivery", Header::Framed, samples::room_deliveries());
    check("rooms_consumed", Header::Framed, samples::room_consumptions());
}

#[test]
fn contents() {
    let samples = samples::contents();
    has_all::<Body>(samples.iter().map(|(name, _)| *name));
    assert!(samples.iter().all(|(name, frame)| name.starts_with(frame.body.kind())));
    check("content", Header::Bare, samples);
}

#[test]
fn links_and_names_seed_their_fuzzer() {
    let fingerprint = "5f".repeat(32);
    let texts = [
        ("relay", format!("sotto://relay.example:4433/#{fingerprint}")),
        ("relay-webpki", "sotto://relay.example/".to_owned()),
        ("relay-ipv6", format!("sotto://[2001:db8::1]:4433/#{fingerprint}")),
        ("contact", format!("sotto://relay.example:4433/@anna#{fingerprint}")),
        ("username", "anna.b-c_9".to_owned()),
        ("display-name", "Änna 🌊".to_owned()),
    ];
    for (name, text) in texts {
        crate::fuzz::check_text(text.as_bytes());
        seed("text", name, text.as_bytes());
    }
}
