//! A server hears the same in any bytes, however they are cut, and by whichever reader of heads.

#![no_main]

use evloop::http::h1::properties::{
    heads_are_read_the_same_after_others, plain_heads_are_read_as_all_are,
    requests_are_the_same_however_they_are_cut,
};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    plain_heads_are_read_as_all_are(input);
    // No head has this byte, so it can stand between them.
    heads_are_read_the_same_after_others(input.split(|byte| *byte == 0));
    requests_are_the_same_however_they_are_cut(input);
});
