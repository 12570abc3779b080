//! Planted bugs, and what the kit makes of them.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestError, TestRng, TestRunner};

use super::*;
use crate::testing::panics::is_quiet;
use crate::testing::{
    Entry, Limits, Mode, Oracle, Outcome, Report, Schedule, ScheduleParams, Sim, World, schedule,
    schedule_with,
};
use crate::{spawn, yield_now};

const CHAOS: Schedule = Schedule {
    picks: std::collections::BTreeMap::new(),
    faults: std::collections::BTreeMap::new(),
    mode: Mode::Chaos,
};

/// A lock with a lost wake-up: who finds it taken looks again a turn later, whether it still has
/// to wait, and there forgets to look.
#[derive(Clone, Default)]
struct Lock(Rc<RefCell<(bool, Vec<Waker>)>>);

impl Lock {
    async fn lock(&self) {
        while std::mem::replace(&mut self.0.borrow_mut().0, true) {
            yield_now().await;
            let mut registered = false;
            poll_fn(|cx| {
                if std::mem::replace(&mut registered, true) {
                    return Poll::Ready(());
                }
                self.0.borrow_mut().1.push(cx.waker().clone());
                Poll::Pending
            })
            .await;
        }
    }

    fn unlock(&self) {
        let (taken, waiting) = &mut *self.0.borrow_mut();
        *taken = false;
        waiting.drain(..).for_each(Waker::wake);
    }
}

/// Holds the lock for `held` turns, while another task wants it.
async fn two_want_the_lock(held: usize) {
    let lock = Lock::default();
    lock.lock().await;
    let other = lock.clone();
    let other = spawn(async move { other.lock().await });
    for _ in 0..held {
        yield_now().await;
    }
    lock.unlock();
    other.await.unwrap();
}

/// Two tasks that add one to the same number: they read it, wait a turn, and write. They keep out
/// of each other's way by coming a turn apart, as long as the first is the first.
async fn two_add(between: usize) -> u32 {
    let count = Rc::new(Cell::new(0));
    let add = |after: usize| {
        let count = count.clone();
        spawn(async move {
            for _ in 0..after {
                yield_now().await;
            }
            let read = count.get();
            yield_now().await;
            count.set(read + 1);
        })
    };
    let (first, second) = (add(0), add(between));
    first.await.unwrap();
    second.await.unwrap();
    count.get()
}

fn runner(seed: u8) -> TestRunner {
    let config = Config {
        cases: 2000,
        max_shrink_iters: 20_000,
        failure_persistence: None,
        ..Config::default()
    };
    let rng = TestRng::from_seed(Default::default(), &[seed; 32]);
    TestRunner::new_with_rng(config, rng)
}

fn chaos() -> impl Strategy<Value = Schedule> {
    schedule_with(ScheduleParams::chaos())
}

/// What proptest makes of a property that does not hold: the message and the case.
fn falsified<S: Strategy>(
    seed: u8,
    strategy: S,
    property: impl Fn(S::Value) -> Result<(), TestCaseError>,
) -> (String, S::Value) {
    match runner(seed).run(&strategy, property) {
        Err(TestError::Fail(why, case)) => (why.to_string(), case),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_update_that_is_lost_shrinks_to_one_pick_and_the_line_replays() {
    for seed in 0..10 {
        let (why, (between, schedule)) =
            falsified(seed, (1..9_usize, chaos()), |(between, schedule)| {
                check(schedule, move |_| async move { assert_eq!(two_add(between).await, 2) })
            });
        assert_eq!((between, schedule.to_string().as_str()), (1, "chaos; pick 0:1"), "{why}");
        assert!(why.contains("without picks and faults it passes"), "{why}");
        assert!(why.contains("testing::replay(\"chaos; pick 0:1\""), "{why}");
        let report = replay("chaos; pick 0:1", |_| two_add(1)).unwrap();
        assert!(matches!(report.outcome, Outcome::Done(1)));
    }
}

#[test]
fn a_wake_up_that_is_lost_shrinks_to_one_pick_and_is_called_a_deadlock() {
    for seed in 0..10 {
        let (why, schedule) =
            falsified(seed, chaos(), |schedule| check(schedule, |_| two_want_the_lock(2)));
        assert_eq!(schedule.to_string(), "chaos; pick 0:1");
        assert!(why.starts_with("deadlock"), "{why}");
        assert!(why.contains("without picks and faults it passes"), "{why}");
    }
}

#[test]
fn legal_schedules_leave_the_ready_queue_as_documented() {
    let passes = runner(0).run(&schedule(), |schedule| check(schedule, |_| two_want_the_lock(2)));
    assert!(passes.is_ok());
}

/// Fails of a deadlock if `number` is large, and else of a panic; but only if the order changes.
async fn fails_in_two_ways(number: u32) {
    let first = Rc::new(Cell::new(0));
    let note = |who| {
        let first = first.clone();
        spawn(async move { first.set(if first.get() == 0 { who } else { first.get() }) })
    };
    let (one, two) = (note(1), note(2));
    one.await.unwrap();
    two.await.unwrap();
    match (first.get(), number) {
        (1, _) => {}
        (_, 50..) => std::future::pending().await,
        _ => panic!("the order is wrong"),
    }
}

#[test]
fn shrinking_does_not_slip_to_another_failure() {
    let mut verdicts = Vec::new();
    for seed in 0..20 {
        let first = RefCell::new(None);
        let (why, (number, schedule)) =
            falsified(seed, (0..100_u32, chaos()), |(number, schedule)| {
                let report = Sim::new(schedule.clone()).run(|_| fails_in_two_ways(number));
                if report.verdict() != Verdict::Pass {
                    first.borrow_mut().get_or_insert(report.verdict());
                }
                check(schedule, move |_| fails_in_two_ways(number))
            });
        let first = first.take().unwrap();
        assert!(why.starts_with(&first.to_string()), "began with {first}, ended with {why}");
        let least = if first == Verdict::Deadlock { 50 } else { 0 };
        assert_eq!((number, schedule.to_string().as_str()), (least, "chaos; pick 0:1"));
        verdicts.push(first);
    }
    assert!(verdicts.contains(&Verdict::Deadlock) && verdicts.contains(&Verdict::Panic));
}

#[test]
fn shrinking_does_not_slip_from_one_check_of_a_test_to_another() {
    for seed in 0..10 {
        let first = RefCell::new(None);
        let (_, (number, _)) = falsified(seed, (0..100_u32, chaos()), |(number, schedule)| {
            let small = check(schedule.clone(), move |_| async move { assert!(number >= 50) });
            let large = check(schedule, move |_| async move { assert!(number < 50) });
            first.borrow_mut().get_or_insert(number);
            small.and(large)
        });
        let least = if first.take().unwrap() < 50 { 0 } else { 50 };
        assert_eq!(number, least);
    }
}

#[test]
fn of_schedules_that_no_tree_gave_every_failure_is_a_failure() {
    let check = |main: fn() -> bool| {
        let main = move |_: World| async move {
            match main() {
                true => std::future::pending().await,
                false => panic!("on purpose"),
            }
        };
        check(Schedule::default(), main)
    };
    // A tree whose case failed here of a deadlock, is gone.
    falsified(0, schedule_with(ScheduleParams { decisions: 0..0, ..no_faults() }), |_| {
        check(|| true)
    });
    for main in [|| true, || false, || true] {
        let result: Result<(), _> = check(main);
        assert!(matches!(result, Err(TestCaseError::Fail(_))), "{result:?}");
    }
}

#[test]
fn runs_that_shrink_panic_in_silence_and_the_first_that_fails_does_not() {
    let silent = Rc::new(RefCell::new(Vec::new()));
    let (why, _) = falsified(0, chaos_alone(), |(schedule,)| {
        let silent = silent.clone();
        check(schedule, move |_| async move {
            silent.borrow_mut().push(is_quiet());
            panic!("on purpose")
        })
    });
    let silent = silent.borrow();
    assert!(!silent[0] && silent.len() > 2 && silent[1..].iter().all(|silent| *silent));
    assert!(why.contains("it panicked at src/testing/run/tests.rs:"), "{why}");
    assert!(!is_quiet());
}

fn chaos_alone() -> impl Strategy<Value = (Schedule,)> {
    (schedule_with(ScheduleParams { mode: Mode::Chaos, ..ScheduleParams::default() }),)
}

fn no_faults() -> ScheduleParams {
    ScheduleParams { kinds: &[], ..ScheduleParams::default() }
}

#[test]
fn a_main_task_is_said_to_be_spawned_where_the_test_asked_for_the_run() {
    let explored = explore(1, 10, |_| std::future::pending::<()>()).unwrap_err().to_string();
    let cut = crate::testing::cut_each_await(&Schedule::default(), |_, _| async { panic!("x") });
    let cut = cut.unwrap_err().report.expect("a simulation's").to_string();
    for text in [explored, cut] {
        assert!(text.contains("spawned task#1 at src/testing/run/tests.rs:"), "{text}");
    }
}

#[test]
fn a_check_that_is_meant_to_fail_does_not_hide_one_that_fails_after_it() {
    let (why, number) = falsified(0, (0..100_u32, chaos()), |(number, schedule)| {
        let hangs = check(schedule.clone(), |_| std::future::pending::<()>());
        prop_assert!(hangs.is_err());
        check(schedule, move |_| async move { assert!(number < 10, "too large") })
    });
    assert_eq!((number.0, number.1.to_string().as_str()), (10, "chaos"), "{why}");
    assert!(why.contains("too large") && why.contains("this is that run"), "{why}");
}

#[test]
fn a_check_has_the_limits_and_the_oracles_of_its_simulation() {
    struct Never;
    impl Oracle for Never {
        fn name(&self) -> &'static str {
            "never"
        }
        fn on(&mut self, _: &Entry) -> Result<(), String> {
            Err("something happened".into())
        }
    }
    let yields = |_| async {
        for _ in 0..200 {
            yield_now().await;
        }
    };
    let text = |sim: Sim| sim.check(yields).unwrap_err().to_string();
    let limits = Limits { turns: 1, ..Limits::default() };
    let text_of_limit = text(Sim::new(CHAOS).limits(limits));
    assert!(text_of_limit.contains("limit: turns"), "{text_of_limit}");
    let text_of_oracle = text(Sim::new(CHAOS).oracle(Never));
    assert!(text_of_oracle.contains("never"), "{text_of_oracle}");
    assert!(Sim::new(CHAOS).oracle(Never).without("never").check(yields).is_ok());
}

#[test]
fn an_oracle_that_complains_during_the_run_gives_the_verdict_and_a_panic_comes_before_the_end() {
    /// Complains of the last entry, or of the first.
    struct Complains(bool);
    impl Oracle for Complains {
        fn name(&self) -> &'static str {
            "complains"
        }
        fn on(&mut self, _: &Entry) -> Result<(), String> {
            if self.0 { Err("at once".into()) } else { Ok(()) }
        }
        fn at_end(&mut self, _: &Outcome<()>) -> Result<(), String> {
            Err("at the end".into())
        }
    }
    let verdict = |at_once, panics: bool| {
        let sim = Sim::new(CHAOS).oracle(Complains(at_once));
        let report: Report<()> = sim.run(|_| async move { assert!(!panics) });
        report.verdict()
    };
    assert_eq!(verdict(true, true), Verdict::Oracle("complains"));
    assert_eq!(verdict(false, true), Verdict::Panic);
    assert_eq!(verdict(false, false), Verdict::Oracle("complains"));
}

#[test]
fn exploring_finds_the_least_schedule_and_says_whether_it_tried_all() {
    let report =
        explore_from(&CHAOS, 2, 1000, |schedule| Sim::new(schedule).run(|_| two_want_the_lock(2)));
    let report = report.err().unwrap();
    assert_eq!(report.schedule.to_string(), "chaos; pick 0:1");
    assert_eq!(report.verdict(), Verdict::Deadlock);
    // Held until the other waits for sure, the lock is right.
    let all = |max| {
        explore_from(&CHAOS, 9, max, |schedule| Sim::new(schedule).run(|_| two_want_the_lock(9)))
    };
    let Ok(explored) = all(100_000) else { panic!("a run failed") };
    assert!(explored.complete, "{explored:?}");
    let Ok(fewer) = all(explored.runs - 1) else { panic!("a run failed") };
    assert_eq!(fewer, Explored { runs: explored.runs - 1, complete: false });
    assert!(matches!(all(0), Ok(Explored { runs: 0, complete: false })));
    assert!(matches!(
        explore(2, 100, |_| two_want_the_lock(2)),
        Ok(Explored { runs: 1, complete: true })
    ));
}

#[test]
fn a_line_that_is_no_schedule_is_refused_before_anything_runs() {
    let error = replay("chaos; pik 0:1", |_| async { panic!("it ran") }).err().unwrap();
    assert!(error.to_string().contains("`pik 0:1`"), "{error}");
}

/// A program of two tasks: each step says whether the second waits a turn, or the first does.
async fn two_tasks(program: Vec<bool>) -> u32 {
    let count = Rc::new(Cell::new(0));
    let task = |mine: bool| {
        let (count, program) = (count.clone(), program.clone());
        spawn(async move {
            for step in program {
                if step == mine {
                    yield_now().await;
                }
            }
            let read = count.get();
            yield_now().await;
            count.set(read + 1);
        })
    };
    let (first, second) = (task(true), task(false));
    first.await.unwrap();
    second.await.unwrap();
    count.get()
}

#[test]
fn a_proof_finds_the_lost_update_and_shrinks_program_and_schedule_to_the_least() {
    for seed in 0..10 {
        let schedules = ScheduleParams::chaos();
        let how = Prove { seed, schedules, ..Prove::default() };
        // Without a wait between them the update is lost in every order; that is known.
        let draw = |rng: &mut crate::testing::Rng| {
            let steps = 1 + rng.below(9);
            (0..steps).map(|_| rng.chance(30)).collect::<Vec<bool>>()
        };
        let found = prove(&how, draw, |program, schedule| {
            let program = program.clone();
            let waits = |mine| program.iter().filter(|step| **step == mine).count();
            let apart = waits(false) > waits(true);
            Sim::new(schedule).run(move |_| async move {
                let count = two_tasks(program).await;
                assert!(!apart || count == 2, "an update is lost");
            })
        });
        let found = found.unwrap_err();
        assert_eq!(found.program, [false], "{found}");
        assert_eq!(found.schedule.to_string(), "chaos; pick 0:1", "{found}");
        assert_eq!((found.verdict, found.fifo), (Verdict::Panic, Verdict::Pass));
        let text = found.to_string();
        assert!(text.contains("an update is lost") && text.contains("it passes"), "{text}");
    }
}

#[test]
fn a_proof_does_not_slip_to_another_failure() {
    for seed in 0..50 {
        let how = Prove { seed, ..Prove::default() };
        let draw = |rng: &mut crate::testing::Rng| vec![(); rng.below(10) as usize];
        let found = prove(&how, draw, |program, _| match program.len() {
            0..3 => Verdict::Oracle("few"),
            _ => Verdict::Oracle("many"),
        });
        let found = found.unwrap_err();
        let least = if found.verdict == Verdict::Oracle("few") { 0 } else { 3 };
        assert_eq!(found.program.len(), least);
        assert_eq!(found.case, 0);
    }
}

#[test]
fn a_step_that_shifts_the_decisions_after_it_is_taken_out_with_them() {
    // The pick that fails the program has the number of its steps: no step goes without the pick.
    let fails = |program: &Vec<()>, schedule: &Schedule| {
        let picked = schedule.picks.get(&(program.len() as u32)).is_some_and(|choice| *choice != 0);
        if picked && !program.is_empty() { Verdict::Panic } else { Verdict::Pass }
    };
    struct Ran(Verdict);
    impl Judged for Ran {
        fn verdict(&self) -> Verdict {
            self.0
        }
        fn among(&self) -> Option<&[u8]> {
            Some(&[2; 20])
        }
        fn text(self, _: Option<Verdict>) -> String {
            String::new()
        }
    }
    let draw = |rng: &mut crate::testing::Rng| vec![(); rng.below(10) as usize];
    let run = |program: &Vec<()>, schedule: Schedule| Ran(fails(program, &schedule));
    let found = prove(&Prove::default(), draw, run).unwrap_err();
    assert_eq!((found.program.len(), found.schedule.to_string().as_str()), (1, "legal; pick 1:1"));
}

#[test]
fn the_same_seed_proves_the_same_cases() {
    let drawn = |seed| {
        let mut drawn = Vec::new();
        let how = Prove { seed, cases: 50, ..Prove::default() };
        let proved = prove(
            &how,
            |rng| vec![(); rng.below(10) as usize],
            |program, schedule| {
                drawn.push((program.len(), schedule));
                Verdict::Pass
            },
        );
        assert_eq!(proved.unwrap().cases, 50);
        drawn
    };
    assert_eq!(drawn(1), drawn(1));
    assert_ne!(drawn(1), drawn(2));
}

#[test]
fn the_smaller_lists_are_all_shorter_and_any_two_steps_are_left_out() {
    let list: Vec<u8> = (0..7).collect();
    let shorter: Vec<_> = list.shrinks().collect();
    assert!(shorter.iter().all(|shorter| shorter.len() < list.len()));
    assert!(shorter[0].is_empty());
    for (one, two) in (0..7).flat_map(|one| (one..7).map(move |two| (one, two))) {
        let without = list.iter().copied().filter(|step| *step != one && *step != two);
        let without: Vec<u8> = without.collect();
        assert!(shorter.contains(&without), "without {one} and {two}");
    }
    assert_eq!(Vec::<u8>::new().shrinks().count(), 0);
}

/// Sends `message` and gives what a server took for it; one that is `hasty` takes what it reads
/// first for all there is.
async fn told(message: Vec<u8>, hasty: bool) -> Vec<u8> {
    let server: std::net::SocketAddr = "10.0.0.2:80".parse().unwrap();
    let got = Rc::new(RefCell::new(None));
    let kept = got.clone();
    let handler = move |mut reader: crate::StreamReader, mut writer: crate::StreamWriter| {
        let kept = kept.clone();
        async move {
            let read = match hasty {
                true => reader.read(1000).await.unwrap(),
                false => reader.read_to_end().await.unwrap(),
            };
            kept.replace(Some(read));
            writer.close();
            drop(writer.wait_closed().await);
        }
    };
    let _server = crate::start_server(handler, server).await.unwrap();
    let (mut reader, mut writer) = crate::open_connection(server).await.unwrap();
    writer.write(&message).unwrap();
    writer.write_eof();
    drop(reader.read_to_end().await);
    got.take().unwrap_or_default()
}

fn prove_telling(hasty: bool, cases: u64) -> Result<Proved, Box<Found<Vec<u8>>>> {
    let how = Prove { cases, ..Prove::default() };
    let draw = |rng: &mut crate::testing::Rng| {
        (0..rng.below(20)).map(|_| rng.bits() as u8).collect::<Vec<u8>>()
    };
    prove(&how, draw, |message, schedule| {
        let message = message.clone();
        Sim::new(schedule).run(move |_| async move {
            assert_eq!(told(message.clone(), hasty).await, message, "not the message");
        })
    })
}

#[test]
fn a_server_that_takes_one_read_for_a_message_shrinks_to_one_short_receive() {
    let found = prove_telling(true, 10_000).unwrap_err();
    assert_eq!((found.verdict, found.fifo), (Verdict::Panic, Verdict::Pass), "{found}");
    assert_eq!(found.program.len(), 2, "{found}");
    let schedule = found.schedule.to_string();
    assert!(schedule.starts_with("legal; ") && schedule.ends_with(" short=1"), "{found}");
    assert_eq!(found.schedule.faults.len(), 1);
}

#[test]
fn a_server_that_reads_to_the_end_gets_the_message_on_every_legal_schedule() {
    let proved = prove_telling(false, 1_000);
    assert_eq!(proved.unwrap().cases, 1_000);
}
