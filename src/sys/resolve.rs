//! Names to addresses.

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
        io::Error::new(error.kind(), format!("cannot resolve the host name {host:?}: {error}"))
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

#[cfg(test)]
mod tests {
    use super::*;

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
