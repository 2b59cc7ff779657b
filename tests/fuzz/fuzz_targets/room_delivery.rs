#![no_main]

use sotto_proto::room::RoomDelivery;

libfuzzer_sys::fuzz_target!(|body: &[u8]| sotto_fuzz::check::<RoomDelivery>(body));
