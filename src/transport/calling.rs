//! How a connection calls its protocol.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use super::lifecycle::Phase;
use super::protocol::Protocol;
use super::tcp::Tcp;
use super::transport::Transport;
use crate::event_loop::{ErrorContext, EventLoop, Exception, Inner, panic_message};
use crate::observe::{Record, What};

impl Tcp {
    /// Calls the protocol, and then tells it of the flow's changes meanwhile. `None` while another
    /// of its methods runs, or after the end.
    #[inline]
    pub(super) fn call<R>(
        self: &Rc<Self>,
        method: impl FnOnce(&mut dyn Protocol, &Transport) -> R,
    ) -> Option<R> {
        Tcp::call_with(&Transport(self.clone()), method)
    }

    /// The same for whoever has a transport at hand.
    #[inline]
    pub(super) fn call_with<R>(
        transport: &Transport,
        method: impl FnOnce(&mut dyn Protocol, &Transport) -> R,
    ) -> Option<R> {
        let tcp = &transport.0;
        let mut protocol = tcp.protocol.try_borrow_mut().ok()?;
        let result = method(protocol.as_deref_mut()?, transport);
        drop(protocol);
        if tcp.flow_is_news.get() {
            tcp.tell_flow();
        }
        Some(result)
    }

    /// Tells the protocol to pause or to go on, if that has changed since it was last told.
    #[cold]
    pub(super) fn tell_flow(self: &Rc<Self>) {
        let paused = self.is_paused();
        let news = paused != self.told_paused.get();
        self.flow_is_news.set(news);
        if !news || self.lifecycle.get().phase().is_over() {
            return;
        }
        let Some(event_loop) = self.event_loop() else { return };
        let told = catch_unwind(AssertUnwindSafe(|| {
            self.call(|protocol, transport| {
                self.told_paused.set(paused);
                self.flow_is_news.set(false);
                self.note_flow(&event_loop.0, paused);
                match paused {
                    true => protocol.pause_writing(transport),
                    false => protocol.resume_writing(transport),
                }
            })
        }));
        if let Err(payload) = told {
            let method = if paused { "pause_writing" } else { "resume_writing" };
            let message = format!("protocol.{method}() failed");
            event_loop.call_exception_handler(
                ErrorContext::new(message).exception(Exception::Panic(payload)),
            );
        }
        // Outside of a run a method may even close the loop.
        if self.lifecycle.get().phase() == Phase::Lost {
            self.drop_protocol();
        }
    }

    fn is_paused(&self) -> bool {
        match self.layer() {
            Some(layer) => layer.is_paused(),
            None => self.outgoing.borrow().is_paused(),
        }
    }

    /// Of a connection through a layer the one below tells.
    fn note_flow(&self, inner: &Inner, paused: bool) {
        if self.layer().is_none() {
            let buffered = self.outgoing.borrow().len();
            inner.observe.tell(|| Record::FlowPaused { fd: self.fd, paused, buffered });
        }
    }

    /// A method of the protocol panicked: the handler hears of it, and the connection is over.
    pub(super) fn protocol_failed(
        self: &Rc<Self>,
        event_loop: &EventLoop,
        method: &str,
        payload: Box<dyn Any + Send>,
    ) {
        let text = format!("protocol.{method}() failed: {}", panic_message(payload.as_ref()));
        let message = format!("Fatal error: protocol.{method}() call failed.");
        event_loop.call_exception_handler(
            ErrorContext::new(message)
                .exception(Exception::Panic(payload))
                .handle(What::Reader { fd: self.fd }),
        );
        self.broken(&event_loop.0, io::Error::other(text));
    }
}
