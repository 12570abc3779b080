//! Unix sockets: their names, and who is at the other end.

use std::fs;
use std::io;
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::SocketAddr as UnixAddr;
use std::path::Path;

use super::addr::RawAddr;
use super::{cvt, open};

/// The address in the kernel's form.
pub(super) fn raw(address: &UnixAddr) -> io::Result<RawAddr> {
    if let Some(path) = address.as_pathname() {
        let mut bytes = path.as_os_str().as_bytes().to_vec();
        bytes.push(0);
        return RawAddr::unix(&bytes);
    }
    #[cfg(target_os = "linux")]
    {
        use std::os::linux::net::SocketAddrExt;
        if let Some(name) = address.as_abstract_name() {
            return RawAddr::unix(&[&[0], name].concat());
        }
    }
    let text = "an address without a name: a Unix socket is bound or connected to a path";
    Err(io::Error::new(io::ErrorKind::InvalidInput, text))
}

/// The address of a path, or of an abstract name where the first byte is NUL.
///
/// # Errors
///
/// `InvalidInput` if it is too long, has a NUL elsewhere, or is abstract and this is not Linux.
pub(crate) fn unix_addr(path: &Path) -> io::Result<UnixAddr> {
    match path.as_os_str().as_bytes() {
        [0, name @ ..] => abstract_addr(name),
        [] => {
            let text = "an empty path names no Unix socket";
            Err(io::Error::new(io::ErrorKind::InvalidInput, text))
        }
        _ => UnixAddr::from_pathname(path),
    }
}

#[cfg(target_os = "linux")]
fn abstract_addr(name: &[u8]) -> io::Result<UnixAddr> {
    use std::os::linux::net::SocketAddrExt;
    UnixAddr::from_abstract_name(name)
}

#[cfg(not(target_os = "linux"))]
fn abstract_addr(_: &[u8]) -> io::Result<UnixAddr> {
    let text = "abstract names of sockets, which begin with a NUL, are Linux's alone: say a path";
    Err(io::Error::new(io::ErrorKind::InvalidInput, text))
}

pub(super) fn from_raw(raw: &RawAddr) -> io::Result<UnixAddr> {
    let bytes = raw.unix_path()?;
    if let [0, name @ ..] = &bytes[..] {
        if !name.is_empty() && cfg!(target_os = "linux") {
            return abstract_addr(name);
        }
    }
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    // An empty path is the address without a name.
    UnixAddr::from_pathname(std::ffi::OsStr::from_bytes(&bytes[..end]))
}

/// Which file a path leads to: its device and its number there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FileId(u64, u64);

impl FileId {
    fn of(path: &Path) -> io::Result<FileId> {
        let file = fs::symlink_metadata(path)?;
        Ok(FileId(file.dev(), file.ino()))
    }
}

/// A non-blocking, close-on-exec socket of this kind, bound to `address`. A socket's file that is
/// there, and that nobody is bound to any more, is removed first.
///
/// # Errors
///
/// `AddrInUse` if somebody is, or if it is the file of something else.
pub(super) fn bind(kind: libc::c_int, address: &UnixAddr) -> io::Result<(OwnedFd, Option<FileId>)> {
    let name = raw(address)?;
    if let Some(path) = address.as_pathname() {
        remove_if_stale(path, &name)?;
    }
    let socket = open::open(libc::AF_UNIX, kind)?;
    let (pointer, len) = name.as_ptr();
    // SAFETY: bind(2) reads `len` bytes at `pointer`, which are those of `name`, alive until after
    // the call.
    let bound = cvt(unsafe { libc::bind(socket.as_raw_fd(), pointer, len) });
    bound.map_err(|error| cannot_bind(address, error))?;
    let file = address.as_pathname().and_then(|path| FileId::of(path).ok());
    Ok((socket, file))
}

fn cannot_bind(address: &UnixAddr, error: io::Error) -> io::Error {
    let text = match error.kind() {
        io::ErrorKind::AddrInUse => format!("Address {address:?} is already in use"),
        _ => format!("cannot bind a Unix socket to {address:?}: {error}"),
    };
    io::Error::new(error.kind(), text)
}

/// Removes the file of a socket whose owner is gone. A datagram socket asks: nobody notices that,
/// not even a server that listens, for to it that is the wrong type of socket.
fn remove_if_stale(path: &Path, name: &RawAddr) -> io::Result<()> {
    if !fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket()) {
        return Ok(());
    }
    let probe = open::open(libc::AF_UNIX, libc::SOCK_DGRAM)?;
    let asked = connect(&probe, name);
    if asked.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused) {
        return match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
    }
    Ok(())
}

pub(super) fn connect(socket: &OwnedFd, name: &RawAddr) -> io::Result<()> {
    let (pointer, len) = name.as_ptr();
    // SAFETY: connect(2) reads `len` bytes at `pointer`, which are those of `name`, alive until
    // after the call.
    cvt(unsafe { libc::connect(socket.as_raw_fd(), pointer, len) }).map(drop)
}

/// Removes the file of a socket, if it is still the one that we made.
pub(crate) fn unlink_if_same(address: &UnixAddr, made: Option<FileId>) {
    if let (Some(path), Some(made)) = (address.as_pathname(), made) {
        if FileId::of(path).is_ok_and(|there| there == made) {
            // Somebody else may remove it in this moment.
            let _ = fs::remove_file(path);
        }
    }
}

/// A stream socket that listens.
pub(super) fn listen(address: &UnixAddr, backlog: i32) -> io::Result<(RawFd, Option<FileId>)> {
    let (socket, file) = bind(libc::SOCK_STREAM, address)?;
    // SAFETY: listen(2) takes no pointers.
    cvt(unsafe { libc::listen(socket.as_raw_fd(), backlog) })?;
    Ok((socket.into_raw_fd(), file))
}

/// A connected stream socket; `WouldBlock` if the server's queue is full.
pub(super) fn connect_stream(address: &UnixAddr) -> io::Result<RawFd> {
    let socket = open::open(libc::AF_UNIX, libc::SOCK_STREAM)?;
    connect(&socket, &raw(address)?)?;
    Ok(socket.into_raw_fd())
}

/// getsockname(2).
pub(crate) fn local_addr(fd: RawFd) -> io::Result<UnixAddr> {
    from_raw(&super::socket::raw_local_addr(fd)?)
}

/// getpeername(2).
pub(crate) fn peer_addr(fd: RawFd) -> io::Result<UnixAddr> {
    from_raw(&super::socket::raw_peer_addr(fd)?)
}

/// Whether it is a Unix socket.
pub(crate) fn is_unix(fd: RawFd) -> io::Result<bool> {
    Ok(super::socket::raw_local_addr(fd)?.family() == libc::AF_UNIX)
}

/// Who was at the other end of a Unix stream when it was connected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct PeerCred {
    /// The user it ran as, effectively.
    pub uid: u32,
    /// The group it ran as, effectively.
    pub gid: u32,
    /// Its process, where the kernel tells it (Linux). It may have ended, and its number be
    /// somebody else's by now.
    pub pid: Option<i32>,
}

/// The credentials of a Unix stream's peer. (`SO_PEERCRED`)
#[cfg(target_os = "linux")]
pub(crate) fn peer_cred(fd: RawFd) -> io::Result<PeerCred> {
    let mut cred = libc::ucred { pid: 0, uid: u32::MAX, gid: u32::MAX };
    let mut len = size_of::<libc::ucred>() as libc::socklen_t;
    let (level, name) = (libc::SOL_SOCKET, libc::SO_PEERCRED);
    // SAFETY: getsockopt(2) writes at most `len` bytes at the pointer, which is to one live ucred.
    cvt(unsafe { libc::getsockopt(fd, level, name, (&raw mut cred).cast(), &raw mut len) })?;
    // Of what is no Unix stream Linux says pid 0 and nobody's ids.
    if cred.uid == u32::MAX {
        let text = "only Unix sockets have a peer with credentials";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    Ok(PeerCred { uid: cred.uid, gid: cred.gid, pid: (cred.pid != 0).then_some(cred.pid) })
}

/// The credentials of a Unix stream's peer. (getpeereid(3))
#[cfg(not(target_os = "linux"))]
pub(crate) fn peer_cred(fd: RawFd) -> io::Result<PeerCred> {
    let (mut uid, mut gid) = (0, 0);
    // SAFETY: getpeereid(3) writes one uid_t and one gid_t at the pointers, which are to live ones.
    cvt(unsafe { libc::getpeereid(fd, &raw mut uid, &raw mut gid) })?;
    Ok(PeerCred { uid, gid, pid: None })
}

/// The next connection that waits at `listener`; whoever connects to a Unix socket rarely has a
/// name, so it is asked for where somebody wants it.
pub(super) fn accept(listener: RawFd) -> io::Result<RawFd> {
    Ok(open::accept(listener)?.0.into_raw_fd())
}
