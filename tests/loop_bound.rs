//! A turn may do without a poll, but nothing waits long for that: not an event, not a timer, not a
//! call from another thread.

use std::cell::{Cell, RefCell};
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::Duration;

use evloop::observe::{Observer, Record};
use evloop::{EventLoop, ManualClock, Time};
use proptest::prelude::*;

/// The bounds as `EventLoop::run_once` documents them.
const HANDLES: u64 = 64;
const TIME: Duration = Duration::from_micros(50);
const HANDLES_AFTER_TIME: u64 = 8;

/// Judges every turn that does without a poll.
struct Judge {
    polled_at: Time,
    handles: u64,
    handles_after_time: u64,
}

impl Observer for Judge {
    fn record(&mut self, at: Time, record: &Record) {
        match record {
            Record::Polled { .. } => {
                *self = Judge { polled_at: at, handles: 0, handles_after_time: 0 };
            }
            Record::Run { .. } => {
                self.handles += 1;
                self.handles_after_time += u64::from(at.since(self.polled_at) >= TIME);
            }
            Record::PollSkipped => {
                assert!(self.handles < HANDLES, "{} handles without a poll", self.handles);
                let late = self.handles_after_time;
                assert!(late < HANDLES_AFTER_TIME, "{late} handles after the time was over");
            }
            _ => {}
        }
    }
}

/// Keeps some chains of callbacks going, each of which schedules the next; every callback takes
/// `cost` on the clock.
struct Busy {
    event_loop: EventLoop,
    clock: ManualClock,
    cost: Vec<u64>,
    ran: Cell<u64>,
    left: Cell<u64>,
}

impl Busy {
    fn go_on(self: &Rc<Self>) {
        let next = self.clone();
        let call = move || {
            let ran = next.ran.replace(next.ran.get() + 1);
            next.clock.advance(Duration::from_nanos(next.cost[ran as usize % next.cost.len()]));
            match next.left.get() {
                0 => next.event_loop.stop(),
                left => {
                    next.left.set(left - 1);
                    next.go_on();
                }
            }
        };
        self.event_loop.call_soon(call).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 100,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_event_timer_or_call_waits_longer_than_the_bound(
        chains in 1u64..6,
        cost in proptest::collection::vec(0u64..9_000, 1..20),
        begins in 0u64..300,
    ) {
        let clock = ManualClock::new();
        let judge = Judge { polled_at: Time::ZERO, handles: 0, handles_after_time: 0 };
        let builder = EventLoop::builder().clock(clock.clone()).observer(judge);
        let event_loop = builder.build().unwrap();
        let busy = Rc::new(Busy {
            event_loop: event_loop.clone(), clock, cost, ran: Cell::new(0), left: Cell::new(500),
        });
        (0..chains).for_each(|_| busy.go_on());
        // At some point in the middle of it all three come at once; when does each of them run?
        let came = Rc::new(Cell::new(0));
        let waited = Rc::new(RefCell::new(Vec::new()));
        let note = |name| {
            let (busy, came, waited) = (busy.clone(), came.clone(), waited.clone());
            move || waited.borrow_mut().push((name, busy.ran.get() - came.get()))
        };
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let (once, own, event) = (Cell::new(false), event_loop.clone(), note("event"));
        let fd = std::os::fd::AsRawFd::as_raw_fd(&ours);
        event_loop.add_reader(fd, move || {
            assert!(!once.replace(true));
            event();
            own.remove_reader(fd).unwrap();
        }).unwrap();
        let (begin, own, timer) = (busy.clone(), event_loop.clone(), note("timer"));
        let arrive = move || {
            came.set(begin.ran.get());
            theirs.write_all(b"x").unwrap();
            own.call_later(Duration::ZERO, timer).unwrap();
            own.handle().call_soon_threadsafe(|| ()).unwrap();
        };
        let (wait, own) = (busy.clone(), event_loop.clone());
        fn when(ran: u64, wait: Rc<Busy>, own: EventLoop, arrive: impl FnOnce() + 'static) {
            let again = own.clone();
            let look = move || match wait.ran.get() >= ran {
                true => arrive(),
                false => when(ran, wait, again, arrive),
            };
            own.call_soon(look).unwrap();
        }
        when(begins, wait, own, arrive);
        event_loop.run_forever().unwrap();
        // The turn in which the bound is reached is finished first, and so is the one in which they run.
        let bound = HANDLES + 3 * (chains + 1);
        let waited = waited.take();
        prop_assert_eq!(waited.len(), 2);
        prop_assert!(waited.iter().all(|(_, handles)| *handles <= bound), "{:?} > {}", waited, bound);
        prop_assert_eq!(event_loop.counters().exceptions, 0);
        prop_assert_eq!(event_loop.counters().wakes_remote, 1);
        prop_assert!(event_loop.counters().polls_skipped > 0);
        event_loop.close().unwrap();
    }
}
