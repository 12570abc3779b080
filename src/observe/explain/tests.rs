//! What a program under a manual clock cannot bring about: records put in by hand.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use super::story::Story;
use super::{Explain, Level};
use crate::observe::{HandleId, Observer, Record, TaskId, WaitReason, What};
use crate::selector::{Interest, Readiness, Token};
use crate::sys::Time;

/// Of fd 9.
const TOKEN: Token = Token::new(9, 0);

#[derive(Clone, Default)]
struct Text(Rc<RefCell<Vec<u8>>>);

impl io::Write for Text {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is said of `records`, of which each is a microsecond after the one before.
fn told(level: Level, records: &[Record]) -> String {
    let text = Text::default();
    let mut explain = Explain::new(level, text.clone());
    for (index, record) in records.iter().enumerate() {
        explain.record(Time::from_nanos(1000 * index as u64), record);
    }
    drop(explain);
    let said = text.0.borrow().clone();
    String::from_utf8(said).unwrap()
}

fn polled(why: WaitReason, events: usize, waited: Duration) -> [Record; 3] {
    let timeout = if why == WaitReason::Forever { None } else { Some(Duration::ZERO) };
    [Record::Turn { turn: 7 }, Record::Poll { timeout, why }, Record::Polled { events, waited }]
}

#[test]
fn what_a_reader_did_with_its_connection_is_told_in_its_order() {
    let handle = HandleId(1);
    let (what, cause) = (What::Reader { fd: 9 }, HandleId::OUTSIDE);
    let mut records = polled(WaitReason::Forever, 1, Duration::from_micros(3100)).to_vec();
    records.splice(0..0, [Record::Watched { fd: 9, token: TOKEN, interest: Some(Interest::READ) }]);
    records.extend([
        Record::Event { fd: 9, token: TOKEN, readiness: Readiness::READABLE },
        Record::Queued { handle, what, cause },
        Record::Collected { ready: 1 },
        Record::Run { handle, what, cause },
        Record::Received { fd: 9, bytes: 6 },
        Record::Sent { fd: 9, asked: 10, sent: 10 },
        Record::Sent { fd: 9, asked: 5000, sent: 900 },
        Record::FlowPaused { fd: 9, paused: true, buffered: 4100 },
        Record::Received { fd: 9, bytes: 0 },
        Record::Disconnected { fd: 9 },
        Record::Ran { handle },
        Record::TurnEnded,
    ]);
    assert_eq!(
        told(Level::Handles, &records),
        "\
watched fd 9 for reading
turn 7  waited 3.1 ms until 1 event came; there was no limit, for no timer was armed
  the reader of fd 9 ran: fd 9 was readable
    received 6 bytes from fd 9
    sent 10 bytes to fd 9, all at once
    sent 900 of 5000 bytes to fd 9; the kernel's buffer was full
! fd 9 was told to stop writing: its peer does not read, and 4100 bytes wait unsent
    received the end of the file from fd 9
    closed fd 9
"
    );
    let said = told(Level::Everything, &records);
    for call in ["6 bytes from fd 9 (recv)", "all at once (send)", "closed fd 9 (close)"] {
        assert!(said.contains(call), "{call:?} is missing in:\n{said}");
    }
}

#[test]
fn an_event_that_queues_nothing_is_a_finding() {
    let mut records = polled(WaitReason::Ready, 1, Duration::ZERO).to_vec();
    let readiness = Readiness::READABLE | Readiness::HANGUP;
    records.extend([
        Record::Event { fd: 9, token: TOKEN, readiness },
        Record::Collected { ready: 0 },
        Record::TurnEnded,
    ]);
    let said = told(Level::Turns, &records);
    assert!(said.contains("! fd 9 was readable and hung up, but nobody waited for it\n"), "{said}");
}

#[test]
fn a_sleep_that_nothing_of_the_loop_can_end_is_told_before_it_begins_and_once() {
    let [turn, poll, polled] = polled(WaitReason::Forever, 0, Duration::from_millis(4));
    let spawned = Record::TaskSpawned { task: TaskId(1), at: std::panic::Location::caller() };
    let before = [spawned, turn.clone(), poll.clone()];
    let found = "! the loop sleeps with no timer armed and no descriptor watched, 1 task pending: \
                 only another thread or a signal can wake it\n";
    assert_eq!(told(Level::Turns, &before), found);
    let rest = [polled, Record::Collected { ready: 0 }, Record::TurnEnded, turn, poll];
    let said = told(Level::Turns, &[before.to_vec(), rest.to_vec()].concat());
    assert_eq!(said, format!("{found}... 1 turn that found nothing to do, in 4 ms\n"));
}

#[test]
fn turns_that_found_nothing_are_folded_below_level_3() {
    let empty = |turn| {
        let mut records = polled(WaitReason::Limit, 0, Duration::ZERO).to_vec();
        records[0] = Record::Turn { turn };
        records.extend([Record::Collected { ready: 0 }, Record::TurnEnded]);
        records
    };
    let records = [empty(1), empty(2), empty(3), vec![Record::Closed]].concat();
    let folded = "... 3 turns that found nothing to do\nthe loop was closed\n";
    assert_eq!(told(Level::Turns, &records), folded);
    assert_eq!(told(Level::Handles, &records), folded);
    assert_eq!(told(Level::Everything, &records).matches("turn ").count(), 3);
}

#[test]
fn what_happens_between_turns_is_told_after_the_turns_folded_before_it() {
    let mut records = polled(WaitReason::Forever, 0, Duration::from_millis(9)).to_vec();
    let at = std::panic::Location::caller();
    records.extend([
        Record::Collected { ready: 0 },
        Record::TurnEnded,
        Record::TaskSpawned { task: TaskId(1), at },
    ]);
    let said = told(Level::Handles, &records);
    let folded = said.find("... 1 turn that found nothing").expect("the turn is folded");
    assert!(folded < said.find("spawned task#1").expect("the task is told of"), "{said}");
}

#[test]
fn an_explanation_that_begins_in_the_middle_says_what_it_knows() {
    let (handle, cause) = (HandleId(812), HandleId(811));
    let what = What::Task { task: TaskId(3) };
    let records = [Record::Run { handle, what, cause }, Record::Ran { handle }];
    let said = told(Level::Handles, &records);
    assert_eq!(said, "  task#3 began\n");
}

#[test]
fn a_writer_that_fails_does_not_disturb_the_loop() {
    struct Full;
    impl io::Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let event_loop = crate::EventLoop::builder()
        .observer(Explain::new(Level::Everything, Full))
        .build()
        .unwrap();
    event_loop.stop();
    assert_eq!(event_loop.run_forever().unwrap(), crate::Ended::Stopped);
}

/// A narrator whom the test can still look at when the loop has it.
#[derive(Clone)]
struct Overheard(Rc<RefCell<Story>>);

impl Observer for Overheard {
    fn record(&mut self, at: Time, record: &Record) {
        drop(self.0.borrow_mut().tell(at, record));
    }
}

#[test]
fn the_narrator_forgets_what_the_loop_forgets() {
    let story = Overheard(Rc::new(RefCell::new(Story::new(Level::Everything))));
    let event_loop = crate::EventLoop::builder()
        .virtual_time(crate::ManualClock::new())
        .observer(story.clone())
        .build()
        .unwrap();
    for round in 1..=100 {
        let task = event_loop.create_task(crate::sleep(Duration::from_millis(1)));
        let cancelled = event_loop.create_task(crate::sleep(Duration::from_secs(60)));
        event_loop.call_later(Duration::from_secs(60), || ()).unwrap().cancel();
        event_loop.call_soon(|| ()).unwrap().cancel();
        event_loop.call_soon(move || assert!(cancelled.cancel())).unwrap();
        assert!(story.0.borrow().remembers() > 0, "round {round} was not told of");
        event_loop.run_until_complete(task).unwrap().unwrap();
        assert_eq!(story.0.borrow().remembers(), 0, "in round {round}");
    }
}
