//! Every oracle is silent about evloop's streams, too: rude clients and servers on small buffers,
//! whatever the network does to them.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::Union;

use crate::testing::schedule::FaultKind;
use crate::testing::{Limits, Link, Report, ScheduleParams, Sim, Verdict, World};
use crate::{StreamReader, StreamWriter, timeout};

/// What an end of a connection does.
#[derive(Clone, Debug)]
enum Op {
    Write(u16),
    Drain,
    Read(u8),
    ReadExactly(u8),
    WriteEof,
    Close,
    WaitClosed,
    Abort,
    PauseReading,
    ResumeReading,
    Sleep(u8),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = Union::new([
        (0..200u16).prop_map(Op::Write).boxed(),
        (0..200u16).prop_map(Op::Write).boxed(),
        Just(Op::Drain).boxed(),
        any::<u8>().prop_map(Op::Read).boxed(),
        any::<u8>().prop_map(Op::Read).boxed(),
        any::<u8>().prop_map(Op::ReadExactly).boxed(),
        Just(Op::WriteEof).boxed(),
        Just(Op::Close).boxed(),
        Just(Op::WaitClosed).boxed(),
        Just(Op::Abort).boxed(),
        Just(Op::PauseReading).boxed(),
        Just(Op::ResumeReading).boxed(),
        (0..9u8).prop_map(Op::Sleep).boxed(),
    ]);
    proptest::collection::vec(op, 0..8)
}

/// No await of a program is longer: what the network has lost never comes.
const PATIENCE: Duration = Duration::from_millis(50);

/// One end, and how far it is in what it writes and in what it reads: the bytes 0, 1, 2, and so on.
struct End {
    reader: StreamReader,
    writer: StreamWriter,
    written: u8,
    read: u8,
}

impl End {
    fn has_read(&mut self, bytes: &[u8]) {
        for byte in bytes {
            assert_eq!(*byte, self.read, "a byte was lost, or came twice, or too early");
            self.read = self.read.wrapping_add(1);
        }
    }

    async fn act(&mut self, op: &Op) {
        match *op {
            Op::Write(count) => {
                let bytes: Vec<u8> =
                    (0..count).map(|n| self.written.wrapping_add(n as u8)).collect();
                if self.writer.write(&bytes).is_ok() {
                    self.written = self.written.wrapping_add(count as u8);
                }
            }
            Op::Drain => drop(timeout(PATIENCE, self.writer.drain()).await),
            Op::Read(max) => {
                if let Ok(Ok(bytes)) = timeout(PATIENCE, self.reader.read(max.into())).await {
                    self.has_read(&bytes);
                }
            }
            Op::ReadExactly(count) => {
                let read = self.reader.readexactly(count.into());
                if let Ok(Ok(bytes)) = timeout(PATIENCE, read).await {
                    self.has_read(&bytes);
                }
            }
            Op::WriteEof => self.writer.write_eof(),
            Op::Close => self.writer.close(),
            Op::WaitClosed => drop(timeout(PATIENCE, self.writer.wait_closed()).await),
            Op::Abort => self.writer.transport().abort(),
            Op::PauseReading => self.writer.transport().pause_reading(),
            Op::ResumeReading => self.writer.transport().resume_reading(),
            Op::Sleep(delay) => crate::sleep(Duration::from_millis(delay.into())).await,
        }
    }
}

async fn play(reader: StreamReader, writer: StreamWriter, ops: Rc<[Op]>) {
    let mut end = End { reader, writer, written: 0, read: 0 };
    for op in &*ops {
        end.act(op).await;
    }
    end.writer.close();
    drop(timeout(PATIENCE, end.writer.wait_closed()).await);
}

#[derive(Clone, Debug)]
struct Program {
    clients: Vec<Vec<Op>>,
    server: Vec<Op>,
    buffers: (usize, usize),
    latency: u8,
}

fn programs() -> impl Strategy<Value = Program> {
    let clients = proptest::collection::vec(ops(), 0..3);
    (clients, ops(), (1..300usize, 1..300usize), 0..4u8).prop_map(
        |(clients, server, buffers, latency)| Program { clients, server, buffers, latency },
    )
}

async fn main(world: World, program: Program) {
    let (send, receive) = program.buffers;
    let latency = Duration::from_millis(program.latency.into());
    let any = SocketAddr::from(([0, 0, 0, 0], 0));
    world.link(any, any, Link::default().with_latency(latency).with_buffers(send, receive));
    let ops: Rc<[Op]> = program.server.into();
    let handler = move |reader, writer| play(reader, writer, ops.clone());
    let server = crate::start_server(handler, ("127.0.0.1", 80)).await.unwrap();
    let clients = program.clients.into_iter().map(|ops| {
        crate::spawn(async move {
            let opened = timeout(PATIENCE, crate::open_connection(("127.0.0.1", 80))).await;
            if let Ok(Ok((reader, writer))) = opened {
                play(reader, writer, ops.into()).await;
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
    server.close();
    server.close_clients();
    if timeout(PATIENCE, server.wait_closed()).await.is_err() {
        server.abort_clients();
    }
    crate::sleep(Duration::from_secs(2)).await;
}

fn run(program: &Program, schedule: crate::testing::Schedule) -> Report<()> {
    let limits = Limits { turns: 5_000, ..Limits::default() };
    let program = program.clone();
    Sim::new(schedule).limits(limits).run(|world| main(world, program))
}

fn schedules() -> impl Strategy<Value = crate::testing::Schedule> {
    let params = [ScheduleParams::default(), ScheduleParams::chaos()];
    Union::new(params.map(|params| {
        let kinds = FaultKind::ALL;
        crate::testing::schedule_with(ScheduleParams { kinds, ..params })
    }))
}

proptest! {
    #[test]
    fn every_oracle_is_silent_about_rude_ends_of_connections(
        program in programs(),
        schedule in schedules(),
    ) {
        let report = run(&program, schedule);
        prop_assert!(report.verdict() == Verdict::Pass, "{report}");
    }

    #[test]
    fn rude_ends_of_connections_do_the_same_twice(program in programs(), schedule in schedules()) {
        let report = crate::testing::same_twice(|| run(&program, schedule.clone()));
        prop_assert!(report.violations.is_empty(), "{report}");
    }
}
