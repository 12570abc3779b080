//! How many cases of a property the test kit runs in a second, and what of that is drawing them.
//!
//! `cargo run --release --no-default-features --features kit --bin bench-kit`; `RIG_SCALE`
//! multiplies the number of cases.

use std::hint::black_box;
use std::time::Instant;

use evloop::testing::{self, Prove, Rng, Schedule, ScheduleParams, Sim, schedule_with};
use proptest::collection::vec;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, TestRunner};

fn cases() -> u64 {
    let scale = std::env::var("RIG_SCALE").ok().and_then(|scale| scale.parse::<f64>().ok());
    (50_000.0 * scale.unwrap_or(1.0)) as u64
}

/// A step of a program.
#[derive(Clone, Copy, Debug)]
enum Step {
    Yield,
    Sleep(u8),
    Spawn,
}

fn step(number: u64) -> Step {
    match number % 3 {
        0 => Step::Yield,
        1 => Step::Sleep(number as u8),
        _ => Step::Spawn,
    }
}

async fn program(steps: Vec<Step>) {
    let mut tasks = Vec::new();
    for step in steps {
        match step {
            Step::Yield => evloop::yield_now().await,
            Step::Sleep(ms) => evloop::sleep(std::time::Duration::from_millis(ms.into())).await,
            Step::Spawn => tasks.push(evloop::spawn(evloop::yield_now())),
        }
    }
    for task in tasks {
        let _ = task.await;
    }
}

fn report(what: &str, cases: u64, began: Instant) {
    let took = began.elapsed();
    println!("{what:<58} {:>10.0}/s", cases as f64 / took.as_secs_f64());
}

fn draw(params: &ScheduleParams) {
    let began = Instant::now();
    for case in 0..cases() * 10 {
        black_box(params.draw(&mut Rng::of_case(1, case)));
    }
    report("schedules drawn", cases() * 10, began);
    let mut runner = runner();
    let strategy = schedule_with(params.clone());
    let began = Instant::now();
    for _ in 0..cases() {
        black_box(strategy.new_tree(&mut runner).map(|tree| tree.current()).is_ok());
    }
    report("schedules drawn by proptest", cases(), began);
}

fn runner() -> TestRunner {
    let failure_persistence = None;
    TestRunner::new(Config { cases: cases() as u32, failure_persistence, ..Config::default() })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    vec((0..256_u64).prop_map(step), 0..11)
}

fn run(schedules: &ScheduleParams) {
    let began = Instant::now();
    for _ in 0..cases() {
        black_box(Sim::new(Schedule::default()).run(|_| async {}));
    }
    report("simulations of a program that does nothing", cases(), began);
    let how = Prove { cases: cases(), schedules: schedules.clone(), ..Prove::default() };
    let began = Instant::now();
    let proved = testing::prove(
        &how,
        |rng| (0..rng.below(11)).map(|_| step(rng.bits())).collect::<Vec<_>>(),
        |steps, schedule| {
            let steps = steps.clone();
            Sim::new(schedule).run(|_| program(steps))
        },
    );
    proved.unwrap_or_else(|found| panic!("{found}"));
    report("cases proved, of at most 10 steps", cases(), began);
    let began = Instant::now();
    let strategy = (steps(), schedule_with(schedules.clone()));
    let checked = runner()
        .run(&strategy, |(steps, schedule)| testing::check(schedule, move |_| program(steps)));
    checked.unwrap_or_else(|error| panic!("{error}"));
    report("the same by proptest and check", cases(), began);
}

fn main() {
    for (mode, params) in [("legal", ScheduleParams::default()), ("chaos", ScheduleParams::chaos())]
    {
        println!("{mode}");
        draw(&params);
        run(&params);
    }
}
