//! The connections of a server.

use std::cell::Cell;
use std::rc::{Rc, Weak};

use super::server::ServerInner;
use super::tcp::Tcp;

/// The connections of a server that are not lost yet, in places that are reused.
#[derive(Default)]
pub(super) struct Clients {
    pub(super) places: Vec<Option<Weak<Tcp>>>,
    free: Vec<usize>,
}

impl Clients {
    pub(super) fn alive(&self) -> usize {
        self.places.len() - self.free.len()
    }
}

/// A connection's place among its server's.
pub(crate) struct Membership {
    server: Rc<ServerInner>,
    place: Cell<usize>,
}

impl Membership {
    pub(super) fn new(server: &Rc<ServerInner>) -> Membership {
        Membership { server: server.clone(), place: Cell::new(0) }
    }

    pub(super) fn admit(&self, tcp: &Rc<Tcp>) {
        let mut clients = self.server.clients.borrow_mut();
        let client = Some(Rc::downgrade(tcp));
        match clients.free.pop() {
            Some(place) => {
                clients.places[place] = client;
                self.place.set(place);
            }
            None => {
                clients.places.push(client);
                self.place.set(clients.places.len() - 1);
            }
        }
    }

    /// This connection in the place of the one below it.
    #[cfg(feature = "tls")]
    pub(super) fn replace(&self, tcp: &Rc<Tcp>) {
        let place = &mut self.server.clients.borrow_mut().places[self.place.get()];
        *place = Some(Rc::downgrade(tcp));
    }

    pub(super) fn leave(self) {
        let mut clients = self.server.clients.borrow_mut();
        clients.places[self.place.get()] = None;
        clients.free.push(self.place.get());
        drop(clients);
        self.server.wake_if_over();
    }
}
