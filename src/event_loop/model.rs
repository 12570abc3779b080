//! A property of the timers, shared by the unit tests and the fuzz target. (The model of the whole
//! loop is in `testing::model`.)

use super::timers::{SWEEP_MIN, TimerKey, Timers};
use crate::sys::Time;

/// The timer heap does what a sorted list does, for any sequence of arming, cancelling and
/// letting time pass, and keeps no more cancelled timers than it says.
///
/// # Panics
///
/// If it does not.
pub fn timers_agree_with_a_sorted_list(operations: &[u8]) {
    let mut timers = Timers::default();
    let mut list: Vec<(Time, u64, TimerKey)> = Vec::new();
    let mut keys: Vec<TimerKey> = Vec::new();
    let mut now = Time::ZERO;
    for pair in operations.chunks_exact(2) {
        let argument = u64::from(pair[1]);
        // Time goes slowly, so that many are armed at once and a sweep has something to do.
        match pair[0] % 8 {
            0..=3 => {
                let deadline = Time::from_nanos(now.as_nanos() + argument);
                let key = timers.insert(deadline, deadline);
                list.push((deadline, key.number(), key));
                keys.push(key);
            }
            4..=6 if !keys.is_empty() => {
                let recent = keys.len().min(256);
                let key = keys[keys.len() - 1 - argument as usize % recent];
                let listed = list.iter().position(|(_, _, armed)| *armed == key);
                let cancelled = timers.cancel(key).is_some();
                assert_eq!(cancelled, listed.is_some());
                let most = SWEEP_MIN.max(2 * timers.len());
                assert!(!cancelled || timers.entries() <= most, "cancelled ones stay");
                listed.map(|index| list.remove(index));
            }
            _ => {
                now = Time::from_nanos(now.as_nanos() + argument / 64);
                fire(&mut timers, &mut list, now);
            }
        }
        list.sort();
        assert_eq!(timers.first(), list.first().map(|&(deadline, _, key)| (deadline, key)));
        assert_eq!(timers.len(), list.len());
    }
}

fn fire(timers: &mut Timers<Time>, list: &mut Vec<(Time, u64, TimerKey)>, now: Time) {
    list.sort();
    while let Some(due) = timers.pop_due(now) {
        let (deadline, _, key) = list.remove(0);
        assert_eq!((due.deadline, due.payload, due.key), (deadline, deadline, key));
    }
    assert!(list.first().is_none_or(|(deadline, ..)| *deadline > now));
}
