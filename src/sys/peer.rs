//! What the kernel knows of a connection's peer that no event tells.

use std::io;
use std::os::fd::RawFd;

#[cfg(any(target_os = "linux", target_os = "android"))]
use super::{
    cvt,
    error::retry,
    poll::{PollFd, poll},
};

/// Whether the peer has sent its end of file or a reset, however much there is to be received before
/// it: what poll(2) tells by `POLLRDHUP`, which Linux has. Elsewhere it is not known: false.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn has_finished(fd: RawFd) -> io::Result<bool> {
    let mut entry = [PollFd { fd, events: libc::POLLRDHUP, revents: 0 }];
    retry(|| poll(&mut entry, 0))?;
    Ok(entry[0].revents & (libc::POLLRDHUP | libc::POLLHUP | libc::POLLERR) != 0)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn has_finished(_: RawFd) -> io::Result<bool> {
    Ok(false)
}

/// How many bytes the kernel has taken and the peer has not acknowledged: `SIOCOUTQ` (tcp(7),
/// unix(7)), `SO_NWRITE` of macOS. Elsewhere it is not known: 0.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn unacknowledged(fd: RawFd) -> io::Result<usize> {
    let mut bytes: libc::c_int = 0;
    // SAFETY: this request writes one c_int at the pointer, which is to a live one that nobody else
    // sees. SIOCOUTQ is TIOCOUTQ by number.
    cvt(unsafe { libc::ioctl(fd, libc::TIOCOUTQ, &raw mut bytes) })?;
    Ok(usize::try_from(bytes).unwrap_or(0))
}

#[cfg(target_vendor = "apple")]
pub(super) fn unacknowledged(fd: RawFd) -> io::Result<usize> {
    let bytes = super::option::get_option(fd, libc::SOL_SOCKET, libc::SO_NWRITE)?;
    Ok(usize::try_from(bytes).unwrap_or(0))
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
pub(super) fn unacknowledged(_: RawFd) -> io::Result<usize> {
    Ok(0)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Shutdown, TcpListener, TcpStream};
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn what_the_peer_has_not_taken_is_counted() {
        let (mut one, mut other) = UnixStream::pair().unwrap();
        assert_eq!(unacknowledged(one.as_raw_fd()).unwrap(), 0);
        one.write_all(b"12345").unwrap();
        assert!(unacknowledged(one.as_raw_fd()).unwrap() >= 5);
        other.read_exact(&mut [0; 5]).unwrap();
        assert_eq!(unacknowledged(one.as_raw_fd()).unwrap(), 0);
    }

    #[test]
    fn an_end_behind_bytes_that_nobody_receives_is_seen() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut one = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (other, _) = listener.accept().unwrap();
        one.write_all(b"12345").unwrap();
        other.peek(&mut [0]).unwrap();
        assert!(!has_finished(other.as_raw_fd()).unwrap());
        one.shutdown(Shutdown::Write).unwrap();
        // Over loopback it is there when the call returns.
        assert!(has_finished(other.as_raw_fd()).unwrap());
        assert!(!has_finished(one.as_raw_fd()).unwrap());
    }
}
