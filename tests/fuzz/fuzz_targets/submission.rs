#![no_main]

use sotto_proto::mailbox::Submission;

libfuzzer_sys::fuzz_target!(|body: &[u8]| sotto_fuzz::check::<Submission>(body));
