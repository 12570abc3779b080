//! The addresses of hosts: remembered for a while, and looked up by one at a time.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use super::timing::Progress;
use super::trace::TraceEvent;
use crate::sync::Lock;
use crate::sys::Time;
use crate::task::running_loop;

/// Looks up a host's addresses.
pub(super) type Resolver =
    Rc<dyn Fn(String) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>>>>>;

/// What is known of hosts' names.
///
/// A name is looked up by one at a time. Those who come meanwhile wait, and share what comes of
/// it, the error too, so that a name server that is down is asked once and not once for each. Who
/// looks up may be cancelled; then the first who waits goes on.
pub(super) struct Names {
    ttl: Duration,
    most: usize,
    resolver: Option<Resolver>,
    hosts: RefCell<HashMap<String, Rc<Host>>>,
}

struct Host {
    /// Held by whoever looks it up.
    lock: Lock,
    /// How many lookups have ended.
    ended: Cell<u64>,
    known: RefCell<Option<Known>>,
}

/// What the last lookup gave.
struct Known {
    found: Result<Vec<SocketAddr>, (io::ErrorKind, String)>,
    until: Time,
}

impl Names {
    /// Keeps what was found for `ttl`, of `most` names at most.
    pub(super) fn new(ttl: Duration, most: usize, resolver: Option<Resolver>) -> Names {
        Names { ttl, most, resolver, hosts: RefCell::default() }
    }

    /// The addresses of `host`, with `port`. An address in digits is not looked up.
    pub(super) async fn find(
        &self,
        host: &str,
        port: u16,
        progress: &Progress,
    ) -> io::Result<Vec<SocketAddr>> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        let entry = self.entry(host);
        let ended = entry.ended.get();
        let _looks_up = entry.lock.acquire().await;
        if let Some(found) = entry.remembers(ended) {
            progress.tell(|| TraceEvent::DnsCacheHit { host });
            return found.map(|addresses| with_port(addresses, port));
        }
        progress.tell(|| TraceEvent::DnsCacheMiss { host });
        progress.tell(|| TraceEvent::DnsStart { host });
        let found = self.look_up(host).await;
        if found.is_ok() {
            progress.tell(|| TraceEvent::DnsEnd { host });
        }
        let addresses = entry.remember(found, self.ttl)?;
        Ok(with_port(addresses, port))
    }

    fn entry(&self, host: &str) -> Rc<Host> {
        let mut hosts = self.hosts.borrow_mut();
        if let Some(entry) = hosts.get(host) {
            return entry.clone();
        }
        if hosts.len() >= self.most {
            forget_some(&mut hosts, self.most);
        }
        hosts.entry(host.to_owned()).or_default().clone()
    }

    async fn look_up(&self, host: &str) -> io::Result<Vec<SocketAddr>> {
        let found = match &self.resolver {
            Some(resolver) => {
                let found = resolver(host.to_owned()).await?;
                found.into_iter().map(|address| SocketAddr::new(address, 0)).collect()
            }
            None => running_loop("a lookup").getaddrinfo(host, 0).await?,
        };
        match found.is_empty() {
            true => Err(io::Error::new(io::ErrorKind::NotFound, "it has no address")),
            false => Ok(found),
        }
    }
}

impl Default for Host {
    fn default() -> Host {
        Host { lock: Lock::new(), ended: Cell::new(0), known: RefCell::default() }
    }
}

impl Host {
    /// What a lookup has given that is young enough, or ended since `ended` were over.
    fn remembers(&self, ended: u64) -> Option<io::Result<Vec<SocketAddr>>> {
        let known = self.known.borrow();
        let known = known.as_ref()?;
        let now = running_loop("a lookup").time();
        let shared = self.ended.get() > ended;
        match &known.found {
            Ok(addresses) if shared || now < known.until => Some(Ok(addresses.clone())),
            Err((kind, text)) if shared => Some(Err(io::Error::new(*kind, text.clone()))),
            _ => None,
        }
    }

    fn remember(
        &self,
        found: io::Result<Vec<SocketAddr>>,
        ttl: Duration,
    ) -> io::Result<Vec<SocketAddr>> {
        self.ended.set(self.ended.get() + 1);
        let until = running_loop("a lookup").time() + ttl;
        let copy = match &found {
            Ok(addresses) => Ok(addresses.clone()),
            Err(error) => Err((error.kind(), error.to_string())),
        };
        *self.known.borrow_mut() = Some(Known { found: copy, until });
        found
    }
}

/// Lets go of the name that was found first, unless all are being looked up. Those that are stay:
/// who waits there must find each other.
fn forget_some(hosts: &mut HashMap<String, Rc<Host>>, most: usize) {
    let until = |host: &Rc<Host>| host.known.borrow().as_ref().map(|known| known.until);
    while hosts.len() >= most.max(1) {
        let settled = hosts.iter().filter(|(_, host)| Rc::strong_count(host) == 1);
        let Some((first, _)) = settled.min_by_key(|(_, host)| until(host)) else { return };
        let first = first.clone();
        hosts.remove(&first);
    }
}

fn with_port(mut addresses: Vec<SocketAddr>, port: u16) -> Vec<SocketAddr> {
    addresses.iter_mut().for_each(|address| address.set_port(port));
    addresses
}

#[cfg(test)]
#[path = "names_tests.rs"]
mod tests;
