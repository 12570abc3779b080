//! Descriptors are watched level-triggered, side by side, and not a moment longer than asked.

#[path = "support/selector.rs"]
mod selector;
mod support;

use std::cell::Cell;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::Duration;

use evloop::selector::{PollSelector, Selector};
use evloop::{EventLoop, LoopError};
use selector::OwnSelector;
use support::Log;

const NOW: Option<Duration> = Some(Duration::ZERO);

/// The platform's best selector, and poll(2).
fn loops() -> [EventLoop; 2] {
    let polling = EventLoop::builder().selector(PollSelector::new().unwrap());
    [EventLoop::new().unwrap(), polling.build().unwrap()]
}

fn pair() -> (UnixStream, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    (ours, theirs)
}

fn turn(event_loop: &EventLoop) {
    event_loop.run_once(NOW).unwrap();
}

#[test]
fn fd_01_a_reader_is_called_in_every_turn_until_the_bytes_are_read() {
    for event_loop in loops() {
        let ((mut ours, mut theirs), log) = (pair(), Log::default());
        event_loop.add_reader(&ours, log.note("read")).unwrap();
        turn(&event_loop);
        assert!(log.take().is_empty());
        theirs.write_all(b"x").unwrap();
        turn(&event_loop);
        turn(&event_loop);
        assert_eq!(log.take(), ["read", "read"]);
        ours.read_exact(&mut [0]).unwrap();
        turn(&event_loop);
        assert!(log.take().is_empty());
    }
}

#[test]
fn fd_01_a_reader_hears_of_the_end_of_file() {
    for event_loop in loops() {
        let ((ours, theirs), log) = (pair(), Log::default());
        event_loop.add_reader(&ours, log.note("read")).unwrap();
        drop(theirs);
        turn(&event_loop);
        assert_eq!(log.take(), ["read"]);
    }
}

#[test]
fn fd_02_a_writer_is_called_while_there_is_room_and_removed_once() {
    for event_loop in loops() {
        let ((ours, _theirs), log) = (pair(), Log::default());
        event_loop.add_writer(&ours, log.note("write")).unwrap();
        turn(&event_loop);
        assert_eq!(log.take(), ["write"]);
        assert!(event_loop.remove_writer(&ours).unwrap());
        assert!(!event_loop.remove_writer(&ours).unwrap());
        turn(&event_loop);
        assert!(log.take().is_empty());
    }
}

#[test]
fn fd_04_a_second_reader_cancels_the_first_and_leaves_the_writer() {
    for event_loop in loops() {
        let ((ours, mut theirs), log) = (pair(), Log::default());
        theirs.write_all(b"x").unwrap();
        let writer = event_loop.add_writer(&ours, log.note("writer")).unwrap();
        let first = event_loop.add_reader(&ours, log.note("first")).unwrap();
        event_loop.add_reader(&ours, log.note("second")).unwrap();
        assert!(first.cancelled() && !writer.cancelled());
        turn(&event_loop);
        assert_eq!(log.take(), ["second", "writer"]);
    }
}

#[test]
fn fd_05_a_second_writer_cancels_the_first_and_leaves_the_reader() {
    for event_loop in loops() {
        let ((ours, mut theirs), log) = (pair(), Log::default());
        theirs.write_all(b"x").unwrap();
        let reader = event_loop.add_reader(&ours, log.note("reader")).unwrap();
        let first = event_loop.add_writer(&ours, log.note("first")).unwrap();
        event_loop.add_writer(&ours, log.note("second")).unwrap();
        assert!(first.cancelled() && !reader.cancelled());
        turn(&event_loop);
        assert_eq!(log.take(), ["reader", "second"]);
    }
}

#[test]
fn fd_06_removing_one_side_leaves_the_other() {
    for event_loop in loops() {
        let ((ours, mut theirs), log) = (pair(), Log::default());
        theirs.write_all(b"x").unwrap();
        event_loop.add_reader(&ours, log.note("reader")).unwrap();
        event_loop.add_writer(&ours, log.note("writer")).unwrap();
        assert!(event_loop.remove_reader(&ours).unwrap());
        turn(&event_loop);
        assert_eq!(log.take(), ["writer"]);
        event_loop.add_reader(&ours, log.note("reader")).unwrap();
        assert!(event_loop.remove_writer(&ours).unwrap());
        turn(&event_loop);
        assert_eq!(log.take(), ["reader"]);
    }
}

#[test]
fn fd_08_removing_what_was_never_added_is_false() {
    for event_loop in loops() {
        let (ours, _theirs) = pair();
        assert!(!event_loop.remove_reader(&ours).unwrap());
        assert!(!event_loop.remove_writer(-1).unwrap());
        assert!(!event_loop.remove_writer(RawFd::MAX).unwrap());
    }
}

#[test]
fn fd_09_the_reader_of_a_descriptor_comes_before_its_writer() {
    for event_loop in loops() {
        let ((ours, mut theirs), log) = (pair(), Log::default());
        theirs.write_all(b"x").unwrap();
        event_loop.add_writer(&ours, log.note("writer")).unwrap();
        event_loop.add_reader(&ours, log.note("reader")).unwrap();
        turn(&event_loop);
        assert_eq!(log.take(), ["reader", "writer"]);
    }
}

#[test]
fn fd_10_a_callback_that_removes_the_other_reader_is_the_last_of_the_two_to_be_called() {
    for event_loop in loops() {
        let calls = Rc::new(Cell::new(0));
        let (a, mut to_a) = pair();
        let (b, mut to_b) = pair();
        let add = |own: &UnixStream, other: RawFd| {
            let (count, inner) = (calls.clone(), event_loop.clone());
            let remove_other = move || {
                count.set(count.get() + 1);
                assert!(inner.remove_reader(other).unwrap());
            };
            event_loop.add_reader(own, remove_other).unwrap()
        };
        add(&a, b.as_raw_fd());
        add(&b, a.as_raw_fd());
        to_a.write_all(b"x").unwrap();
        to_b.write_all(b"x").unwrap();
        turn(&event_loop);
        assert_eq!((calls.get(), event_loop.counters().events), (1, 2));
        event_loop.close().unwrap();
    }
}

#[test]
fn fd_12_after_closing_nothing_is_watched_and_removing_is_false() {
    for event_loop in loops() {
        let (ours, _theirs) = pair();
        event_loop.add_reader(&ours, || ()).unwrap();
        event_loop.close().unwrap();
        assert!(!event_loop.remove_reader(&ours).unwrap());
        assert!(!event_loop.remove_writer(&ours).unwrap());
        assert!(matches!(event_loop.add_reader(&ours, || ()), Err(LoopError::Closed)));
    }
}

#[test]
fn fd_14_a_number_that_is_closed_after_its_removal_may_be_used_again_at_once() {
    for event_loop in loops() {
        let log = Log::default();
        for _ in 0..5 {
            let (ours, mut theirs) = pair();
            event_loop.add_reader(&ours, log.note("read")).unwrap();
            theirs.write_all(b"x").unwrap();
            turn(&event_loop);
            assert!(event_loop.remove_reader(&ours).unwrap());
            drop((ours, theirs));
            turn(&event_loop);
            assert_eq!(log.take(), ["read"]);
        }
    }
}

#[test]
fn fd_14_a_number_that_was_closed_while_it_was_watched_can_be_watched_again() {
    for event_loop in loops() {
        let log = Log::default();
        let (ours, theirs) = pair();
        let number = ours.as_raw_fd();
        event_loop.add_reader(&ours, log.note("old")).unwrap();
        // The descriptor is replaced under its number, as close and open would do.
        drop((ours, theirs));
        let (again, mut theirs) = pair();
        if again.as_raw_fd() != number {
            // Another test of this process was faster.
            continue;
        }
        event_loop.add_reader(&again, log.note("new")).unwrap();
        theirs.write_all(b"x").unwrap();
        turn(&event_loop);
        assert_eq!(log.take(), ["new"]);
    }
}

#[test]
fn fd_16_of_its_own_a_loop_has_nothing_in_its_selectors_map_and_closing_frees_its_descriptor() {
    let alive = Rc::new(());
    let held = alive.clone();
    let selector = OwnSelector::new(move |below| {
        assert!(below.get_map().is_empty());
        let _held = &held;
    });
    let event_loop = EventLoop::builder().selector(selector).build().unwrap();
    event_loop.run_until_complete(evloop::sleep(Duration::ZERO)).unwrap();
    assert_eq!(Rc::strong_count(&alive), 2);
    event_loop.close().unwrap();
    assert_eq!(Rc::strong_count(&alive), 1, "the selector is gone");
    assert_eq!(event_loop.selector_name(), "own");
}

#[test]
fn what_cannot_be_watched_is_refused_with_a_reason() {
    for event_loop in loops() {
        let file = std::fs::File::open(std::env::current_exe().unwrap()).unwrap();
        let error = event_loop.add_reader(&file, || ()).unwrap_err().to_string();
        assert!(error.contains("cannot be waited for"), "{error}");
        let error = event_loop.add_reader(-1, || ()).unwrap_err().to_string();
        assert_eq!(error, "-1 is no descriptor: it is negative");
        let (ours, _theirs) = pair();
        for number in [ours.as_raw_fd() + 1000, RawFd::MAX] {
            let LoopError::Io(error) = event_loop.add_writer(number, || ()).unwrap_err() else {
                panic!("a descriptor that is not open was accepted");
            };
            assert_eq!(error.raw_os_error(), Some(libc::EBADF));
        }
    }
}
