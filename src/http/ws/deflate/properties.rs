//! What must be so of any compressed bytes: shared by the unit tests and the fuzz target.

use super::{Agreement, Deflate};
use crate::http::h1::properties::cuts;
use crate::http::ws::properties::{Heard, SMALL, Sent, hears, these_understand_each_other};
use crate::http::ws::{Fault, Head, Limits, Machine, Masks, Message, Opcode};

/// What both may remember.
pub const BOTH: Agreement = Agreement { server_context: true, client_context: true };

/// Neither remembers anything.
pub const NEITHER: Agreement = Agreement { server_context: false, client_context: false };

/// Everything is compressed, however short.
pub fn always() -> Deflate {
    Deflate { threshold: 0, ..Deflate::default() }
}

/// A client's machine that hears and says compressed messages.
pub fn client(limits: Limits, agreed: Agreement) -> Machine {
    let mut machine = Machine::client(limits, Masks::predictable());
    machine.deflate(&always(), agreed);
    machine
}

/// A server's.
pub fn server(limits: Limits, agreed: Agreement) -> Machine {
    let mut machine = Machine::server(limits);
    machine.deflate(&always(), agreed);
    machine
}

/// However frames are cut, the same is heard in them, within the limits: in `input` as frames, or
/// as the payload of two messages that are compressed; which, and what is agreed on, is up to
/// `kind`.
pub fn deflated_frames_are_the_same_however_they_are_cut(input: &[u8], kind: u8) {
    let agreed = if kind & 1 == 0 { NEITHER } else { BOTH };
    let opcode = if kind & 2 == 0 { Opcode::Text } else { Opcode::Binary };
    if kind & 4 == 0 {
        same_however_it_is_cut(input, || client(SMALL, agreed));
    } else {
        let frames = [framed(input, opcode), framed(input, opcode)].concat();
        let limits = Limits { message_size: 200, frame_size: 1 << 20 };
        same_however_it_is_cut(&frames, || client(limits, agreed));
    }
}

/// What such a machine hears in `input`, whole and cut.
pub fn same_however_it_is_cut(input: &[u8], machine: impl Fn() -> Machine) -> Heard {
    let whole = hears(machine(), &[input]);
    for cut in cuts(input) {
        let heard = hears(machine(), &cut);
        let alike = (&heard.0, &heard.2) == (&whole.0, &whole.2) && same(&heard.1, &whole.1);
        assert!(alike, "{heard:?}, cut into {cut:02x?}; whole: {whole:?}");
    }
    whole
}

/// `flate2` reads up to 32 KiB ahead of what there is room for, and where that is corrupt, it gives
/// no more of what was before it. So what is too big and then corrupt is refused as either, and text
/// that is none is named only where it came out.
fn same(one: &Option<Fault>, other: &Option<Fault>) -> bool {
    let (Some(a), Some(b)) = (one, other) else { return one == other };
    let is_refused = |it: &Fault| matches!(it.code().number(), 1007 | 1009);
    let is_corrupt = |it: &Fault| it.what().contains("no deflate data");
    a == b || (is_corrupt(a) || is_corrupt(b)) && is_refused(a) && is_refused(b)
}

/// What is said is heard, if it is compressed too, each message by itself or all as a stream.
pub fn deflated_messages_are_heard_as_they_were_said(input: &[u8], kind: u8) {
    let message = |piece: &[u8]| match std::str::from_utf8(piece) {
        Ok(text) => Sent::Text(text.to_owned(), piece.len() % 5),
        Err(_) => Sent::Binary(piece.to_vec(), piece.len() % 7),
    };
    let sent: Vec<Sent> = input.split(|byte| *byte == b'\n').take(64).map(message).collect();
    let agreed = if kind & 1 == 0 { NEITHER } else { BOTH };
    let both = (client(Limits::default(), agreed), server(Limits::default(), agreed));
    let step = if kind & 2 == 0 { 7 } else { 1 + input.len() / 3 };
    these_understand_each_other(&sent, both, kind & 4 == 0, step);
}

/// A compressed message of one frame; in two if there is enough of it.
pub fn framed(payload: &[u8], opcode: Opcode) -> Vec<u8> {
    let mut out = Vec::new();
    let (one, other) = payload.split_at(payload.len() / 3);
    let mut frame = |head: Head, payload: &[u8]| {
        Head { length: payload.len() as u64, ..head }.write(&mut out);
        out.extend_from_slice(payload);
    };
    let head = Head { fin: one.is_empty(), compressed: true, opcode, mask: None, length: 0 };
    if one.is_empty() {
        frame(head, other);
    } else {
        frame(head, one);
        let rest = Head { fin: true, compressed: false, opcode: Opcode::Continuation, ..head };
        frame(rest, other);
    }
    out
}

/// What a client hears in a compressed message with this payload.
pub fn heard(payload: &[u8], limits: Limits) -> Result<Message, u16> {
    let frames = framed(payload, Opcode::Binary);
    let (mut messages, fault, _) = same_however_it_is_cut(&frames, || client(limits, BOTH));
    match fault {
        None => Ok(messages.pop().expect("a message")),
        Some(fault) => Err(fault.code().number()),
    }
}
