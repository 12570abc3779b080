//! The guide to `evloop::testing`, in chapters. Every program in it is compiled and run by
//! evloop's own tests.
//!
//! 1. [Test your own](test_your_own): an echo protocol, a lock, an HTTP handler.
//! 2. [What the simulator proves, and what not](what_is_proved).
//! 3. [When it fails](when_it_fails): reading a report, replaying it, keeping it.
//! 4. [The oracles](oracles) and [the faults](faults), in tables.

#[doc = include_str!("test_your_own.md")]
pub mod test_your_own {}

#[doc = include_str!("what_is_proved.md")]
pub mod what_is_proved {}

#[doc = include_str!("when_it_fails.md")]
pub mod when_it_fails {}

#[doc = include_str!("oracles.md")]
pub mod oracles {}

#[doc = include_str!("faults.md")]
pub mod faults {}

#[cfg(test)]
mod tests;
