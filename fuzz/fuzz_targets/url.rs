//! URLs and query strings are decoded without panics, and undo encoding.

#![no_main]

use evloop::http::h1::properties::urls_and_queries_are_decoded_safely;

libfuzzer_sys::fuzz_target!(|input: &[u8]| urls_and_queries_are_decoded_safely(input));
