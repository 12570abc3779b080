//! Compressed messages written by hand, and any.

use proptest::prelude::*;

use super::properties::*;
use super::{Agreement, Deflate};
use crate::http::ws::properties::{Heard, Sent, these_understand_each_other};
use crate::http::ws::{Event, Limits, Machine, Masks, Message, Opcode};

fn heard_in(frames: &[u8], limits: Limits, agreed: Agreement) -> Heard {
    same_however_it_is_cut(frames, || client(limits, agreed))
}

fn texts(frames: &[u8]) -> Vec<String> {
    let (messages, fault, _) = heard_in(frames, Limits::default(), BOTH);
    assert_eq!(fault, None);
    let text = |message| match message {
        Message::Text(text) => text,
        other => panic!("{other:?}"),
    };
    messages.into_iter().map(text).collect()
}

fn fault(frames: &[u8]) -> (u16, String) {
    let (_, fault, _) = heard_in(frames, Limits::default(), NEITHER);
    let fault = fault.unwrap_or_else(|| panic!("{frames:02x?} is accepted"));
    (fault.code().number(), fault.what().to_owned())
}

#[test]
fn the_rfcs_examples_are_heard_as_it_says() {
    // §7.2.3.1: one frame, and two.
    assert_eq!(texts(b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00"), ["Hello"]);
    assert_eq!(texts(b"\x41\x03\xf2\x48\xcd\x80\x04\xc9\xc9\x07\x00"), ["Hello"]);
    // §7.2.3.2: the second refers to the first.
    let both = b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00\xc1\x05\xf2\x00\x11\x00\x00";
    assert_eq!(texts(both), ["Hello", "Hello"]);
    // §7.2.3.3: a block that is not compressed.
    assert_eq!(texts(b"\xc1\x0b\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"), ["Hello"]);
    // §7.2.3.4: a block that says it is the last, and something after it.
    let last = b"\xc1\x08\xf3\x48\xcd\xc9\xc9\x07\x00\x00";
    assert_eq!(texts(last), ["Hello"]);
    assert_eq!(texts(&[last, &both[..9]].concat()), ["Hello", "Hello"]);
    // §7.2.3.5: two blocks.
    let two = b"\xc1\x0d\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00";
    assert_eq!(texts(two), ["Hello"]);
    // §7.2.3.6: nothing.
    assert_eq!(texts(b"\xc1\x01\x00"), [""]);
    // And a message that is not compressed between those that are.
    let mixed = [&both[..9], b"\x81\x02hi", &both[9..]].concat();
    assert_eq!(texts(&mixed), ["Hello", "hi", "Hello"]);
}

#[test]
fn a_server_hears_what_is_masked_and_compressed() {
    let mut frame = vec![0xc1, 0x87, 0x37, 0xfa, 0x21, 0x3d];
    let payload = b"\xf2\x48\xcd\xc9\xc9\x07\x00";
    frame.extend(payload.iter().zip([0x37, 0xfa, 0x21, 0x3d].iter().cycle()).map(|(a, b)| a ^ b));
    let heard = same_however_it_is_cut(&frame, || server(Limits::default(), NEITHER));
    assert_eq!(heard.0, [Message::Text("Hello".into())]);
}

#[test]
fn the_bit_is_for_first_frames_of_messages_where_it_was_agreed_on() {
    for frame in
        [&b"\xc9\x00"[..], b"\xca\x00", b"\xc8\x00", b"\x01\x00\xc0\x00", b"\x41\x00\xc0\x00"]
    {
        let (code, what) = fault(frame);
        assert_eq!(code, 1002, "{frame:02x?}");
        assert!(what.contains("does not begin a message"), "{what}");
    }
    for frame in [&b"\xa1\x00"[..], b"\x91\x00", b"\xe1\x00", b"\xd1\x00"] {
        assert_eq!(fault(frame).0, 1002, "{frame:02x?}");
    }
    let plain = || Machine::client(Limits::default(), Masks::predictable());
    let (_, fault, _) = same_however_it_is_cut(b"\xc1\x01\x00", plain);
    assert_eq!(fault.map(|it| it.code().number()), Some(1002));
}

#[test]
fn what_cannot_be_inflated_is_1007() {
    // A block of a kind that there is not.
    assert_eq!(fault(b"\xc2\x03\xff\xff\xff").0, 1007);
    // A block that is not compressed and whose length is not its length.
    assert_eq!(fault(b"\xc1\x06\x00\x05\x00\xfa\xfe\x48").0, 1007);
}

#[test]
fn text_is_checked_as_soon_as_it_is_inflated() {
    let mut sender = client(Limits::default(), NEITHER);
    let mut shrinker = super::Shrinker::new(&always(), false);
    let piece = shrinker.frame(b"abc\xffdef", (true, false)).unwrap();
    let mut frames = Vec::new();
    let head = crate::http::ws::Head {
        fin: false,
        compressed: true,
        opcode: Opcode::Text,
        mask: None,
        length: 5000,
    };
    head.write(&mut frames);
    frames.extend(piece);
    let fault = sender.receive(&frames).unwrap_err();
    assert_eq!(fault.code().number(), 1007);
    assert!(fault.what().contains("at its byte 3"), "{fault}");
}

#[test]
fn a_bomb_is_1009_and_takes_no_more_memory_than_a_message_may() {
    let mut bomb = Vec::new();
    server(Limits::default(), NEITHER).send_binary(&mut bomb, &vec![0; 50 << 20]).unwrap();
    assert!(bomb.len() < 60_000, "{} bytes", bomb.len());
    let limits = Limits { message_size: 1 << 20, frame_size: 1 << 20 };
    let mut machine = client(limits, NEITHER);
    let mut most = 0;
    let fault = bomb.chunks(100).find_map(|piece| {
        let fault = machine.receive(piece).err();
        most = most.max(machine.memory());
        fault
    });
    assert_eq!(fault.expect("it is refused").code().number(), 1009);
    assert!(most <= 2 * (1 << 20) + 2, "{most} bytes");
}

#[test]
fn the_limit_is_that_of_what_is_inflated_to_the_byte() {
    let limits = Limits { message_size: 1000, frame_size: 1000 };
    for (size, code) in [(999, None), (1000, None), (1001, Some(1009)), (5000, Some(1009))] {
        let mut frames = Vec::new();
        server(Limits::default(), NEITHER).send_binary(&mut frames, &vec![b'x'; size]).unwrap();
        assert!(frames.len() < 100);
        let (_, fault, _) = heard_in(&frames, limits, NEITHER);
        assert_eq!(fault.map(|it| it.code().number()), code, "{size} bytes");
    }
}

fn sent(machine: &mut Machine, text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    machine.send_text(&mut out, text).unwrap();
    out
}

/// Text that compresses to about half.
fn words(count: usize) -> String {
    (0..count as u64).map(|it| format!("{:x} ", it.wrapping_mul(0x9E37_79B9_7F4A_7C15))).collect()
}

#[test]
fn without_a_context_nothing_is_held_between_messages_and_with_one_repetition_is_short() {
    let text = words(100);
    for (agreed, held) in [(NEITHER, false), (BOTH, true)] {
        let mut near = server(Limits::default(), agreed);
        let mut far = client(Limits::default(), agreed);
        let (first, second) = (sent(&mut near, &text), sent(&mut near, &text));
        for frame in [&first, &second] {
            assert_eq!(far.receive(frame).unwrap().1, Event::Message(Message::Text(text.clone())));
        }
        assert!(first.len() < text.len() * 2 / 3);
        assert_eq!(second.len() < 100, held, "{} bytes", second.len());
        assert_eq!((near.contexts(), far.contexts()), ((false, held), (held, false)));
    }
}

#[test]
fn what_is_short_or_does_not_get_shorter_goes_as_it_is() {
    let mut usual = Machine::server(Limits::default());
    usual.deflate(&Deflate::default(), NEITHER);
    assert_eq!(sent(&mut usual, &"x".repeat(1023))[0], 0x81);
    assert_eq!(sent(&mut usual, &"x".repeat(1024))[0], 0xc1);
    let noise: Vec<u8> = words(300)
        .bytes()
        .scan(7_u32, |state, byte| {
            *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223 + u32::from(byte));
            Some((*state >> 24) as u8)
        })
        .collect();
    for agreed in [NEITHER, BOTH] {
        let mut near = server(Limits::default(), agreed);
        let mut out = Vec::new();
        near.send_binary(&mut out, &noise).unwrap();
        assert_eq!(out[0], 0x82, "it is not compressed");
        // What follows refers to nothing that the peer did not inflate.
        let mut far = client(Limits::default(), agreed);
        near.send_binary(&mut out, &[&noise[..200], &[0; 2000]].concat()).unwrap();
        let mut came = Vec::new();
        let mut rest = &out[..];
        while let (used, Event::Message(message)) = far.receive(rest).unwrap() {
            rest = &rest[used..];
            came.push(message);
        }
        let second = [&noise[..200], &[0; 2000]].concat();
        assert_eq!(came, [Message::Binary(noise.clone()), Message::Binary(second)]);
    }
}

#[test]
fn what_takes_more_room_than_was_made_for_it_is_sent_to_its_end() {
    // It is about as long compressed as it was, and shorter only if some of it is lost.
    let noise = |size: usize| {
        let mut state = size as u32;
        let step = move |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        (0..size).map(step).collect::<Vec<_>>()
    };
    for agreed in [NEITHER, BOTH] {
        for size in (20_000..70_000).step_by(4999).chain([63_400]) {
            for tail in [0, 3000] {
                let whole = [noise(size), vec![0; tail]].concat();
                let mut near = server(Limits::default(), agreed);
                let mut out = Vec::new();
                near.send_binary(&mut out, &whole).unwrap();
                near.send_binary_fragment(&mut out, &whole, false).unwrap();
                near.send_binary_fragment(&mut out, b"", true).unwrap();
                let mut far = client(Limits::default(), agreed);
                let (used, first) = far.receive(&out).unwrap();
                let (_, second) = far.receive(&out[used..]).unwrap();
                let whole = Event::Message(Message::Binary(whole));
                assert!(first == whole && second == whole, "{size} bytes and {tail}");
            }
        }
    }
}

#[test]
fn a_message_in_fragments_is_compressed_as_one_whatever_its_last_is() {
    for last in [&b""[..], b"!", &[7; 3000]] {
        let mut near = server(Limits::default(), BOTH);
        let mut out = Vec::new();
        for _ in 0..2 {
            near.send_binary_fragment(&mut out, &[1; 500], false).unwrap();
            near.send_binary_fragment(&mut out, b"", false).unwrap();
            near.send_ping(&mut out, b"?").unwrap();
            near.send_binary_fragment(&mut out, last, true).unwrap();
        }
        assert_eq!(out[0], 0x42);
        let (messages, fault, _) = heard_in(&out, Limits::default(), BOTH);
        assert_eq!(fault, None);
        let whole = Message::Binary([&[1; 500], last].concat());
        let ping = Message::Ping(b"?".to_vec());
        assert_eq!(messages, [ping.clone(), whole.clone(), ping, whole]);
    }
}

#[test]
fn what_is_heard_of_a_payload_is_the_same_as_zlib_makes_of_it() {
    // Made by Python's zlib.compressobj(wbits=-9), a window of 512 bytes.
    let small = b"\x62\x64\x62\x66\x61\x65\x63\xe7\xe0\xe4\x02\x00";
    let expected = Ok(Message::Binary((1..=10).collect()));
    assert_eq!(heard(small, Limits::default()), expected);
}

fn agreements() -> impl Strategy<Value = Agreement> {
    (any::<bool>(), any::<bool>())
        .prop_map(|(server_context, client_context)| Agreement { server_context, client_context })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_cut_of_compressed_frames_gives_the_same_messages(
        mut frames in proptest::collection::vec((any::<u8>(), "[ab\u{e9}]{0,80}"), 0..6),
        flip in proptest::option::of((any::<prop::sample::Index>(), any::<u8>())),
    ) {
        let mut out = Vec::new();
        let mut near = server(Limits::default(), BOTH);
        for (kind, text) in frames.drain(..) {
            match kind % 3 {
                0 => near.send_text(&mut out, &text).unwrap(),
                1 => near.send_binary(&mut out, text.as_bytes()).unwrap(),
                _ => near.send_ping(&mut out, &text.as_bytes()[..text.len().min(100)]).unwrap(),
            }
        }
        if let (Some((at, byte)), false) = (flip, out.is_empty()) {
            let at = at.index(out.len());
            out[at] = byte;
        }
        for kind in 0..8 {
            deflated_frames_are_the_same_however_they_are_cut(&out, kind);
        }
    }

    #[test]
    fn any_bytes_at_all_inflate_to_a_message_or_a_fault(input in any::<Vec<u8>>(), kind in any::<u8>()) {
        deflated_frames_are_the_same_however_they_are_cut(&input, kind);
        deflated_messages_are_heard_as_they_were_said(&input, kind);
    }

    #[test]
    fn client_and_server_understand_each_other_compressed(
        sent in proptest::collection::vec(crate::http::ws::tests::sent(), 0..8),
        agreed in agreements(),
        from_client in any::<bool>(),
        step in prop_oneof![1..20usize, 1000..100_000usize],
    ) {
        let sent: Vec<Sent> = sent;
        let both = (client(Limits::default(), agreed), server(Limits::default(), agreed));
        these_understand_each_other(&sent, both, from_client, step);
    }
}
