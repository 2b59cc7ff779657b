#![no_main]

use sotto_proto::login::PasswordFinish;

libfuzzer_sys::fuzz_target!(|body: &[u8]| sotto_fuzz::check::<PasswordFinish>(body));
