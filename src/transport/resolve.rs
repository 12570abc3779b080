//! Looking up names, and what addresses are called, off the loop's thread.
//!
//! getaddrinfo(3) blocks, for seconds if a name server is silent, and cannot be interrupted. So it
//! runs on a thread of its own; whoever no longer waits for it just leaves it to end by itself. In
//! the default executor, where asyncio runs it, a name server that is silent would hold up jobs
//! that have nothing to do with names, and the end of the loop, which waits for its executor.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::event_loop::{EventLoop, Outstanding, get_running_loop};
use crate::observe::{Resource, note_wait};
use crate::sys::resolve::{NameFlags, getaddrinfo, getnameinfo, literal};
use crate::sys::{Sockets, detach_thread};

/// What the thread and the one who waits share.
struct Answer<T> {
    found: Option<io::Result<T>>,
    waiter: Option<Waker>,
}

/// The stream addresses of `host`.
pub(super) async fn resolve(host: String, port: u16) -> io::Result<Vec<SocketAddr>> {
    let own_names =
        get_running_loop().ok().and_then(|here| here.0.home.sockets.resolve(&host, port));
    if let Some(addresses) = own_names {
        return addresses;
    }
    ask(move || getaddrinfo(&host, port))?.await
}

/// What `address` is called: its host, and the service of its port.
async fn name_of(address: SocketAddr, flags: NameFlags) -> io::Result<(String, String)> {
    let own_names =
        get_running_loop().ok().and_then(|here| here.0.home.sockets.name_of(&address, flags));
    match own_names {
        Some(names) => names,
        None if flags.is_in_digits() => getnameinfo(&address, flags),
        None => ask(move || getnameinfo(&address, flags))?.await,
    }
}

/// Has a thread of its own look it up.
fn ask<T: Send + 'static>(
    look_up: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<Asked<T>> {
    let shared = Arc::new(Mutex::new(Answer { found: None, waiter: None }));
    let theirs = shared.clone();
    detach_thread(Box::new(move || {
        let found = look_up();
        let mut answer = lock(&theirs);
        answer.found = Some(found);
        let waiter = answer.waiter.take();
        drop(answer);
        if let Some(waiter) = waiter {
            waiter.wake();
        }
    }))?;
    let outstanding =
        get_running_loop().ok().and_then(|here| here.0.home.mailbox.expect_something());
    Ok(Asked { answer: shared, _outstanding: outstanding })
}

impl EventLoop {
    /// The addresses of `host` for stream sockets, with `port`, in the resolver's order and each
    /// once. (`loop.getaddrinfo`)
    ///
    /// An address in digits is its own, at once; a name is looked up on a thread of its own. Await
    /// it on this loop. What asyncio has beyond this, to choose a family, a kind of socket or
    /// flags, is left out: filter the addresses. Everything that takes a name looks it up itself.
    ///
    /// ```
    /// # let event_loop = evloop::EventLoop::new()?;
    /// let found = event_loop.run_until_complete(event_loop.getaddrinfo("127.0.0.1", 80))?;
    /// assert_eq!(found?, ["127.0.0.1:80".parse()?]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The resolver's, with the name; `NotFound` if it has no address, and in a simulation, which
    /// knows only `localhost` and what `World::host` said; no thread
    /// can be started.
    ///
    /// # Cancel safety
    ///
    /// Dropped, nobody waits any more; a lookup that has begun ends on its thread by itself.
    ///
    /// Source: getaddrinfo(3), through std.
    pub fn getaddrinfo(
        &self,
        host: &str,
        port: u16,
    ) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + use<> {
        let host = host.to_owned();
        async move {
            match literal(&host, port) {
                Some(address) => Ok(vec![address]),
                None => resolve(host, port).await,
            }
        }
    }

    /// What `address` is called: the name of the host, and the name of the service that its port
    /// is for TCP. What has no name is in digits. (`loop.getnameinfo`)
    ///
    /// It is looked up on a thread of its own, unless `flags` ask for digits only. Await it on this
    /// loop.
    ///
    /// ```
    /// use evloop::NameFlags;
    /// # let event_loop = evloop::EventLoop::new()?;
    /// let address = "127.0.0.1:80".parse()?;
    /// let names = event_loop.getnameinfo(address, NameFlags::DIGITS);
    /// let (host, service) = event_loop.run_until_complete(names)??;
    /// assert_eq!((host.as_str(), service.as_str()), ("127.0.0.1", "80"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The resolver's, with the address; `NotFound` in a simulation if nobody gave it a name and
    /// one is asked for; no thread can be started.
    ///
    /// # Cancel safety
    ///
    /// As [`getaddrinfo`](EventLoop::getaddrinfo).
    ///
    /// Source: getnameinfo(3).
    pub fn getnameinfo(
        &self,
        address: SocketAddr,
        flags: NameFlags,
    ) -> impl Future<Output = io::Result<(String, String)>> + use<> {
        name_of(address, flags)
    }
}

/// The one who waits. Its waker goes with it, on its own thread: the lookup may outlast the loop.
struct Asked<T> {
    answer: Arc<Mutex<Answer<T>>>,
    _outstanding: Option<Outstanding>,
}

impl<T> Future for Asked<T> {
    type Output = io::Result<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        let mut answer = lock(&self.answer);
        match answer.found.take() {
            Some(found) => Poll::Ready(found),
            None => {
                answer.waiter = Some(context.waker().clone());
                note_wait(None, Resource::Other("the name server"));
                Poll::Pending
            }
        }
    }
}

impl<T> Drop for Asked<T> {
    fn drop(&mut self) {
        let waiter = lock(&self.answer).waiter.take();
        drop(waiter);
    }
}

/// Neither side panics while it holds the lock.
fn lock<T>(answer: &Mutex<Answer<T>>) -> MutexGuard<'_, Answer<T>> {
    answer.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::Wake;
    use std::thread;

    use super::*;

    /// Wakes this thread.
    struct Unpark(thread::Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    /// What a look-up gives, and whether its first poll had to wait.
    fn look_up(host: &str) -> (Vec<SocketAddr>, bool) {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut context = Context::from_waker(&waker);
        let mut lookup = pin!(resolve(host.to_owned(), 7));
        let mut waited = false;
        loop {
            match lookup.as_mut().poll(&mut context) {
                Poll::Ready(addresses) => return (addresses.unwrap(), waited),
                Poll::Pending => waited = true,
            }
            thread::park();
        }
    }

    #[test]
    fn dns_01_a_name_is_looked_up_beside_the_loop_and_the_answer_is_the_systems() {
        assert_eq!(look_up("localhost").0, getaddrinfo("localhost", 7).unwrap());
        // The other thread may be done before the first poll is, but not a thousand times.
        assert!((0..1000).any(|_| look_up("localhost").1), "the poll looked it up itself");
    }
}
