//! Claims about the kernel's sockets, on the loopback interface.

use super::*;
use std::os::fd::{FromRawFd, OwnedFd};

const OPTIONS: ListenOptions = ListenOptions {
    backlog: 16,
    reuse_address: true,
    reuse_port: false,
    v6_only: true,
    keep_alive: false,
};

/// A descriptor that is closed when the test ends.
struct Socket(RawFd);

impl Drop for Socket {
    fn drop(&mut self) {
        OsSockets.close(self.0);
    }
}

fn loopback() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

fn listener() -> (Socket, SocketAddr) {
    let socket = Socket(OsSockets.listen(&loopback(), &OPTIONS).unwrap());
    let address = OsSockets.local_addr(socket.0).unwrap();
    (socket, address)
}

/// Waits until `events` (`POLL…`) of `fd` have come; ten seconds are for a machine that stands
/// still, not for timing.
fn wait(fd: RawFd, events: libc::c_short) {
    let mut entry = libc::pollfd { fd, events, revents: 0 };
    // SAFETY: poll(2) reads and writes the one live pollfd it is given.
    let ready = cvt(unsafe { libc::poll(&raw mut entry, 1, 10_000) }).unwrap();
    assert_eq!(ready, 1, "nothing happened to the socket");
}

fn connect(address: &SocketAddr) -> Socket {
    let (fd, progress) = OsSockets.connect(address, None).unwrap();
    let socket = Socket(fd);
    if progress == ConnectProgress::InProgress {
        wait(fd, libc::POLLOUT);
    }
    assert!(OsSockets.take_error(fd).unwrap().is_none());
    socket
}

fn accepted(listener: &Socket) -> (Socket, SocketAddr) {
    wait(listener.0, libc::POLLIN);
    let (fd, peer) = OsSockets.accept(listener.0).unwrap();
    (Socket(fd), peer)
}

/// Two ends of one connection.
fn pair() -> (Socket, Socket) {
    let (listener, address) = listener();
    let client = connect(&address);
    let (server, _) = accepted(&listener);
    (client, server)
}

fn receive(socket: &Socket) -> Vec<u8> {
    wait(socket.0, libc::POLLIN);
    let mut buffer = [0; 64];
    let len = OsSockets.recv(socket.0, &mut buffer).unwrap();
    buffer[..len].to_vec()
}

fn is_nonblocking(socket: &Socket) -> bool {
    // SAFETY: F_GETFL takes no pointer.
    let flags = cvt(unsafe { libc::fcntl(socket.0, libc::F_GETFL) }).unwrap();
    flags & libc::O_NONBLOCK != 0
}

fn is_close_on_exec(socket: &Socket) -> bool {
    // SAFETY: F_GETFD takes no pointer.
    let flags = cvt(unsafe { libc::fcntl(socket.0, libc::F_GETFD) }).unwrap();
    flags & libc::FD_CLOEXEC != 0
}

fn has_nodelay(socket: &Socket) -> bool {
    get_option(socket.0, libc::IPPROTO_TCP, libc::TCP_NODELAY).unwrap() != 0
}

#[test]
fn every_socket_is_nonblocking_and_close_on_exec() {
    let (listener, address) = listener();
    let client = connect(&address);
    let (server, _) = accepted(&listener);
    for socket in [&listener, &client, &server] {
        assert!(is_nonblocking(socket) && is_close_on_exec(socket));
    }
}

#[test]
fn transp_25_both_ends_of_a_connection_have_tcp_nodelay() {
    let (client, server) = pair();
    assert!(has_nodelay(&client) && has_nodelay(&server));
}

#[test]
fn both_ends_agree_on_their_addresses() {
    let (listener, address) = listener();
    let client = connect(&address);
    let (server, peer) = accepted(&listener);
    assert_eq!(OsSockets.peer_addr(client.0).unwrap(), address);
    assert_eq!(OsSockets.local_addr(server.0).unwrap(), address);
    assert_eq!(OsSockets.local_addr(client.0).unwrap(), peer);
    assert_eq!(OsSockets.peer_addr(server.0).unwrap(), peer);
}

#[test]
fn bytes_go_both_ways_and_a_shutdown_is_the_peers_end_of_file() {
    let (client, server) = pair();
    assert_eq!(OsSockets.send(client.0, b"ping").unwrap(), 4);
    assert_eq!(receive(&server), b"ping");
    OsSockets.shutdown(client.0, Shutdown::Write).unwrap();
    assert_eq!(receive(&server), b"");
    assert_eq!(OsSockets.send(server.0, b"pong").unwrap(), 4);
    assert_eq!(receive(&client), b"pong");
}

#[test]
fn transp_20_several_buffers_go_out_in_one_call_in_order() {
    let (client, server) = pair();
    let buffers = [&b"ab"[..], b"", b"cde"].map(IoSlice::new);
    assert_eq!(OsSockets.send_vectored(client.0, &buffers).unwrap(), 5);
    assert_eq!(receive(&server), b"abcde");
}

#[test]
fn more_buffers_than_a_call_takes_are_sent_in_part_and_not_refused() {
    let (client, _server) = pair();
    let buffers = vec![IoSlice::new(b"x"); MAX_BUFFERS + 10];
    assert_eq!(OsSockets.send_vectored(client.0, &buffers).unwrap(), MAX_BUFFERS);
}

#[test]
fn transp_13_nothing_to_receive_or_accept_would_block() {
    let (client, _server) = pair();
    let error = OsSockets.recv(client.0, &mut [0; 8]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    let (listener, _) = listener();
    assert_eq!(OsSockets.accept(listener.0).unwrap_err().kind(), io::ErrorKind::WouldBlock);
}

/// Whether SIGPIPE waits for this thread.
#[cfg(target_os = "linux")]
fn sigpipe_is_pending() -> bool {
    let mut pending = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigpending(2) fills in the set it is given a pointer to, and sigismember(3) reads it.
    unsafe {
        assert_eq!(libc::sigpending(pending.as_mut_ptr()), 0);
        libc::sigismember(pending.as_ptr(), libc::SIGPIPE) == 1
    }
}

/// Only on Linux is a signal kept pending though it is ignored, as Rust's runtime has SIGPIPE.
#[cfg(target_os = "linux")]
#[test]
fn a_send_after_our_shutdown_is_a_broken_pipe_and_no_signal() {
    let mut sigpipe = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigemptyset(3) initialises the set before it is read, and only this thread's mask
    // changes, with which the thread ends.
    unsafe {
        libc::sigemptyset(sigpipe.as_mut_ptr());
        libc::sigaddset(sigpipe.as_mut_ptr(), libc::SIGPIPE);
        libc::pthread_sigmask(libc::SIG_BLOCK, sigpipe.as_ptr(), std::ptr::null_mut());
    }
    let (client, _server) = pair();
    OsSockets.shutdown(client.0, Shutdown::Write).unwrap();
    let error = OsSockets.send(client.0, b"x").unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    let error = OsSockets.send_vectored(client.0, &[IoSlice::new(b"x")]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    assert!(!sigpipe_is_pending());
}

#[test]
fn conn_01_a_refused_connection_is_told_at_once_or_by_take_error() {
    let (listener, address) = listener();
    drop(listener);
    let error = match OsSockets.connect(&address, None) {
        Err(error) => error,
        Ok((fd, _)) => {
            let socket = Socket(fd);
            wait(fd, libc::POLLOUT);
            let error = OsSockets.take_error(fd).unwrap().expect("nobody listens there");
            assert!(OsSockets.take_error(socket.0).unwrap().is_none(), "reading it clears it");
            error
        }
    };
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
}

#[test]
fn conn_05_a_connection_comes_from_the_local_address_it_was_given() {
    let (listener, address) = listener();
    let (fd, _) = OsSockets.connect(&address, Some(&loopback())).unwrap();
    let client = Socket(fd);
    let (_server, peer) = accepted(&listener);
    assert_eq!(peer, OsSockets.local_addr(client.0).unwrap());
    let wrong = OsSockets.connect(&address, Some(&address)).unwrap_err();
    assert_eq!(wrong.kind(), io::ErrorKind::AddrInUse);
}

#[test]
fn srv_11_a_port_is_shared_only_if_both_ask_for_it() {
    let shared = ListenOptions { reuse_port: true, ..OPTIONS };
    let first = Socket(OsSockets.listen(&loopback(), &shared).unwrap());
    let address = OsSockets.local_addr(first.0).unwrap();
    let second = Socket(OsSockets.listen(&address, &shared).unwrap());
    assert_eq!(OsSockets.local_addr(second.0).unwrap(), address);
    let third = OsSockets.listen(&address, &OPTIONS).unwrap_err();
    assert_eq!(third.kind(), io::ErrorKind::AddrInUse);
}

#[test]
fn srv_08_an_ipv6_listener_leaves_its_port_to_ipv4_if_told_so() {
    let any_v6: SocketAddr = "[::]:0".parse().unwrap();
    let Ok(fd) = OsSockets.listen(&any_v6, &OPTIONS) else {
        return; // a machine without IPv6
    };
    let v6 = Socket(fd);
    assert_ne!(get_option(v6.0, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY).unwrap(), 0);
    let dual = ListenOptions { v6_only: false, ..OPTIONS };
    let both = Socket(OsSockets.listen(&any_v6, &dual).unwrap());
    assert_eq!(get_option(both.0, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY).unwrap(), 0);
}

#[test]
fn srv_14_a_stream_socket_from_elsewhere_is_made_fit() {
    let (listener, address) = listener();
    let theirs = std::net::TcpStream::connect(address).unwrap();
    let ours = Socket(theirs.into_raw_fd());
    assert!(!is_nonblocking(&ours) && !has_nodelay(&ours));
    OsSockets.adopt(ours.0).unwrap();
    assert!(is_nonblocking(&ours) && is_close_on_exec(&ours) && has_nodelay(&ours));
    drop(listener);
}

#[test]
fn srv_10_a_datagram_socket_is_refused_with_the_reason() {
    let datagram = open(libc::AF_INET, libc::SOCK_DGRAM).unwrap();
    let error = OsSockets.adopt(datagram.as_raw_fd()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    assert!(error.to_string().contains("a stream socket (SOCK_STREAM) is needed"));
}

#[test]
fn conn_09_a_number_that_is_no_descriptor_is_the_kernels_error() {
    assert_eq!(OsSockets.adopt(-1).unwrap_err().raw_os_error(), Some(libc::EBADF));
    assert_eq!(OsSockets.recv(-1, &mut [0]).unwrap_err().raw_os_error(), Some(libc::EBADF));
}

#[test]
fn a_unix_stream_socket_is_adopted_without_tcp_nodelay() {
    let (one, _other) = std::os::unix::net::UnixStream::pair().unwrap();
    // SAFETY: `into_raw_fd` has just given up the descriptor.
    let one = unsafe { OwnedFd::from_raw_fd(one.into_raw_fd()) };
    assert_eq!(adopt(one.as_raw_fd()).unwrap(), libc::AF_UNIX);
    assert_eq!(
        OsSockets.local_addr(one.as_raw_fd()).unwrap_err().kind(),
        io::ErrorKind::InvalidInput
    );
}
