//! How a run ends that does not end by itself.

use super::*;
use crate::testing::Limits;

fn limited<F: Future + 'static>(
    limits: Limits,
    main: impl FnOnce(World) -> F,
) -> Outcome<F::Output> {
    Sim::new(Schedule::default()).limits(limits).run(main).outcome
}

#[test]
fn handles_are_limited() {
    let limits = Limits { handles: 100, ..Limits::default() };
    let outcome = limited(limits, |_| async {
        loop {
            crate::yield_now().await;
        }
    });
    assert!(matches!(outcome, Outcome::<()>::LimitHit("handles")));
}

#[test]
fn virtual_time_is_limited() {
    let limits = Limits { virtual_time: SECOND, ..Limits::default() };
    let outcome = limited(limits, |_| crate::sleep(2 * SECOND));
    assert!(matches!(outcome, Outcome::LimitHit("virtual time")));
}

#[test]
fn a_world_that_never_rests_is_limited() {
    fn again(world: &World) {
        world.after(Duration::ZERO, again);
    }
    let sleeps = limited(Limits::default(), |world| {
        again(&world);
        crate::sleep(SECOND)
    });
    // It was its own next happening that the limit took away: that is no quiescence.
    let waits = limited(Limits::default(), |world| {
        again(&world);
        std::future::pending::<()>()
    });
    for outcome in [sleeps, waits] {
        assert!(matches!(outcome, Outcome::LimitHit("handles")), "{outcome:?}");
    }
}

#[test]
fn turns_in_which_nothing_runs_at_one_instant_are_limited() {
    let world = World::new(Schedule::default(), Limits::default(), Journal::default());
    let mut selector = SimSelector(world.clone());
    let error = loop {
        use crate::selector::Selector;
        if let Err(error) = selector.select(Some(Duration::ZERO), &mut Vec::new()) {
            break error.to_string();
        }
    };
    assert_eq!(world.0.end.get(), Some(End::Limit("idle turns")));
    assert!(error.contains("Limits::idle_turns"), "{error}");
}

#[test]
fn quiescence_waits_for_what_is_withheld_on_its_way_or_planned() {
    let report = Sim::new(with_fault(Site::Select, 3, Fault::Withhold(9 * SECOND))).run(|world| {
        world.link(anywhere(), anywhere(), Link::default().with_latency(SECOND));
        async move {
            let _server = echo(server()).await;
            round_trip(b"x").await;
        }
    });
    done(report);
}

#[test]
fn how_every_descriptor_stands_is_told_before_the_end() {
    let report = run(|world| async move {
        let (here, mut there) = world.pair();
        std::io::Write::write_all(&mut there, b"x").unwrap();
        std::future::pending::<()>().await;
        drop(here);
    });
    let standing: Vec<_> = acts(&report)
        .take_while(|act| !matches!(act, Act::Quiescent))
        .filter_map(|act| match act {
            Act::Standing { fd, readiness, watched: None } => Some((*fd, *readiness)),
            _ => None,
        })
        .collect();
    let (read, write) =
        (crate::selector::Readiness::READABLE, crate::selector::Readiness::WRITABLE);
    assert_eq!(standing, [(100, read | write), (101, write)]);
    assert!(matches!(report.outcome, Outcome::Quiescent));
}

#[test]
fn a_task_left_behind_that_will_not_end_makes_a_finished_main_quiescent() {
    let report = run(|_| async {
        let stubborn = async {
            loop {
                let _ = crate::cancel_scope(std::future::pending::<()>()).await;
            }
        };
        let _left_behind = crate::spawn(stubborn);
        crate::sleep(SECOND).await;
    });
    assert!(matches!(report.outcome, Outcome::Quiescent), "{:?}", report.outcome);
}
