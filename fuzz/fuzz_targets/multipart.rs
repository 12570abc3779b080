//! A form has the same parts however it is cut.

#![no_main]

use evloop::http::properties::forms_are_the_same_however_they_are_cut;

libfuzzer_sys::fuzz_target!(|input: &[u8]| forms_are_the_same_however_they_are_cut(input));
