#![no_main]

use sotto_proto::Answer;

libfuzzer_sys::fuzz_target!(|body: &[u8]| sotto_fuzz::check::<Answer>(body));
