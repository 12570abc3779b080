//! Conditions, ranges and names lead to nothing but the file.

#![no_main]

use evloop::http::properties::{files_are_planned_within_themselves, names_stay_in_their_place};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    files_are_planned_within_themselves(input);
    names_stay_in_their_place(input);
});
