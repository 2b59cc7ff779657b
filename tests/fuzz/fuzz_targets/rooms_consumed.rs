#![no_main]

use sotto_proto::room::RoomsConsumed;

libfuzzer_sys::fuzz_target!(|body: &[u8]| sotto_fuzz::check::<RoomsConsumed>(body));
