//! Claims about codings, with `flate2`'s own encoders at the other end.

use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use proptest::prelude::*;

use super::*;

#[derive(Clone, Copy, Debug)]
enum Format {
    Gzip,
    Zlib,
    Bare,
}

fn compressed(format: Format, data: &[u8]) -> (Coding, Vec<u8>) {
    let level = Compression::default();
    match format {
        Format::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), level);
            encoder.write_all(data).unwrap();
            (Coding::Gzip, encoder.finish().unwrap())
        }
        Format::Zlib => {
            let mut encoder = ZlibEncoder::new(Vec::new(), level);
            encoder.write_all(data).unwrap();
            (Coding::Deflate, encoder.finish().unwrap())
        }
        Format::Bare => {
            let mut encoder = DeflateEncoder::new(Vec::new(), level);
            encoder.write_all(data).unwrap();
            (Coding::Deflate, encoder.finish().unwrap())
        }
    }
}

/// What comes out, if it goes in by pieces of these sizes in turn.
fn decoded(coding: Coding, mut input: &[u8], sizes: &[usize]) -> Result<Vec<u8>, Fault> {
    let mut decoder = Decoder::new(coding);
    let (mut out, mut sizes) = (Vec::new(), sizes.iter().cycle());
    loop {
        match decoder.next()? {
            Piece::Data(data) => {
                assert!(!data.is_empty() && data.len() <= PIECE);
                out.extend(data);
            }
            Piece::NeedData if input.is_empty() => break,
            Piece::NeedData => {
                let (now, later) = input.split_at((*sizes.next().unwrap()).min(input.len()));
                decoder.feed(now);
                input = later;
            }
        }
    }
    decoder.finish().map(|()| out)
}

fn format() -> impl Strategy<Value = Format> {
    prop_oneof![Just(Format::Gzip), Just(Format::Zlib), Just(Format::Bare)]
}

/// Bytes of which some can be compressed and some cannot.
fn data() -> impl Strategy<Value = Vec<u8>> {
    let run = (any::<u8>(), 1usize..3000).prop_map(|(byte, len)| vec![byte; len]);
    let noise = proptest::collection::vec(any::<u8>(), 1..300);
    proptest::collection::vec(prop_oneof![run, noise], 0..40).prop_map(|it| it.concat())
}

proptest! {
    #[test]
    fn what_was_compressed_comes_out_however_it_is_cut(
        format in format(),
        data in data(),
        sizes in proptest::collection::vec(1usize..500, 1..5),
    ) {
        let (coding, input) = compressed(format, &data);
        prop_assert_eq!(decoded(coding, &input, &sizes), Ok(data));
    }

    #[test]
    fn what_breaks_off_is_never_taken_for_whole(
        format in format(),
        data in data(),
        cut in any::<prop::sample::Index>(),
    ) {
        let (coding, input) = compressed(format, &data);
        let cut = 1 + cut.index(input.len() - 1);
        prop_assert!(decoded(coding, &input[..cut], &[100]).is_err());
    }

    #[test]
    fn noise_is_refused_or_decoded_and_never_panics(
        input in proptest::collection::vec(any::<u8>(), 0..200),
        gzip: bool,
    ) {
        let input = if gzip { [&GZIP[..], &[0, 0, 0, 0, 0, 0, 0], &input].concat() } else { input };
        let coding = if gzip { Coding::Gzip } else { Coding::Deflate };
        let whole = decoded(coding, &input, &[1000]);
        prop_assert_eq!(decoded(coding, &input, &[1]), whole);
    }
}

#[test]
fn nothing_is_the_body_of_nothing() {
    assert_eq!(decoded(Coding::Gzip, b"", &[1]), Ok(vec![]));
}

#[test]
fn every_field_of_a_gzip_head_is_passed_over() {
    let mut encoder = flate2::GzBuilder::new()
        .extra(vec![7; 300])
        .filename("name")
        .comment("comment")
        .write(Vec::new(), Compression::best());
    encoder.write_all(b"data").unwrap();
    let input = encoder.finish().unwrap();
    assert_eq!(decoded(Coding::Gzip, &input, &[1]), Ok(b"data".to_vec()));
}

#[test]
fn members_follow_each_other_and_what_is_none_is_passed_over() {
    let (_, first) = compressed(Format::Gzip, b"first ");
    let (_, second) = compressed(Format::Gzip, b"second");
    let input = [&first[..], &second, &[0; 20]].concat();
    assert_eq!(decoded(Coding::Gzip, &input, &[3]), Ok(b"first second".to_vec()));
}

#[test]
fn a_wrong_checksum_a_wrong_mark_and_unknown_flags_are_refused() {
    let (_, mut input) = compressed(Format::Gzip, b"data");
    let last = input.len() - 1;
    input[last] ^= 1;
    assert!(decoded(Coding::Gzip, &input, &[9]).unwrap_err().contains("checksum"));
    assert!(decoded(Coding::Gzip, b"<html>", &[9]).unwrap_err().contains("and is not"));
    assert!(decoded(Coding::Gzip, &[0x1f, 0x8b, 8, 0x80], &[9]).unwrap_err().contains("flags"));
    let endless = [&[0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 0][..], &vec![b'a'; MAX_HEAD]].concat();
    assert!(decoded(Coding::Gzip, &endless, &[4096]).unwrap_err().contains("128 KiB"));
}

#[test]
fn a_bomb_is_refused_before_it_has_cost_much_and_a_small_one_is_a_body() {
    let (coding, input) = compressed(Format::Gzip, &vec![0; 16 << 20]);
    assert!(decoded(coding, &input, &[4096]).unwrap_err().contains("200 times"));
    let (coding, input) = compressed(Format::Zlib, &vec![0; 2 << 20]);
    assert_eq!(decoded(coding, &input, &[4096]).unwrap().len(), 2 << 20);
}

/// A gzip file of nothing, with these flags and this behind its first ten bytes.
fn head_of(flags: u8, rest: &[u8]) -> Vec<u8> {
    [&[0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 0], rest].concat()
}

#[test]
fn each_byte_of_a_head_is_looked_at_once_however_slowly_it_comes() {
    let mut decoder = Decoder::new(Coding::Gzip);
    let mut fed = 0;
    for byte in head_of(8, &[b'n'; 2000]) {
        decoder.feed(&[byte]);
        fed += 1;
        assert_eq!(decoder.next(), Ok(Piece::NeedData));
        let Stage::Head(head) = &decoder.stage else { panic!("it has not ended") };
        assert!(fed < 10 || head.at == fed, "it would begin at {} of {fed}", head.at);
    }
}

#[test]
fn a_head_with_everything_is_passed_however_it_is_cut() {
    let head = head_of(2 | 4 | 8 | 16, b"\x03\x00abcname\0comment\0cc");
    // An empty stream, its checksum and its length.
    let file = [&head[..], &[3, 0], &[0; 8]].concat();
    for cut in 1..=file.len() {
        let mut decoder = Decoder::new(Coding::Gzip);
        for piece in file.chunks(cut) {
            decoder.feed(piece);
            assert_eq!(decoder.next(), Ok(Piece::NeedData), "in pieces of {cut}");
        }
        assert_eq!(decoder.finish(), Ok(()), "in pieces of {cut}");
    }
}

#[test]
fn what_says_nothing_for_ever_is_refused() {
    let file = [&head_of(0, &[3, 0])[..], &[0; 8]].concat();
    for more in [file.repeat(1000), vec![b'j'; 20_000]] {
        let mut decoder = Decoder::new(Coding::Gzip);
        decoder.feed(&file);
        assert_eq!(decoder.next(), Ok(Piece::NeedData));
        let mut fed = 0;
        let refused = loop {
            decoder.feed(&more);
            fed += more.len() as u64;
            match decoder.next() {
                Ok(piece) => assert_eq!(piece, Piece::NeedData),
                Err(what) => break what,
            }
            assert!(fed < 2 * FREE, "there is no end of it");
        };
        assert!(refused.contains("far larger"), "{refused}");
    }
}
