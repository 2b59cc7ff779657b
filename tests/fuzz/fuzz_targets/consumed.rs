#![no_main]

use sotto_proto::mailbox::Consumed;

libfuzzer_sys::fuzz_target!(|body: &[u8]| sotto_fuzz::check::<Consumed>(body));
