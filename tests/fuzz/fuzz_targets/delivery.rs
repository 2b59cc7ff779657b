#![no_main]

use sotto_proto::mailbox::Delivery;

libfuzzer_sys::fuzz_target!(|body: &[u8]| sotto_fuzz::check::<Delivery>(body));
