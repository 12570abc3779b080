//! A property of the timers, shared by the unit tests and the fuzz target. (The model of the whole
//! loop is in `testing::model`.)

use super::timers::{TimerKey, Timers};
use crate::sys::Time;

/// The timer heap does what a sorted list does, for any sequence of arming, cancelling and
/// letting time pass.
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
        match pair[0] % 4 {
            0 | 1 => {
                let deadline = Time::from_nanos(now.as_nanos() + argument);
                let key = timers.insert(deadline, deadline);
                list.push((deadline, key.number(), key));
                keys.push(key);
            }
            2 if !keys.is_empty() => {
                let key = keys[argument as usize % keys.len()];
                let listed = list.iter().position(|(_, _, armed)| *armed == key);
                assert_eq!(timers.cancel(key).is_some(), listed.is_some());
                listed.map(|index| list.remove(index));
            }
            _ => {
                now = Time::from_nanos(now.as_nanos() + argument);
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
