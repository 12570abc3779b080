//! The HTTP servers of steps 17 and 18, asked by the client of step 18.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use crate::harness::{Order, example, finish, folder, is_as_in, read};

/// Ended when dropped, so that a test that fails leaves nobody behind.
pub struct Server(pub Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_http_server_answers_the_http_client_and_ends_by_ctrl_c() {
    if TcpStream::connect(("127.0.0.1", 9977)).is_ok() {
        eprintln!("SKIPPED: somebody serves on port 9977 already");
        return;
    }
    let mut serving = example("http_server");
    let serving = serving.env_remove("EVLOOP_CLOCK").stdout(Stdio::piped());
    let mut server = Server(serving.spawn().expect("the server starts"));
    let mut printed = BufReader::new(server.0.stdout.take().expect("a pipe"));
    let mut text = String::new();
    for _ in 0..2 {
        printed.read_line(&mut text).expect("text");
    }
    let fetched = |path: &str| {
        let mut client = example("http_client");
        let output = finish("http_client", client.arg(format!("http://127.0.0.1:9977{path}")));
        String::from_utf8(output.stdout).expect("text")
    };
    is_as_in(&folder("http_client").join("expected.txt"), &fetched("/"), Order::Exact);
    assert_eq!(fetched("/1?name=12301"), "200\n1\n");
    assert_eq!(fetched("/a/b"), "404\n404: Not Found\n");
    let interrupted = Command::new("kill").args(["-INT", &server.0.id().to_string()]).status();
    assert!(interrupted.expect("kill is everywhere").success());
    printed.read_to_string(&mut text).expect("text");
    assert!(server.0.wait().expect("a child").success());
    is_as_in(&folder("http_server").join("expected.txt"), &text, Order::Exact);
}

#[test]
fn the_static_server_serves_a_directory_and_nothing_else() {
    let mut serving = example("static_server");
    let serving = serving.args(["examples/static_server", "0"]).env_remove("EVLOOP_CLOCK");
    let mut server = Server(serving.stdout(Stdio::piped()).spawn().expect("the server starts"));
    let mut printed = BufReader::new(server.0.stdout.take().expect("a pipe"));
    let mut line = String::new();
    printed.read_line(&mut line).expect("text");
    let url = line.split(' ').find(|word| word.starts_with("http://")).expect("an address");
    let fetched = |path: &str| {
        let mut client = example("http_client");
        let output = finish("http_client", client.arg(format!("{url}{path}")));
        String::from_utf8(output.stdout).expect("text")
    };
    let source = read(&folder("static_server").join("main.rs"));
    assert_eq!(fetched("/main.rs"), format!("200\n{source}\n"));
    assert!(fetched("/").contains("<a href=\"./main.rs\">main.rs</a>"));
    assert_eq!(fetched("/%2e%2e/README.md"), "404\n404: Not Found\n");
    let interrupted = Command::new("kill").args(["-INT", &server.0.id().to_string()]).status();
    assert!(interrupted.expect("kill is everywhere").success());
    assert!(server.0.wait().expect("a child").success());
}
