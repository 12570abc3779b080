//! Names to addresses, and addresses to names.

use super::addr::RawAddr;
use super::kind_of;
use std::ffi::CStr;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

/// The address that `host` spells out, if it is a number and not a name: nobody need be asked for
/// it.
///
/// Only the plain forms count, `192.0.2.1` and `2001:db8::1`. What a resolver also reads as a
/// number (`127.1`, `fe80::1%eth0`) is left to it.
pub(crate) fn literal(host: &str, port: u16) -> Option<SocketAddr> {
    host.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, port))
}

/// The addresses of `host` for stream sockets in the resolver's order, each once. **It blocks**, for
/// seconds if a name server does not answer: call it on a thread of its own.
///
/// # Errors
///
/// The resolver's, with the name that was asked for; `NotFound` if the name has no address.
///
/// Source: getaddrinfo(3), through std.
pub(crate) fn getaddrinfo(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if let Some(address) = literal(host, port) {
        return Ok(vec![address]);
    }
    let named = |error: io::Error| {
        io::Error::new(kind_of(&error), format!("cannot resolve the host name {host:?}: {error}"))
    };
    let mut addresses = Vec::new();
    for address in (host, port).to_socket_addrs().map_err(named)? {
        // A hosts file often names localhost twice, and binding twice would fail.
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() {
        return Err(named(io::Error::new(io::ErrorKind::NotFound, "it has no address")));
    }
    Ok(addresses)
}

/// What [`getnameinfo`](crate::EventLoop::getnameinfo) is to give; names of both if nothing is
/// said.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct NameFlags {
    /// The host in digits (`NI_NUMERICHOST`).
    pub numeric_host: bool,
    /// The port in digits (`NI_NUMERICSERV`).
    pub numeric_service: bool,
    /// A host without a name is an error, instead of digits (`NI_NAMEREQD`).
    pub name_required: bool,
    /// The port is one of UDP (`NI_DGRAM`).
    pub datagram: bool,
}

impl NameFlags {
    /// Both in digits: nobody need be asked.
    pub const DIGITS: NameFlags = NameFlags {
        numeric_host: true,
        numeric_service: true,
        name_required: false,
        datagram: false,
    };

    pub(crate) fn is_in_digits(self) -> bool {
        self.numeric_host && self.numeric_service
    }

    fn bits(self) -> libc::c_int {
        [
            (self.numeric_host, libc::NI_NUMERICHOST),
            (self.numeric_service, libc::NI_NUMERICSERV),
            (self.name_required, libc::NI_NAMEREQD),
            (self.datagram, libc::NI_DGRAM),
        ]
        .into_iter()
        .filter(|(wanted, _)| *wanted)
        .fold(0, |bits, (_, bit)| bits | bit)
    }
}

/// What `address` is called: the host and the service. **It blocks**, unless both are asked for in
/// digits.
///
/// # Errors
///
/// The resolver's, with the address that was asked for.
///
/// Source: getnameinfo(3).
pub(crate) fn getnameinfo(address: &SocketAddr, flags: NameFlags) -> io::Result<(String, String)> {
    let raw = RawAddr::new(address);
    let (pointer, len) = raw.as_ptr();
    // As long as a host name (NI_MAXHOST) and a service name (NI_MAXSERV) get on any system.
    let (mut host, mut service) = ([0_u8; 1025], [0_u8; 32]);
    // SAFETY: getnameinfo(3) reads `len` bytes at `pointer`, those of `raw`, and writes at most as
    // many bytes at the two buffers as it is told that they have; all are alive during the call.
    let failed = unsafe {
        libc::getnameinfo(
            pointer,
            len,
            host.as_mut_ptr().cast(),
            host.len() as _,
            service.as_mut_ptr().cast(),
            service.len() as _,
            flags.bits(),
        )
    };
    if failed != 0 {
        return Err(nameless(address, failed));
    }
    Ok((text(&host), text(&service)))
}

fn nameless(address: &SocketAddr, failed: libc::c_int) -> io::Error {
    if failed == libc::EAI_SYSTEM {
        return io::Error::last_os_error();
    }
    // SAFETY: gai_strerror(3) gives a string that is never freed, whatever the number.
    let why = unsafe { CStr::from_ptr(libc::gai_strerror(failed)) }.to_string_lossy();
    io::Error::other(format!("cannot find the name of {address}: {why}"))
}

fn text(buffer: &[u8]) -> String {
    let end = buffer.iter().position(|byte| *byte == 0).unwrap_or(buffer.len());
    String::from_utf8_lossy(&buffer[..end]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_digits_and_a_name_that_is_required_and_missing_is_an_error() {
        let digits = |address: &str| getnameinfo(&address.parse().unwrap(), NameFlags::DIGITS);
        assert_eq!(digits("192.0.2.1:80").unwrap(), ("192.0.2.1".into(), "80".into()));
        assert_eq!(digits("[2001:db8::1]:0").unwrap(), ("2001:db8::1".into(), "0".into()));
        let both = NameFlags { name_required: true, ..NameFlags::DIGITS };
        let error = getnameinfo(&"192.0.2.1:80".parse().unwrap(), both).unwrap_err();
        let expected = "cannot find the name of 192.0.2.1:80: ";
        assert!(error.to_string().starts_with(expected), "{error}");
    }

    #[test]
    fn conn_04_a_number_is_its_own_address() {
        assert_eq!(literal("127.0.0.1", 80), Some(([127, 0, 0, 1], 80).into()));
        assert_eq!(literal("0.0.0.0", 0), Some(([0, 0, 0, 0], 0).into()));
        assert_eq!(literal("::1", 443), "[::1]:443".parse().ok());
        assert_eq!(getaddrinfo("2001:db8::1", 1).unwrap(), ["[2001:db8::1]:1".parse().unwrap()]);
    }

    #[test]
    fn conn_04_names_scoped_addresses_and_odd_spellings_go_to_the_resolver() {
        for host in ["localhost", "", "fe80::1%eth0", "127.1", "1", "[::1]", "127.0.0.01", " ::1"] {
            assert_eq!(literal(host, 80), None, "{host:?}");
        }
    }

    #[test]
    fn localhost_is_a_loopback_address_once() {
        let addresses = getaddrinfo("localhost", 7).unwrap();
        assert!(addresses.iter().all(|address| address.ip().is_loopback() && address.port() == 7));
        for (at, address) in addresses.iter().enumerate() {
            assert!(!addresses[..at].contains(address), "{address} is there twice");
        }
    }

    #[test]
    fn an_error_names_the_host() {
        let error = getaddrinfo("no\0name", 80).unwrap_err();
        assert!(error.to_string().starts_with("cannot resolve the host name \"no\\0name\": "));
    }
}
