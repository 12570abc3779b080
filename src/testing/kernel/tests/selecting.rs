//! The contract of the selector, as its conformance suite has it for real ones.

use std::io::{ErrorKind, Read, Write};

use super::*;
use crate::selector::{Event, Interest, Readiness, Selector};

const NOW: Option<Duration> = Some(Duration::ZERO);

/// A world without a loop.
pub(super) fn bare(schedule: Schedule) -> (World, SimSelector) {
    let world = World::new(schedule, Limits::default(), Journal::default());
    (world.clone(), SimSelector(world))
}

pub(super) fn select(selector: &mut SimSelector, timeout: Option<Duration>) -> Vec<Event> {
    let mut events = Vec::new();
    selector.select(timeout, &mut events).unwrap();
    events
}

pub(super) fn token(slot: u32) -> Token {
    Token::new(slot, 1000 + slot)
}

fn event(slot: u32, readiness: Readiness) -> Event {
    Event { token: token(slot), readiness }
}

#[test]
fn an_event_comes_again_until_its_cause_is_gone_and_only_what_was_asked_for_is_told() {
    let (world, mut selector) = bare(Schedule::default());
    let (here, mut there) = world.pair();
    selector.register(here.fd(), Interest::READ, token(1)).unwrap();
    assert_eq!(select(&mut selector, NOW), []);
    there.write_all(b"x").unwrap();
    for _ in 0..2 {
        assert_eq!(select(&mut selector, NOW), [event(1, Readiness::READABLE)]);
    }
    selector.modify(here.fd(), Interest::BOTH, token(2)).unwrap();
    let both = Readiness::READABLE | Readiness::WRITABLE;
    assert_eq!(select(&mut selector, None), [event(2, both)]);
    (&here).read_exact(&mut [0]).unwrap();
    assert_eq!(select(&mut selector, NOW), [event(2, Readiness::WRITABLE)]);
}

#[test]
fn errors_are_those_of_every_selector() {
    let (world, mut selector) = bare(Schedule::default());
    let (here, there) = world.pair();
    let number = there.fd();
    drop(there);
    selector.register(here.fd(), Interest::READ, token(1)).unwrap();
    let again = selector.register(here.fd(), Interest::READ, token(2)).unwrap_err();
    assert_eq!(again.kind(), ErrorKind::AlreadyExists);
    for fd in [number, -1] {
        let closed = selector.register(fd, Interest::READ, token(2)).unwrap_err();
        assert_eq!(closed.raw_os_error(), Some(libc::EBADF));
        let unknown = selector.modify(fd, Interest::READ, token(2)).unwrap_err();
        assert_eq!(unknown.kind(), ErrorKind::NotFound);
        assert_eq!(selector.unregister(fd).unwrap_err().kind(), ErrorKind::NotFound);
    }
    assert_eq!(selector.get_map().len(), 1);
}

#[test]
fn a_close_ends_the_registration_in_the_kernel_and_its_number_finds_nothing_of_it() {
    let (world, mut selector) = bare(Schedule::default());
    let (here, _there) = world.pair();
    let fd = here.fd();
    selector.register(fd, Interest::WRITE, token(1)).unwrap();
    drop(here);
    assert_eq!(select(&mut selector, NOW), []);
    let error = selector.modify(fd, Interest::READ, token(1)).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EBADF));
    let (new, _other) = world.pair();
    assert_eq!(new.fd(), fd);
    assert_eq!(select(&mut selector, NOW), []);
    let error = selector.modify(fd, Interest::READ, token(1)).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::ENOENT));
    selector.unregister(fd).unwrap();
    selector.register(fd, Interest::WRITE, token(2)).unwrap();
    assert_eq!(select(&mut selector, NOW), [event(2, Readiness::WRITABLE)]);
}

#[test]
fn a_wait_takes_virtual_time_up_to_its_timeout_or_the_next_thing_that_happens() {
    let (world, mut selector) = bare(Schedule::default());
    let (here, there) = world.pair();
    selector.register(here.fd(), Interest::READ, token(1)).unwrap();
    assert_eq!(select(&mut selector, Some(SECOND)), []);
    assert_eq!(world.now(), Time::ZERO + SECOND);
    world.after(MS, move |_| (&there).write_all(b"x").unwrap());
    assert_eq!(select(&mut selector, Some(SECOND)).len(), 1);
    assert_eq!(world.now(), Time::ZERO + SECOND + MS);
}

#[test]
fn the_bell_ends_a_wait_once() {
    let (_world, mut selector) = bare(Schedule::default());
    selector.bell().ring();
    selector.bell().ring();
    assert_eq!(select(&mut selector, None), []);
    let error = selector.select(None, &mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("nothing can ever happen any more"), "{error}");
}

#[test]
fn events_come_in_the_order_of_registration_unless_the_schedule_picks() {
    let told = |schedule| {
        let (world, mut selector) = bare(schedule);
        let ends = [world.pair(), world.pair(), world.pair()];
        for (slot, (here, _)) in (0..3).zip(&ends).rev() {
            selector.register(here.fd(), Interest::WRITE, token(slot)).unwrap();
        }
        let events = select(&mut selector, NOW);
        events.iter().map(|event| event.token.slot()).collect::<Vec<_>>()
    };
    let picks = |picks: &[(u32, u8)]| Schedule {
        picks: picks.iter().copied().collect(),
        ..Schedule::default()
    };
    assert_eq!(told(Schedule::default()), [2, 1, 0]);
    assert_eq!(told(picks(&[(0, 2)])), [0, 2, 1]);
    assert_eq!(told(picks(&[(1, 1)])), [2, 0, 1]);
}

#[test]
fn pipes_and_listeners_are_told_as_by_epoll() {
    let (world, mut selector) = bare(Schedule::default());
    let (reader, writer) = world.pipe();
    selector.register(reader.fd(), Interest::READ, token(1)).unwrap();
    selector.register(writer.fd(), Interest::WRITE, token(2)).unwrap();
    assert_eq!(select(&mut selector, NOW), [event(2, Readiness::WRITABLE)]);
    drop(writer);
    assert_eq!(select(&mut selector, NOW), [event(1, Readiness::HANGUP)]);
}
