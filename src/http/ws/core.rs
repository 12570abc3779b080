//! What a WebSocket's halves share: the machine, and its timers.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::{Rc, Weak};
use std::time::Duration;

use super::close::CloseCode;
use super::error::{Refused, WebSocketError};
use super::heartbeat::{Beat, Heartbeat};
use super::machine::Machine;
use super::message::Message;
use super::options::WebSocketOptions;
use super::state::Phase;
use crate::event_loop::TimerHandle;
use crate::stream::{StreamReader, StreamWriter};
use crate::transport::Transport;

/// An open connection and everything that happens to it by itself.
pub(super) struct Core {
    machine: RefCell<Machine>,
    transport: Transport,
    /// To see whether anything waits to be received; the receiving half reads.
    arrived: StreamReader,
    pub options: WebSocketOptions,
    pub protocol: Option<String>,
    is_server: bool,
    /// Pongs that go out together with whatever is sent next: a piece of input may hold thousands of
    /// pings, and a system call for each would be the peer's to ask for at six bytes apiece.
    pongs: RefCell<Vec<u8>>,
    /// A ping that is not answered because the peer does not read; the last one is enough
    /// (RFC 6455 §5.5.3).
    owed_pong: RefCell<Option<Vec<u8>>>,
    heartbeat: Cell<Option<Heartbeat>>,
    beats: RefCell<Option<TimerHandle>>,
    gives_up: RefCell<Option<TimerHandle>>,
    /// What happened while nobody asked.
    trouble: RefCell<Option<WebSocketError>>,
    /// Why the connection was lost, if not in order.
    exception: RefCell<Option<io::Error>>,
}

/// What is to become of the connection, once nothing more is received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Nothing yet.
    NotYet,
    /// It is ours to end, at once.
    Now,
    /// It is the peer's to end; we wait for it.
    Theirs,
}

impl Core {
    pub fn new(
        machine: Machine,
        (reader, writer): (&StreamReader, &StreamWriter),
        (options, protocol, is_server): (WebSocketOptions, Option<String>, bool),
    ) -> Rc<Core> {
        let core = Rc::new(Core {
            machine: RefCell::new(machine),
            transport: writer.transport().clone(),
            arrived: reader.another(),
            options,
            protocol,
            is_server,
            pongs: RefCell::default(),
            owed_pong: RefCell::default(),
            heartbeat: Cell::default(),
            beats: RefCell::default(),
            gives_up: RefCell::default(),
            trouble: RefCell::default(),
            exception: RefCell::default(),
        });
        core.begin_heartbeat();
        core
    }

    /// What the machine says.
    pub fn ask<T>(&self, question: impl FnOnce(&mut Machine) -> T) -> T {
        question(&mut self.machine.borrow_mut())
    }

    /// Whether more may come.
    pub fn hears(&self) -> bool {
        self.ask(|it| matches!(it.phase(), Phase::Open | Phase::CloseSent))
    }

    // ---- sending --------------------------------------------------------------------------------

    /// Sends what `write` appends.
    pub fn send(
        &self,
        write: impl FnOnce(&mut Machine, &mut Vec<u8>) -> Result<(), Refused>,
    ) -> Result<(), Refused> {
        if self.transport.is_closing() {
            return Err(Refused::Closing);
        }
        let mut out = self.pongs.take();
        let written = self.ask(|machine| write(machine, &mut out));
        if !out.is_empty() {
            // A transport refuses bytes only after a write_eof, and we ask for that after the last.
            let _ = self.transport.write(&out);
        }
        written
    }

    /// Sends the pongs that wait for company.
    pub fn send_pongs(&self) {
        if !self.pongs.borrow().is_empty() {
            // Refused, nobody is there to hear them.
            let _ = self.send(|_, _| Ok(()));
        }
    }

    /// Sends a Close, after which the peer has only so long.
    pub fn say_close(self: &Rc<Self>, code: CloseCode, reason: &str) -> Result<(), Refused> {
        self.send(|machine, out| machine.send_close(out, code, reason))?;
        self.stop_heartbeat();
        let limit = self.options.close_timeout;
        arm(&self.gives_up, self, limit, |core| core.transport.abort());
        Ok(())
    }

    /// Answers what demands a Close.
    pub fn answer_close(self: &Rc<Self>) {
        if let Some(code) = self.ask(|it| it.owes_close()) {
            // Lost, it needs no answer; and a code that came can be sent.
            let _ = self.say_close(code, "");
        }
    }

    /// Whether a pong waits for the peer to read.
    pub fn owes_pong(&self) -> bool {
        self.owed_pong.borrow().is_some()
    }

    /// Sends the pong that is owed.
    pub fn pay_pong(&self) {
        if let Some(payload) = self.owed_pong.take() {
            // §5.5.2: not after a Close.
            let _ = self.send(|machine, out| machine.send_pong(out, &payload));
        }
    }

    fn is_choked(&self) -> bool {
        let unsent = self.transport.get_write_buffer_size() + self.pongs.borrow().len();
        unsent > self.transport.get_write_buffer_limits().1
    }

    // ---- receiving ------------------------------------------------------------------------------

    /// Does what a message demands; gives it if it is one for the application.
    pub fn hear(self: &Rc<Self>, message: Message) -> Option<Message> {
        match message {
            Message::Ping(payload) if self.options.autoping => {
                if self.is_choked() {
                    self.owed_pong.replace(Some(payload));
                } else {
                    // §5.5.2: not after a Close. It answers what is owed, too.
                    self.owed_pong.take();
                    let mut pongs = self.pongs.borrow_mut();
                    let _ = self.ask(|it| it.send_pong(&mut pongs, &payload));
                }
                None
            }
            Message::Pong(_) if self.options.autoping => None,
            Message::Close(_) => {
                self.stop_heartbeat();
                if self.options.autoclose {
                    self.answer_close();
                }
                Some(message)
            }
            message => Some(message),
        }
    }

    /// The peer broke the protocol: it is told, and hears no more of us.
    pub fn fail(self: &Rc<Self>) {
        self.answer_close();
        if self.transport.can_write_eof() {
            self.transport.write_eof();
        }
    }

    /// The connection has ended.
    pub fn ended(&self, error: Option<io::Error>) {
        self.ask(Machine::receive_eof);
        self.stop_heartbeat();
        *self.exception.borrow_mut() = error;
    }

    /// What went wrong meanwhile, once.
    pub fn trouble(&self) -> Option<WebSocketError> {
        self.trouble.take()
    }

    /// Why the connection was lost.
    pub fn exception(&self) -> Option<io::Error> {
        self.exception.borrow().as_ref().map(crate::stream::copy_error)
    }

    /// Whose it is to end the connection. §7.1.1: the server ends it, so that what it remembers of
    /// the address for minutes costs the one that has many. But a peer that broke the protocol may
    /// be sending still, and to close under it would be a reset, in which our Close is lost.
    pub fn ending(&self) -> Ending {
        self.ask(|it| match it.phase() {
            Phase::Open | Phase::CloseSent | Phase::CloseReceived(_) => Ending::NotYet,
            Phase::Closed(_) if self.is_server => Ending::Now,
            Phase::Lost => Ending::Now,
            Phase::Closed(_) | Phase::Failing(_) | Phase::Failed(_) => Ending::Theirs,
        })
    }

    /// Ends the connection, after what is unsent.
    pub fn end(&self) {
        self.stop_heartbeat();
        self.transport.close();
    }

    /// Whether everything is on its way.
    pub fn is_sent(&self) -> bool {
        self.transport.get_write_buffer_size() == 0
    }

    /// Whether it is ending.
    pub fn is_ended(&self) -> bool {
        self.transport.is_closing()
    }

    // ---- the heartbeat --------------------------------------------------------------------------

    fn begin_heartbeat(self: &Rc<Self>) {
        let (Some(interval), Some(event_loop)) =
            (self.options.heartbeat, self.transport.event_loop())
        else {
            return;
        };
        let now = event_loop.time();
        self.heartbeat.set(Some(Heartbeat::new(interval, self.options.pong_timeout, now)));
        arm(&self.beats, self, interval, Core::beat);
    }

    /// Bytes have come.
    pub fn heard(&self) {
        if let (Some(mut heartbeat), Some(event_loop)) =
            (self.heartbeat.get(), self.transport.event_loop())
        {
            heartbeat.heard(event_loop.time());
            self.heartbeat.set(Some(heartbeat));
        }
    }

    fn beat(self: &Rc<Self>) {
        if self.arrived.unread() > 0 {
            self.heard();
        }
        let (Some(mut heartbeat), Some(event_loop)) =
            (self.heartbeat.get(), self.transport.event_loop())
        else {
            return;
        };
        let beat = heartbeat.beat(event_loop.time());
        self.heartbeat.set(Some(heartbeat));
        match beat {
            Beat::Wait(next) => arm(&self.beats, self, next, Core::beat),
            Beat::Ask(next) => {
                // Refused, it is closing, and that has a time limit of its own.
                let _ = self.send(|machine, out| machine.send_ping(out, b""));
                arm(&self.beats, self, next, Core::beat);
            }
            Beat::Dead => self.give_up(heartbeat.patience()),
        }
    }

    fn give_up(&self, limit: Duration) {
        *self.trouble.borrow_mut() = Some(WebSocketError::NoPong { limit });
        self.ask(Machine::receive_eof);
        self.stop_heartbeat();
        self.transport.abort();
    }

    fn stop_heartbeat(&self) {
        self.heartbeat.set(None);
        disarm(&self.beats);
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        disarm(&self.beats);
        disarm(&self.gives_up);
    }
}

/// Has `then` called after `delay`, if the connection is still there, in the place of what the
/// timer was for.
fn arm(
    timer: &RefCell<Option<TimerHandle>>,
    core: &Rc<Core>,
    delay: Duration,
    then: fn(&Rc<Core>),
) {
    disarm(timer);
    let core: Weak<Core> = Rc::downgrade(core);
    let Some(event_loop) = core.upgrade().and_then(|it| it.transport.event_loop()) else { return };
    let fire = move || {
        if let Some(core) = core.upgrade() {
            then(&core);
        }
    };
    // A loop that is closed has no time any more.
    *timer.borrow_mut() = event_loop.call_later(delay, fire).ok();
}

fn disarm(timer: &RefCell<Option<TimerHandle>>) {
    if let Some(timer) = timer.take() {
        timer.cancel();
    }
}
