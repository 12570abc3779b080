//! Heads and chunks are read as a slow reader and `httparse` read them.

#![no_main]

use evloop::http::h1::properties::reference::{
    chunks_are_read_as_the_reference_reads_them, heads_are_read_as_the_reference_reads_them,
};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    heads_are_read_as_the_reference_reads_them(input);
    chunks_are_read_as_the_reference_reads_them(input);
});
