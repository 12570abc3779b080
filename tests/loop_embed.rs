//! A loop's descriptor is readable exactly when a turn would do something.

use std::cell::Cell;
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use evloop::selector::{Interest, PollSelector, Selector, Token};
use evloop::{EventLoop, Handle, LoopError, TimerHandle, signal};
use nix::sys::signal::{Signal, raise};
use proptest::prelude::*;

const NOW: Option<Duration> = Some(Duration::ZERO);
const HOUR: Duration = Duration::from_secs(3600);

/// A program that has a loop of its own, here poll(2), and an evloop in it.
struct Host {
    poll: PollSelector,
    event_loop: EventLoop,
    ours: UnixStream,
    theirs: UnixStream,
    handles: Vec<Handle>,
    timers: Vec<TimerHandle>,
    stopped: bool,
}

impl Host {
    fn new() -> Host {
        let event_loop = EventLoop::new().unwrap();
        let mut poll = PollSelector::new().unwrap();
        let fd = event_loop.as_fd().as_raw_fd();
        poll.register(fd, Interest::READ, Token::new(0, 0)).unwrap();
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (handles, timers) = (Vec::new(), Vec::new());
        Host { poll, event_loop, ours, theirs, handles, timers, stopped: false }
    }

    fn is_readable(&mut self, timeout: Duration) -> bool {
        let mut events = Vec::new();
        self.poll.select(Some(timeout), &mut events).unwrap();
        !events.is_empty()
    }

    /// Says whether the turn that the descriptor promised, or did not, was one that did something.
    fn turn(&mut self) -> bool {
        let due = self.event_loop.next_deadline();
        let is_due = due.is_some_and(|deadline| deadline <= self.event_loop.time());
        // The kernel notices that a timer is due in its own time, which is microseconds.
        let readable = self.is_readable(if is_due { HOUR } else { Duration::ZERO });
        let before = self.event_loop.counters().handles;
        self.event_loop.run_once(NOW).unwrap();
        let ran = self.event_loop.counters().handles != before;
        let stopped = std::mem::take(&mut self.stopped);
        let progress = ran || stopped;
        assert_eq!(readable, progress, "readable, but no progress (or the other way round)");
        progress
    }

    fn step(&mut self, operation: u8) {
        let event_loop = self.event_loop.clone();
        match operation % 16 {
            0 => self.handles.push(event_loop.call_soon(|| ()).unwrap()),
            1 => {
                let inner = event_loop.clone();
                event_loop.call_soon(move || drop(inner.call_soon(|| ()).unwrap())).unwrap();
            }
            2 => self.timers.push(event_loop.call_later(Duration::ZERO, || ()).unwrap()),
            3 => self.timers.push(event_loop.call_later(HOUR, || ()).unwrap()),
            4 => self.timers.pop().iter().for_each(TimerHandle::cancel),
            5 => self.handles.pop().iter().for_each(Handle::cancel),
            6 => {
                let mut reader = self.ours.try_clone().unwrap();
                event_loop
                    .add_reader(&self.ours, move || reader.read_exact(&mut [0]).unwrap())
                    .unwrap();
            }
            7 => drop(event_loop.remove_reader(&self.ours).unwrap()),
            8 => self.theirs.write_all(b"x").unwrap(),
            9 => {
                let handle = event_loop.handle();
                thread::spawn(move || handle.call_soon_threadsafe(|| ())).join().unwrap().unwrap();
            }
            10 => {
                event_loop.stop();
                self.stopped = true;
            }
            11 => raise(Signal::SIGUSR1).unwrap(),
            12 => drop(event_loop.create_task(evloop::yield_now())),
            13 => {
                // A whole run, with the descriptor still at the host.
                // It fails if a stop is pending, which it uses up.
                let _ = event_loop.run_until_complete(evloop::yield_now());
                self.stopped = false;
            }
            _ => drop(self.turn()),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn poll_says_readable_exactly_when_a_turn_makes_progress(
        operations in proptest::collection::vec(any::<u8>(), 0..60)
    ) {
        let mut host = Host::new();
        host.event_loop.add_signal_handler(signal::SIGUSR1, || ()).unwrap();
        for operation in operations {
            host.step(operation);
        }
        host.event_loop.remove_reader(&host.ours).unwrap();
        // What is ready may queue more, but not for ever.
        let turns = (0..100).take_while(|_| host.turn()).count();
        prop_assert!(turns < 100);
        host.event_loop.close().unwrap();
    }
}

#[test]
fn a_timer_makes_the_descriptor_readable_by_itself() {
    let mut host = Host::new();
    host.event_loop.call_later(Duration::from_millis(1), || ()).unwrap();
    assert!(host.is_readable(HOUR));
    assert!(host.turn());
    assert!(!host.is_readable(Duration::ZERO));
}

#[test]
fn a_call_from_another_thread_wakes_the_host() {
    let mut host = Host::new();
    let handle = host.event_loop.handle();
    let sender = thread::spawn(move || handle.call_soon_threadsafe(|| ()).unwrap());
    assert!(host.is_readable(HOUR));
    sender.join().unwrap();
    assert!(host.turn());
}

#[test]
fn a_loop_that_is_asked_while_it_runs_tells_the_truth_afterwards() {
    let event_loop = EventLoop::new().unwrap();
    let (own, called) = (event_loop.clone(), Rc::new(Cell::new(false)));
    let call = called.clone();
    event_loop
        .call_soon(move || {
            own.try_as_fd().unwrap();
            own.call_soon(move || call.set(true)).unwrap();
        })
        .unwrap();
    event_loop.run_once(NOW).unwrap();
    let mut poll = PollSelector::new().unwrap();
    poll.register(event_loop.as_fd().as_raw_fd(), Interest::READ, Token::new(0, 0)).unwrap();
    let mut events = Vec::new();
    poll.select(NOW, &mut events).unwrap();
    assert_eq!((events.len(), called.get()), (1, false));
}

#[test]
fn the_poll_selector_has_no_descriptor_and_says_so() {
    let builder = EventLoop::builder().selector(PollSelector::new().unwrap());
    let event_loop = builder.build().unwrap();
    let Err(LoopError::Io(error)) = event_loop.try_as_fd() else { panic!("it has one") };
    assert_eq!(error.kind(), std::io::ErrorKind::Unsupported);
    assert!(error.to_string().contains("poll selector has no descriptor"), "{error}");
}

#[test]
fn the_descriptor_outlives_the_closing_of_its_loop() {
    let event_loop = EventLoop::new().unwrap();
    let fd = event_loop.as_fd();
    event_loop.close().unwrap();
    assert!(fd.try_clone_to_owned().is_ok());
    assert_eq!(event_loop.as_fd().as_raw_fd(), fd.as_raw_fd());
}
