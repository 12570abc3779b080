//! In the place of `debug.rs` where the feature `debug` is off: there is no debugger, and what is
//! shown to it compiles to nothing.

use std::os::fd::RawFd;

use super::{Finding, Record, TaskId, Wait, What};
use crate::sys::Time;

/// Nobody.
pub(crate) enum Debugger {}

impl Debugger {
    pub(crate) fn take(&mut self) -> Vec<Finding> {
        match *self {}
    }

    pub(crate) fn record(&mut self, _: Time, _: &Record) {
        match *self {}
    }

    pub(crate) fn pending(&mut self, _: TaskId, _: Option<Wait>, _: bool, _: isize) {
        match *self {}
    }

    pub(crate) fn left_behind(&mut self, _: What, _: Option<RawFd>, _: &str) {
        match *self {}
    }
}
