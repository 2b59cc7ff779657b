#![no_main]

use sotto_proto::room::RoomAcknowledgement;

libfuzzer_sys::fuzz_target!(|body: &[u8]| sotto_fuzz::check::<RoomAcknowledgement>(body));
