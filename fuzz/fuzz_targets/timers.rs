//! The timer heap does what a sorted list does.

#![no_main]

use evloop::model::timers_agree_with_a_sorted_list;

libfuzzer_sys::fuzz_target!(|input: &[u8]| timers_agree_with_a_sorted_list(input));
