//! The pool's books, held against a list that does it the slow way.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestRunner};

use super::*;

type Books = Pool<u8, u32, usize>;

fn at(seconds: u64) -> Time {
    Time::from_nanos(seconds * 1_000_000_000)
}

/// Steps until nothing is left to do: who was woken, and what was closed.
fn settle(pool: &mut Books) -> (Vec<usize>, Vec<u32>) {
    let (mut woken, mut closed) = (Vec::new(), Vec::new());
    while let Some(step) = pool.step() {
        match step {
            Step::Wake(who) => woken.push(who),
            Step::Close(connection) => closed.push(connection),
        }
    }
    (woken, closed)
}

/// Asks for a slot that is free.
#[track_caller]
fn slot(pool: &mut Books, key: u8) -> Option<u32> {
    let ticket = pool.join(key, 0);
    settle(pool);
    pool.collect(ticket).expect("a slot is free")
}

/// A pool without limits with these connections, each idle since.
fn filled(connections: &[(u8, u32, u64)]) -> Books {
    let mut pool = Books::new(0, 0);
    for (key, ..) in connections {
        assert_eq!(slot(&mut pool, *key), None);
    }
    for (key, connection, since) in connections {
        pool.give_back(key, Some((*connection, at(*since))));
    }
    pool
}

#[test]
fn the_connection_used_last_is_taken_first_and_only_for_its_own_origin() {
    let mut pool = filled(&[(1, 10, 1), (1, 11, 2), (2, 20, 3)]);
    assert_eq!(slot(&mut pool, 1), Some(11));
    assert_eq!(slot(&mut pool, 1), Some(10));
    assert_eq!(slot(&mut pool, 1), None);
    assert_eq!((pool.oldest(), pool.counts()), (Some(at(3)), (3, 1)));
}

#[test]
fn an_idle_connection_makes_room_for_another_origin_and_one_in_use_does_not() {
    let mut pool = Books::new(2, 0);
    assert_eq!((slot(&mut pool, 1), slot(&mut pool, 2)), (None, None));
    let third = pool.join(3, 7);
    assert_eq!(settle(&mut pool), (vec![], vec![]));
    pool.give_back(&1, Some((10, at(1))));
    assert_eq!(settle(&mut pool), (vec![7], vec![10]));
    assert_eq!(pool.collect(third), Some(None));
}

#[test]
fn an_origin_at_its_limit_holds_up_its_own_line_alone() {
    let mut pool = Books::new(9, 1);
    assert_eq!(slot(&mut pool, 1), None);
    let (first, second) = (pool.join(1, 1), pool.join(1, 2));
    assert_eq!(slot(&mut pool, 2), None);
    assert_eq!(pool.collect(first), None);
    pool.give_back(&1, Some((10, at(1))));
    assert_eq!(settle(&mut pool), (vec![1], vec![]));
    assert_eq!((pool.collect(second), pool.collect(first)), (None, Some(Some(10))));
}

#[test]
fn what_was_handed_to_one_who_left_goes_to_the_next() {
    let mut pool = Books::new(1, 0);
    assert_eq!(slot(&mut pool, 1), None);
    let (first, second) = (pool.join(1, 1), pool.join(1, 2));
    pool.give_back(&1, Some((10, at(1))));
    assert_eq!(settle(&mut pool).0, [1]);
    pool.leave(first);
    assert_eq!(settle(&mut pool).0, [2]);
    assert_eq!(pool.collect(second), Some(Some(10)));
}

#[test]
fn only_what_was_idle_long_enough_is_let_go() {
    let mut pool = filled(&[(1, 1, 1), (1, 3, 3), (2, 2, 2)]);
    assert_eq!((pool.oldest(), pool.counts()), (Some(at(1)), (0, 3)));
    let mut old = pool.older_than(at(2));
    old.sort_unstable();
    assert_eq!(old, [1, 2]);
    assert_eq!((pool.counts(), pool.hosts.len()), ((0, 1), 1));
}

#[derive(Clone, Copy, Debug)]
enum Op {
    /// Somebody wants a connection to this origin.
    Want(u8),
    /// Whoever came as number so many gives up, or ends; and its connection can be kept or not.
    End(usize, bool),
    /// Whatever is idle is let go.
    Prune,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (0u8..3).prop_map(Op::Want),
        6 => (0usize..40, any::<bool>()).prop_map(|(who, keep)| Op::End(who, keep)),
        1 => Just(Op::Prune),
    ]
}

/// How somebody stands.
enum Guest {
    Waits(u8, Ticket),
    Served(Ticket),
    Holds(u8),
    Gone,
}

/// The same, as a list: who is waiting in the order they came, and who holds what.
#[derive(Default)]
struct Naive {
    waiting: Vec<(usize, u8)>,
    holding: Vec<(usize, u8)>,
}

impl Naive {
    fn serve(&mut self, limit: usize, per_host: usize) -> Vec<usize> {
        let mut served = Vec::new();
        let mut at = 0;
        while at < self.waiting.len() {
            let (who, key) = self.waiting[at];
            let same = self.holding.iter().filter(|(_, other)| *other == key).count();
            let room =
                (limit == 0 || self.holding.len() < limit) && (per_host == 0 || same < per_host);
            match room {
                true => self.holding.push(self.waiting.remove(at)),
                false => at += 1,
            }
            if room {
                served.push(who);
            }
        }
        served
    }
}

/// Holds the books against the list. `loses` is the bug that must be found: who gives up after it
/// was served, and before it learnt so, gives nothing back.
fn books_are_a_list(
    limit: usize,
    per_host: usize,
    ops: &[Op],
    loses: bool,
) -> Result<(), TestCaseError> {
    let mut pool = Books::new(limit, per_host);
    let mut naive = Naive::default();
    let mut guests: Vec<Guest> = Vec::new();
    let (mut now, mut opened, mut closed) = (0, 0u32, 0u32);
    for op in ops {
        now += 1;
        match *op {
            Op::Want(key) => {
                naive.waiting.push((guests.len(), key));
                guests.push(Guest::Waits(key, pool.join(key, guests.len())));
            }
            Op::End(who, keep) => {
                let Some(guest) = guests.get_mut(who) else { continue };
                naive.waiting.retain(|(other, _)| *other != who);
                naive.holding.retain(|(other, _)| *other != who);
                match std::mem::replace(guest, Guest::Gone) {
                    Guest::Served(..) if loses => {}
                    Guest::Waits(_, ticket) | Guest::Served(ticket) => pool.leave(ticket),
                    Guest::Holds(key) if keep => pool.give_back(&key, Some((0, at(now)))),
                    Guest::Holds(key) => {
                        closed += 1;
                        pool.give_back(&key, None);
                    }
                    Guest::Gone => {}
                }
            }
            Op::Prune => closed += pool.older_than(at(now)).len() as u32,
        }
        let (woken, evicted) = settle(&mut pool);
        closed += evicted.len() as u32;
        prop_assert_eq!(&woken, &naive.serve(limit, per_host));
        // Every other learns of it at once; the rest may give up before they do.
        for who in woken {
            let Guest::Waits(key, ticket) = guests[who] else { panic!("{who} did not wait") };
            guests[who] = Guest::Served(ticket);
            if who % 2 == 0 {
                let got = pool.collect(ticket).expect("it was served");
                opened += u32::from(got.is_none());
                guests[who] = Guest::Holds(key);
            }
        }
        let (in_use, idle) = pool.counts();
        prop_assert_eq!(in_use, naive.holding.len());
        prop_assert!(limit == 0 || in_use + idle <= limit, "{in_use} + {idle} of {limit}");
        for host in pool.hosts.values() {
            let open = host.in_use + host.idle.len();
            prop_assert!(host.is_used() && (per_host == 0 || open <= per_host));
        }
        prop_assert!(idle as u32 + closed <= opened + in_use as u32, "out of nowhere");
    }
    Ok(())
}

proptest! {
    #[test]
    fn slots_go_to_the_first_who_may_have_one_and_no_limit_is_exceeded(
        limit in 0usize..5,
        per_host in 0usize..3,
        ops in vec(op(), 0..60),
    ) {
        books_are_a_list(limit, per_host, &ops, false)?;
    }
}

#[test]
fn the_property_finds_a_slot_that_is_lost_with_a_cancelled_waiter() {
    let mut runner = TestRunner::deterministic();
    let cases = (1usize..3, 0usize..3, vec(op(), 0..60));
    let found =
        runner.run(&cases, |(limit, per_host, ops)| books_are_a_list(limit, per_host, &ops, true));
    assert!(found.is_err());
}
