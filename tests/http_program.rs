//! `run_app`, as a program of its own: this one, started again. Ctrl-C belongs to the main thread,
//! which the usual harness keeps for itself.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use evloop::web::{Application, Request, RunOptions, run_app};

const ROLE: &str = "EVLOOP_TEST_RUN_APP";

/// The program: it serves `/`, at once, and `/slow`, which ends when it is asked to.
fn program(role: &str) {
    let mut app = Application::new();
    app.router().add_get("/", |_| async { "hello" }).add_get("/slow", |_: Request| async {
        println!("slow");
        let _ = evloop::cancel_scope(std::future::pending::<()>()).await;
        println!("asked to end");
        "sorry"
    });
    app.router().add_get("/stuck", |_: Request| async {
        println!("stuck");
        loop {
            let _ = evloop::cancel_scope(std::future::pending::<()>()).await;
        }
        #[expect(unreachable_code, reason = "it never answers")]
        ""
    });
    app.on_cleanup(|_| async { println!("cleaned up") });
    let options = RunOptions::new().host("127.0.0.1").port(0);
    let options = options.shutdown_timeout(match role {
        "hurry" => Duration::from_millis(1),
        _ => Duration::from_secs(3600),
    });
    run_app(app, options).expect("it ran");
    println!("over");
}

struct Program {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
    address: String,
}

impl Program {
    fn start(role: &str) -> Program {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .env(ROLE, role)
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe"));
        let line = until(&mut lines, "Running on");
        let (_, rest) = line.split_once("http://").expect("an address");
        let address = rest.split(' ').next().unwrap().to_owned();
        Program { child, lines, address }
    }

    fn ask(&self, path: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: h\r\n\r\n").expect("it reads");
        stream
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, &self.child.id().to_string()]).status();
        assert!(status.expect("kill(1)").success());
    }

    fn end(mut self) -> (ExitStatus, String) {
        let mut rest = String::new();
        self.lines.read_to_string(&mut rest).expect("text");
        (self.child.wait().expect("it ends"), rest)
    }
}

fn until(lines: &mut impl BufRead, word: &str) -> String {
    loop {
        let mut line = String::new();
        assert!(lines.read_line(&mut line).expect("text") > 0, "it ended before {word:?}");
        if line.contains(word) {
            return line;
        }
    }
}

fn a_signal_ends_it_in_order_and_idle_connections_do_not_keep_it() {
    for signal in ["-TERM", "-INT"] {
        let program = Program::start("calm");
        let mut idle = program.ask("/");
        let mut answer = [0; 12];
        idle.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200");
        program.signal(signal);
        let (status, rest) = program.end();
        assert!(status.success(), "{status}: {rest}");
        assert!(rest.contains("cleaned up\nover\n"), "{rest}");
    }
}

fn a_request_under_way_is_asked_to_end_after_the_deadline_and_answered() {
    let mut program = Program::start("hurry");
    let mut slow = program.ask("/slow");
    until(&mut program.lines, "slow");
    program.signal("-TERM");
    let mut answer = String::new();
    slow.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("sorry"), "{answer}");
    let (status, rest) = program.end();
    assert!(status.success() && rest.contains("asked to end\ncleaned up\nover\n"), "{rest}");
}

fn a_second_ctrl_c_ends_it_at_once() {
    let mut program = Program::start("calm");
    let _stuck = program.ask("/stuck");
    until(&mut program.lines, "stuck");
    program.signal("-INT");
    // It listens no more once it has heard of the first.
    while TcpStream::connect(&program.address).is_ok() {
        std::thread::yield_now();
    }
    program.signal("-INT");
    let (status, rest) = program.end();
    assert!(status.success(), "{status}: {rest}");
    assert!(rest.contains("over") && !rest.contains("cleaned up"), "{rest}");
}

fn main() {
    if let Ok(role) = std::env::var(ROLE) {
        return program(&role);
    }
    let claims: [(&str, fn()); 3] = [
        (
            "a_signal_ends_it_in_order_and_idle_connections_do_not_keep_it",
            a_signal_ends_it_in_order_and_idle_connections_do_not_keep_it,
        ),
        (
            "a_request_under_way_is_asked_to_end_after_the_deadline_and_answered",
            a_request_under_way_is_asked_to_end_after_the_deadline_and_answered,
        ),
        ("a_second_ctrl_c_ends_it_at_once", a_second_ctrl_c_ends_it_at_once),
    ];
    for (claim, holds) in claims {
        holds();
        println!("test {claim} ... ok");
    }
}
