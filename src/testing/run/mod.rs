//! Running: one schedule that has to pass, all with few picks, or very many cases.

mod case;
mod check;
mod explore;
mod prove;
mod regressions;
mod shrinking;
mod verdict;

pub use case::{Judged, Program};
pub use check::{check, replay};
pub use explore::{Explored, explore, explore_from};
pub use prove::{Found, Prove, Proved, prove};
pub use regressions::{Regression, Regressions};
pub use verdict::Verdict;

#[cfg(test)]
mod tests;
