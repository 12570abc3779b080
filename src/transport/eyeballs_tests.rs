//! Claims about the order of addresses and the race between them.

use super::*;
use proptest::prelude::*;

fn addresses(text: &str) -> Vec<SocketAddr> {
    let parse = |name: &str| {
        let (family, number) = name.split_at(1);
        let ip = if family == "6" {
            format!("[2001:db8::{number}]")
        } else {
            format!("192.0.2.{number}")
        };
        format!("{ip}:80").parse().unwrap()
    };
    text.split_whitespace().map(parse).collect()
}

#[test]
fn families_alternate_and_keep_their_own_order() {
    let given = addresses("61 62 63 41 42");
    assert_eq!(interleave(&given, 1), addresses("61 41 62 42 63"));
    assert_eq!(interleave(&given, 0), addresses("61 41 62 42 63"));
    assert_eq!(interleave(&given, 2), addresses("61 62 41 63 42"));
    assert_eq!(interleave(&given, 9), addresses("61 62 63 41 42"));
    assert_eq!(interleave(&addresses("41 61 62"), 1), addresses("41 61 62"));
}

proptest! {
    #[test]
    fn interleaving_permutes_and_never_lets_a_family_twice_in_a_row_while_the_other_waits(
        families in prop::collection::vec(any::<bool>(), 0..12),
    ) {
        let given: Vec<SocketAddr> = families
            .iter()
            .zip(1..)
            .map(|(&v6, n)| addresses(&format!("{}{n}", if v6 { 6 } else { 4 }))[0])
            .collect();
        let order = interleave(&given, 1);
        let (mut left, mut right) = (given.clone(), order.clone());
        left.sort();
        right.sort();
        prop_assert_eq!(left, right);
        for (at, pair) in order.windows(2).enumerate() {
            if pair[0].is_ipv4() == pair[1].is_ipv4() {
                let same = |a: &SocketAddr| a.is_ipv4() == pair[0].is_ipv4();
                prop_assert!(order[at..].iter().all(same));
            }
        }
    }
}

fn refused() -> io::Error {
    io::Error::from_raw_os_error(libc::ECONNREFUSED)
}

fn starts(race_move: Move) -> (usize, bool) {
    match race_move {
        Move::Start { index, arm } => (index, arm),
        other => panic!("expected a start, got {other:?}"),
    }
}

#[test]
fn conn_10_a_hanging_attempt_is_joined_by_the_next_when_the_delay_has_elapsed() {
    let mut race = Race::new(2, true);
    assert_eq!(starts(race.begin()), (0, true));
    assert_eq!(starts(race.delay_elapsed()), (1, false));
    assert!(matches!(race.succeeded(1), Move::Done(1)));
}

#[test]
fn conn_10_an_early_failure_starts_the_next_at_once() {
    let mut race = Race::new(3, true);
    assert_eq!(starts(race.begin()), (0, true));
    assert_eq!(starts(race.failed(0, refused())), (1, true));
    assert!(matches!(race.succeeded(1), Move::Done(1)));
}

#[test]
fn conn_10_an_earlier_attempt_that_fails_late_does_not_hurry_the_next() {
    let mut race = Race::new(3, true);
    race.begin();
    race.delay_elapsed();
    assert!(matches!(race.failed(0, refused()), Move::Wait));
    assert_eq!(starts(race.failed(1, refused())), (2, false));
}

#[test]
fn conn_10_when_all_fail_there_is_no_winner() {
    let mut race = Race::new(2, true);
    race.begin();
    race.delay_elapsed();
    assert!(matches!(race.failed(1, refused()), Move::Wait), "attempt 0 is under way");
    let Move::AllFailed(errors) = race.failed(0, refused()) else { panic!("all have failed") };
    assert_eq!(errors.len(), 2);
}

#[test]
fn conn_02_without_a_delay_addresses_are_tried_one_after_the_other() {
    let mut race = Race::new(2, false);
    assert_eq!(starts(race.begin()), (0, false));
    assert!(matches!(race.delay_elapsed(), Move::Wait));
    assert_eq!(starts(race.failed(0, refused())), (1, false));
}

#[test]
fn a_race_of_no_addresses_has_failed_from_the_start() {
    assert!(matches!(Race::new(0, true).begin(), Move::AllFailed(errors) if errors.is_empty()));
}

proptest! {
    #[test]
    fn a_race_tries_each_address_once_in_order_and_always_ends(
        count in 0usize..6,
        staggered in any::<bool>(),
        steps in prop::collection::vec((any::<bool>(), any::<usize>()), 30),
    ) {
        let mut race = Race::new(count, staggered);
        let (mut running, mut started, mut failed) = (Vec::new(), 0, 0);
        let mut steps = steps.into_iter();
        let mut next = race.begin();
        let errors = loop {
            match next {
                Move::Start { index, .. } => {
                    prop_assert_eq!(index, started);
                    started += 1;
                    running.push(index);
                }
                Move::Wait => prop_assert!(!running.is_empty(), "nothing would ever happen again"),
                Move::AllFailed(errors) => break errors.len(),
                Move::Done { .. } => unreachable!("no attempt succeeds here"),
            }
            let (elapse, which) = steps.next().unwrap_or((false, 0));
            next = if elapse {
                race.delay_elapsed()
            } else {
                failed += 1;
                let at = which % running.len();
                race.failed(running.remove(at), refused())
            };
        };
        prop_assert_eq!((started, failed, errors), (count, count, count));
    }
}

#[test]
fn conn_02_errors_that_read_the_same_become_the_one_they_are() {
    let error = combine(vec![refused(), refused()]);
    assert_eq!(error.raw_os_error(), Some(libc::ECONNREFUSED));
}

#[test]
fn conn_02_different_errors_become_one_that_lists_them_all() {
    let error = combine(vec![io::Error::other("err1"), io::Error::other("err2")]);
    assert_eq!(error.to_string(), "Multiple exceptions: err1, err2");
    let list = error.get_ref().and_then(|inner| inner.downcast_ref::<ConnectErrors>());
    assert_eq!(list.map(|list| list.0.len()), Some(2));
}

#[test]
fn a_combined_error_keeps_the_kind_that_all_share() {
    let named = |text| io::Error::new(io::ErrorKind::ConnectionRefused, text);
    assert_eq!(combine(vec![named("a"), named("b")]).kind(), io::ErrorKind::ConnectionRefused);
    let mixed = vec![named("a"), io::Error::new(io::ErrorKind::TimedOut, "b")];
    assert_eq!(combine(mixed).kind(), io::ErrorKind::Other);
}
