//! Cookies are read however they were written, and kept within bounds.

#![no_main]

use evloop::http::properties::{
    a_jar_keeps_its_bounds_and_its_secrets, cookies_are_read_however_they_were_written,
};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    cookies_are_read_however_they_were_written(input);
    a_jar_keeps_its_bounds_and_its_secrets(input);
});
