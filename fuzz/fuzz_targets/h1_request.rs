//! A server hears the same in any bytes, however they are cut, and by whichever reader of heads.

#![no_main]

use evloop::http::h1::properties::{
    plain_heads_are_read_as_all_are, requests_are_the_same_however_they_are_cut,
};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    plain_heads_are_read_as_all_are(input);
    requests_are_the_same_however_they_are_cut(input);
});
