//! A stream's buffer answers every read as a naive one does, however the bytes were fed.

#![no_main]

use evloop::stream_property::stream_buffer;

libfuzzer_sys::fuzz_target!(|input: &[u8]| stream_buffer(input));
