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
    fn p2_a_loop_with_a_policy_does_what_the_model_does_that_follows_its_picks(
        setup in setup(), picks in vec(any::<u8>(), 0..20), program in ops(0..60)
    ) {
        let real = RealLoop::simulated(&Setup { picks: Some(picks), ..setup }).expect("a loop");
        agrees("simulation", real, &program)?;
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
