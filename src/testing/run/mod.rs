//! Running: one schedule that has to pass, all with few picks, or very many cases.

mod check;
mod explore;
mod verdict;

pub use check::{check, replay};
pub use explore::{Explored, explore, explore_from};
pub use verdict::Verdict;
