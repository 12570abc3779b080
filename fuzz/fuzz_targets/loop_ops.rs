//! Any program does on a loop what it does on the reference model.

#![no_main]

use evloop::testing::model::{RealLoop, compare, decode};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let (setup, program) = decode(input);
    let mut real = RealLoop::simulated(&setup).expect("a loop");
    if let Err(wrong) = compare(&program, &mut real) {
        panic!("{setup:?}\n{program}\n{wrong}");
    }
});
