//! Reports of runs, word for word. `EVLOOP_BLESS=1` writes `golden/` anew.

use std::env;
use std::fs;
use std::path::Path;
use std::time::Duration;

use super::{Outcome, Report, Violation};
use crate::observe::{Record, WaitReason};
use crate::sys::Time;
use crate::testing::{Act, Choice, Entry, Fault, Limits, Mode, Oracle, Schedule, Sim, Site, Step};
use crate::testing::{Timeline, Verdict, World};
use crate::{LoopFuture, get_running_loop, sleep, spawn, yield_now};

/// `text` is what `golden/NAME.txt` holds.
#[track_caller]
fn is_golden(name: &str, text: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/testing/report/golden");
    let file = folder.join(name).with_extension("txt");
    if env::var_os("EVLOOP_BLESS").is_some() {
        fs::write(&file, text).expect("the golden file can be written");
    }
    let golden = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        text == golden,
        "{name} says:\n{golden}\nbut now it is:\n{text}\nEVLOOP_BLESS=1 accepts."
    );
}

/// Somebody waits for what nobody will bring.
async fn a_writer_that_goes(world: World) {
    let letter: LoopFuture<()> = get_running_loop().unwrap().create_future();
    let reader = spawn(async move { letter.clone().await });
    reader.set_name("reader");
    sleep(Duration::from_millis(7)).await;
    world.note("the writer has gone");
    drop(reader.await);
}

/// Three tasks, of which one must not be first.
async fn a_race(world: World) {
    let seen = std::rc::Rc::new(std::cell::Cell::new(0));
    let (first, second) = (seen.clone(), seen.clone());
    let writer = spawn(async move { first.set(1) });
    let reader = spawn(async move { assert_eq!(second.get(), 1, "read before it was written") });
    for _ in 0..40 {
        sleep(Duration::from_millis(1)).await;
        yield_now().await;
    }
    world.note("looks at them");
    writer.await.unwrap();
    reader.await.unwrap();
}

fn pick(decision: u32, choice: u8) -> Schedule {
    Schedule { picks: [(decision, choice)].into(), mode: Mode::Chaos, ..Schedule::default() }
}

#[test]
fn a_quiescent_run_says_who_waits_for_what() {
    let report = Sim::new(Schedule::default()).without("lost-wakeup").run(a_writer_that_goes);
    is_golden("quiescent", &report.to_string());
}

#[test]
fn the_whole_timeline_goes_on_after_the_end_that_a_report_shows() {
    let report = Sim::new(Schedule::default()).run(a_writer_that_goes);
    let (short, whole) = (report.to_string(), format!("{report:#}"));
    assert!(!short.contains("the loop was closed"), "{short}");
    assert!(whole.contains("the loop was closed"), "{whole}");
    assert!(report.timeline.to_string().contains("the loop was closed"));
}

#[test]
fn a_long_run_is_cut_around_its_failure_and_its_choices() {
    let mut report = Sim::new(pick(0, 1)).run(a_race);
    report.fifo = Some(Verdict::Pass);
    is_golden("panicked", &report.to_string());
}

#[test]
fn what_is_left_out_is_in_the_whole_timeline() {
    let report = Sim::new(pick(0, 1)).run(a_race);
    let (cut, whole) = (report.to_string(), format!("{report:#}"));
    let left_out = cut.lines().find(|line| line.contains("lines left out")).expect("it is long");
    let count: usize = left_out.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert_eq!(whole.lines().count(), cut.lines().count() - 1 + count);
    assert!(!whole.contains("left out"));
}

/// Does not like notes.
struct NoNotes;

impl Oracle for NoNotes {
    fn name(&self) -> &'static str {
        "no-notes"
    }
    fn on(&mut self, entry: &Entry) -> Result<(), String> {
        match &entry.step {
            Step::Kernel(Act::Note(text)) => Err(format!("somebody noted {text:?}")),
            _ => Ok(()),
        }
    }
}

#[test]
fn a_violation_is_marked_where_it_was_noticed() {
    let report = Sim::new(Schedule::default()).oracle(NoNotes).run(|world| async move {
        sleep(Duration::from_micros(1500)).await;
        world.note("one");
        world.note("two");
    });
    is_golden("violation", &report.to_string());
}

#[test]
fn the_same_run_is_told_in_the_same_words() {
    let tell = || format!("{:#}", Sim::new(pick(0, 1)).run(a_race));
    assert_eq!(tell(), tell());
}

#[test]
fn a_program_without_end_is_cut_before_the_limit_it_hits() {
    let sim = Sim::new(Schedule::default());
    let report = sim.limits(Limits { turns: 500, ..Limits::default() }).run(|_| async {
        loop {
            yield_now().await;
        }
    });
    let text = report.to_string();
    assert!(text.starts_with("limit: turns in turn 5"), "{text}");
    assert!(text.lines().count() < 80, "{text}");
    assert!(
        text.ends_with("▲ limit: turns: it went beyond the limit of turns (Limits::turns)\n"),
        "{text}"
    );
}

#[test]
fn a_run_in_which_nothing_is_wrong_says_so() {
    let report = Sim::new(Schedule::default()).run(|_| async { 7 });
    assert_eq!(report.verdict(), Verdict::Pass);
    assert!(report.to_string().starts_with("done in turn 1 at 0 ms, and nothing is wrong\n"));
}

/// A wait in which the kernel does something, and its turn.
fn turn_with(acts: Vec<Act>) -> Timeline {
    let timeout = None;
    let mut steps = vec![
        Step::Loop(Record::Turn { turn: 1 }),
        Step::Loop(Record::Poll { timeout, why: WaitReason::Forever }),
    ];
    steps.extend(acts.into_iter().map(Step::Kernel));
    steps.push(Step::Loop(Record::Polled { events: 1, waited: Duration::from_millis(3) }));
    steps.push(Step::Loop(Record::TurnEnded));
    let at = Time::from_nanos(3_000_000);
    Timeline(steps.into_iter().map(|step| Entry { at, turn: 1, step }).collect())
}

#[test]
fn what_the_kernel_does_in_a_wait_stands_below_the_turn_that_waits() {
    let picked = Act::Picked { decision: 4, what: Choice::Event, among: 3, chosen: 2 };
    let eintr = Act::Fault { site: Site::Select, nth: 2, fault: Fault::Eintr };
    let told = turn_with(vec![Act::Thread, Act::Rung, picked, eintr]).to_string();
    let expected = "\
3 ms  ! the loop sleeps with no timer armed and no descriptor watched, 0 tasks pending: only \
another thread or a signal can wake it
      turn 1  waited 3 ms until 1 event came; there was no limit, for no timer was armed
        another thread did something
        the loop's bell was rung
        event 3 of 3 was told next                                            ◄ schedule: pick 4:2
        a signal ended the wait                                               ◄ schedule: select#2 eintr
";
    assert_eq!(told, expected);
}

#[test]
fn what_the_loop_tells_as_well_is_told_once_and_before_what_came_of_it() {
    let report = Sim::new(Schedule::default()).run(|_| async {
        let echo = |_: crate::StreamReader, _: crate::StreamWriter| async {};
        let _server = crate::start_server(echo, ("127.0.0.1", 7)).await.unwrap();
        let (_reader, mut writer) = crate::open_connection(("127.0.0.1", 7)).await.unwrap();
        writer.write(b"abc").unwrap();
    });
    let text = report.to_string();
    let place = |line: &str| {
        assert_eq!(text.matches(line).count(), 1, "{line:?} in:\n{text}");
        text.find(line)
    };
    assert!(place("closed fd 102\n") < place("end of file came to fd 101"), "{text}");
    assert!(place("sent 3 ") < place("a reset came to fd 101"), "{text}");
}

#[test]
fn a_leap_is_told_as_long_as_it_was() {
    let day = Duration::from_secs(24 * 3600);
    let leaps =
        Schedule { faults: [((Site::Select, 0), Fault::Jump(day))].into(), ..Schedule::default() };
    let report = Sim::new(leaps).run(|_| async {});
    assert!(report.to_string().contains("the clock leapt by 3600000 ms"), "{report}");
}

#[test]
fn a_schedule_without_picks_and_faults_is_the_fifo_run_in_chaos_too() {
    let chaos = Schedule { mode: Mode::Chaos, ..Schedule::default() };
    let text = Sim::new(chaos).run(|_| std::future::pending::<()>()).to_string();
    assert!(text.contains("fifo      this is that run"), "{text}");
}

#[test]
fn a_number_that_comes_again_is_told_of() {
    let open = |birth| Act::Opened { fd: 4, birth, kind: "a socket" };
    let closed = |birth| Act::Closed { fd: 4, birth };
    let told = turn_with(vec![open(0), closed(Some(0)), open(1), closed(None)]).to_string();
    for line in [
        "opened fd 4: a socket\n",
        "a socket; the number was used before\n",
        "which was not open\n",
    ] {
        assert!(told.contains(line), "{line:?} is missing in:\n{told}");
    }
}

#[test]
fn whatever_the_schedule_did_is_called_as_its_text_calls_it() {
    let second = Duration::from_secs(1);
    let faults = [
        (Site::Select, Fault::Eintr),
        (Site::Select, Fault::Spurious(3)),
        (Site::Select, Fault::Withhold(second)),
        (Site::Select, Fault::OneEvent),
        (Site::Select, Fault::Reverse),
        (Site::Select, Fault::MergeHup),
        (Site::Select, Fault::Stale),
        (Site::Select, Fault::NotifyRace),
        (Site::Select, Fault::Jump(second)),
        (Site::Recv, Fault::Short(1)),
        (Site::Send, Fault::Again),
        (Site::Connect, Fault::Reset),
        (Site::Accept, Fault::Emfile),
        (Site::Accept, Fault::Aborted),
    ];
    for (site, fault) in faults {
        let schedule = Schedule { faults: [((site, 5), fault)].into(), ..Schedule::default() };
        let told = turn_with(vec![Act::Fault { site, nth: 5, fault }]).to_string();
        let text = schedule.to_string();
        let mark = text.strip_prefix("legal; ").expect("a schedule's text begins with its mode");
        assert!(told.ends_with(&format!("◄ schedule: {mark}\n")), "{mark}:\n{told}");
    }
}

#[test]
fn several_violations_are_told_with_the_first_of_them_as_the_headline() {
    let violation = |oracle, what: &str| Violation {
        oracle,
        entry: 1,
        turn: 1,
        at: Time::from_nanos(3_000_000),
        what: what.into(),
    };
    let report = Report::<()> {
        outcome: Outcome::Quiescent,
        panicked_at: None,
        violations: vec![violation("timers", "early"), violation("fifo", "late")],
        timeline: turn_with(Vec::new()),
        schedule: Schedule::default(),
        decisions: 1,
        among: vec![2],
        fifo: None,
    };
    let text = report.to_string();
    assert_eq!(report.verdict(), Verdict::Oracle("timers"));
    assert!(
        text.starts_with(
            "timers in turn 1 at 3 ms\n  early\n  also fifo, in turn 1 at 3 ms: late\n"
        ),
        "{text}"
    );
    assert!(text.contains("▲ timers: early\n") && text.contains("▲ fifo: late\n"), "{text}");
}
