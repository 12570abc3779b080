//! A server hears the same in any bytes, however they are cut.

#![no_main]

use evloop::http::h1::properties::requests_are_the_same_however_they_are_cut;

libfuzzer_sys::fuzz_target!(|input: &[u8]| requests_are_the_same_however_they_are_cut(input));
