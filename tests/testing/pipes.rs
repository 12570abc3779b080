//! Pipes on every schedule: what goes in comes out, and each end hears of the other's.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use evloop::testing::{Outcome, ScheduleParams, Sim, SimFd, Verdict, World};
use evloop::{Protocol, Transport, open_read_pipe, open_write_pipe, spawn, yield_now};
use proptest::prelude::*;

/// A pipe or a pair of sockets: both can be either end.
fn ends(world: &World, pair: bool) -> (SimFd, SimFd) {
    if pair { world.pair() } else { world.pipe() }
}

async fn pumped(world: World, pair: bool, sizes: Vec<usize>, limit: usize) -> bool {
    let (reader, writer) = ends(&world, pair);
    let mut reader = open_read_pipe(reader).unwrap();
    let mut writer = open_write_pipe(writer).unwrap();
    let expected: Vec<u8> = (0..sizes.iter().sum()).map(|at: usize| at as u8).collect();
    let sent = expected.clone();
    let sending = spawn(async move {
        let mut rest = &sent[..];
        for size in sizes {
            let (piece, later) = rest.split_at(size);
            writer.write(piece).unwrap();
            writer.drain().await.unwrap();
            rest = later;
        }
    });
    let mut came = Vec::new();
    loop {
        let some = reader.read(limit).await.unwrap();
        if some.is_empty() {
            break;
        }
        came.extend(some);
    }
    sending.await.unwrap();
    came == expected
}

/// What a writer's protocol is told of its end, where the reader has left.
async fn left(world: World, pair: bool, size: usize) -> Vec<Option<io::ErrorKind>> {
    struct Ends(Rc<RefCell<Vec<Option<io::ErrorKind>>>>);
    impl Protocol for Ends {
        fn data_received(&mut self, _: &Transport, _: &[u8]) {
            panic!("a writer receives nothing");
        }
        fn connection_lost(&mut self, error: Option<io::Error>) {
            self.0.borrow_mut().push(error.map(|error| error.kind()));
        }
    }
    let told = Rc::default();
    let (reader, writer) = ends(&world, pair);
    let event_loop = evloop::get_running_loop().unwrap();
    let transport = event_loop.connect_write_pipe(Ends(Rc::clone(&told)), writer).unwrap();
    transport.write(&vec![0; size]).unwrap();
    yield_now().await;
    drop(reader);
    while told.borrow().is_empty() {
        evloop::sleep(std::time::Duration::from_millis(1)).await;
    }
    yield_now().await;
    told.take()
}

fn any_order() -> impl Strategy<Value = evloop::testing::Schedule> {
    prop_oneof![
        evloop::testing::schedule(),
        evloop::testing::schedule_with(ScheduleParams::chaos())
    ]
}

proptest! {
    #[test]
    fn what_goes_into_a_pipe_comes_out_of_it(
        schedule in any_order(),
        pair: bool,
        sizes in proptest::collection::vec(1usize..150_000, 0..5),
        limit in 1000usize..100_000,
    ) {
        let report = Sim::new(schedule).run(move |world| pumped(world, pair, sizes, limit));
        prop_assert!(report.verdict() == Verdict::Pass, "{report}");
        prop_assert!(matches!(report.outcome, Outcome::Done(true)), "{report}");
    }

    #[test]
    fn pipe_02_pipe_05_a_writer_hears_once_that_its_reader_is_gone(
        schedule in any_order(), pair: bool, size in prop_oneof![Just(0usize), Just(10), Just(200_000)]
    ) {
        let report = Sim::new(schedule).run(move |world| left(world, pair, size));
        prop_assert!(report.verdict() == Verdict::Pass, "{report}");
        let Outcome::Done(told) = &report.outcome else { panic!("{report}") };
        prop_assert_eq!(told.len(), 1);
        // What the pipe took is nobody's business any more; what it did not is a broken pipe, or
        // with sockets a reset.
        prop_assert!(size < 200_000 || told[0].is_some(), "{report}");
    }
}
