//! Awaiting a descriptor: `readable` and `writable`.

use std::cell::RefCell;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::Duration;

use evloop::{LoopError, spawn, timeout, yield_now};

use crate::support::on_loop;

fn ends() -> (UnixStream, UnixStream) {
    let (ours, peer) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    (ours, peer)
}

#[test]
fn a_descriptor_is_awaited_until_there_is_something_to_read() {
    on_loop(|event_loop| async move {
        let (mut ours, mut peer) = ends();
        let writer = spawn(async move {
            yield_now().await;
            peer.write_all(b"now").unwrap();
            peer
        });
        assert_eq!(ours.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
        event_loop.readable(&ours).await.unwrap();
        assert_eq!(ours.read(&mut [0; 8]).unwrap(), 3);
        event_loop.writable(&ours).await.unwrap();
        let peer = writer.await.unwrap();
        // The end of the file is something to read.
        drop(peer);
        event_loop.readable(&ours).await.unwrap();
        assert_eq!(ours.read(&mut [0; 8]).unwrap(), 0);
    });
}

#[test]
fn all_who_wait_for_a_descriptor_are_woken() {
    on_loop(|event_loop| async move {
        let (ours, mut peer) = ends();
        let ours = Rc::new(ours);
        let tasks: Vec<_> = (0..3)
            .map(|_| {
                let (event_loop, ours) = (event_loop.clone(), ours.clone());
                spawn(async move { event_loop.readable(&*ours).await })
            })
            .collect();
        yield_now().await;
        peer.write_all(b"x").unwrap();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
    });
}

#[test]
fn a_wait_that_is_dropped_leaves_no_registration_and_harms_no_other() {
    on_loop(|event_loop| async move {
        let (ours, mut peer) = ends();
        let first = timeout(Duration::ZERO, event_loop.readable(&ours)).await;
        assert!(first.is_err());
        assert!(!event_loop.remove_reader(&ours).unwrap(), "nothing is watched any more");

        let ours = Rc::new(ours);
        let (theirs, stays) = (ours.clone(), event_loop.clone());
        let stays = spawn(async move { stays.readable(&*theirs).await });
        let gone = timeout(Duration::ZERO, event_loop.readable(&*ours)).await;
        assert!(gone.is_err());
        peer.write_all(b"x").unwrap();
        stays.await.unwrap().unwrap();
        assert!(!event_loop.remove_reader(&*ours).unwrap());
    });
}

#[test]
fn a_descriptor_has_callbacks_or_waiters_and_whoever_loses_it_is_told() {
    on_loop(|event_loop| async move {
        let (ours, _peer) = ends();
        event_loop.add_reader(&ours, || ()).unwrap();
        let error = event_loop.readable(&ours).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        assert!(error.to_string().contains("remove_reader()"), "{error}");
        assert!(event_loop.remove_reader(&ours).unwrap(), "the callback kept its place");

        let ours = Rc::new(ours);
        let (theirs, inner) = (ours.clone(), event_loop.clone());
        let waits = spawn(async move { inner.readable(&*theirs).await });
        yield_now().await;
        event_loop.add_reader(&*ours, || ()).unwrap();
        assert_eq!(waits.await.unwrap().unwrap_err().kind(), ErrorKind::AlreadyExists);
        event_loop.remove_reader(&*ours).unwrap();
    });
}

#[test]
fn what_cannot_be_awaited_is_an_error_and_no_hang() {
    on_loop(|event_loop| async move {
        assert_eq!(event_loop.readable(-1).await.unwrap_err().kind(), ErrorKind::InvalidInput);
        let file = std::fs::File::open("Cargo.toml").unwrap();
        event_loop.readable(&file).await.unwrap_err();
        let owned = evloop::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let error = event_loop.readable(&owned).await.unwrap_err();
        let loop_error = error.get_ref().and_then(|inner| inner.downcast_ref::<LoopError>());
        assert!(matches!(loop_error, Some(LoopError::UsedByTransport { .. })), "{error}");
    });
}

#[test]
fn a_number_that_is_used_again_is_awaited_anew() {
    on_loop(|event_loop| async move {
        let (ours, peer) = ends();
        let fd = std::os::fd::AsRawFd::as_raw_fd(&ours);
        let waits = event_loop.clone();
        // By number, so that it may be closed under the waiter.
        let lost = spawn(async move { waits.readable(fd).await });
        yield_now().await;
        drop((ours, peer));
        let (again, mut peer) = ends();
        let pair = RefCell::new(again);
        if std::os::fd::AsRawFd::as_raw_fd(&*pair.borrow()) != fd {
            lost.cancel();
            return;
        }
        peer.write_all(b"x").unwrap();
        event_loop.readable(fd).await.unwrap();
        lost.await.unwrap().unwrap();
    });
}
