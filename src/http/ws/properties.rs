//! What must be so of any bytes at all: shared by the unit tests and the fuzz targets.
//!
//! Every function panics where its property does not hold.

use super::{CloseCode, Event, Fault, Limits, Machine, Masks, Message};
use crate::http::h1::properties::cuts;

/// Limits small enough that drawn bytes meet them.
pub const SMALL: Limits = Limits { message_size: 200, frame_size: 150 };

/// All that a machine heard, and how it ended.
pub type Heard = (Vec<Message>, Option<Fault>, String);

/// What `machine` hears in `pieces`, up to the end of the input.
pub fn hears(mut machine: Machine, pieces: &[&[u8]]) -> Heard {
    let mut messages = Vec::new();
    for piece in pieces {
        let mut input = *piece;
        loop {
            let (used, event) = match machine.receive(input) {
                Ok(received) => received,
                Err(fault) => {
                    assert_eq!(machine.owes_close(), Some(fault.code()));
                    return (messages, Some(fault), machine.phase().name().to_owned());
                }
            };
            assert!(used <= input.len(), "used more than there was");
            input = &input[used..];
            match event {
                Event::Message(message) => messages.push(message),
                Event::NeedData | Event::Closed => {
                    assert!(input.is_empty(), "bytes are left, and nothing is made of them");
                    break;
                }
            }
        }
    }
    machine.receive_eof();
    (messages, None, machine.phase().name().to_owned())
}

/// However bytes are cut, a server and a client each hear the same in them; a client's are masked,
/// or nothing but a fault would come of them.
pub fn frames_are_the_same_however_they_are_cut(input: &[u8]) {
    let client = || Machine::client(SMALL, Masks::predictable());
    same_however_it_is_cut(input, client);
    same_however_it_is_cut(input, || Machine::server(SMALL));
    same_however_it_is_cut(&masked(input), || Machine::server(SMALL));
}

fn same_however_it_is_cut(input: &[u8], machine: impl Fn() -> Machine) {
    let whole = hears(machine(), &[input]);
    for message in &whole.0 {
        check(message);
    }
    for cut in cuts(input) {
        assert_eq!(hears(machine(), &cut), whole, "cut into {cut:02x?}");
    }
}

/// Nothing that is heard is beyond what may be.
fn check(message: &Message) {
    match message {
        Message::Text(text) => assert!(text.len() <= SMALL.message_size),
        Message::Binary(bytes) => assert!(bytes.len() <= SMALL.message_size),
        Message::Ping(bytes) | Message::Pong(bytes) => assert!(bytes.len() <= 125),
        Message::Close(frame) => {
            let none = frame.code == CloseCode::NO_STATUS && frame.reason.is_empty();
            assert!(none || frame.code.can_be_sent());
        }
    }
}

/// The same frames as a client would send them, so far as `input` is frames: the mask bit set and a
/// key put in. The payload is left as it is, so it reads as other bytes.
fn masked(input: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = input;
    while let [first, second, after @ ..] = rest {
        let length = usize::from(second & 0x7F).min(125);
        out.extend_from_slice(&[*first, 0x80 | length as u8, 0x20, 0x00, 0x20, 0x01]);
        let length = length.min(after.len());
        out.extend_from_slice(&after[..length]);
        rest = &after[length..];
    }
    out
}

/// What is sent in a round trip.
#[derive(Clone, Debug)]
pub enum Sent {
    /// A text, in fragments of so many characters; whole if that is 0.
    Text(String, usize),
    /// Bytes, in fragments of so many; whole if that is 0.
    Binary(Vec<u8>, usize),
    /// A ping, also put between the fragments of what comes next.
    Ping(Vec<u8>),
    /// A pong, the same way.
    Pong(Vec<u8>),
}

/// Whatever one machine sends, the other hears: in order, whole, and then the Close; and its answer
/// closes both.
pub fn machines_understand_each_other(sent: &[Sent], from_client: bool, step: usize) {
    let client = Machine::client(Limits::default(), Masks::predictable());
    let server = Machine::server(Limits::default());
    these_understand_each_other(sent, (client, server), from_client, step);
}

/// As much of these two.
pub(super) fn these_understand_each_other(
    sent: &[Sent],
    (client, server): (Machine, Machine),
    from_client: bool,
    step: usize,
) {
    let (mut sender, mut hearer) = if from_client { (client, server) } else { (server, client) };
    let (mut out, mut expected) = (Vec::new(), Vec::new());
    for message in sent {
        expected.extend(send(&mut sender, &mut out, message));
    }
    sender.send_close(&mut out, CloseCode::GOING_AWAY, "enough").expect("it is open");
    let mut came = Vec::new();
    for piece in out.chunks(step.max(1)) {
        hear(&mut hearer, piece, &mut came);
    }
    let Some(Message::Close(frame)) = came.pop() else { panic!("no Close came") };
    assert_eq!((frame.code, &frame.reason[..]), (CloseCode::GOING_AWAY, "enough"));
    assert_eq!(came, expected);
    let mut answer = Vec::new();
    hearer.send_close(&mut answer, frame.code, "").expect("an answer is due");
    hear(&mut sender, &answer, &mut came);
    for machine in [&sender, &hearer] {
        assert_eq!((machine.phase().name(), machine.close_code()), ("Closed", Some(frame.code)));
    }
}

fn send(machine: &mut Machine, out: &mut Vec<u8>, message: &Sent) -> Option<Message> {
    match message {
        Sent::Text(text, 0) => machine.send_text(out, text).expect("it is open"),
        Sent::Binary(bytes, 0) => machine.send_binary(out, bytes).expect("it is open"),
        Sent::Text(text, size) => {
            let mut rest = &text[..];
            while let Some((at, _)) = rest.char_indices().nth(*size) {
                machine.send_text_fragment(out, &rest[..at], false).expect("it is open");
                rest = &rest[at..];
            }
            machine.send_text_fragment(out, rest, true).expect("it is open");
        }
        Sent::Binary(bytes, size) => {
            for piece in bytes.chunks(*size) {
                machine.send_binary_fragment(out, piece, false).expect("it is open");
            }
            machine.send_binary_fragment(out, b"", true).expect("it is open");
        }
        Sent::Ping(bytes) => machine.send_ping(out, bytes).expect("it is open"),
        Sent::Pong(bytes) => machine.send_pong(out, bytes).expect("it is open"),
    }
    Some(match message {
        Sent::Text(text, _) => Message::Text(text.clone()),
        Sent::Binary(bytes, _) => Message::Binary(bytes.clone()),
        Sent::Ping(bytes) => Message::Ping(bytes.clone()),
        Sent::Pong(bytes) => Message::Pong(bytes.clone()),
    })
}

fn hear(machine: &mut Machine, mut input: &[u8], came: &mut Vec<Message>) {
    loop {
        let (used, event) = machine.receive(input).expect("what a machine sends is right");
        input = &input[used..];
        match event {
            Event::Message(message) => came.push(message),
            Event::NeedData | Event::Closed => return,
        }
    }
}
