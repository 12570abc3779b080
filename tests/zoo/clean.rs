//! The loop as it is passes.

use std::process::ExitCode;
use std::time::Instant;

use evloop::testing::{Prove, prove};

use crate::case::Case;

/// What cases are drawn from: another number, other cases.
const SEED: u64 = 11;

/// Runs so many cases; all must pass.
pub fn soak(cases: u64) -> ExitCode {
    let began = Instant::now();
    let all = Prove { cases, seed: SEED, ..Prove::default() };
    match prove(&all, Case::draw, Case::run) {
        Ok(proved) => {
            let rate = proved.cases as f64 / began.elapsed().as_secs_f64();
            println!("{} cases passed, {rate:.0} a second", proved.cases);
            ExitCode::SUCCESS
        }
        Err(found) => {
            println!("{found}");
            ExitCode::FAILURE
        }
    }
}
