//! Any program does on a loop what it does on a naive one.

#![no_main]

use evloop::model::loop_operations_agree_with_a_naive_model;

libfuzzer_sys::fuzz_target!(|input: &[u8]| loop_operations_agree_with_a_naive_model(input));
