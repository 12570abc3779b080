//! What a connection answers, compared with what Linux answers.

use super::*;

const NOW: Time = Time::ZERO;
const READ_ENDED: Readiness = Readiness::READ_HANGUP;

fn connected() -> Tcp {
    let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
    let mut tcp = Tcp::connecting(address(1), address(2), Link::default());
    tcp.answered(false);
    tcp
}

fn send(tcp: &mut Tcp, side: Side) -> Result<usize, Errno> {
    let sent = tcp.send(side, NOW, b"x", Duration::ZERO);
    all_arrives(tcp);
    sent
}

fn all_arrives(tcp: &mut Tcp) {
    while !tcp.arrive(0, NOW).is_nothing() || !tcp.arrive(1, NOW).is_nothing() {}
}

fn recv(tcp: &mut Tcp, side: Side) -> Result<usize, Errno> {
    tcp.recv(side, &mut [0; 8])
}

#[test]
fn nothing_is_so_of_a_connection_under_way_and_a_refused_one_is_all_at_once() {
    let address = SocketAddr::from(([127, 0, 0, 1], 1));
    let mut tcp = Tcp::connecting(address, address, Link::default());
    assert_eq!(tcp.readiness(0), Readiness::default());
    assert_eq!(send(&mut tcp, 0), Err(libc::EAGAIN));
    tcp.answered(true);
    let all = Readiness::READABLE | Readiness::WRITABLE | READ_ENDED | Readiness::HANGUP;
    assert_eq!(tcp.readiness(0), all | Readiness::ERROR);
    assert_eq!(tcp.take_error(0), Some(libc::ECONNREFUSED));
    assert_eq!(tcp.readiness(0), all);
}

#[test]
fn bytes_come_before_the_end_of_file_and_the_other_way_stays_open() {
    let mut tcp = connected();
    send(&mut tcp, 0).unwrap();
    tcp.shutdown(0, NOW, Shutdown::Write).unwrap();
    all_arrives(&mut tcp);
    let readable = Readiness::READABLE | Readiness::WRITABLE | READ_ENDED;
    assert_eq!(tcp.readiness(1), readable);
    assert_eq!((recv(&mut tcp, 1), recv(&mut tcp, 1)), (Ok(1), Ok(0)));
    assert_eq!(send(&mut tcp, 1), Ok(1));
    assert_eq!((recv(&mut tcp, 0), recv(&mut tcp, 0)), (Ok(1), Err(libc::EAGAIN)));
    assert_eq!(send(&mut tcp, 0), Err(libc::EPIPE));
    assert_eq!(tcp.readiness(0), Readiness::WRITABLE, "no hang-up by our own shutdown");
}

#[test]
fn both_ends_of_file_are_a_hangup_and_a_shutdown_is_refused_then() {
    let mut tcp = connected();
    tcp.shutdown(0, NOW, Shutdown::Write).unwrap();
    tcp.shutdown(1, NOW, Shutdown::Write).unwrap();
    all_arrives(&mut tcp);
    assert!(tcp.readiness(0).contains(Readiness::HANGUP));
    assert!(!tcp.readiness(0).contains(Readiness::ERROR));
    assert_eq!(tcp.shutdown(0, NOW, Shutdown::Write), Err(libc::ENOTCONN));
}

#[test]
fn a_close_with_bytes_unread_is_a_reset_that_is_told_once() {
    let mut tcp = connected();
    send(&mut tcp, 0).unwrap();
    tcp.release(1, NOW);
    all_arrives(&mut tcp);
    assert!(tcp.readiness(0).contains(Readiness::ERROR | Readiness::HANGUP));
    assert_eq!((recv(&mut tcp, 0), recv(&mut tcp, 0)), (Err(libc::ECONNRESET), Ok(0)));
    assert_eq!(send(&mut tcp, 0), Err(libc::EPIPE));
}

#[test]
fn a_send_to_one_who_has_closed_is_taken_and_the_next_is_a_broken_pipe() {
    let mut tcp = connected();
    tcp.release(1, NOW);
    all_arrives(&mut tcp);
    assert_eq!(tcp.readiness(0), Readiness::READABLE | Readiness::WRITABLE | READ_ENDED);
    assert_eq!(send(&mut tcp, 0), Ok(1));
    assert!(tcp.readiness(0).contains(Readiness::ERROR | Readiness::HANGUP));
    assert_eq!(recv(&mut tcp, 0), Ok(0), "the end of file has come before the reset");
    assert_eq!(send(&mut tcp, 0), Err(libc::EPIPE));
}

#[test]
fn what_came_before_a_reset_is_received_before_its_error() {
    let mut tcp = connected();
    send(&mut tcp, 1).unwrap();
    tcp.break_down();
    assert_eq!((recv(&mut tcp, 0), recv(&mut tcp, 0)), (Ok(1), Err(libc::ECONNRESET)));
    assert_eq!(send(&mut tcp, 1), Err(libc::ECONNRESET));
    assert_eq!(send(&mut tcp, 1), Err(libc::EPIPE));
}

#[test]
fn a_shutdown_of_reading_is_our_end_of_file_after_what_has_come() {
    let mut tcp = connected();
    send(&mut tcp, 0).unwrap();
    tcp.shutdown(1, NOW, Shutdown::Read).unwrap();
    assert_eq!((recv(&mut tcp, 1), recv(&mut tcp, 1)), (Ok(1), Ok(0)));
    assert_eq!(send(&mut tcp, 0), Ok(1), "the other is not told");
}

#[test]
fn a_connection_is_over_when_nobody_holds_an_end_and_nothing_is_under_way() {
    let mut tcp = connected();
    tcp.release(0, NOW);
    assert!(!tcp.is_over());
    tcp.release(1, NOW);
    assert!(!tcp.is_over(), "two ends of file are under way");
    all_arrives(&mut tcp);
    assert!(tcp.is_over());
}
