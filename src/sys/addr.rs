//! Socket addresses as the kernel writes them.

use std::io;
use std::mem::{MaybeUninit, offset_of, size_of};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// A `sockaddr` of any family with its length: what bind(2) reads and accept(2) writes.
///
/// The BSDs and macOS keep the length in the structure's first byte too; it is set there, though
/// their kernels go by the argument.
#[derive(Clone, Copy)]
pub(crate) struct RawAddr {
    storage: libc::sockaddr_storage,
    len: libc::socklen_t,
}

impl RawAddr {
    /// The bytes of `address` as the kernel wants them.
    pub(crate) fn new(address: &SocketAddr) -> RawAddr {
        match address {
            SocketAddr::V4(v4) => RawAddr::of(raw_v4(v4)),
            SocketAddr::V6(v6) => RawAddr::of(raw_v6(v6)),
        }
    }

    /// A Unix address whose path is these bytes: with its NUL, or beginning with one if it is
    /// abstract; none at all have no name.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if there are too many.
    pub(crate) fn unix(path: &[u8]) -> io::Result<RawAddr> {
        // SAFETY: sockaddr_un is integers; all zeros is one.
        let mut raw: libc::sockaddr_un = unsafe { MaybeUninit::zeroed().assume_init() };
        raw.sun_family = libc::AF_UNIX as libc::sa_family_t;
        if path.len() > raw.sun_path.len() {
            let text = format!(
                "the name of a Unix socket is {} bytes long: at most {} fit",
                path.len(),
                raw.sun_path.len()
            );
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        for (to, from) in raw.sun_path.iter_mut().zip(path) {
            *to = *from as libc::c_char;
        }
        let len = UNIX_PATH + path.len();
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        {
            raw.sun_len = len as u8;
        }
        Ok(RawAddr { len: len as libc::socklen_t, ..RawAddr::of(raw) })
    }

    /// The bytes of a Unix address's path, with whatever NULs the kernel wrote.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for any other family.
    pub(crate) fn unix_path(&self) -> io::Result<Vec<u8>> {
        let len = (self.len as usize).saturating_sub(UNIX_PATH);
        if len > 0 && self.family() != libc::AF_UNIX {
            let family = self.family();
            let text = format!("a socket of address family {family}: a Unix one is needed");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        // SAFETY: the storage is aligned for every sockaddr and larger than a sockaddr_un, and any
        // bits are one.
        let raw = unsafe { (&raw const self.storage).cast::<libc::sockaddr_un>().read() };
        Ok(raw.sun_path.iter().take(len).map(|byte| *byte as u8).collect())
    }

    fn of<T: Copy>(sockaddr: T) -> RawAddr {
        const { assert!(size_of::<T>() <= size_of::<libc::sockaddr_storage>()) };
        let mut raw = RawAddr { storage: zeroed_storage(), len: size_of::<T>() as libc::socklen_t };
        // SAFETY: `T` is one of libc's plain sockaddr structures; the assertion above says that it
        // fits, and sockaddr_storage is aligned for every one of them (sys/socket.h promises it).
        unsafe { (&raw mut raw.storage).cast::<T>().write(sockaddr) };
        raw
    }

    /// Lets `call` write an address, as accept(2), getsockname(2) and getpeername(2) do, and gives
    /// it with what the call returned.
    pub(crate) fn receive<T>(
        call: impl FnOnce(*mut libc::sockaddr, *mut libc::socklen_t) -> io::Result<T>,
    ) -> io::Result<(T, RawAddr)> {
        let len = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
        let mut raw = RawAddr { storage: zeroed_storage(), len };
        let result = call((&raw mut raw.storage).cast(), &raw mut raw.len)?;
        Ok((result, raw))
    }

    /// The pointer and length for a call that reads the address; valid as long as `self`.
    pub(crate) fn as_ptr(&self) -> (*const libc::sockaddr, libc::socklen_t) {
        ((&raw const self.storage).cast(), self.len)
    }

    /// Whether the kernel wrote no address at all, as macOS does for a connection that was reset
    /// before it was accepted.
    pub(crate) fn is_empty(&self) -> bool {
        (self.len as usize) <= offset_of!(libc::sockaddr_storage, ss_family)
    }

    /// The address family, `AF_…`.
    pub(crate) fn family(&self) -> libc::c_int {
        libc::c_int::from(self.storage.ss_family)
    }

    /// The address, if it is an internet one.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for any other family.
    pub(crate) fn to_socket_addr(self) -> io::Result<SocketAddr> {
        let whole = |size: usize| self.len as usize >= size;
        match self.family() {
            libc::AF_INET if whole(size_of::<libc::sockaddr_in>()) => {
                // SAFETY: the family and the length say that the storage, which is aligned for
                // every sockaddr, begins with a sockaddr_in; any bits are one.
                let raw = unsafe { (&raw const self.storage).cast::<libc::sockaddr_in>().read() };
                let ip = Ipv4Addr::from(u32::from_be(raw.sin_addr.s_addr));
                Ok(SocketAddrV4::new(ip, u16::from_be(raw.sin_port)).into())
            }
            libc::AF_INET6 if whole(size_of::<libc::sockaddr_in6>()) => {
                // SAFETY: as above, with a sockaddr_in6.
                let raw = unsafe { (&raw const self.storage).cast::<libc::sockaddr_in6>().read() };
                let (ip, port) = (raw.sin6_addr.s6_addr.into(), u16::from_be(raw.sin6_port));
                Ok(SocketAddrV6::new(ip, port, raw.sin6_flowinfo, raw.sin6_scope_id).into())
            }
            family => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("a socket of address family {family}: an IPv4 or IPv6 one is needed"),
            )),
        }
    }
}

/// Where a Unix address's path begins.
const UNIX_PATH: usize = offset_of!(libc::sockaddr_un, sun_path);

fn zeroed_storage() -> libc::sockaddr_storage {
    // SAFETY: sockaddr_storage is integers and padding; all zeros is one.
    unsafe { MaybeUninit::zeroed().assume_init() }
}

fn raw_v4(address: &SocketAddrV4) -> libc::sockaddr_in {
    libc::sockaddr_in {
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        sin_len: size_of::<libc::sockaddr_in>() as u8,
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: address.port().to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from(*address.ip()).to_be() },
        sin_zero: [0; 8],
    }
}

fn raw_v6(address: &SocketAddrV6) -> libc::sockaddr_in6 {
    libc::sockaddr_in6 {
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        sin6_len: size_of::<libc::sockaddr_in6>() as u8,
        sin6_family: libc::AF_INET6 as libc::sa_family_t,
        sin6_port: address.port().to_be(),
        sin6_flowinfo: address.flowinfo(),
        sin6_addr: libc::in6_addr { s6_addr: Ipv6Addr::octets(address.ip()) },
        sin6_scope_id: address.scope_id(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn there_and_back(address: SocketAddr) -> SocketAddr {
        RawAddr::new(&address).to_socket_addr().unwrap()
    }

    #[test]
    fn a_port_is_written_in_network_order() {
        let raw = raw_v4(&"127.0.0.1:258".parse().unwrap());
        assert_eq!(raw.sin_port.to_ne_bytes(), [1, 2]);
        assert_eq!(raw.sin_addr.s_addr.to_ne_bytes(), [127, 0, 0, 1]);
    }

    #[test]
    fn a_foreign_family_is_refused_with_its_number() {
        let mut raw = RawAddr::new(&"127.0.0.1:1".parse().unwrap());
        raw.storage.ss_family = libc::AF_UNIX as libc::sa_family_t;
        let error = raw.to_socket_addr().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert!(error.to_string().contains(&format!("family {}", libc::AF_UNIX)));
    }

    #[test]
    fn an_address_that_was_cut_short_is_refused() {
        let mut raw = RawAddr::new(&"[::1]:1".parse().unwrap());
        raw.len = size_of::<libc::sockaddr_in>() as libc::socklen_t;
        assert!(raw.to_socket_addr().is_err());
    }

    proptest! {
        #[test]
        fn an_address_survives_the_way_to_the_kernel_and_back(
            v4: [u8; 4], v6: [u8; 16], port: u16, flow: u32, scope: u32,
        ) {
            let v4 = SocketAddr::from((v4, port));
            prop_assert_eq!(there_and_back(v4), v4);
            let v6 = SocketAddr::from(SocketAddrV6::new(v6.into(), port, flow, scope));
            prop_assert_eq!(there_and_back(v6), v6);
        }
    }
}
