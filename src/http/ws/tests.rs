//! The machine on bytes written by hand, and on any bytes.

use proptest::prelude::*;

use super::properties::{
    Heard, Sent, frames_are_the_same_however_they_are_cut, hears, machines_understand_each_other,
};
use super::{CloseCode, CloseFrame, Event, Limits, Machine, Masks, Message, Refused};

/// What a client hears in frames that need no mask, cut in every way.
fn heard(input: &[u8]) -> Heard {
    frames_are_the_same_however_they_are_cut(input);
    hears(Machine::client(Limits::default(), Masks::predictable()), &[input])
}

fn messages(input: &[u8]) -> Vec<Message> {
    let (messages, fault, _) = heard(input);
    assert_eq!(fault, None);
    messages
}

/// The code it is closed with, and why.
fn fault(input: &[u8]) -> (u16, String) {
    let (_, fault, phase) = heard(input);
    let fault = fault.unwrap_or_else(|| panic!("{input:02x?} is accepted"));
    assert_eq!(phase, "Failing");
    (fault.code().number(), fault.what().to_owned())
}

#[test]
fn the_rfcs_examples_are_heard_as_it_says() {
    // §5.7
    assert_eq!(messages(b"\x81\x05Hello"), [Message::Text("Hello".into())]);
    let masked = [0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58];
    let (came, fault, _) = hears(Machine::server(Limits::default()), &[&masked]);
    assert_eq!((came, fault), (vec![Message::Text("Hello".into())], None));
    assert_eq!(messages(b"\x01\x03Hel\x80\x02lo"), [Message::Text("Hello".into())]);
    assert_eq!(messages(b"\x89\x05Hello"), [Message::Ping(b"Hello".into())]);
    assert_eq!(messages(b"\x8a\x05Hello"), [Message::Pong(b"Hello".into())]);
    let long = [&b"\x82\x7e\x01\x00"[..], &[7; 256]].concat();
    assert_eq!(messages(&long), [Message::Binary(vec![7; 256])]);
    let longer = [&b"\x82\x7f\0\0\0\0\0\x01\0\0"[..], &[7; 65536]].concat();
    assert_eq!(messages(&longer), [Message::Binary(vec![7; 65536])]);
}

#[test]
fn control_frames_come_between_fragments_and_are_heard_first() {
    let came = messages(b"\x01\x01a\x89\x01?\x00\x01b\x8a\x00\x80\x01c");
    let expected = [Message::Ping(b"?".into()), Message::Pong(vec![]), Message::Text("abc".into())];
    assert_eq!(came, expected);
}

#[test]
fn fragments_out_of_order_are_a_protocol_error() {
    assert!(fault(b"\x80\x00").1.contains("no message is under way"));
    assert!(fault(b"\x00\x00").1.contains("no message is under way"));
    assert!(fault(b"\x01\x00\x81\x00").1.contains("before the last fragment"));
    assert!(fault(b"\x02\x00\x01\x00").1.contains("before the last fragment"));
    assert_eq!(fault(b"\x81\x00\x80\x00").0, 1002);
}

#[test]
fn text_that_is_not_utf_8_is_1007_as_soon_as_it_cannot_become_so() {
    assert_eq!(fault(b"\x81\x01\xff"), (1007, "a text is not UTF-8 at its byte 0".into()));
    // A character cut by the end of the message, an overlong one, half a surrogate pair.
    assert_eq!(fault(b"\x81\x03ab\xc3"), (1007, "a text is not UTF-8 at its byte 2".into()));
    assert_eq!(fault(b"\x81\x02\xc0\xaf").0, 1007);
    assert_eq!(fault(b"\x81\x03\xed\xa0\x80").0, 1007);
    // In a fragment that is not complete, of a message that is not.
    assert_eq!(fault(b"\x01\x7da\xff").0, 1007);
    // Cut by a fragment it is a character all the same.
    assert_eq!(messages(b"\x01\x01\xc3\x80\x01\xa9"), [Message::Text("\u{e9}".into())]);
    assert_eq!(messages(b"\x01\x01\xc3\x89\x00\x00\x00\x80\x01\xa9").len(), 2);
    assert_eq!(fault(b"\x01\x01\xc3\x80\x01x").0, 1007);
    assert_eq!(messages(b"\x82\x01\xff"), [Message::Binary(vec![0xFF])]);
}

#[test]
fn what_is_too_big_is_1009_before_it_has_come() {
    let limits = Limits { message_size: 10, frame_size: 8 };
    let machine = || Machine::client(limits, Masks::predictable());
    let code = |input: &[u8]| hears(machine(), &[input]).1.map(|it| it.code().number());
    assert_eq!(code(b"\x82\x09"), Some(1009));
    assert_eq!(code(b"\x02\x0812345678\x80\x03"), Some(1009));
    assert_eq!(code(b"\x02\x0812345678\x80\x0212"), None);
    assert_eq!(code(b"\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff"), Some(1009));
    // A control frame is not part of the message.
    assert_eq!(code(b"\x02\x0812345678\x89\x0812345678\x80\x0212"), None);
}

#[test]
fn an_announced_length_takes_no_memory_before_it_comes() {
    let mut machine = Machine::client(Limits::default(), Masks::predictable());
    machine.receive(b"\x82\x7f\0\0\0\0\0\x3f\xff\xff").unwrap();
    assert_eq!(machine.memory(), 0);
    machine.receive(&[0; 1000]).unwrap();
    assert!(machine.memory() < 4000, "{} bytes", machine.memory());
}

#[test]
fn nothing_is_heard_after_a_close_and_nothing_sent_after_ours() {
    let (came, fault, phase) = heard(b"\x88\x04\x03\xe8ok\x81\x01x\xff\xff");
    let frame = CloseFrame { code: CloseCode::NORMAL, reason: "ok".into() };
    assert_eq!((came, fault), (vec![Message::Close(frame)], None));
    assert_eq!(phase, "CloseReceived");

    let mut machine = Machine::server(Limits::default());
    let mut out = Vec::new();
    machine.send_close(&mut out, CloseCode::NORMAL, "bye").unwrap();
    assert_eq!(out, b"\x88\x05\x03\xe8bye");
    let before = out.clone();
    assert_eq!(machine.send_text(&mut out, "x"), Err(Refused::Closing));
    assert_eq!(machine.send_ping(&mut out, b""), Err(Refused::Closing));
    assert_eq!(machine.send_close(&mut out, CloseCode::NORMAL, ""), Err(Refused::Closing));
    assert_eq!(out, before);
    // What they sent before they heard of it still counts.
    let frames = b"\x81\x81\0\0\0\0x\x88\x80\0\0\0\0";
    assert_eq!(machine.receive(frames).unwrap(), (7, Event::Message(Message::Text("x".into()))));
    machine.receive(&frames[7..]).unwrap();
    assert_eq!(machine.close_code(), Some(CloseCode::NO_STATUS));
}

#[test]
fn a_connection_that_just_ends_is_closed_abnormally() {
    let mut machine = Machine::server(Limits::default());
    assert_eq!(machine.close_code(), None);
    machine.receive_eof();
    assert_eq!(machine.close_code(), Some(CloseCode::ABNORMAL));
    assert_eq!(machine.send_text(&mut Vec::new(), "x"), Err(Refused::Closing));
}

#[test]
fn what_must_not_be_sent_is_refused_and_changes_nothing() {
    let mut machine = Machine::server(Limits::default());
    let mut out = Vec::new();
    assert_eq!(machine.send_ping(&mut out, &[0; 126]), Err(Refused::ControlTooLong { bytes: 126 }));
    assert_eq!(
        machine.send_close(&mut out, CloseCode::NORMAL, &"x".repeat(124)),
        Err(Refused::ControlTooLong { bytes: 126 })
    );
    for code in [0, 999, 1004, 1006, 1015, 2999, 5000] {
        let code = CloseCode::new(code);
        assert_eq!(machine.send_close(&mut out, code, ""), Err(Refused::CloseCode(code)));
    }
    machine.send_text_fragment(&mut out, "a", false).unwrap();
    let before = out.clone();
    assert_eq!(machine.send_text(&mut out, "b"), Err(Refused::FragmentsUnderWay));
    assert_eq!(machine.send_binary_fragment(&mut out, b"b", true), Err(Refused::FragmentsUnderWay));
    assert_eq!(out, before);
    machine.send_ping(&mut out, b"").unwrap();
    machine.send_text_fragment(&mut out, "b", true).unwrap();
    assert_eq!(out, b"\x01\x01a\x89\x00\x80\x01b");
    machine.send_close(&mut out, CloseCode::NO_STATUS, "unsaid").unwrap();
    assert!(out.ends_with(b"\x88\x00"), "no code, no reason");
}

#[test]
fn a_client_masks_each_frame_with_a_key_of_its_own() {
    let mut machine = Machine::client(Limits::default(), Masks::new());
    let (mut one, mut other) = (Vec::new(), Vec::new());
    machine.send_binary(&mut one, &[0; 64]).unwrap();
    machine.send_binary(&mut other, &[0; 64]).unwrap();
    assert_eq!(one[1] & 0x80, 0x80);
    assert_ne!(one, other);
}

fn frames() -> impl Strategy<Value = Vec<u8>> {
    let first = proptest::sample::select(
        &[0x00, 0x01, 0x02, 0x80, 0x80, 0x81, 0x81, 0x82, 0x88, 0x89, 0x8A, 0x8B, 0xC1][..],
    );
    let payload = prop_oneof![
        4 => "[a-z\u{e9}\u{20ac}\u{1f600}]{0,40}".prop_map(String::into_bytes),
        2 => proptest::collection::vec(any::<u8>(), 0..60),
        1 => Just(vec![0x03, 0xE8, b'o', b'k']),
    ];
    let frame = (first, payload).prop_map(|(first, payload)| {
        [&[first, payload.len().min(127) as u8][..], &payload].concat()
    });
    let piece = prop_oneof![12 => frame, 1 => proptest::collection::vec(any::<u8>(), 0..6)];
    proptest::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}

pub(super) fn sent() -> impl Strategy<Value = Sent> {
    let text = "[ -~\u{e9}\u{20ac}\u{1f600}]{0,50}";
    prop_oneof![
        (text, 0..9usize).prop_map(|(text, size)| Sent::Text(text, size)),
        (proptest::collection::vec(any::<u8>(), 0..70_000), 0..5usize)
            .prop_map(|(bytes, size)| Sent::Binary(bytes, size * 997)),
        proptest::collection::vec(any::<u8>(), 0..126).prop_map(Sent::Ping),
        proptest::collection::vec(any::<u8>(), 0..126).prop_map(Sent::Pong),
    ]
}

proptest! {
    #[test]
    fn any_cut_of_frames_gives_the_same_messages(input in frames()) {
        frames_are_the_same_however_they_are_cut(&input);
    }

    #[test]
    fn any_bytes_at_all_give_messages_or_a_fault(input in any::<Vec<u8>>()) {
        frames_are_the_same_however_they_are_cut(&input);
    }

    #[test]
    fn client_and_server_understand_each_other(
        sent in proptest::collection::vec(sent(), 0..8),
        from_client in any::<bool>(),
        step in prop_oneof![1..20usize, 1000..100_000usize],
    ) {
        machines_understand_each_other(&sent, from_client, step);
    }
}
