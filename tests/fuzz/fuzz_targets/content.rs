#![no_main]

use sotto_proto::content::Content;

libfuzzer_sys::fuzz_target!(|body: &[u8]| sotto_fuzz::check::<Content>(body));
