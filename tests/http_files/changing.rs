//! Files that change while they are on their way, and clients that stop reading them.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::support::{Client, PATIENCE, serve};
use crate::tree::Tree;

/// Far more than the buffers on the way take.
const LARGE: u64 = 64 << 20;

/// A connection that has sent this request and has the first bytes of its answer.
fn begun(address: SocketAddr, fields: &str) -> (TcpStream, Vec<u8>) {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("an option");
    let request = format!("GET /static/large HTTP/1.1\r\nHost: h\r\n{fields}\r\n");
    stream.write_all(request.as_bytes()).expect("the server reads");
    let mut first = vec![0; 4096];
    stream.read_exact(&mut first).expect("a head and some of the body");
    (stream, first)
}

fn large() -> Tree {
    let tree = Tree::new();
    tree.file("root/large", "");
    File::options().write(true).open(tree.path("root/large")).unwrap().set_len(LARGE).unwrap();
    tree
}

#[test]
fn a_file_that_is_cut_short_breaks_the_connection_and_is_reported() {
    for (fields, promised) in
        [("", LARGE), ("Range: bytes=1-30000000,30000001-60000000\r\n", 60_000_000)]
    {
        let tree = large();
        let path = tree.path("root/large");
        let (got, reports) = serve(tree.app(|files| files), move |address| {
            let (mut stream, first) = begun(address, fields);
            assert!(first.starts_with(b"HTTP/1.1 20"));
            File::options().write(true).open(path).unwrap().set_len(10).unwrap();
            let mut rest = Vec::new();
            // An end or a reset, but no answer that looks whole.
            let _ = stream.read_to_end(&mut rest);
            (first.len() + rest.len()) as u64
        });
        assert!(got < promised, "{got} of {promised}");
        assert_eq!(reports.len(), 1, "{reports:?}");
    }
}

#[test]
fn a_file_that_is_replaced_is_sent_as_it_was() {
    let tree = large();
    let (old, new) = (tree.path("root/large"), tree.path("new"));
    let ((), reports) = serve(tree.app(|files| files), move |address| {
        let (mut stream, first) = begun(address, "Connection: close\r\n");
        std::fs::write(&new, "new").unwrap();
        std::fs::rename(&new, &old).unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).expect("the whole");
        let head = first.windows(4).position(|it| it == b"\r\n\r\n").expect("a head") + 4;
        assert_eq!((first.len() - head + rest.len()) as u64, LARGE);
        assert_eq!(Client::connect(address).get("/static/large").body, "new");
    });
    assert_eq!(reports, [""; 0]);
}

#[test]
fn who_leaves_in_the_middle_disturbs_nobody() {
    let tree = large();
    let ((), reports) = serve(tree.app(|files| files), |address| {
        for fields in ["", "Range: bytes=0-9,20-60000000\r\n"] {
            drop(begun(address, fields));
            assert_eq!(Client::connect(address).get("/static/a.txt").body, "0123456789");
        }
    });
    assert_eq!(reports, [""; 0]);
}
