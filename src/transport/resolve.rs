//! Looking up names off the loop's thread.
//!
//! getaddrinfo(3) blocks, for seconds if a name server is silent, and cannot be interrupted. So it
//! runs on a thread of its own; whoever no longer waits for it just leaves it to end by itself.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::thread;

use crate::event_loop::{Outstanding, get_running_loop};
use crate::observe::{Resource, note_wait};
use crate::sys::resolve::getaddrinfo;

/// What the thread and the one who waits share.
#[derive(Default)]
struct Answer {
    addresses: Option<io::Result<Vec<SocketAddr>>>,
    waiter: Option<Waker>,
}

/// The stream addresses of `host`.
pub(super) async fn resolve(host: String, port: u16) -> io::Result<Vec<SocketAddr>> {
    let own_names =
        get_running_loop().ok().and_then(|here| here.0.home.sockets.resolve(&host, port));
    if let Some(addresses) = own_names {
        return addresses;
    }
    let shared = Arc::new(Mutex::new(Answer::default()));
    let theirs = shared.clone();
    thread::Builder::new().name("evloop-resolver".into()).spawn(move || {
        let addresses = getaddrinfo(&host, port);
        let mut answer = lock(&theirs);
        answer.addresses = Some(addresses);
        let waiter = answer.waiter.take();
        drop(answer);
        if let Some(waiter) = waiter {
            waiter.wake();
        }
    })?;
    let outstanding =
        get_running_loop().ok().and_then(|here| here.0.home.mailbox.expect_something());
    let asked = Asked { answer: shared, _outstanding: outstanding };
    poll_fn(move |context| {
        let mut answer = lock(&asked.answer);
        match answer.addresses.take() {
            Some(addresses) => Poll::Ready(addresses),
            None => {
                answer.waiter = Some(context.waker().clone());
                note_wait(None, Resource::Other("the name server"));
                Poll::Pending
            }
        }
    })
    .await
}

/// The one who waits. Its waker goes with it, on its own thread: the lookup may outlast the loop.
struct Asked {
    answer: Arc<Mutex<Answer>>,
    _outstanding: Option<Outstanding>,
}

impl Drop for Asked {
    fn drop(&mut self) {
        let waiter = lock(&self.answer).waiter.take();
        drop(waiter);
    }
}

/// Neither side panics while it holds the lock.
fn lock(answer: &Mutex<Answer>) -> MutexGuard<'_, Answer> {
    answer.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Wake};

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
