#![no_main]

use sotto_proto::login::Enrolment;

libfuzzer_sys::fuzz_target!(|body: &[u8]| sotto_fuzz::check::<Enrolment>(body));
