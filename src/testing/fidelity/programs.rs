//! The loop itself on both kernels: small programs, and the sequence in which their protocols are
//! called.
//!
//! What two connections do beside each other has no order, so each end keeps a log of its own.
//! Bytes are counted and not calls of `data_received`: how a stream is cut is the kernel's affair.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use super::real::Barrier;
use crate::event_loop::{EventLoop, get_running_loop};
use crate::selector::{EpollSelector, PollSelector};
use crate::task::LoopFuture;
use crate::testing::{Outcome, Schedule, Sim};
use crate::transport::{Protocol, Server, Transport};

/// What the ends of one connection share.
pub(super) struct Stage {
    /// The client, if it said so.
    client: RefCell<Option<Transport>>,
    /// Returns when the network has done all it has to do.
    settle: Box<dyn Fn()>,
    /// How many ends are not over yet, and who waits for that.
    alive: Cell<usize>,
    over: LoopFuture<()>,
}

type Log = Rc<RefCell<Vec<String>>>;

/// What an end does when it is called.
#[derive(Clone, Copy)]
struct Script {
    made: fn(&Stage, &Transport),
    data: fn(&Stage, &Transport, &[u8]),
    eof: fn(&Stage, &Transport) -> bool,
    paused: fn(&Stage, &Transport),
    resumed: fn(&Stage, &Transport),
    /// Whether how many bytes come is the program's affair and not the kernel's.
    counts: bool,
}

const NOTHING: Script = Script {
    made: |_, _| {},
    data: |_, _, _| {},
    eof: |_, _| false,
    paused: |_, _| {},
    resumed: |_, _| {},
    counts: true,
};

/// A client that does not read, and asks for more than it could.
const PAUSED: Script = Script {
    made: |stage, transport| {
        *stage.client.borrow_mut() = Some(transport.clone());
        transport.pause_reading();
        write(transport, 1);
    },
    ..NOTHING
};

/// An end that keeps a log.
struct End {
    stage: Rc<Stage>,
    script: Script,
    log: Log,
    received: usize,
}

impl End {
    fn note(&mut self, what: &str) {
        let received = std::mem::take(&mut self.received);
        let mut log = self.log.borrow_mut();
        match received {
            0 => {}
            _ if self.script.counts => log.push(format!("data_received, {received} bytes in all")),
            _ => log.push("data_received".into()),
        }
        log.push(what.into());
    }
}

impl Protocol for End {
    fn connection_made(&mut self, transport: &Transport) {
        self.note("connection_made");
        (self.script.made)(&self.stage, transport);
    }
    fn data_received(&mut self, transport: &Transport, data: &[u8]) {
        self.received += data.len();
        (self.script.data)(&self.stage, transport, data);
    }
    fn eof_received(&mut self, transport: &Transport) -> bool {
        self.note("eof_received");
        (self.script.eof)(&self.stage, transport)
    }
    fn pause_writing(&mut self, transport: &Transport) {
        self.note("pause_writing");
        (self.script.paused)(&self.stage, transport);
    }
    fn resume_writing(&mut self, transport: &Transport) {
        self.note("resume_writing");
        (self.script.resumed)(&self.stage, transport);
    }
    fn connection_lost(&mut self, error: Option<io::Error>) {
        self.note(&format!("connection_lost({:?})", error.map(|error| error.kind())));
        self.stage.alive.set(self.stage.alive.get() - 1);
        if self.stage.alive.get() == 0 {
            self.stage.over.set_result(()).expect("only the last end ends it");
        }
    }
}

/// The logs of the client and of the server.
pub(super) type Logs = (Vec<String>, Vec<String>);

/// What a real kernel is asked through.
#[derive(Clone, Copy)]
pub(super) enum Selector {
    Epoll,
    Poll,
}

/// A program and its name.
pub(super) type Program = (&'static str, fn(Box<dyn Fn()>) -> Running);
type Running = Pin<Box<dyn Future<Output = io::Result<Logs>>>>;

const MUCH: usize = 8 << 20;

pub(super) const PROGRAMS: &[Program] = &[
    ("an echo with a half-close", |settle| {
        let client = Script {
            made: |_, transport| {
                write(transport, 100_000);
                transport.write_eof();
            },
            ..NOTHING
        };
        let server = Script { data: |_, transport, data| drop(transport.write(data)), ..NOTHING };
        Box::pin(converse(settle, client, server))
    }),
    ("a server that goes on writing after the client's end of file", |settle| {
        let client = Script { made: |_, transport| transport.write_eof(), ..NOTHING };
        let server = Script {
            eof: |_, transport| {
                write(transport, 100_000);
                transport.close();
                true
            },
            ..NOTHING
        };
        Box::pin(converse(settle, client, server))
    }),
    ("a server that closes while the client writes", |settle| {
        let client = Script { made: |_, transport| write(transport, MUCH), ..NOTHING };
        let server = Script {
            data: |stage, transport, _| {
                (stage.settle)();
                transport.close();
            },
            counts: false,
            ..NOTHING
        };
        Box::pin(converse(settle, client, server))
    }),
    ("a client that aborts and leaves bytes unread", |settle| {
        let server = Script {
            data: |_, transport, _| write(transport, MUCH),
            paused: |stage, _| {
                (stage.settle)();
                stage.client.borrow().as_ref().expect("its end is there").abort();
            },
            ..NOTHING
        };
        Box::pin(converse(settle, PAUSED, server))
    }),
    ("a reader that pauses until the writer must", |settle| {
        let server = Script {
            data: |_, transport, _| write(transport, MUCH),
            paused: |stage, _| {
                stage.client.borrow().as_ref().expect("its end is there").resume_reading();
            },
            resumed: |_, transport| transport.close(),
            ..NOTHING
        };
        Box::pin(converse(settle, PAUSED, server))
    }),
    ("a writer whose peer has closed", |settle| {
        let client = Script {
            eof: |stage, transport| {
                write(transport, 10);
                (stage.settle)();
                write(transport, 10);
                true
            },
            ..NOTHING
        };
        let server = Script { made: |_, transport| transport.close(), ..NOTHING };
        Box::pin(converse(settle, client, server))
    }),
    ("both close at once", |settle| {
        let close = Script { made: |_, transport| transport.close(), ..NOTHING };
        Box::pin(converse(settle, close, close))
    }),
    ("a connection that nobody listens for", |_| Box::pin(refused())),
    ("a listener that closes before it accepts", |settle| Box::pin(never_accepted(settle))),
];

fn write(transport: &Transport, bytes: usize) {
    transport.write(&vec![b'x'; bytes]).expect("a protocol may write");
}

fn anywhere() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

fn stage(settle: Box<dyn Fn()>, alive: usize) -> io::Result<Rc<Stage>> {
    let over = get_running_loop().map_err(io::Error::other)?.create_future();
    Ok(Rc::new(Stage { client: RefCell::default(), settle, alive: Cell::new(alive), over }))
}

fn end(stage: &Rc<Stage>, script: Script, log: &Log) -> End {
    End { stage: stage.clone(), script, log: log.clone(), received: 0 }
}

async fn serve(stage: &Rc<Stage>, script: Script, log: &Log, start: bool) -> io::Result<Server> {
    let (stage, log) = (stage.clone(), log.clone());
    let factory = move || end(&stage, script, &log);
    let event_loop = get_running_loop().map_err(io::Error::other)?;
    event_loop.create_server(factory, anywhere()).start_serving(start).await
}

async fn dial(stage: &Rc<Stage>, script: Script, log: &Log, to: SocketAddr) -> io::Result<()> {
    let (stage, log) = (stage.clone(), log.clone());
    let event_loop = get_running_loop().map_err(io::Error::other)?;
    let factory = move || end(&stage, script, &log);
    event_loop.create_connection(factory, to).await.map(drop)
}

async fn logs(stage: Rc<Stage>, server: Server, client: Log, servers: Log) -> io::Result<Logs> {
    let over = crate::timeout(Duration::from_secs(30), stage.over.clone()).await;
    if !matches!(over, Ok(Ok(()))) {
        client.borrow_mut().push("not over after half a minute".into());
    }
    stage.client.take();
    server.close();
    Ok((client.take(), servers.take()))
}

async fn converse(settle: Box<dyn Fn()>, client: Script, server: Script) -> io::Result<Logs> {
    let (stage, client_log, server_log) = (stage(settle, 2)?, Log::default(), Log::default());
    let listening = serve(&stage, server, &server_log, true).await?;
    dial(&stage, client, &client_log, listening.sockets()[0].local_addr()).await?;
    logs(stage, listening, client_log, server_log).await
}

async fn refused() -> io::Result<Logs> {
    let (stage, log) = (stage(Box::new(|| {}), 0)?, Log::default());
    let server = serve(&stage, NOTHING, &log, true).await?;
    let address = server.sockets()[0].local_addr();
    server.close();
    let error = dial(&stage, NOTHING, &log, address).await.expect_err("nobody listens");
    Ok((vec![format!("{:?}", error.kind())], log.take()))
}

async fn never_accepted(settle: Box<dyn Fn()>) -> io::Result<Logs> {
    let (stage, client, servers) = (stage(settle, 1)?, Log::default(), Log::default());
    let server = serve(&stage, NOTHING, &servers, false).await?;
    dial(&stage, NOTHING, &client, server.sockets()[0].local_addr()).await?;
    (stage.settle)();
    server.close();
    logs(stage, server, client, servers).await
}

/// What the program's ends were told, on a loop of its own with the kernel below.
pub(super) fn on_the_kernel(program: &Program, selector: Selector) -> io::Result<Logs> {
    let builder = EventLoop::builder();
    let event_loop = match selector {
        Selector::Epoll => builder.selector(EpollSelector::new()?),
        Selector::Poll => builder.selector(PollSelector::new()?),
    };
    let event_loop = event_loop.build().map_err(io::Error::other)?;
    let barrier = RefCell::new(Barrier::new()?);
    let running = (program.1)(Box::new(move || barrier.borrow_mut().settle()));
    let logs = event_loop.run_until_complete(running).map_err(io::Error::other)?;
    event_loop.close().map_err(io::Error::other)?;
    logs
}

/// The same in a simulation.
#[track_caller]
pub(super) fn in_a_simulation(program: &Program) -> Logs {
    let (name, program) = *program;
    let report = Sim::new(Schedule::default()).run(move |_| {
        // Its links take no time, so nothing is ever under way.
        program(Box::new(|| {}))
    });
    assert!(report.violations.is_empty(), "{name}: {:?}", report.violations);
    match report.outcome {
        Outcome::Done(logs) => logs.expect(name),
        other => panic!("{name}: {other:?}"),
    }
}
