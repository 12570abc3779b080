//! What all connections of one server share: the routes, the date, and one coarse timer.

use std::cell::{Cell, Ref, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};
use std::time::{Duration, SystemTime};

use http::HeaderValue;

use super::Connection;
use super::closing::ServerClosing;
use super::handshakes::Handshakes;
use super::orphans::Orphans;
use crate::event_loop::{EventLoop, TimerHandle, WeakLoop};
use crate::http::access_log::Ledger;
use crate::http::app::App;
use crate::http::date::imf_fixdate;
use crate::http::h1::{HeadEnd, Shared};
use crate::http::limits::Limits;
use crate::sync::Event;
use crate::sys::{Time, open_files_limit};
use crate::task::Task;

/// How fine the server's time is: of the date it writes, and of its timeouts.
const TICK: Duration = Duration::from_secs(1);

/// An output buffer that grew beyond this is not kept.
const SPARE_OUTPUT: usize = 256 << 10;

/// How long a server waits for what, at least; it looks once a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Between two requests of a connection, and before the first. Then it is closed.
    ///
    /// Default 75 s, as aiohttp and nginx.
    pub keep_alive: Duration,
    /// From a head's first byte to its last: who sends one byte a minute (slowloris) occupies
    /// nothing for longer. Then 408 is answered.
    ///
    /// Default 60 s, as nginx's `client_header_timeout`.
    pub head: Duration,
    /// In all that the server waits for the body of one request, while somebody reads it. Every
    /// 500 bytes that come allow one second more, so that a large body may take its time and one
    /// that trickles in may not. Then its reader gets [`BodyError::TimedOut`], which is 408.
    ///
    /// Default 60 s, nginx's `client_body_timeout`; the rate is that of Apache's `mod_reqtimeout`.
    ///
    /// [`BodyError::TimedOut`]: crate::http::BodyError::TimedOut
    pub body: Duration,
    /// After an answer to a request that was not read to its end: so long, what still comes is
    /// received and dropped, so that the client gets to read the answer (RFC 9112 §9.6).
    ///
    /// Default 10 s, as aiohttp's `lingering_time`.
    pub linger: Duration,
    /// Without the client taking a byte of what is to be sent to it. Then the connection is
    /// aborted: the client does not read, or is not there. On Linux and macOS a byte is taken when
    /// the client's kernel has acknowledged it; elsewhere when ours takes more, which may be a
    /// megabyte at a time.
    ///
    /// Default 60 s, as nginx's `send_timeout`. Progress is looked for once in that time, so that
    /// it may take up to twice as long.
    pub write: Duration,
    /// From a request's head to the end of its answer. Then the handler is cancelled, and 503 is
    /// answered; if the answer has begun, the connection is aborted.
    ///
    /// Default: none, as in aiohttp, because only the application knows what it does for long.
    pub request: Option<Duration>,
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        Timeouts {
            keep_alive: Duration::from_secs(75),
            head: Duration::from_secs(60),
            body: Duration::from_secs(60),
            linger: Duration::from_secs(10),
            write: Duration::from_secs(60),
            request: None,
        }
    }
}

/// What a connection waits for, and so how long it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Waits {
    /// For the next request.
    Idle,
    /// For the rest of a head.
    Head,
    /// For the rest of a body.
    Body,
    /// For the client to read, or to close.
    Linger,
    /// For the client to read. This one and the next are waited for beside another.
    Write,
    /// For the handler.
    Request,
    /// For nothing that the client owes.
    Nothing,
}

impl Timeouts {
    pub(super) fn of(&self, waits: Waits) -> Option<Duration> {
        match waits {
            Waits::Idle => Some(self.keep_alive),
            Waits::Head => Some(self.head),
            Waits::Body => Some(self.body),
            Waits::Linger => Some(self.linger),
            Waits::Write => Some(self.write),
            Waits::Request => self.request,
            Waits::Nothing => None,
        }
    }
}

/// What the connections of a server share.
pub(in crate::http) struct Service {
    pub(in crate::http) app: Rc<App>,
    /// The access log, if there is one.
    pub(in crate::http) log: Option<Ledger>,
    pub(in crate::http) shared: Shared,
    pub(super) timeouts: Timeouts,
    /// Whether a handler whose client has gone is cancelled.
    pub(super) cancels_handlers: bool,
    /// The most connections at a time.
    most: usize,
    event_loop: WeakLoop,
    /// Where answers are encoded; empty between two uses.
    pub(in crate::http) out: RefCell<Vec<u8>>,
    connections: RefCell<Places>,
    pub(super) handshakes: Handshakes,
    closing: Cell<bool>,
    /// What upgraded connections wait for.
    farewell: Event,
    /// Handlers whose connection is over.
    pub(in crate::http) orphans: Rc<Orphans>,
    /// Whether `now` and `date` are of the present second, as far as the timer tells.
    fresh: Cell<bool>,
    now: Cell<Time>,
    date: RefCell<Date>,
    timer: RefCell<Option<TimerHandle>>,
}

/// The present second, as answers say it.
pub(in crate::http) struct Date {
    pub value: HeaderValue,
    /// The same as a plain answer's head ends with it.
    pub end: HeadEnd,
}

impl Date {
    fn at(seconds: u64) -> Date {
        let text = imf_fixdate(seconds);
        let value = HeaderValue::from_bytes(&text).expect("a date is letters, digits and blanks");
        Date { value, end: HeadEnd::new(&text) }
    }
}

/// The connections, in places that are reused.
#[derive(Default)]
struct Places {
    places: Vec<Option<Rc<Connection>>>,
    /// In the order in which they became free, so that the search meets old connections first.
    free: VecDeque<usize>,
    /// Where the search for a connection to give up goes on.
    hand: usize,
}

/// Which connections are given up first where there is no room.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Dear {
    /// It waits for a request.
    Idle,
    /// It waits for the rest of a head.
    Slow,
    /// The same, but it has not waited for long: what it asks may be there and not received yet.
    New,
}

/// So long a connection may be silent before it is the first to go.
const GRACE: Duration = Duration::from_secs(1);

/// So many connections are looked at for one to give up.
const SEARCH: usize = 16;

/// Descriptors that connections leave at least: those that are accepted in one turn, before the
/// connections that go for them are closed, and some for the loop.
const SPARE_DESCRIPTORS: usize = 160;

/// Seven of eight descriptors: the others are for what handlers open, and for accepting.
fn room_for_connections() -> usize {
    let all = open_files_limit();
    all - (all / 8).max(SPARE_DESCRIPTORS).min(all / 3 * 2)
}

impl Service {
    pub(in crate::http) fn new(
        event_loop: &EventLoop,
        app: Rc<App>,
        limits: Limits,
        timeouts: Timeouts,
        cancels_handlers: bool,
        log: Option<Ledger>,
    ) -> Rc<Service> {
        Rc::new(Service {
            app,
            log,
            most: limits.connections.unwrap_or_else(room_for_connections),
            shared: Shared::new(limits),
            timeouts,
            cancels_handlers,
            event_loop: Rc::downgrade(&event_loop.0),
            out: RefCell::default(),
            connections: RefCell::default(),
            handshakes: Handshakes::default(),
            closing: Cell::new(false),
            farewell: Event::new(),
            orphans: Rc::default(),
            fresh: Cell::new(false),
            now: Cell::new(Time::ZERO),
            date: RefCell::new(Date::at(0)),
            timer: RefCell::new(None),
        })
    }

    pub(in crate::http) fn event_loop(&self) -> Option<EventLoop> {
        self.event_loop.upgrade().map(EventLoop)
    }

    pub(in crate::http) fn limits(&self) -> &Limits {
        self.shared.limits()
    }

    /// How many connections may be accepted in one turn: a quarter of what there is room for, so that
    /// what they ask is received before one of them has to go for the next.
    pub(in crate::http) fn accepts_at_once(&self) -> usize {
        (self.most / 4).max(1)
    }

    // ---- the connections ----------------------------------------------------------------------

    pub(in crate::http) fn admit(&self, connection: &Rc<Connection>) -> usize {
        let mut connections = self.connections.borrow_mut();
        match connections.free.pop_front() {
            Some(place) => {
                connections.places[place] = Some(connection.clone());
                place
            }
            None => {
                connections.places.push(Some(connection.clone()));
                connections.places.len() - 1
            }
        }
    }

    /// Whether one more connection may come; if there are too many, one that does nothing goes for
    /// it.
    pub(in crate::http) fn has_room(&self) -> bool {
        let connections = self.connections.borrow();
        let speaking = connections.places.len() - connections.free.len();
        if speaking + self.handshakes.len() < self.most {
            return true;
        }
        drop(connections);
        self.make_room()
    }

    /// Who is idle goes first, then who has not ended its handshake, then who has not ended its head.
    #[cold]
    fn make_room(&self) -> bool {
        let found = self.idler();
        let is_idle = found.as_ref().is_some_and(|(dear, _)| *dear == Dear::Idle);
        if !is_idle && self.handshakes.give_up_oldest() {
            return true;
        }
        found.map(|(_, connection)| connection.close()).is_some()
    }

    /// Of some connections, the one that is least dear, and of those the one that has waited longest.
    #[cold]
    fn idler(&self) -> Option<(Dear, Rc<Connection>)> {
        let now = self.event_loop()?.time();
        let connections = &mut *self.connections.borrow_mut();
        let mut found: Option<((Dear, Time), usize)> = None;
        for _ in 0..SEARCH.min(connections.places.len()) {
            connections.hand = (connections.hand + 1) % connections.places.len();
            let Some(connection) = &connections.places[connections.hand] else { continue };
            let (waits, since) = connection.waits();
            let dear = match waits {
                // One that has not read its answer would not go at once.
                Waits::Idle if !connection.has_nothing_to_send() => continue,
                Waits::Idle if now.since(since) >= GRACE => Dear::Idle,
                Waits::Idle => Dear::New,
                Waits::Head => Dear::Slow,
                _ => continue,
            };
            if found.is_none_or(|(best, _)| (dear, since) < best) {
                found = Some(((dear, since), connections.hand));
            }
        }
        let ((dear, _), place) = found?;
        connections.hand = place;
        Some((dear, connections.places[place].clone()?))
    }

    pub(in crate::http) fn dismiss(&self, place: usize) {
        let mut connections = self.connections.borrow_mut();
        let connection = connections.places[place].take();
        connections.free.push_back(place);
        let last = connections.free.len() == connections.places.len();
        drop(connections);
        drop(connection);
        if last && self.closing.get() {
            self.disarm();
        }
    }

    pub(in crate::http) fn connections(&self) -> Vec<Rc<Connection>> {
        self.connections.borrow().places.iter().flatten().cloned().collect()
    }

    /// Whether every answer from now on is its connection's last.
    pub(in crate::http) fn is_closing(&self) -> bool {
        self.closing.get()
    }

    /// Lets idle connections go now, and the others after their present request.
    pub(in crate::http) fn close(&self) {
        self.closing.set(true);
        self.handshakes.give_up_all();
        let connections = self.connections();
        if connections.is_empty() {
            self.disarm();
        }
        for connection in connections {
            connection.service_closes();
        }
    }

    /// Tells those who speak other protocols that the server is to end.
    pub(in crate::http) fn say_farewell(&self) {
        self.farewell.set();
    }

    /// Who is told that.
    pub(super) fn server_closing(&self) -> ServerClosing {
        ServerClosing(self.farewell.clone())
    }

    /// Keeps the task of a handler that nobody waits for.
    pub(super) fn adopt(&self, task: Option<Task<()>>) {
        if let Some(task) = task {
            self.orphans.adopt(task);
        }
    }

    // ---- time ---------------------------------------------------------------------------------

    /// Makes `now` and `date` of the present second; to be called when something has come.
    #[inline]
    pub(in crate::http) fn look_at_the_clock(self: &Rc<Self>) {
        if !self.fresh.get() {
            self.renew();
        }
    }

    fn renew(self: &Rc<Self>) {
        let Some(event_loop) = self.event_loop() else { return };
        self.now.set(event_loop.time());
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        self.date.replace(Date::at(wall.unwrap_or_default().as_secs()));
        self.fresh.set(true);
        self.arm(&event_loop, TICK);
    }

    /// The present second, or one a little earlier: what timeouts are measured by.
    pub(in crate::http) fn now(&self) -> Time {
        self.now.get()
    }

    /// The present second, for the field `Date`.
    pub(in crate::http) fn date(&self) -> Ref<'_, Date> {
        self.date.borrow()
    }

    fn arm(self: &Rc<Self>, event_loop: &EventLoop, delay: Duration) {
        self.disarm();
        let service: Weak<Service> = Rc::downgrade(self);
        let tick = move || {
            if let Some(service) = service.upgrade() {
                service.tick();
            }
        };
        // Fails only on a closed loop, where nothing is timed any more.
        *self.timer.borrow_mut() = event_loop.call_later(delay, tick).ok();
    }

    fn disarm(&self) {
        if let Some(timer) = self.timer.take() {
            timer.cancel();
        }
    }

    /// A second has passed, or the first connection's time is up: ends whatever has waited too
    /// long, and sleeps until the next may have.
    fn tick(self: &Rc<Self>) {
        let Some(event_loop) = self.event_loop() else { return };
        self.fresh.set(false);
        let now = event_loop.time();
        let mut next: Option<Duration> = None;
        for connection in self.connections() {
            if connection.looks_for_its_client() {
                next = Some(TICK);
                connection.look_for_client();
            }
            match connection.time_left(&self.timeouts, now) {
                None => {}
                Some((waits, Duration::ZERO)) => connection.waited_too_long(waits),
                Some((_, left)) => next = Some(next.map_or(left, |next| next.min(left))),
            }
        }
        // Whatever has ended may have looked at the clock, which is then fresh for one second only.
        let soon = self.fresh.get().then_some(TICK);
        if let Some(next) = soon.or(next) {
            self.arm(&event_loop, next.max(TICK));
        }
    }

    // ---- output -------------------------------------------------------------------------------

    /// Takes what has been encoded.
    pub(in crate::http) fn take_out(&self) -> Vec<u8> {
        self.out.take()
    }

    /// Gives the buffer back.
    pub(in crate::http) fn give_back(&self, mut out: Vec<u8>) {
        if out.capacity() <= SPARE_OUTPUT {
            out.clear();
            self.out.replace(out);
        }
    }
}
