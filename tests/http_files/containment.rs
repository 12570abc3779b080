//! No request leads out of the directory.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use evloop::web::Application;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::support::{PATIENCE, serve};
use crate::tree::{SECRET, Tree};

/// A tree with every link that may lead astray.
fn traps() -> Tree {
    let tree = Tree::new();
    let absolute = tree.path("secret").to_str().expect("UTF-8").to_owned();
    for (target, name) in [
        ("../secret", "root/out"),
        ("../../secret", "root/sub/out"),
        ("..", "root/parent"),
        ("/", "root/slash"),
        (&absolute, "root/absolute"),
        ("parent/secret", "root/through"),
        ("sub/../../secret", "root/around"),
        ("self", "root/self"),
    ] {
        tree.link(target, name);
    }
    tree
}

/// Everything that comes for one request, whatever its path.
fn answer(address: SocketAddr, path: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("an option");
    let request = [b"GET /static", path, b" HTTP/1.0\r\n\r\n"].concat();
    // It may be refused before all of it is read.
    let _ = stream.write_all(&request);
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all);
    all
}

fn contains(text: &[u8], part: &str) -> bool {
    text.windows(part.len()).any(|window| window == part.as_bytes())
}

fn app(tree: &Tree) -> Application {
    tree.app(|files| files.show_index(true).hidden(true))
}

#[test]
fn the_known_ways_out_are_closed() {
    let tree = traps();
    let absolute = tree.path("secret").to_str().expect("UTF-8").to_owned();
    let ((), reports) = serve(app(&tree), move |address| {
        for path in [
            "/../secret",
            "/../../secret",
            "/sub/../../secret",
            "/..%2fsecret",
            "/%2e%2e/secret",
            "/%2e%2e%2fsecret",
            "/.%2e/secret",
            "/%252e%252e%252fsecret",
            "/..%5csecret",
            "/..\\secret",
            "/....//secret",
            "/..;/secret",
            "/.%00./secret",
            "/a.txt%00/../../secret",
            "/%c0%ae%c0%ae/secret",
            "/%u002e%u002e/secret",
            "/..%00/secret",
            "../secret",
            "/../root.txt",
            "/out",
            "/sub/out",
            "/parent/secret",
            "/parent/root/../secret",
            "/absolute",
            "/through",
            "/around",
            "/self",
            "/parent/",
            "/parent",
            "/slash/etc/passwd",
            "/slash/",
            "/%2fetc%2fpasswd",
            "//etc/passwd",
            "/./../secret",
            "/sub/%2e%2e/%2e%2e/secret",
            "%2f..%2fsecret",
            ".txt",
        ] {
            let answer = answer(address, path.as_bytes());
            assert!(!contains(&answer, SECRET) && !contains(&answer, "root:"), "{path}");
            assert!(
                !contains(&answer, "HTTP/1.1 2"),
                "{path}: {}",
                String::from_utf8_lossy(&answer)
            );
        }
        for path in [format!("/{absolute}"), absolute.clone(), format!("/%2f{absolute}")] {
            assert!(!contains(&answer(address, path.as_bytes()), SECRET), "{path}");
        }
        assert!(contains(&answer(address, b"/sub/b.txt"), "below"), "others are served");
    });
    assert_eq!(reports, [""; 0]);
}

#[test]
fn whatever_is_asked_nothing_from_outside_is_served() {
    let tree = traps();
    let words = vec![
        "/", "..", ".", "%2e", "%2E%2e", "%2f", "%5c", "\\", "%00", "secret", "root", "root.txt",
        "sub", "out", "parent", "absolute", "through", "around", "slash", "etc", "passwd", "a.txt",
        "%25", "%c0%af", ";", "?", "#", "%", "//", "/../", "tmp",
    ];
    let ((), reports) = serve(app(&tree), move |address| {
        let pieces = prop::collection::vec(prop::sample::select(words), 0..10);
        let bytes = prop::collection::vec(1..=255_u8, 0..6);
        let mut runner =
            TestRunner::new(Config { cases: 400, failure_persistence: None, ..Config::default() });
        let outcome = runner.run(&(pieces, bytes), |(pieces, bytes)| {
            let path = [pieces.concat().as_bytes(), &bytes].concat();
            let answer = answer(address, &path);
            prop_assert!(!contains(&answer, SECRET) && !contains(&answer, "root:x"));
            // A list of a directory outside would name this.
            prop_assert!(!contains(&answer, ">root.txt<"));
            Ok(())
        });
        outcome.unwrap_or_else(|failure| panic!("{failure}"));
    });
    assert_eq!(reports, [""; 0]);
}
