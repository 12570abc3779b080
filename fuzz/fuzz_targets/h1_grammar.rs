//! Requests made from the grammar are heard as they were meant; broken in one place they are refused.

#![no_main]

use evloop::http::h1::properties::grammar::{
    requests_broken_in_one_place_are_refused, requests_of_the_grammar_are_heard,
};

libfuzzer_sys::fuzz_target!(|choices: &[u8]| {
    requests_of_the_grammar_are_heard(choices);
    requests_broken_in_one_place_are_refused(choices);
});
