//! What is told of sockets and pipes, and told apart.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

use super::*;
use crate::sys::testing::pipe;

const READABLE: Readiness = Readiness::READABLE;
const WRITABLE: Readiness = Readiness::WRITABLE;
const READ_HANGUP: Readiness = Readiness::READ_HANGUP;
const HANGUP: Readiness = Readiness::HANGUP;
const NOTHING: Readiness = Readiness(0);

fn knows_read_hangup(selector: &dyn Selector) -> bool {
    selector.name() != "poll" || POLL_KNOWS_READ_HANGUP
}

fn an_event_comes_again_until_its_cause_is_gone(open: Open) {
    let (mut selector, mut here, mut there) = watched_pair(open, Interest::READ);
    assert_eq!(ready(&mut *selector), NOTHING);
    there.write_all(b"xy").unwrap();
    for _ in 0..3 {
        assert_eq!(ready(&mut *selector), READABLE);
    }
    here.read_exact(&mut [0]).unwrap();
    assert_eq!(ready(&mut *selector), READABLE);
    here.read_exact(&mut [0]).unwrap();
    assert_eq!(ready(&mut *selector), NOTHING);
}

fn a_writer_is_told_while_there_is_room(open: Open) {
    let (mut selector, here, there) = watched_pair(open, Interest::WRITE);
    assert_eq!(ready(&mut *selector), WRITABLE);
    fill(&here);
    assert_eq!(ready(&mut *selector), NOTHING);
    drain(&there);
    assert_eq!(ready(&mut *selector), WRITABLE);
}

fn only_what_was_asked_for_is_told(open: Open) {
    let (mut reader, here, mut there) = watched_pair(open, Interest::READ);
    let mut writer = open();
    writer.register(fd(&here), Interest::WRITE, token(2)).unwrap();
    assert_eq!((ready(&mut *reader), ready(&mut *writer)), (NOTHING, WRITABLE));
    there.write_all(b"x").unwrap();
    assert_eq!((ready(&mut *reader), ready(&mut *writer)), (READABLE, WRITABLE));
    fill(&here);
    assert_eq!((ready(&mut *reader), ready(&mut *writer)), (READABLE, NOTHING));
}

fn a_registration_gives_one_event_however_much_is_so(open: Open) {
    let mut selector = open();
    let ends: Vec<_> = (0..20).map(|_| pair()).collect();
    for (slot, (here, there)) in (0..).zip(&ends) {
        selector.register(fd(here), Interest::BOTH, token(slot)).unwrap();
        (&mut &*there).write_all(b"x").unwrap();
    }
    let mut events = select(&mut *selector, NOW);
    events.sort_by_key(|event| event.token);
    let readiness = READABLE | WRITABLE;
    let one_each: Vec<_> = (0..20).map(|slot| Event { token: token(slot), readiness }).collect();
    assert_eq!(events, one_each);
}

fn a_peer_that_sends_no_more_is_a_read_hangup_and_no_hangup(open: Open) {
    let (mut selector, mut here, mut there) = watched_pair(open, Interest::BOTH);
    there.write_all(b"x").unwrap();
    there.shutdown(Shutdown::Write).unwrap();
    let hangup = if knows_read_hangup(&*selector) { READ_HANGUP } else { NOTHING };
    assert_eq!(ready(&mut *selector), READABLE | WRITABLE | hangup);
    here.read_exact(&mut [0]).unwrap();
    assert_eq!(ready(&mut *selector), READABLE | WRITABLE | hangup);
}

fn one_who_only_writes_is_not_told_that_the_peer_sends_no_more(open: Open) {
    let (mut selector, here, there) = watched_pair(open, Interest::WRITE);
    fill(&here);
    there.shutdown(Shutdown::Write).unwrap();
    assert_eq!(ready(&mut *selector), NOTHING);
}

fn a_peer_that_is_gone_is_a_hangup(open: Open) {
    let (mut selector, _here, there) = watched_pair(open, Interest::BOTH);
    drop(there);
    let readiness = ready(&mut *selector);
    assert!(readiness.contains(READABLE | HANGUP), "{readiness:?}");
    assert_eq!(readiness.contains(READ_HANGUP), knows_read_hangup(&*selector));
}

fn a_peer_that_is_gone_wakes_whoever_waits(open: Open) {
    for interest in [Interest::READ, Interest::WRITE] {
        let (mut selector, here, there) = watched_pair(open, interest);
        fill(&here);
        drop(there);
        let events = select(&mut *selector, NOW);
        assert_eq!(events.len(), 1);
        assert!(!interest.is_read() || events[0].wakes_reader(), "{events:?}");
        assert!(!interest.is_write() || events[0].wakes_writer(), "{events:?}");
    }
}

fn our_own_shutdown_is_no_hangup(open: Open) {
    let (mut selector, here, _there) = watched_pair(open, Interest::BOTH);
    here.shutdown(Shutdown::Write).unwrap();
    assert_eq!(ready(&mut *selector), WRITABLE);
}

fn a_pipe_whose_writer_is_gone_hangs_up_and_its_bytes_can_still_be_read(open: Open) {
    let (reader, writer) = pipe();
    let mut selector = open();
    selector.register(fd(&reader), Interest::READ, token(1)).unwrap();
    File::from(writer).write_all(b"x").unwrap();
    assert_eq!(ready(&mut *selector), READABLE | HANGUP);
    File::from(reader.try_clone().unwrap()).read_exact(&mut [0]).unwrap();
    let events = select(&mut *selector, NOW);
    assert!(events[0].readiness.contains(HANGUP) && events[0].wakes_reader(), "{events:?}");
}

fn a_pipe_whose_reader_is_gone_is_an_error_to_its_writer(open: Open) {
    for full in [false, true] {
        let (reader, writer) = pipe();
        let writer = File::from(writer);
        let mut selector = open();
        selector.register(fd(&writer), Interest::WRITE, token(1)).unwrap();
        if full {
            fill(&writer);
            assert_eq!(ready(&mut *selector), NOTHING);
        }
        drop(reader);
        let events = select(&mut *selector, NOW);
        let told = agreed(events[0].readiness, Interest::WRITE, Behind::Pipe);
        assert_eq!(told, Readiness::ERROR | WRITABLE);
        assert!(events[0].wakes_writer());
    }
}

/// Two ends of a TCP connection.
fn connection() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let here = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (there, _) = listener.accept().unwrap();
    here.set_nonblocking(true).unwrap();
    (here, there)
}

fn a_listener_is_readable_when_somebody_connects(open: Open) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut selector = open();
    selector.register(fd(&listener), Interest::READ, token(1)).unwrap();
    assert_eq!(ready(&mut *selector), NOTHING);
    let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    assert_eq!(select(&mut *selector, None), [Event { token: token(1), readiness: READABLE }]);
    listener.accept().unwrap();
    assert_eq!(ready(&mut *selector), NOTHING);
}

fn a_connection_that_is_reset_is_an_error_and_a_hangup(open: Open) {
    let (here, there) = connection();
    let mut selector = open();
    selector.register(fd(&here), Interest::READ, token(1)).unwrap();
    (&mut &here).write_all(b"unread").unwrap();
    there.peek(&mut [0]).unwrap();
    // Closing with bytes unread resets the connection (RFC 1122, 4.2.2.13).
    drop(there);
    let [event] = *select(&mut *selector, None) else { panic!("one event") };
    assert!(event.readiness.contains(Readiness::ERROR | HANGUP), "{event:?}");
    assert!(event.wakes_reader() && event.wakes_writer());
}

fn a_tcp_peer_that_sends_no_more_is_a_read_hangup(open: Open) {
    let (here, there) = connection();
    let mut selector = open();
    selector.register(fd(&here), Interest::READ, token(1)).unwrap();
    there.shutdown(Shutdown::Write).unwrap();
    let hangup = if knows_read_hangup(&*selector) { READ_HANGUP } else { NOTHING };
    let readiness = READABLE | hangup;
    assert_eq!(select(&mut *selector, None), [Event { token: token(1), readiness }]);
    selector.modify(fd(&here), Interest::BOTH, token(1)).unwrap();
    here.shutdown(Shutdown::Write).unwrap();
    assert_eq!(ready(&mut *selector), readiness | WRITABLE | HANGUP);
}

fn more_descriptors_than_one_call_can_tell_of_all_get_their_turn(open: Open) {
    const PAIRS: u32 = 100;
    let mut selector = open();
    let ends: Vec<_> = (0..PAIRS).flat_map(|_| <[_; 2]>::from(pair())).collect();
    for (slot, end) in (0..).zip(&ends) {
        selector.register(fd(end), Interest::WRITE, token(slot)).unwrap();
    }
    let mut told = Vec::new();
    while told.len() < ends.len() {
        let events = select(&mut *selector, NOW);
        assert!(!events.is_empty(), "told of {} in all", told.len());
        let mut tokens: Vec<_> = events.iter().map(|event| event.token).collect();
        tokens.sort();
        tokens.dedup();
        assert_eq!(tokens.len(), events.len(), "twice in one call");
        told.extend(tokens);
        told.sort();
        told.dedup();
    }
    let all = select(&mut *selector, NOW);
    assert_eq!(all.len(), ends.len(), "the buffer has grown by now");
}

over_every_backend! {
    an_event_comes_again_until_its_cause_is_gone,
    a_writer_is_told_while_there_is_room,
    only_what_was_asked_for_is_told,
    a_registration_gives_one_event_however_much_is_so,
    a_peer_that_sends_no_more_is_a_read_hangup_and_no_hangup,
    one_who_only_writes_is_not_told_that_the_peer_sends_no_more,
    a_peer_that_is_gone_is_a_hangup,
    a_peer_that_is_gone_wakes_whoever_waits,
    our_own_shutdown_is_no_hangup,
    a_pipe_whose_writer_is_gone_hangs_up_and_its_bytes_can_still_be_read,
    a_pipe_whose_reader_is_gone_is_an_error_to_its_writer,
    a_listener_is_readable_when_somebody_connects,
    a_connection_that_is_reset_is_an_error_and_a_hangup,
    a_tcp_peer_that_sends_no_more_is_a_read_hangup,
    more_descriptors_than_one_call_can_tell_of_all_get_their_turn,
}
