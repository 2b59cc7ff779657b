//! What no well-behaved side sends: it is refused, with little work and without harm.

use ciborium::Value;
use proptest::prelude::*;
use sotto_proto::{
    Answer, Request,
    codec::{CodecError, Frame, body_length, decode, encode, to_bytes},
    content::{Content, Text},
    directory::LookUp,
    limits::{BATCH_MAX, CONTENT_MAX, FRAME_MAX},
    mailbox::{Consumed, Delivery, Envelope, Submission},
};

use crate::{fuzz, samples};

fn cbor(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).unwrap();
    bytes
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

#[test]
fn a_length_above_the_limit_is_refused_before_anything_else() {
    let header = |length: usize| u32::try_from(length).unwrap().to_be_bytes();
    assert_eq!(body_length::<Request>(header(FRAME_MAX)).unwrap(), FRAME_MAX);
    let refused = body_length::<Request>(header(FRAME_MAX + 1));
    assert!(matches!(refused, Err(CodecError::TooLarge { limit: FRAME_MAX, .. })));
    assert!(body_length::<Consumed>(header(65)).is_err());
    assert!(body_length::<Delivery>([0xFF; 4]).is_err());
    assert!(decode::<Consumed>(&[0; 65]).is_err());
}

#[test]
fn a_frame_above_the_limit_is_not_sent_and_leaves_nothing_behind() {
    let (_, mut content) = samples::contents().remove(0);
    content.body =
        Text { text: "x".repeat(CONTENT_MAX), reply_to: None, mentions: Vec::new() }.into();
    let mut out = vec![7];
    assert!(matches!(encode(&content, &mut out), Err(CodecError::TooLarge { .. })));
    assert_eq!(out, [7]);
}

#[test]
fn a_claimed_length_allocates_nothing() {
    // A byte string, a text, an array and a map that say they hold 2^60 items.
    for start in [0x5B, 0x7B, 0x9B, 0xBB] {
        let mut body = vec![start];
        body.extend_from_slice(&(1_u64 << 60).to_be_bytes());
        assert!(decode::<Request>(&body).is_err());
        // And the same where a field is expected.
        let mut field = cbor(&text("up_to"));
        field.insert(0, 0xA1);
        field.extend_from_slice(&body);
        assert!(decode::<Consumed>(&field).is_err());
        let mut list = cbor(&text("envelopes"));
        list.insert(0, 0xA1);
        list.extend_from_slice(&body);
        assert!(decode::<Submission>(&list).is_err());
    }
}

#[test]
fn deep_nesting_is_refused() {
    for start in [0x81, 0xA1, 0xC1, 0xD8, 0x9F] {
        let body = vec![start; BATCH_MAX];
        assert!(decode::<Request>(&body).is_err());
        assert!(decode::<Answer>(&body).is_err());
        assert!(decode::<Delivery>(&body).is_err());
    }
}

#[test]
fn unknown_keys_are_ignored_and_unknown_kinds_told_apart() {
    let newer = Value::Map(vec![
        (text("up_to"), Value::from(7)),
        (text("reason"), Value::Array(vec![Value::Null])),
    ]);
    assert_eq!(decode::<Consumed>(&cbor(&newer)).unwrap(), Consumed { up_to: 7 });
    let kind = Value::Map(vec![(text("teleport"), Value::Map(Vec::new()))]);
    assert!(matches!(decode::<Request>(&cbor(&kind)), Err(CodecError::UnknownKind)));
    assert!(matches!(decode::<Request>(&cbor(&text("teleport"))), Err(CodecError::UnknownKind)));
    let broken = Value::Map(vec![(text("look_up"), Value::from(1))]);
    assert!(matches!(decode::<Request>(&cbor(&broken)), Err(CodecError::Malformed(_))));
    assert!(matches!(decode::<Consumed>(&cbor(&kind)), Err(CodecError::Malformed(_))));
}

#[test]
fn one_item_and_nothing_behind_it() {
    let mut body = to_bytes(&Consumed { up_to: 7 }).unwrap().split_off(4);
    body.push(0);
    assert!(matches!(decode::<Consumed>(&body), Err(CodecError::Malformed(_))));
    assert!(decode::<Consumed>(&[]).is_err());
}

#[test]
fn fields_out_of_bounds_do_not_parse() {
    let look_up = |name: &str| {
        let wanted = Value::Map(vec![(text("username"), text(name))]);
        decode::<Request>(&cbor(&Value::Map(vec![(text("look_up"), wanted)])))
    };
    assert_eq!(look_up("anna").unwrap(), LookUp::Username("anna".parse().unwrap()).into());
    for wrong in ["an", "Anna", "1anna", "anna\u{202e}", &"a".repeat(33)] {
        assert!(look_up(wrong).is_err(), "{wrong}");
    }
    let account = |bytes: usize| {
        let wanted = Value::Map(vec![(text("account"), Value::Bytes(vec![1; bytes]))]);
        decode::<Request>(&cbor(&Value::Map(vec![(text("look_up"), wanted)])))
    };
    assert!(account(16).is_ok() && account(15).is_err() && account(17).is_err());
}

/// A frame's body, with the check of its frame.
type Checked = (Vec<u8>, fn(&[u8]));

/// Every sample's body.
fn bodies() -> Vec<Checked> {
    fn of<F: Frame + PartialEq + std::fmt::Debug>(
        samples: Vec<samples::Sample<F>>,
    ) -> impl Iterator<Item = Checked> {
        samples.into_iter().map(|(_, frame)| {
            (to_bytes(&frame).unwrap().split_off(4), fuzz::check::<F> as fn(&[u8]))
        })
    }
    of(samples::requests())
        .chain(of(samples::answers()))
        .chain(of(samples::enrolments()))
        .chain(of(samples::submissions()))
        .chain(of(samples::acknowledgements()))
        .chain(of(samples::deliveries()))
        .chain(of(samples::consumptions()))
        .chain(of(samples::contents()))
        .collect()
}

#[test]
fn every_truncation_is_refused() {
    for (body, check) in bodies() {
        for length in 0..body.len() {
            check(&body[..length]);
        }
    }
    for (_, content) in samples::contents() {
        let body = to_bytes(&content).unwrap().split_off(4);
        assert!((0..body.len()).all(|length| decode::<Content>(&body[..length]).is_err()));
    }
    let (_, submission) = samples::submissions().remove(0);
    assert_eq!(submission.envelopes.len(), 1);
    let Envelope { sealed, .. } = &submission.envelopes[0];
    assert!(!sealed.is_empty());
}

proptest! {
    #[test]
    fn changed_bytes_are_read_or_refused(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let all = bodies();
        let (mut body, check) = all[which.index(all.len())].clone();
        for (place, byte) in changes {
            let place = place.index(body.len());
            body[place] = byte;
        }
        check(&body);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for (_, check) in bodies().into_iter().step_by(7) {
            check(&bytes);
        }
        fuzz::check_text(&bytes);
    }
}
