//! The ordinary loop does what the model says, on everything it can stand on.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::selector::{BACKENDS, Selector};

/// Loops on every backend that this platform's tests have, and in simulation.
fn subjects(setup: &Setup) -> Vec<(&'static str, RealLoop)> {
    let on_sockets = |&(name, open): &(_, fn() -> Box<dyn Selector>)| {
        (name, RealLoop::on_sockets(setup, open()).expect("a loop on sockets"))
    };
    let simulated = RealLoop::simulated(setup).expect("a simulated loop");
    BACKENDS.iter().map(on_sockets).chain([("simulation", simulated)]).collect()
}

/// So many cases, or as many as `PROPTEST_CASES` says.
fn cases(usual: u32) -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig::with_cases(asked.unwrap_or(usual))
}

fn agrees(name: &str, mut real: RealLoop, program: &Program) -> Result<(), TestCaseError> {
    compare(program, &mut real).map_err(|wrong| TestCaseError::fail(format!("{name} {wrong}")))
}

fn agrees_everywhere(setup: &Setup, program: &Program) -> Result<(), TestCaseError> {
    subjects(setup).into_iter().try_for_each(|(name, real)| agrees(name, real, program))
}

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn p1_a_loop_does_what_the_model_does(setup in setup(), program in ops(0..60)) {
        let real = RealLoop::simulated(&setup).expect("a loop");
        agrees("simulation", real, &program)?;
    }

    #[test]
    fn a_loop_does_what_the_model_does_on_a_program_of_any_bytes(bytes in vec(any::<u8>(), 0..200)) {
        let (setup, program) = decode(&bytes);
        agrees("simulation", RealLoop::simulated(&setup).expect("a loop"), &program)?;
    }

    #[test]
    fn p2_a_loop_with_a_policy_does_what_the_model_does_that_follows_its_picks(
        setup in setup(), picks in vec(any::<u8>(), 0..20), program in ops(0..60)
    ) {
        let real = RealLoop::simulated(&Setup { picks: Some(picks), ..setup }).expect("a loop");
        agrees("simulation", real, &program)?;
    }
}

#[cfg(feature = "testing")]
proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn p1_a_loop_on_the_simulated_kernel_does_what_the_model_does(
        setup in setup(), program in ops(0..60)
    ) {
        let real = RealLoop::on_a_simulated_kernel(&setup).expect("a loop");
        agrees("the simulated kernel", real, &program)?;
    }
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn p1_a_loop_on_every_selector_does_what_the_model_does(
        setup in setup(), program in ops(0..40)
    ) {
        agrees_everywhere(&setup, &program)?;
    }
}

/// What the model sees, operation by operation.
fn seen(program: &str) -> Vec<Vec<Seen>> {
    let program: Program = program.parse().expect("a program");
    let mut model = ModelLoop::new(&Setup { watched: true, ..Setup::default() });
    program.0.iter().map(|op| model.apply(op)).collect()
}

fn ran(seen: &[Seen]) -> Vec<Id> {
    let names = seen.iter().filter_map(|seen| match seen {
        Seen::Ran(id, _) => Some(*id),
        _ => None,
    });
    names.collect()
}

#[test]
fn the_model_collects_calls_of_threads_then_events_then_timers_after_what_was_ready() {
    let program = "call_later 3 0ns; add_writer fd1 2; feed fd0; add_reader fd0 1; call_soon 0; \
                   remote_call 4; turn";
    assert_eq!(ran(seen(program).last().expect("a turn")), [0, 4, 1, 2, 3]);
}

#[test]
fn the_model_runs_in_a_turn_what_was_ready_when_it_began() {
    let seen = seen("when 0 call_soon 1; call_soon 0; turn; turn");
    assert_eq!((ran(&seen[2]), ran(&seen[3])), (vec![0], vec![1]));
}

#[test]
fn the_model_asks_for_the_time_until_the_first_timer_that_is_armed_and_moves_by_it() {
    let timeout = Seen::Timeout(Some(Duration::from_millis(2)));
    let now = Time::ZERO + Duration::from_millis(2);
    assert_eq!(
        seen("call_later 0 1ms; call_later 1 2ms; cancel 0; turn")[3],
        [timeout, Seen::Ran(1, now), Seen::Returned, Seen::Alive(0)]
    );
}

#[test]
fn the_model_does_one_turn_without_a_wait_if_it_is_stopped_before_a_run() {
    let none = Seen::Timeout(Some(Duration::ZERO));
    assert_eq!(
        seen("stop; run_forever; run_forever")[1..],
        [
            vec![none, Seen::Returned, Seen::Alive(0)],
            vec![Seen::Timeout(None), Seen::Refused(Refusal::Quiescent), Seen::Alive(0)],
        ]
    );
}

#[test]
fn the_model_polls_again_after_64_handles_and_at_the_first_look_after_50_microseconds() {
    let skips = |program: &str| {
        let seen = seen(program).pop().expect("a run");
        let polls = seen.iter().skip_while(|seen| **seen != Seen::PollSkipped);
        polls
            .take_while(|seen| !matches!(seen, Seen::Timeout(_)))
            .filter(|seen| **seen == Seen::PollSkipped)
            .count()
    };
    let chain = "when 0 call_soon 0; call_soon 0; run_forever";
    assert_eq!(skips(chain), 63);
    assert_eq!(skips(&format!("when 0 advance 50us; {chain}")), 7);
    assert_eq!(skips(&format!("when 0 advance 49us; {chain}")), 7);
    assert_eq!(skips(&format!("when 0 advance 6us; {chain}")), 15);
}
