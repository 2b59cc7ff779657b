//! What the two sides say to each other.

use serde_json::{Value, json};
use sotto_keys::{AttachmentKey, BlobDigest, Layout, OpenError, SafetyNumber, verify_login};
use sotto_proto::{AccountId, IdentityKey};

use super::{
    device::{Device, byte_vec, bytes},
    peer::Peer,
};

/// A conversation and the name of its transcript.
pub(crate) struct Conversation {
    pub(crate) name: &'static str,
    pub(crate) hold: fn(&mut dyn Peer),
}

pub(crate) const CONVERSATIONS: &[Conversation] = &[
    Conversation { name: "rust_starts", hold: |peer| rust_starts(peer, 11, true) },
    Conversation { name: "rust_starts_by_last_resort", hold: |peer| rust_starts(peer, 12, false) },
    Conversation { name: "python_starts", hold: |peer| python_starts(peer, 13, true) },
    Conversation {
        name: "python_starts_by_last_resort",
        hold: |peer| python_starts(peer, 14, false),
    },
    Conversation { name: "both_start", hold: both_start },
    Conversation { name: "without_a_session", hold: without_a_session },
];

fn rust_starts(peer: &mut dyn Peer, seed: u64, one_time: bool) {
    let mut device = Device::meet(peer, seed);
    device.start(peer, one_time);
    let sealed = ["one", "two", "", "four"].map(|text| device.seal(text));
    // The third arrives first, the first is late, the second later still.
    assert_eq!(peer_opens(peer, &sealed[2]), "");
    assert_eq!(peer_opens(peer, &sealed[0]), "one");
    peer_refuses(peer, &sealed[0], "repeated");
    let mut changed = sealed[3].clone();
    *changed.last_mut().unwrap() ^= 1;
    peer_refuses(peer, &changed, "tampered");
    assert_eq!(peer_opens(peer, &sealed[3]), "four");
    turns(peer, &mut device);
    assert_eq!(peer_opens(peer, &sealed[1]), "two");
    peer_refuses(peer, &sealed[1], "no session");
}

fn python_starts(peer: &mut dyn Peer, seed: u64, one_time: bool) {
    let mut device = Device::meet(peer, seed);
    device.be_started(peer, one_time);
    let sealed = ["one", "two", "", "four"].map(|text| peer_seals(peer, text));
    assert_eq!(device.open(&sealed[2]).unwrap(), "");
    assert_eq!(device.open(&sealed[0]).unwrap(), "one");
    assert_eq!(device.open(&sealed[0]), Err(OpenError::Repeated));
    let mut changed = sealed[3].clone();
    *changed.last_mut().unwrap() ^= 1;
    assert_eq!(device.open(&changed), Err(OpenError::Tampered));
    assert_eq!(device.open(&sealed[3]).unwrap(), "four");
    turns(peer, &mut device);
    assert_eq!(device.open(&sealed[1]).unwrap(), "two");
    assert_eq!(device.open(&sealed[1]), Err(OpenError::NoSession));
}

/// Several turns, in each of which either side skips one message, which arrives two turns later.
fn turns(peer: &mut dyn Peer, device: &mut Device) {
    let (mut from_peer, mut from_device) = (Vec::new(), Vec::new());
    for turn in 0..4 {
        let text = format!("to Rust, turn {turn} {}", "·".repeat(100 * turn));
        let late = format!("late to Rust {turn}");
        from_peer.push((peer_seals(peer, &late), late));
        let sealed = peer_seals(peer, &text);
        assert_eq!(device.open(&sealed).unwrap(), text);
        device.restart();

        let text = format!("to Python, turn {turn} {}", "·".repeat(100 * turn));
        let late = format!("late to Python {turn}");
        from_device.push((device.seal(&late), late));
        let sealed = device.seal(&text);
        assert_eq!(peer_opens(peer, &sealed), text);
        if turn >= 2 {
            let (sealed, text) = &from_peer[turn - 2];
            assert_eq!(device.open(sealed).as_ref(), Ok(text));
            let (sealed, text) = &from_device[turn - 2];
            assert_eq!(peer_opens(peer, sealed), *text);
        }
    }
}

fn both_start(peer: &mut dyn Peer) {
    let mut device = Device::meet(peer, 15);
    device.start(peer, true);
    device.be_started(peer, true);
    let (from_rust, from_python) = (device.seal("from Rust"), peer_seals(peer, "from Python"));
    assert_eq!(device.open(&from_python).unwrap(), "from Python");
    assert_eq!(peer_opens(peer, &from_rust), "from Rust");
    for turn in 0..3 {
        let text = format!("turn {turn}");
        let sealed = device.seal(&text);
        assert_eq!(peer_opens(peer, &sealed), text);
        let sealed = peer_seals(peer, &text);
        assert_eq!(sealed[0], 0x11);
        assert_eq!(device.open(&sealed).unwrap(), text);
    }
}

fn without_a_session(peer: &mut dyn Peer) {
    let device = Device::meet(peer, 16);
    logins(peer, &device);
    safety_numbers(peer, &device);
    for size in [0, 5000, 70_000] {
        attachments(peer, size);
    }
}

fn logins(peer: &mut dyn Peer, device: &Device) {
    let (exporter, relay) = ([1; 32], [2; 32]);
    let mut command = json!({
        "do": "sign_login",
        "exporter": hex::encode(exporter),
        "relay": hex::encode(relay),
    });
    let reply = peer.ask(command.clone());
    let signature = sotto_proto::Signature(bytes(&reply["signature"]));
    verify_login(&device.peer_certificate.signing, &exporter, &relay, &signature).unwrap();
    command["do"] = "verify_login".into();
    command["device"] = hex::encode(device.keys.signing_key().as_bytes()).into();
    command["signature"] = hex::encode(device.keys.sign_login(&exporter, &relay).as_bytes()).into();
    assert_eq!(peer.ask(command.clone()), json!({}));
    command["relay"] = hex::encode([3; 32]).into();
    assert_eq!(peer.ask(command), json!({ "refused": "signature" }));
}

fn safety_numbers(peer: &mut dyn Peer, device: &Device) {
    let mine = (AccountId([4; 16]), device.identity.public());
    let theirs = (AccountId([5; 16]), device.peer_identity);
    let side = |(account, identity): &(AccountId, IdentityKey)| {
        [hex::encode(account.as_bytes()), hex::encode(identity.as_bytes())]
    };
    let reply = peer.ask(json!({ "do": "safety_number", "sides": [side(&theirs), side(&mine)] }));
    let number = SafetyNumber::new((&mine.0, &mine.1), (&theirs.0, &theirs.1));
    assert_eq!(reply, json!({ "digits": number.digits(), "qr": number.qr_text() }));
}

fn attachments(peer: &mut dyn Peer, size: usize) {
    let file: Vec<u8> = (0..size).map(|at| u8::try_from(at % 253).unwrap()).collect();
    let (key, layout) = (AttachmentKey::from_bytes([6; 32]), Layout::new(size as u64).unwrap());
    let (mut blob, mut digest) = (Vec::new(), BlobDigest::new());
    for index in 0..layout.chunks() {
        let range = layout.plain_range(index).unwrap();
        let plain = &file[at(range.start)..at(range.end)];
        let sealed = key.seal_chunk(&layout, index, plain).unwrap();
        digest.update(&sealed);
        blob.extend(sealed);
    }
    let key = hex::encode(key.as_bytes());
    let reply = peer.ask(json!({ "do": "seal_file", "key": key, "size": size }));
    assert_eq!(bytes(&reply["digest"]), digest.finish());
    if size > 10_000 {
        return;
    }
    let command =
        json!({ "do": "open_file", "key": key, "blob": hex::encode(&blob), "size": size });
    assert_eq!(byte_vec(&peer.ask(command)["content"]), file);
}

fn at(offset: u64) -> usize {
    usize::try_from(offset).unwrap()
}

fn peer_seals(peer: &mut dyn Peer, text: &str) -> Vec<u8> {
    byte_vec(&peer.ask(json!({ "do": "seal", "text": text }))["sealed"])
}

fn peer_opens(peer: &mut dyn Peer, sealed: &[u8]) -> String {
    let reply = peer_reply(peer, sealed);
    reply["text"].as_str().unwrap_or_else(|| panic!("{reply}")).to_owned()
}

fn peer_refuses(peer: &mut dyn Peer, sealed: &[u8], reason: &str) {
    assert_eq!(peer_reply(peer, sealed), json!({ "refused": reason }));
}

fn peer_reply(peer: &mut dyn Peer, sealed: &[u8]) -> Value {
    peer.ask(json!({ "do": "open", "sealed": hex::encode(sealed) }))
}
