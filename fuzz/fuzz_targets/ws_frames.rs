//! A WebSocket hears the same in any bytes, however they are cut.

#![no_main]

use evloop::http::ws::properties::frames_are_the_same_however_they_are_cut;

libfuzzer_sys::fuzz_target!(|input: &[u8]| frames_are_the_same_however_they_are_cut(input));
