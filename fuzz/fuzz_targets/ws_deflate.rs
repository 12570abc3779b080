//! Compressed messages are the same however they are cut, and are heard as they were said.

#![no_main]

use evloop::http::ws::deflate_properties::{
    deflated_frames_are_the_same_however_they_are_cut,
    deflated_messages_are_heard_as_they_were_said,
};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((kind, input)) = input.split_first() else { return };
    match kind & 8 {
        0 => deflated_frames_are_the_same_however_they_are_cut(input, *kind),
        _ => deflated_messages_are_heard_as_they_were_said(input, *kind),
    }
});
