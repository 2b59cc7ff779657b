//! The fuzzers' corpus in `tests/fuzz/corpus`, replayed through the fuzzers' own checks.

use std::{fs, path::PathBuf};

use sotto_proto::{
    Answer, Request,
    content::Content,
    login::{Enrolment, PasswordFinish, RegistrationFinish},
    mailbox::{Acknowledgement, Consumed, Delivery, Submission},
    room::{RoomAcknowledgement, RoomDelivery, RoomSubmission, RoomsConsumed},
};

use crate::fuzz::{check, check_text};

/// Where the corpus is.
pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/corpus")
}

fn replay(target: &str, check: fn(&[u8])) {
    let mut count = 0;
    for entry in fs::read_dir(folder().join(target)).expect(target) {
        check(&fs::read(entry.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count > 0, "{target} has seeds");
}

#[test]
fn every_target_takes_its_corpus() {
    replay("request", check::<Request>);
    replay("answer", check::<Answer>);
    replay("registration_finish", check::<RegistrationFinish>);
    replay("enrolment", check::<Enrolment>);
    replay("password_finish", check::<PasswordFinish>);
    replay("submission", check::<Submission>);
    replay("acknowledgement", check::<Acknowledgement>);
    replay("delivery", check::<Delivery>);
    replay("consumed", check::<Consumed>);
    replay("room_submission", check::<RoomSubmission>);
    replay("room_acknowledgement", check::<RoomAcknowledgement>);
    replay("room_delivery", check::<RoomDelivery>);
    replay("rooms_consumed", check::<RoomsConsumed>);
    replay("content", check::<Content>);
    replay("text", check_text);
}

#[test]
fn every_target_has_a_fuzzer() {
    for entry in fs::read_dir(folder()).unwrap() {
        let target = entry.unwrap().file_name().into_string().unwrap();
        let fuzzer = folder().join(format!("../fuzz_targets/{target}.rs"));
        assert!(fuzzer.is_file(), "{target}");
    }
}
