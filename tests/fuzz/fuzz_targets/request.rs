#![no_main]

use sotto_proto::Request;

libfuzzer_sys::fuzz_target!(|body: &[u8]| sotto_fuzz::check::<Request>(body));
