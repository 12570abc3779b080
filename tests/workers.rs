//! Workers as real processes: killed, drained, interrupted, left behind.
//!
//! A supervisor has one thread and belongs to a whole process, so the test starts itself again as
//! one, and reads what it prints: a line an event. The pipe ends when the last process has ended.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::Duration;

use evloop::workers::{WorkerEvent, Workers, WorkersReport, reserve_port};
use evloop::{StreamReader, StreamWriter, Worker, WorkersError, start_server, workers};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const PROGRAM: &str = "EVLOOP_TEST_PROGRAM";

macro_rules! programs {
    ($($name:ident)*) => {
        fn program(name: &str) -> Result<WorkersReport, WorkersError> {
            match name {
                $(stringify!($name) => $name(),)*
                _ => panic!("no program {name}"),
            }
        }
    };
}

programs! { serves crashes cannot_bind one_cannot has_threads none finishes hangs panics cannot_say_why
renewed in_a_loop }

macro_rules! claims {
    ($($name:ident)*) => {
        fn main() {
            if let Ok(name) = std::env::var(PROGRAM) {
                return supervise(&name);
            }
            $($name(); println!("test {} ... ok", stringify!($name));)*
        }
    };
}

claims! {
    both_workers_serve_one_port
    a_killed_worker_comes_back_and_the_other_serves_meanwhile
    a_worker_that_always_dies_is_given_up_and_nobody_is_left
    a_worker_that_cannot_begin_fails_the_start_with_its_own_error
    the_others_are_ended_when_one_cannot_begin
    sigterm_drains_a_request_that_is_under_way
    who_does_not_end_within_the_deadline_is_killed
    ctrl_c_ends_all_whoever_gets_it
    workers_of_a_killed_supervisor_do_not_outlive_it
    a_worker_that_is_sent_sigterm_is_replaced
    workers_whose_work_is_done_are_not_started_again
    a_panic_is_a_death_and_its_message_is_told
    a_panic_outside_of_the_main_future_ends_the_worker_alone
    a_process_with_threads_or_a_running_loop_is_refused_and_so_are_no_workers
}

/// The supervisor's process.
fn supervise(name: &str) {
    match program(name) {
        Ok(report) => println!("over {:?} killed {}", report.ended, report.killed),
        Err(error) => println!("error {error}"),
    }
    let mut status = 0;
    // SAFETY: waitpid(2) writes one integer at the pointer.
    let child = unsafe { libc::waitpid(-1, &mut status, libc::WNOHANG) };
    println!("children left: {}", child != -1);
}

fn print(event: &WorkerEvent) {
    println!("{event}");
}

fn quick(count: usize) -> Workers {
    workers(count)
        .backoff(Duration::from_millis(1), Duration::from_millis(4))
        .restart_limit(3)
        .on_event(print)
}

/// Each connection: "pid" is answered; "begin" is answered "begun", and "end" then "ended".
async fn talk(mut reader: StreamReader, mut writer: StreamWriter) -> io::Result<()> {
    loop {
        let line = reader.readline().await?;
        let answer = match &line[..] {
            b"" => return Ok(()),
            b"pid\n" => format!("{}\n", std::process::id()),
            b"begin\n" => String::from("begun\n"),
            _ => String::from("ended\n"),
        };
        writer.write(answer.as_bytes())?;
        writer.drain().await?;
        if line == b"end\n" {
            return Ok(());
        }
    }
}

async fn serve(worker: Worker, address: SocketAddr) -> io::Result<()> {
    let server = start_server(talk, address).reuse_port(true).await?;
    worker.serve(&server).await
}

fn serves() -> Result<WorkersReport, WorkersError> {
    let port = reserve_port(([127, 0, 0, 1], 0))?;
    let address = port.address();
    println!("{address}");
    quick(2).run(move |worker| serve(worker, address))
}

fn crashes() -> Result<WorkersReport, WorkersError> {
    quick(2).run(|worker| async move {
        worker.ready();
        match worker.id() {
            0 => worker.draining().await,
            _ => std::process::abort(),
        }
    })
}

fn cannot_bind() -> Result<WorkersReport, WorkersError> {
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    let address = taken.local_addr()?;
    quick(2).run(move |worker| serve(worker, address))
}

fn one_cannot() -> Result<WorkersReport, WorkersError> {
    quick(2).run(|worker| async move {
        if worker.id() == 1 {
            return Err("no licence");
        }
        worker.ready();
        worker.draining().await;
        println!("0 was drained");
        Ok(())
    })
}

fn has_threads() -> Result<WorkersReport, WorkersError> {
    let (end, wait) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || wait.recv());
    let report = quick(2).run(|_| async {});
    drop(end);
    let _ = thread.join();
    report
}

fn in_a_loop() -> Result<WorkersReport, WorkersError> {
    evloop::run(async { quick(1).run(|_| async {}) })?
}

fn none() -> Result<WorkersReport, WorkersError> {
    workers(0).run(|_| async {})
}

fn finishes() -> Result<WorkersReport, WorkersError> {
    quick(3).run(|worker| async move { println!("done by {} of {}", worker.id(), worker.count()) })
}

fn hangs() -> Result<WorkersReport, WorkersError> {
    quick(2).deadline(Duration::from_millis(20)).run(|worker| async move {
        worker.ready();
        match worker.id() {
            0 => worker.draining().await,
            // It never turns its loop again.
            _ => loop {
                std::thread::park();
            },
        }
    })
}

fn panics() -> Result<WorkersReport, WorkersError> {
    quick(1).restart_limit(0).run(|worker| async move {
        worker.ready();
        let cheese: Option<()> = std::hint::black_box(None);
        cheese.expect("out of cheese")
    })
}

/// An error whose words panic.
struct Unspeakable;

impl std::fmt::Display for Unspeakable {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        panic!("no words")
    }
}

fn cannot_say_why() -> Result<WorkersReport, WorkersError> {
    let supervisor = std::process::id();
    let outcome = std::panic::catch_unwind(|| {
        quick(1).restart_limit(0).run(|worker| async move {
            worker.ready();
            Err(Unspeakable)
        })
    });
    if std::process::id() != supervisor {
        println!("the worker goes on as its supervisor");
    }
    outcome.unwrap_or_else(|payload| std::panic::resume_unwind(payload))
}

fn renewed() -> Result<WorkersReport, WorkersError> {
    quick(1).run(|worker| async move {
        worker.ready();
        worker.draining().await;
    })
}

/// A supervisor's process, as the test has it; killed if the test fails.
struct Supervisor {
    process: Child,
    lines: BufReader<ChildStdout>,
}

impl Supervisor {
    fn start(name: &str) -> Supervisor {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let command = command.env(PROGRAM, name).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap());
        Supervisor { process, lines }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Reads on to a line that has `text`.
    fn until(&mut self, text: &str) -> String {
        loop {
            let line = self.line();
            assert!(!line.is_empty(), "it ended, and never said {text:?}");
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Reads on until all are ready; the processes of the workers.
    fn open(&mut self) -> Vec<i32> {
        let mut pids = Vec::new();
        loop {
            let line = self.line();
            match line.split_once("is process ") {
                Some((_, pid)) => pids.push(pid.parse().unwrap()),
                None if line == "all workers are ready" => return pids,
                None => assert!(!line.is_empty(), "it ended before all were ready"),
            }
        }
    }

    fn send(&self, signal: Signal) {
        send(self.process.id() as i32, signal);
    }

    /// What it says to its end, which is the end of the last of them.
    fn rest(mut self) -> (String, ExitStatus) {
        let mut rest = String::new();
        self.lines.read_to_string(&mut rest).unwrap();
        (rest, self.process.wait().unwrap())
    }

    fn ends_well(self, expected: &[&str]) {
        let (rest, status) = self.rest();
        assert!(status.success(), "{status}: {rest}");
        for text in expected.iter().chain(&["children left: false"]) {
            assert!(rest.contains(text), "no {text:?} in:\n{rest}");
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn send(pid: i32, signal: Signal) {
    kill(Pid::from_raw(pid), signal).unwrap();
}

fn ask(stream: &mut TcpStream, word: &str) -> String {
    stream.write_all(format!("{word}\n").as_bytes()).unwrap();
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).unwrap();
    answer.trim_end().to_owned()
}

/// The process that serves a new connection.
fn who(address: &str) -> i32 {
    ask(&mut TcpStream::connect(address).unwrap(), "pid").parse().unwrap()
}

fn both_workers_serve_one_port() {
    let mut supervisor = Supervisor::start("serves");
    let address = supervisor.line();
    let pids = supervisor.open();
    let mut missing = pids.clone();
    // The kernel deals by a hash of the client's port: a thousand times to one is no chance.
    for _ in 0..1000 {
        let served = who(&address);
        assert!(pids.contains(&served));
        missing.retain(|pid| *pid != served);
        if missing.is_empty() || !evloop::workers::PORTS_ARE_BALANCED {
            break;
        }
    }
    assert!(missing.is_empty() || !evloop::workers::PORTS_ARE_BALANCED);
    supervisor.send(Signal::SIGTERM);
    supervisor.ends_well(&["over Drained killed 0"]);
}

fn a_killed_worker_comes_back_and_the_other_serves_meanwhile() {
    let mut supervisor = Supervisor::start("serves");
    let address = supervisor.line();
    let pids = supervisor.open();
    send(pids[0], Signal::SIGKILL);
    let died = supervisor.until("worker 0 died");
    assert!(died.contains("signal: 9"), "{died}");
    let started = supervisor.until("worker 0 is process");
    assert!(!started.ends_with(&format!(" {}", pids[0])));
    supervisor.until("worker 0 is ready");
    assert_ne!(who(&address), pids[0]);
    supervisor.send(Signal::SIGTERM);
    supervisor.ends_well(&["over Drained killed 0"]);
}

fn a_worker_that_always_dies_is_given_up_and_nobody_is_left() {
    let supervisor = Supervisor::start("crashes");
    // It may die before or after the others are ready; then the start fails, or it is given up.
    let (rest, status) = supervisor.rest();
    assert!(status.success(), "{rest}");
    let given_up =
        rest.contains("error worker 1 is given up after 4 deaths in a row, the last: signal: 6");
    let no_start = rest.contains("error worker 1 did not start: signal: 6");
    assert!(given_up || no_start, "{rest}");
    assert_eq!(given_up, rest.matches("worker 1 died").count() == 3, "{rest}");
    assert!(rest.contains("children left: false"), "{rest}");
}

fn a_worker_that_cannot_begin_fails_the_start_with_its_own_error() {
    let supervisor = Supervisor::start("cannot_bind");
    supervisor.ends_well(&["did not start: error while attempting to bind on address 127.0.0.1:"]);
}

fn the_others_are_ended_when_one_cannot_begin() {
    let supervisor = Supervisor::start("one_cannot");
    supervisor.ends_well(&["error worker 1 did not start: no licence", "0 was drained"]);
}

fn sigterm_drains_a_request_that_is_under_way() {
    let mut supervisor = Supervisor::start("serves");
    let address = supervisor.line();
    supervisor.open();
    let mut client = TcpStream::connect(&address).unwrap();
    assert_eq!(ask(&mut client, "begin"), "begun");
    supervisor.send(Signal::SIGTERM);
    // Once nobody accepts any more they are draining.
    while TcpStream::connect(&address).is_ok() {}
    assert_eq!(ask(&mut client, "end"), "ended");
    supervisor.ends_well(&["over Drained killed 0"]);
}

fn who_does_not_end_within_the_deadline_is_killed() {
    let mut supervisor = Supervisor::start("hangs");
    supervisor.open();
    supervisor.send(Signal::SIGTERM);
    supervisor
        .ends_well(&["worker 1 had not ended in time and was killed", "over Drained killed 1"]);
}

fn ctrl_c_ends_all_whoever_gets_it() {
    for everybody in [false, true] {
        let mut supervisor = Supervisor::start("serves");
        let address = supervisor.line();
        let pids = supervisor.open();
        let mut client = TcpStream::connect(&address).unwrap();
        assert_eq!(ask(&mut client, "begin"), "begun");
        // As a terminal sends it, or as kill(1) does.
        pids.iter().filter(|_| everybody).for_each(|pid| send(*pid, Signal::SIGINT));
        supervisor.send(Signal::SIGINT);
        supervisor.ends_well(&["over Interrupted killed 0"]);
    }
}

fn workers_of_a_killed_supervisor_do_not_outlive_it() {
    for name in ["serves", "hangs"] {
        if name == "hangs" && !cfg!(target_os = "linux") {
            continue;
        }
        let mut supervisor = Supervisor::start(name);
        supervisor.open();
        supervisor.send(Signal::SIGKILL);
        // The pipe ends with the last that has it.
        let (rest, status) = supervisor.rest();
        assert!(!status.success() && !rest.contains("over"), "{rest}");
    }
}

fn a_worker_that_is_sent_sigterm_is_replaced() {
    let mut supervisor = Supervisor::start("renewed");
    let pids = supervisor.open();
    send(pids[0], Signal::SIGTERM);
    let started = supervisor.until("worker 0 is process");
    assert!(!started.ends_with(&format!(" {}", pids[0])));
    supervisor.until("worker 0 is ready");
    supervisor.send(Signal::SIGTERM);
    supervisor.ends_well(&["over Drained killed 0"]);
}

fn workers_whose_work_is_done_are_not_started_again() {
    let supervisor = Supervisor::start("finishes");
    supervisor.ends_well(&["done by 0 of 3", "done by 1 of 3", "done by 2 of 3", "over Finished"]);
}

fn a_panic_is_a_death_and_its_message_is_told() {
    let supervisor = Supervisor::start("panics");
    supervisor.ends_well(&["out of cheese"]);
}

fn a_panic_outside_of_the_main_future_ends_the_worker_alone() {
    let (said, _) = Supervisor::start("cannot_say_why").rest();
    assert!(said.contains("no words") && !said.contains("goes on"), "{said}");
}

fn a_process_with_threads_or_a_running_loop_is_refused_and_so_are_no_workers() {
    if cfg!(target_os = "linux") {
        Supervisor::start("has_threads").ends_well(&["error this process has 2 threads"]);
    }
    Supervisor::start("none").ends_well(&["error workers(0) does nothing"]);
    Supervisor::start("in_a_loop").ends_well(&["error Cannot run the event loop while another"]);
}
