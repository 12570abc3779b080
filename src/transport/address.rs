//! Where to listen, or to whom to connect.

use std::io;
use std::net::{
    IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, TcpListener, TcpStream,
    UdpSocket,
};
use std::os::fd::OwnedFd;

use super::resolve::resolve;
use crate::sys::resolve::literal;

/// Where to listen, or to whom to connect: socket addresses, or a host's name and a port, or a
/// socket that does so already.
#[derive(Debug)]
pub enum Address {
    /// These addresses.
    Sockets(Vec<SocketAddr>),
    /// A host's name or its address in digits, and a port. An empty name means every interface.
    Host(String, u16),
    /// A socket from elsewhere: a listening one for a server, a connected one for a connection.
    /// (asyncio's `sock`) It is made non-blocking, and belongs to the loop from then on.
    Socket(OwnedFd),
}

impl Address {
    /// The addresses, each once. A name is looked up on a thread of its own; digits are not.
    pub(super) async fn resolve(self) -> io::Result<Vec<SocketAddr>> {
        match self.known() {
            Ok(addresses) => Ok(addresses),
            Err((host, port)) => Ok(each_once(&resolve(host, port).await?)),
        }
    }

    /// The addresses, or the name that must be looked up for them.
    fn known(self) -> Result<Vec<SocketAddr>, (String, u16)> {
        match self {
            Address::Sockets(addresses) => Ok(each_once(&addresses)),
            Address::Socket(_) => Ok(Vec::new()),
            Address::Host(host, port) if host.is_empty() => Ok(every_interface(port).to_vec()),
            Address::Host(host, port) => match literal(&host, port) {
                Some(address) => Ok(vec![address]),
                None => Err((host, port)),
            },
        }
    }
}

/// A socket address in a third of the room that a [`SocketAddr`] takes, for a connection has two.
#[derive(Clone, Debug)]
pub(super) enum SmallAddr {
    V4(SocketAddrV4),
    V6(Box<SocketAddrV6>),
}

impl SmallAddr {
    pub(super) fn get(&self) -> SocketAddr {
        match self {
            SmallAddr::V4(address) => SocketAddr::V4(*address),
            SmallAddr::V6(address) => SocketAddr::V6(**address),
        }
    }
}

impl From<SocketAddr> for SmallAddr {
    fn from(address: SocketAddr) -> Self {
        match address {
            SocketAddr::V4(address) => SmallAddr::V4(address),
            SocketAddr::V6(address) => SmallAddr::V6(Box::new(address)),
        }
    }
}

fn each_once(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let mut each_once = Vec::with_capacity(addresses.len());
    for address in addresses {
        if !each_once.contains(address) {
            each_once.push(*address);
        }
    }
    each_once
}

fn every_interface(port: u16) -> [SocketAddr; 2] {
    [
        SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port),
        SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port),
    ]
}

/// What can be taken for an [`Address`]: a socket address, a `(host, port)`, or `"host:port"`.
pub trait ToAddress {
    /// The address.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if a text is not `host:port`.
    fn to_address(self) -> io::Result<Address>;
}

impl ToAddress for Address {
    fn to_address(self) -> io::Result<Address> {
        Ok(self)
    }
}

impl ToAddress for SocketAddr {
    fn to_address(self) -> io::Result<Address> {
        Ok(Address::Sockets(vec![self]))
    }
}

impl ToAddress for Vec<SocketAddr> {
    fn to_address(self) -> io::Result<Address> {
        Ok(Address::Sockets(self))
    }
}

impl ToAddress for &[SocketAddr] {
    fn to_address(self) -> io::Result<Address> {
        Ok(Address::Sockets(self.to_vec()))
    }
}

impl ToAddress for OwnedFd {
    fn to_address(self) -> io::Result<Address> {
        Ok(Address::Socket(self))
    }
}

impl ToAddress for TcpListener {
    fn to_address(self) -> io::Result<Address> {
        Ok(Address::Socket(self.into()))
    }
}

impl ToAddress for TcpStream {
    fn to_address(self) -> io::Result<Address> {
        Ok(Address::Socket(self.into()))
    }
}

impl ToAddress for UdpSocket {
    fn to_address(self) -> io::Result<Address> {
        Ok(Address::Socket(self.into()))
    }
}

impl ToAddress for (IpAddr, u16) {
    fn to_address(self) -> io::Result<Address> {
        SocketAddr::from(self).to_address()
    }
}

impl ToAddress for (Ipv4Addr, u16) {
    fn to_address(self) -> io::Result<Address> {
        SocketAddr::from(self).to_address()
    }
}

impl ToAddress for (Ipv6Addr, u16) {
    fn to_address(self) -> io::Result<Address> {
        SocketAddr::from(self).to_address()
    }
}

impl ToAddress for (&str, u16) {
    fn to_address(self) -> io::Result<Address> {
        Ok(Address::Host(self.0.to_owned(), self.1))
    }
}

impl ToAddress for (String, u16) {
    fn to_address(self) -> io::Result<Address> {
        Ok(Address::Host(self.0, self.1))
    }
}

impl ToAddress for &str {
    fn to_address(self) -> io::Result<Address> {
        let wrong = || {
            let text = format!(
                "{self:?} is no address: it wants the form host:port, with a port \
                                from 0 to 65535"
            );
            io::Error::new(io::ErrorKind::InvalidInput, text)
        };
        let (host, port) = self.rsplit_once(':').ok_or_else(wrong)?;
        let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
        Ok(Address::Host(host.to_owned(), port.parse().map_err(|_| wrong())?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_split_at_its_last_colon_and_brackets_are_taken_off() {
        let address = |text: &str| format!("{:?}", text.to_address().unwrap());
        assert_eq!(address("localhost:80"), r#"Host("localhost", 80)"#);
        assert_eq!(address("[::1]:80"), r#"Host("::1", 80)"#);
        assert_eq!(address(":80"), r#"Host("", 80)"#);
    }

    #[test]
    fn a_text_that_is_no_address_is_refused_with_the_form_it_should_have() {
        for text in ["localhost", "localhost:", "localhost:99999", "localhost:http"] {
            let error = text.to_address().unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
            assert!(error.to_string().contains("host:port"), "{error}");
        }
    }
}
