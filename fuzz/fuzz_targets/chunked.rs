//! A chunked body is the same however it is cut, and round-trips.

#![no_main]

use evloop::http::h1::properties::chunked_is_the_same_however_it_is_cut;

libfuzzer_sys::fuzz_target!(|input: &[u8]| chunked_is_the_same_however_it_is_cut(input));
