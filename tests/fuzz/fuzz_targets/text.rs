#![no_main]

libfuzzer_sys::fuzz_target!(|text: &[u8]| sotto_fuzz::check_text(text));
