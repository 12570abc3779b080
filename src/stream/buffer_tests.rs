//! Claims about the stream buffer.

use super::*;
use crate::stream::property;
use proptest::prelude::*;

fn buffer(limit: usize, data: &[u8]) -> StreamBuffer {
    let mut buffer = StreamBuffer::new(limit).unwrap();
    buffer.feed_data(data);
    buffer
}

fn ended(limit: usize, data: &[u8]) -> StreamBuffer {
    let mut buffer = buffer(limit, data);
    buffer.feed_eof();
    buffer
}

/// The bytes of a read that is complete.
#[track_caller]
fn done(result: ReadResult) -> Vec<u8> {
    match result {
        Ok(Done(bytes)) => bytes,
        other => panic!("expected bytes, got {other:?}"),
    }
}

#[track_caller]
fn overrun(result: ReadResult) -> (usize, bool) {
    match result {
        Err(ReadError::LimitOverrun { consumed, found }) => (consumed, found),
        other => panic!("expected an overrun, got {other:?}"),
    }
}

#[track_caller]
fn incomplete(result: ReadResult) -> (Vec<u8>, Option<usize>) {
    match result {
        Err(ReadError::IncompleteRead { partial, expected }) => (partial, expected),
        other => panic!("expected an incomplete read, got {other:?}"),
    }
}

fn line(buffer: &mut StreamBuffer) -> ReadResult {
    buffer.read_line(&mut Scan::line())
}

fn until(buffer: &mut StreamBuffer, separators: &[&[u8]]) -> ReadResult {
    buffer.read_until(&mut Scan::new(separators).unwrap())
}

#[test]
fn stream_01_a_read_gives_what_is_there_and_never_waits_for_more() {
    let mut some = buffer(64, b"hello");
    assert_eq!(done(some.read(30)), b"hello");
    assert!(matches!(some.read(30), Ok(NeedMore)));
    assert_eq!(done(some.read(0)), b"");
    some.feed_data(b"hello");
    assert_eq!(done(some.read(2)), b"he");
    assert_eq!(some.unread(), b"llo");
}

#[test]
fn stream_02_reading_to_the_end_gives_everything_though_it_is_more_than_the_limit() {
    let mut some = buffer(2, b"hello");
    assert!(matches!(some.read_to_end(), Ok(NeedMore)));
    some.feed_data(b" world");
    some.feed_eof();
    assert_eq!(done(some.read_to_end()), b"hello world");
    assert_eq!(done(some.read_to_end()), b"");
    assert_eq!(done(some.read(9)), b"");
    assert_eq!(done(line(&mut some)), b"");
}

#[test]
fn stream_04_a_line_longer_than_the_limit_is_removed_and_the_next_is_intact() {
    let mut some = buffer(3, b"too long\nok\n");
    assert_eq!(overrun(line(&mut some)), (8, true));
    assert_eq!(done(line(&mut some)), b"ok\n");
}

#[test]
fn stream_05_a_line_without_its_newline_beyond_the_limit_empties_the_buffer() {
    let mut some = buffer(3, b"four");
    assert_eq!(overrun(line(&mut some)), (4, false));
    assert_eq!(some.unread(), b"");
    some.feed_data(b"ok\n");
    assert_eq!(done(line(&mut some)), b"ok\n");
}

#[test]
fn stream_06_the_separator_does_not_count_towards_the_limit() {
    assert_eq!(done(line(&mut buffer(3, b"abc\n"))), b"abc\n");
    assert_eq!(done(until(&mut buffer(3, b"abc\r\n"), &[b"\r\n"])), b"abc\r\n");
}

#[test]
fn stream_08_an_overrun_of_readuntil_leaves_the_bytes_to_be_read_otherwise() {
    let mut some = buffer(3, b"abcdXX");
    assert_eq!(overrun(until(&mut some, &[b"XX"])), (4, true));
    assert_eq!(done(some.read_exactly(4)), b"abcd");
    assert_eq!(done(until(&mut some, &[b"XX"])), b"XX");

    let mut without = buffer(3, b"abcdX");
    assert_eq!(overrun(until(&mut without, &[b"XX"])), (4, false));
    assert_eq!(without.unread(), b"abcdX");
}

#[test]
fn stream_09_the_end_before_the_separator_gives_the_partial_bytes_and_empties_the_buffer() {
    let mut some = ended(64, b"partial");
    assert_eq!(incomplete(until(&mut some, &[b"\n"])), (b"partial".to_vec(), None));
    assert!(some.at_eof());
}

#[test]
fn a_last_line_without_newline_is_a_line() {
    assert_eq!(done(line(&mut ended(64, b"last"))), b"last");
}

#[test]
fn stream_10_of_several_separators_the_match_that_ends_earliest_wins() {
    let separators: [&[u8]; 2] = [b"DATA-END!", b"TA"];
    assert_eq!(done(until(&mut buffer(64, b"xDATA-END!"), &separators)), b"xDATA");
}

#[test]
fn a_separator_that_arrives_in_pieces_is_found() {
    let mut some = buffer(64, b"head\r\n");
    let separators: [&[u8]; 1] = [b"\r\n\r\n"];
    let mut scan = Scan::new(&separators).unwrap();
    assert!(matches!(some.read_until(&mut scan), Ok(NeedMore)));
    some.feed_data(b"\r");
    assert!(matches!(some.read_until(&mut scan), Ok(NeedMore)));
    some.feed_data(b"\nbody");
    assert_eq!(done(some.read_until(&mut scan)), b"head\r\n\r\n");
    assert_eq!(some.unread(), b"body");
}

#[test]
fn stream_12_it_is_at_eof_only_when_the_end_came_and_everything_is_read() {
    let mut some = buffer(64, b"x");
    assert!(!some.at_eof());
    some.feed_eof();
    assert!(!some.at_eof());
    done(some.read(1));
    assert!(some.at_eof());
}

#[test]
fn stream_13_what_came_before_an_exception_is_given_and_then_it_is_raised_by_every_read() {
    let failed = |bytes: &[u8]| {
        let mut some = buffer(64, bytes);
        some.set_exception(io::Error::from_raw_os_error(libc::ECONNRESET));
        some
    };
    assert_eq!(done(failed(b"bytes\n").read(3)), b"byt");
    assert_eq!(done(failed(b"bytes\n").read_exactly(6)), b"bytes\n");
    assert_eq!(done(line(&mut failed(b"bytes\n"))), b"bytes\n");
    let reads: [fn(&mut StreamBuffer) -> ReadResult; 6] = [
        |some| some.read(1),
        |some| some.read(0),
        |some| some.read_to_end(),
        |some| some.read_exactly(0),
        line,
        |some| some.read_into(&mut [0]).map(|_| NeedMore),
    ];
    let mut all = failed(b"bytes\n");
    done(all.read(6));
    for read in reads {
        let error = read(&mut all).unwrap_err();
        assert_eq!(io::Error::from(error).raw_os_error(), Some(libc::ECONNRESET));
    }
}

#[test]
fn what_an_exception_has_cut_short_is_an_error_and_stays_to_be_read_otherwise() {
    let reads: [fn(&mut StreamBuffer) -> ReadResult; 3] =
        [|some| some.read_to_end(), |some| some.read_exactly(4), line];
    for read in reads {
        let mut some = buffer(64, b"cut");
        some.set_exception(io::Error::from_raw_os_error(libc::ECONNRESET));
        assert!(read(&mut some).is_err());
        assert_eq!(done(some.read(9)), b"cut");
        assert!(some.read(9).is_err());
    }
}

#[test]
fn an_exception_without_a_number_keeps_its_kind_and_text() {
    let mut some = buffer(64, b"");
    some.set_exception(io::Error::new(io::ErrorKind::TimedOut, "too slow"));
    let error = io::Error::from(some.read(1).unwrap_err());
    assert_eq!((error.kind(), error.to_string()), (io::ErrorKind::TimedOut, "too slow".into()));
}

#[test]
fn stream_16_it_pauses_strictly_above_twice_the_limit_and_resumes_at_the_limit() {
    let mut some = buffer(10, &[0; 20]);
    assert!(!some.should_pause());
    some.feed_data(&[0]);
    assert!(some.should_pause());
    done(some.read(10));
    assert!(!some.should_pause() && !some.should_resume());
    done(some.read(1));
    assert!(some.should_resume());
}

#[test]
fn stream_17_exactly_more_than_the_limit_can_be_read() {
    let mut some = buffer(4, &[1; 9]);
    assert!(some.should_pause());
    assert!(matches!(some.read_exactly(30), Ok(NeedMore)));
    some.feed_data(&[1; 21]);
    assert_eq!(done(some.read_exactly(30)), [1; 30]);
}

#[test]
fn the_end_before_the_exact_count_gives_the_partial_bytes_and_the_count() {
    let mut some = ended(64, b"ab");
    assert_eq!(incomplete(some.read_exactly(3)), (b"ab".to_vec(), Some(3)));
    assert_eq!(some.unread(), b"");
    assert_eq!(done(some.read_exactly(0)), b"");
}

#[test]
fn stream_18_a_limit_of_zero_is_refused_with_the_reason() {
    let error = StreamBuffer::new(0).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    assert!(error.to_string().contains("at least 1 byte"));
}

#[test]
fn a_read_that_takes_everything_from_a_large_buffer_gets_the_memory_and_leaves_none() {
    let mut some = buffer(64, &[0; 3000]);
    let memory = some.unread().as_ptr();
    let bytes = done(some.read(5000));
    assert_eq!((bytes.as_ptr(), some.capacity()), (memory, 0));
}

#[test]
fn what_is_fed_after_the_end_is_ignored() {
    let mut some = ended(64, b"x");
    some.feed_data(b"y");
    assert_eq!(some.unread(), b"x");
}

/// Every line of `input`, fed in chunks that end at `cuts`.
fn lines_of(input: &[u8], cuts: &[usize]) -> Vec<Vec<u8>> {
    let mut some = buffer(input.len() + 1, b"");
    let (mut lines, mut fed, mut scan) = (Vec::new(), 0, Scan::line());
    for &cut in cuts.iter().chain([&input.len()]) {
        let until = cut.clamp(fed, input.len());
        some.feed_data(&input[fed..until]);
        fed = until;
        while let Ok(Done(line)) = some.read_line(&mut scan) {
            lines.push(line);
        }
    }
    some.feed_eof();
    lines.extend(std::iter::from_fn(|| {
        let line = done(some.read_line(&mut scan));
        (!line.is_empty()).then_some(line)
    }));
    lines
}

proptest! {
    #[test]
    fn any_program_of_feeds_and_reads_does_what_the_naive_model_does(
        limit in 0u8..60,
        steps in prop::collection::vec(
            (any::<u8>(), 0u8..90, prop::collection::vec(prop::sample::select(&b"a\r\n\0"[..]), 0..90)),
            0..40,
        ),
    ) {
        let mut program = vec![limit];
        for (what, count, data) in steps {
            let feeds = what < 120;
            program.extend([what, if feeds { data.len() as u8 } else { count }]);
            program.extend(data.iter().filter(|_| feeds));
        }
        property::stream_buffer(&program);
    }

    #[test]
    fn the_lines_of_an_input_do_not_depend_on_how_it_was_cut(
        input in prop::collection::vec(prop::sample::select(&b"ab\n"[..]), 0..300),
        cuts in prop::collection::vec(0usize..300, 0..20),
    ) {
        let expected: Vec<Vec<u8>> =
            input.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect();
        let mut cuts = cuts;
        cuts.sort_unstable();
        prop_assert_eq!(&lines_of(&input, &cuts), &expected);
        let each_byte: Vec<usize> = (0..input.len()).collect();
        prop_assert_eq!(&lines_of(&input, &each_byte), &expected);
        prop_assert_eq!(&lines_of(&input, &[]), &expected);
    }
}
