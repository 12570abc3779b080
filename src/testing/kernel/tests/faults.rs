//! What a program sees of each fault.

use std::io::{ErrorKind, Read, Write};

use super::selecting::{bare, select, token};
use super::*;
use crate::selector::{Event, Interest, Readiness, Selector};
use crate::sys::{ListenOptions, Sockets};

const NOW: Option<Duration> = Some(Duration::ZERO);

fn at_select(fault: Fault) -> (World, SimSelector) {
    bare(with_fault(Site::Select, 0, fault))
}

/// Two pairs, of which one end each is watched for reading; only the first has something to read.
fn two_watched(world: &World, selector: &mut SimSelector) -> [(SimFd, SimFd); 2] {
    let pairs = [world.pair(), world.pair()];
    for (slot, (here, _)) in (0..).zip(&pairs) {
        selector.register(here.fd(), Interest::READ, token(slot)).unwrap();
    }
    (&pairs[0].1).write_all(b"x").unwrap();
    pairs
}

fn slots(events: &[Event]) -> Vec<u32> {
    events.iter().map(|event| event.token.slot()).collect()
}

#[test]
fn eintr_ends_a_select_with_nothing_and_the_next_tells() {
    let (world, mut selector) = at_select(Fault::Eintr);
    let _pairs = two_watched(&world, &mut selector);
    assert!(slots(&select(&mut selector, Some(SECOND))).is_empty());
    assert_eq!(world.now(), Time::ZERO);
    assert_eq!(slots(&select(&mut selector, Some(SECOND))), [0]);
}

#[test]
fn spurious_tells_one_ready_that_is_not() {
    let (world, mut selector) = at_select(Fault::Spurious(3));
    let pairs = two_watched(&world, &mut selector);
    assert_eq!(slots(&select(&mut selector, NOW)), [0, 1]);
    let error = (&pairs[1].0).read(&mut [0; 8]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    assert_eq!(slots(&select(&mut selector, NOW)), [0]);
}

#[test]
fn spurious_without_registrations_is_nothing() {
    let (world, mut selector) = at_select(Fault::Spurious(3));
    assert_eq!(select(&mut selector, Some(MS)), []);
    assert_eq!(world.now(), Time::ZERO + MS);
}

#[test]
fn a_withheld_event_comes_by_itself_later() {
    let (world, mut selector) = at_select(Fault::Withhold(5 * MS));
    let _pairs = two_watched(&world, &mut selector);
    assert!(slots(&select(&mut selector, Some(MS))).is_empty());
    assert_eq!(slots(&select(&mut selector, None)), [0]);
    assert_eq!(world.now(), Time::ZERO + 5 * MS);
}

#[test]
fn nothing_is_withheld_for_longer_than_a_minute() {
    let (world, mut selector) = at_select(Fault::Withhold(Duration::MAX));
    let _pairs = two_watched(&world, &mut selector);
    assert_eq!(slots(&select(&mut selector, None)), [0]);
    assert_eq!(world.now(), Time::ZERO + 60 * SECOND);
}

#[test]
fn one_event_leaves_the_others_for_the_next_select() {
    let (world, mut selector) = at_select(Fault::OneEvent);
    let pairs = two_watched(&world, &mut selector);
    (&pairs[1].1).write_all(b"x").unwrap();
    assert_eq!(slots(&select(&mut selector, NOW)), [0]);
    assert_eq!(slots(&select(&mut selector, NOW)), [0, 1]);
}

#[test]
fn reverse_turns_the_order_around() {
    let (world, mut selector) = at_select(Fault::Reverse);
    let pairs = two_watched(&world, &mut selector);
    (&pairs[1].1).write_all(b"x").unwrap();
    assert_eq!(slots(&select(&mut selector, NOW)), [1, 0]);
}

/// A client whose peer sends a byte now and closes a moment later.
fn closing_peer(schedule: Schedule) -> (World, SimSelector, i32) {
    let (world, mut selector) = bare(schedule);
    let slow = Link::default().with_latency(MS).with_bandwidth(1);
    world.link(anywhere(), anywhere(), slow);
    world.peer(server(), vec![PeerOp::Send(b"xy".to_vec()), PeerOp::Close]);
    let (fd, _) = SimSockets::new(world.clone()).connect(&server(), None).unwrap();
    selector.register(fd, Interest::READ, token(1)).unwrap();
    (world, selector, fd)
}

#[test]
fn merge_hup_tells_the_hangup_with_what_is_still_to_be_read() {
    let (world, mut selector, fd) = closing_peer(Schedule::default());
    assert_eq!(select(&mut selector, None)[0].readiness, Readiness::READABLE);
    assert_eq!(world.recv(fd, &mut [0; 8]).unwrap(), 1, "the second byte is on its way");
    let (world, mut selector, fd) = closing_peer(with_fault(Site::Select, 0, Fault::MergeHup));
    let merged = Readiness::READABLE | Readiness::READ_HANGUP;
    assert_eq!(select(&mut selector, None)[0].readiness, merged);
    assert_eq!(world.recv(fd, &mut [0; 8]).unwrap(), 2);
    assert_eq!(world.recv(fd, &mut [0; 8]).unwrap(), 0);
}

#[test]
fn stale_tells_of_a_registration_that_is_gone() {
    let (world, mut selector) = at_select(Fault::Stale);
    let pairs = two_watched(&world, &mut selector);
    selector.unregister(pairs[1].0.fd()).unwrap();
    selector.register(pairs[1].0.fd(), Interest::READ, Token::new(9, 9)).unwrap();
    assert_eq!(slots(&select(&mut selector, NOW)), [0, 1]);
    assert_eq!(slots(&select(&mut selector, NOW)), [0]);
}

#[test]
fn jump_lets_the_clock_leap_over_a_timeout_but_not_by_more_than_an_hour() {
    let (world, mut selector) = at_select(Fault::Jump(3 * SECOND));
    assert_eq!(select(&mut selector, Some(SECOND)), []);
    assert_eq!(world.now(), Time::ZERO + 3 * SECOND);
    let (world, mut selector) = at_select(Fault::Jump(Duration::MAX));
    assert_eq!(select(&mut selector, Some(SECOND)), []);
    assert_eq!(world.now(), Time::ZERO + 3600 * SECOND);
}

#[test]
fn a_loop_that_is_told_of_the_dead_the_idle_and_the_late_reads_what_is_sent_all_the_same() {
    let faults = [
        Fault::Eintr,
        Fault::Spurious(0),
        Fault::Withhold(MS),
        Fault::OneEvent,
        Fault::Reverse,
        Fault::MergeHup,
        Fault::Stale,
        Fault::Jump(SECOND),
    ];
    for fault in faults {
        let faults = (0..20).map(|nth| ((Site::Select, nth), fault)).collect();
        let report = Sim::new(Schedule { faults, ..Schedule::default() }).run(|_| async {
            let _server = echo(server()).await;
            round_trip(b"hello").await
        });
        assert_eq!(done(report), b"hello", "{fault:?}");
    }
}

#[test]
fn short_takes_few_bytes_but_never_none() {
    let faults = [((Site::Send, 0), Fault::Short(2)), ((Site::Recv, 0), Fault::Short(0))];
    let (world, _selector) = bare(Schedule { faults: faults.into(), ..Schedule::default() });
    let (mut here, mut there) = world.pair();
    assert_eq!(here.write(b"hello").unwrap(), 2);
    assert_eq!(there.read(&mut [0; 8]).unwrap(), 1);
    assert_eq!(there.read(&mut [0; 8]).unwrap(), 1);
}

#[test]
fn again_is_nothing_to_do_although_it_was_told_ready() {
    let faults = [((Site::Send, 0), Fault::Again), ((Site::Recv, 0), Fault::Again)];
    let (world, _selector) = bare(Schedule { faults: faults.into(), ..Schedule::default() });
    let (mut here, mut there) = world.pair();
    assert_eq!(here.write(b"x").unwrap_err().kind(), ErrorKind::WouldBlock);
    assert_eq!(here.write(b"x").unwrap(), 1);
    assert_eq!(there.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
    assert_eq!(there.read(&mut [0; 8]).unwrap(), 1);
}

#[test]
fn a_reset_at_a_receive_a_send_or_a_connect_is_the_peers() {
    for site in [Site::Recv, Site::Send, Site::Connect] {
        let report = Sim::new(with_fault(site, 0, Fault::Reset)).run(|_| async {
            let _server = echo(server()).await;
            let (mut reader, mut writer) = match crate::open_connection(server()).await {
                Ok(streams) => streams,
                Err(error) => return error.kind(),
            };
            drop(writer.write(b"hello"));
            match reader.read(5).await {
                Ok(_) => ErrorKind::Other,
                Err(error) => error.kind(),
            }
        });
        let kind = done(report);
        let refused = site == Site::Connect;
        assert_eq!(kind == ErrorKind::ConnectionRefused, refused, "{site:?}: {kind:?}");
        assert!(refused || kind == ErrorKind::ConnectionReset, "{site:?}: {kind:?}");
    }
}

#[test]
fn faults_of_an_accept_are_no_descriptor_none_waiting_and_one_that_is_gone() {
    let accepted = |fault| {
        let (world, _selector) = bare(with_fault(Site::Accept, 0, fault));
        let sockets = SimSockets::new(world);
        let how = ListenOptions {
            backlog: 9,
            reuse_address: true,
            reuse_port: false,
            v6_only: true,
            keep_alive: false,
        };
        let listener = sockets.listen(&server(), &how).unwrap();
        let (_client, _) = sockets.connect(&server(), None).unwrap();
        let error = sockets.accept(listener).unwrap_err().raw_os_error().unwrap();
        (error, sockets.accept(listener).is_ok())
    };
    assert_eq!(accepted(Fault::Emfile), (libc::EMFILE, true));
    assert_eq!(accepted(Fault::Again), (libc::EAGAIN, true));
    assert_eq!(accepted(Fault::Aborted), (libc::ECONNABORTED, false));
}

#[test]
fn a_fault_that_no_such_call_can_have_is_ignored_and_not_told() {
    let misfits = [
        ((Site::Recv, 0), Fault::Emfile),
        ((Site::Accept, 0), Fault::Short(1)),
        ((Site::Select, 0), Fault::Reset),
        ((Site::Connect, 0), Fault::Eintr),
    ];
    let schedule = Schedule { faults: misfits.into(), ..Schedule::default() };
    let report = Sim::new(schedule).run(|_| async {
        let _server = echo(server()).await;
        round_trip(b"hello").await
    });
    assert!(acts(&report).all(|act| !matches!(act, Act::Fault { .. })));
    assert_eq!(done(report), b"hello");
}

#[test]
fn the_same_schedule_gives_the_same_timeline() {
    let told = || {
        let schedule =
            Schedule { picks: (0..40).map(|at| (at, 1)).collect(), ..Schedule::default() };
        let report = Sim::new(schedule).run(|world| async move {
            let _server = echo(server()).await;
            world.link(anywhere(), anywhere(), Link { latency: MS..9 * MS, ..Link::default() });
            for bytes in [b"a", b"b", b"c"] {
                assert_eq!(round_trip(bytes).await, bytes);
            }
        });
        format!("{:?}", report.timeline)
    };
    assert_eq!(told(), told());
}
