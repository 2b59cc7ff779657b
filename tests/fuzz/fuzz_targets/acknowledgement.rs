#![no_main]

use sotto_proto::mailbox::Acknowledgement;

libfuzzer_sys::fuzz_target!(|body: &[u8]| sotto_fuzz::check::<Acknowledgement>(body));
