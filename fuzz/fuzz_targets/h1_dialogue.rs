//! A client and a server understand each other over wires that cut and break.

#![no_main]

use evloop::http::h1::properties::dialogue::client_and_server_understand_each_other_over_wires;

libfuzzer_sys::fuzz_target!(|choices: &[u8]| {
    client_and_server_understand_each_other_over_wires(choices);
});
