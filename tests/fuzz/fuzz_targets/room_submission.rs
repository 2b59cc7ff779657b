#![no_main]

use sotto_proto::room::RoomSubmission;

libfuzzer_sys::fuzz_target!(|body: &[u8]| sotto_fuzz::check::<RoomSubmission>(body));
