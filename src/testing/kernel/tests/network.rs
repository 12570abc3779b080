//! Streams over links; peers; names; descriptors.

use std::cell::Cell;
use std::io::{ErrorKind, Read, Write};

use super::*;
use crate::sys::{ListenOptions, Sockets};

#[test]
fn an_echo_over_streams_brings_back_what_was_sent() {
    let report = run(|_| async {
        let _server = echo(server()).await;
        round_trip(b"hello").await
    });
    assert_eq!(done(report), b"hello");
}

#[test]
fn a_request_takes_four_latencies_and_what_its_bandwidth_needs() {
    let report = run(|world| async move {
        let link = Link::default().with_latency(10 * MS).with_bandwidth(100);
        world.link(server(), anywhere(), link);
        let _server = echo(server()).await;
        assert_eq!(round_trip(&[7; 500]).await, [7; 500]);
        world.now()
    });
    // There and back for the connection, there and back for the bytes, 100 of which are a
    // millisecond, and on the way back they follow each other by one.
    assert_eq!(done(report), Time::ZERO + 46 * MS);
}

#[test]
fn more_than_all_buffers_hold_arrives_whole() {
    let report = run(|world| async move {
        world.link(server(), anywhere(), Link::default().with_latency(MS).with_buffers(100, 30));
        let _server = echo(server()).await;
        let bytes: Vec<u8> = (0..5000).map(|at| at as u8).collect();
        round_trip(&bytes).await == bytes
    });
    assert!(done(report));
}

#[test]
fn a_peer_that_half_closes_can_still_be_answered() {
    let report = run(|world| async move {
        let script = vec![
            PeerOp::Send(b"question".to_vec()),
            PeerOp::HalfClose,
            PeerOp::ExpectEnd,
            PeerOp::Close,
        ];
        let _server = echo(server()).await;
        let peer = world.connect_peer(server(), script);
        crate::sleep(SECOND).await;
        (peer.is_done(), peer.received(), world.open_fds().len())
    });
    assert_eq!(done(report), (true, vec![b"question".to_vec()], 1));
}

#[test]
fn a_reset_by_the_peer_is_an_error_of_the_reader_after_what_came_before() {
    let report = run(|world| async move {
        let script = vec![PeerOp::Send(b"hi".to_vec()), PeerOp::Pause(MS), PeerOp::Reset];
        world.peer(server(), script);
        let (mut reader, _writer) = crate::open_connection(server()).await.unwrap();
        assert_eq!(reader.read(10).await.unwrap(), b"hi");
        reader.read(10).await.unwrap_err().kind()
    });
    assert_eq!(done(report), ErrorKind::ConnectionReset);
}

#[test]
fn a_reset_from_the_world_is_an_error_at_both_ends() {
    let report = run(|world| async move {
        let peer = world.peer(server(), vec![PeerOp::ExpectEnd]);
        let (mut reader, _writer) = crate::open_connection(server()).await.unwrap();
        world.after(SECOND, |world| world.reset(anywhere(), server()));
        (reader.read(10).await.unwrap_err().kind(), world.now(), peer.is_done())
    });
    assert_eq!(done(report), (ErrorKind::ConnectionReset, Time::ZERO + SECOND, true));
}

#[test]
fn bytes_wait_behind_a_partition_and_come_when_it_heals() {
    let report = run(|world| async move {
        let _server = echo(server()).await;
        let (mut reader, mut writer) = crate::open_connection(server()).await.unwrap();
        world.partition(server(), anywhere());
        world.after(5 * SECOND, |world| world.heal(server(), anywhere()));
        writer.write(b"hello").unwrap();
        let waited = crate::timeout(4 * SECOND, reader.readexactly(5)).await;
        assert!(waited.is_err(), "the answer is cut off");
        (reader.readexactly(5).await.unwrap(), world.now())
    });
    assert_eq!(done(report), (b"hello".to_vec(), Time::ZERO + 5 * SECOND));
}

#[test]
fn a_connect_into_a_partition_asks_again_and_comes_through_when_it_has_healed() {
    let report = run(|world| async move {
        let _server = echo(server()).await;
        world.partition(anywhere(), server());
        world.after(2 * SECOND, |world| world.heal(anywhere(), server()));
        crate::open_connection(server()).await.unwrap();
        world.now()
    });
    assert_eq!(done(report), Time::ZERO + 3 * SECOND);
}

#[test]
fn a_connect_that_never_comes_through_times_out_after_127_seconds() {
    let report = run(|world| async move {
        world.partition(anywhere(), server());
        let error = crate::open_connection(server()).await.err().unwrap();
        (error.kind(), world.now())
    });
    assert_eq!(done(report), (ErrorKind::TimedOut, Time::ZERO + 127 * SECOND));
}

#[test]
fn a_connect_to_nobody_is_refused_and_leaves_no_descriptor() {
    let report = run(|world| async move {
        let error = crate::open_connection(server()).await.err().unwrap();
        (error.kind(), world.open_fds(), world.registrations())
    });
    assert_eq!(done(report), (ErrorKind::ConnectionRefused, vec![], vec![]));
}

#[test]
fn a_full_backlog_keeps_others_waiting_outside() {
    let report = run(|world| async move {
        let sockets = SimSockets::new(world.clone());
        let how = ListenOptions {
            backlog: 0,
            reuse_address: true,
            reuse_port: false,
            v6_only: true,
            keep_alive: false,
        };
        let listener = sockets.listen(&server(), &how).unwrap();
        let (first, _) = sockets.connect(&server(), None).unwrap();
        let (second, _) = sockets.connect(&server(), None).unwrap();
        assert!(sockets.peer_addr(first).is_ok() && sockets.peer_addr(second).is_err());
        let (accepted, _) = sockets.accept(listener).unwrap();
        assert_eq!(sockets.accept(listener).unwrap_err().kind(), ErrorKind::WouldBlock);
        crate::sleep(SECOND).await;
        assert!(sockets.peer_addr(second).is_ok(), "it has asked again");
        [first, second, accepted, listener].iter().for_each(|fd| sockets.close(*fd));
        world.open_fds()
    });
    assert!(done(report).is_empty());
}

#[test]
fn a_server_without_descriptors_rests_and_accepts_when_there_are_some() {
    let report = run(|world| async move {
        let _server = echo(server()).await;
        world.descriptor_limit(2);
        world.after(5 * SECOND / 2, |world| world.descriptor_limit(3));
        let answer = round_trip(b"hello").await;
        (answer, world.now())
    });
    let refused = |act: &&Act| matches!(act, Act::Accept { got: Err(libc::EMFILE), .. });
    assert!(acts(&report).filter(refused).count() > 1);
    assert_eq!(done(report), (b"hello".to_vec(), Time::ZERO + 3 * SECOND));
}

#[test]
fn a_peer_that_does_not_receive_fills_its_buffer_and_stops_the_writer() {
    let report = run(|world| async move {
        world.link(server(), anywhere(), Link::default().with_buffers(1000, 1000));
        let script = vec![PeerOp::Pause(SECOND), PeerOp::ExpectEnd];
        let peer = world.peer(server(), script);
        let (_reader, mut writer) = crate::open_connection(server()).await.unwrap();
        writer.write(&[1; 200_000]).unwrap();
        writer.drain().await.unwrap();
        let drained = world.now();
        writer.close();
        writer.wait_closed().await.unwrap();
        (drained, peer.received()[0].len())
    });
    assert_eq!(done(report), (Time::ZERO + SECOND, 200_000));
}

#[test]
fn a_name_is_what_the_world_says_and_no_thread_looks_it_up() {
    let report = run(|world| async move {
        world.host("server", "10.0.0.2".parse().unwrap());
        let _server = echo(server()).await;
        crate::open_connection(("server", 80)).await.unwrap();
        let _local = crate::start_server(|_, _| async {}, ("localhost", 0)).await.unwrap();
        crate::open_connection(("nobody", 80)).await.err().unwrap()
    });
    let error = done(report);
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("World::host(\"nobody\""), "{error}");
}

#[test]
fn a_real_descriptor_is_refused_with_what_would_be_right() {
    let report = run(|_| async move {
        let real = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = std::net::TcpStream::connect(real.local_addr().unwrap()).unwrap();
        let event_loop = crate::get_running_loop().unwrap();
        let watched = event_loop.add_reader(&real, || ()).map(drop).unwrap_err().to_string();
        let number = event_loop.add_writer(3, || ()).map(drop).unwrap_err().to_string();
        let adopted = crate::open_connection(stream).await.err().unwrap().to_string();
        let served = crate::start_server(|_, _| async {}, real).await.err().unwrap().to_string();
        [watched, number, adopted, served]
    });
    for text in done(report) {
        assert!(text.contains("is a real one") && text.contains("World::pair"), "{text}");
    }
}

#[test]
fn ends_of_a_pair_can_be_watched_and_close_what_they_own() {
    let report = run(|world| async move {
        let (here, mut there) = world.pair();
        let here = Rc::new(here);
        let event_loop = crate::get_running_loop().unwrap();
        let read = Rc::new(Cell::new(0));
        let (seen, end) = (read.clone(), here.clone());
        let reader = move || seen.set(seen.get() + (&*end).read(&mut [0; 8]).unwrap());
        event_loop.add_reader(&*here, reader).unwrap();
        there.write_all(b"x").unwrap();
        crate::sleep(MS).await;
        assert_eq!(read.get(), 1);
        event_loop.remove_reader(&*here).unwrap();
        drop((here, there));
        (world.open_fds(), world.registrations())
    });
    assert_eq!(done(report), (vec![], vec![]));
}

#[test]
fn a_number_is_used_again_after_its_close_and_has_another_birth() {
    let report = run(|world| async move {
        let (reader, writer) = world.pipe();
        let numbers = (reader.fd(), writer.fd());
        drop((reader, writer));
        let (one, other) = world.pair();
        assert_eq!((one.fd(), other.fd()), numbers);
    });
    let births = acts(&report).filter_map(|act| match act {
        Act::Opened { birth, .. } => Some(*birth),
        _ => None,
    });
    assert_eq!(births.collect::<Vec<_>>(), [1, 2, 3, 4]);
    done(report);
}

#[test]
fn a_latency_that_varies_is_the_least_unless_the_schedule_says_more() {
    let one_way = |schedule| {
        let report = Sim::new(schedule).run(|world| async move {
            let varies = Link { latency: 8 * MS..16 * MS, ..Link::default() };
            world.link(server(), anywhere(), varies);
            world.peer(server(), vec![PeerOp::Send(b"x".to_vec())]);
            let (mut reader, _writer) = crate::open_connection(server()).await.unwrap();
            let begun = world.now();
            reader.read(1).await.unwrap();
            world.now() - begun
        });
        done(report)
    };
    let slow = Schedule { picks: [(0, 7)].into(), ..Schedule::default() };
    // The connection is there for the peer one latency later than for us.
    assert_eq!((one_way(Schedule::default()), one_way(slow)), (16 * MS, 23 * MS));
}

#[test]
fn a_closed_listener_resets_whoever_waits_for_it() {
    let report = run(|world| async move {
        let sockets = SimSockets::new(world.clone());
        let how = ListenOptions {
            backlog: 9,
            reuse_address: true,
            reuse_port: false,
            v6_only: true,
            keep_alive: false,
        };
        let listener = sockets.listen(&server(), &how).unwrap();
        let (client, _) = sockets.connect(&server(), None).unwrap();
        sockets.close(listener);
        let error = sockets.recv(client, &mut [0]).unwrap_err().kind();
        sockets.close(client);
        error
    });
    assert_eq!(done(report), ErrorKind::ConnectionReset);
}

#[test]
fn a_second_close_is_told_of_as_one_of_nobody() {
    let report = run(|world| async move {
        let sockets = SimSockets::new(world.clone());
        let (fd, _) = sockets.connect(&server(), None).unwrap();
        sockets.close(fd);
        sockets.close(fd);
    });
    let births = acts(&report).filter_map(|act| match act {
        Act::Closed { birth, .. } => Some(*birth),
        _ => None,
    });
    assert_eq!(births.collect::<Vec<_>>(), [Some(1), None]);
}
