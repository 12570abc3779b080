//! The few system calls that contestants and load generator share.

use std::{
    io,
    net::{Ipv4Addr, SocketAddrV4, TcpListener},
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    time::Duration,
};

/// Turns the `-1` of a system call into the error it stands for.
pub fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Raises the soft limit of open descriptors to the hard one: 8000 connections need it. A refusal shows later, as EMFILE.
pub fn raise_descriptor_limit() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: getrlimit writes one `rlimit` through the pointer, which is a live exclusive borrow.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) } == 0 {
        limit.rlim_cur = limit.rlim_max;
        // SAFETY: setrlimit only reads the live `limit`.
        unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) };
    }
}

/// Sets the soft limit of open descriptors.
pub fn limit_descriptors(most: libc::rlim_t) {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: getrlimit writes one `rlimit` through the pointer, which is a live exclusive borrow.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) } == 0 {
        limit.rlim_cur = most.min(limit.rlim_max);
        // SAFETY: setrlimit only reads the live `limit`.
        unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) };
    }
}

/// A non-blocking listener on 127.0.0.1 with a backlog of 4096. Port 0 lets the kernel choose.
pub fn listener(port: u16) -> io::Result<TcpListener> {
    // SAFETY: socket takes no pointer; the descriptor it returns is new and nobody else's.
    let fd = unsafe {
        let kind = libc::SOCK_STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
        OwnedFd::from_raw_fd(check(libc::socket(libc::AF_INET, kind, 0))?)
    };
    set_option(&fd, libc::SOL_SOCKET, libc::SO_REUSEADDR, 1)?;
    bind(&fd, SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))?;
    // SAFETY: no pointer; the descriptor is open for the call because `fd` is borrowed.
    check(unsafe { libc::listen(fd.as_raw_fd(), 4096) })?;
    Ok(fd.into())
}

/// Sets an integer socket option.
pub fn set_option(
    fd: &impl AsRawFd,
    level: libc::c_int,
    name: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
    let size = size_of_val(&value) as libc::socklen_t;
    // SAFETY: the kernel reads `size` bytes at the address of `value`, which lives for the call.
    check(unsafe {
        libc::setsockopt(fd.as_raw_fd(), level, name, (&raw const value).cast(), size)
    })?;
    Ok(())
}

/// Gives a socket its local address.
pub fn bind(fd: &impl AsRawFd, address: SocketAddrV4) -> io::Result<()> {
    let (name, size) = sockaddr(address);
    // SAFETY: the kernel reads `size` bytes at the address of `name`, which is exactly its size and lives for the call.
    check(unsafe { libc::bind(fd.as_raw_fd(), (&raw const name).cast(), size) })?;
    Ok(())
}

/// The kernel's form of an IPv4 address, and its size.
pub fn sockaddr(address: SocketAddrV4) -> (libc::sockaddr_in, libc::socklen_t) {
    let name = libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: address.port().to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from(*address.ip()).to_be() },
        sin_zero: [0; 8],
    };
    (name, size_of::<libc::sockaddr_in>() as libc::socklen_t)
}

/// Keeps the calling thread on one core. A machine that refuses only measures less steadily, so a refusal is ignored.
pub fn pin(core: usize) {
    // SAFETY: an all-zero cpu_set_t is an empty set; CPU_SET is told a core below the set's 1024 by the remainder.
    let set = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(core % 1024, &mut set);
        set
    };
    // SAFETY: the kernel reads the live set, whose size is given.
    unsafe { libc::sched_setaffinity(0, size_of_val(&set), &set) };
}

/// Keeps the calling thread off `core`, on its neighbour.
pub fn pin_beside(core: usize) {
    // SAFETY: sysconf takes no pointer.
    let cores = unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) }.max(1) as usize;
    pin((core + 1) % cores);
}

/// The core that the calling thread is running on.
pub fn current_core() -> usize {
    // SAFETY: takes no pointer.
    unsafe { libc::sched_getcpu() }.max(0) as usize
}

/// CPU time of the whole process, CLOCK_PROCESS_CPUTIME_ID.
pub fn cpu_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: clock_gettime writes one timespec through a live exclusive borrow.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Resident memory of the process in bytes, from /proc/self/statm; 0 where there is none.
pub fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = statm.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
    // SAFETY: sysconf takes no pointer.
    pages * unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as u64
}
