#![no_main]

use sotto_proto::login::RegistrationFinish;

libfuzzer_sys::fuzz_target!(|body: &[u8]| sotto_fuzz::check::<RegistrationFinish>(body));
