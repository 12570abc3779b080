//! Every method of a stream that waits. What was cut off is asked for again, another way; together
//! it must be all that was sent.

use std::cell::RefCell;
use std::rc::Rc;

use super::*;
use crate::{
    LoopFuture, ReadError, Server, StreamReader, StreamWriter, Task, open_connection, spawn,
    start_server,
};

type Ends = (StreamReader, StreamWriter);

/// A connection, with both of its ends in hand.
struct Connected {
    server: Server,
    near: Ends,
    far: Ends,
}

impl Connected {
    async fn new() -> Connected {
        Connected::with_limit(1 << 16).await
    }

    async fn with_limit(limit: usize) -> Connected {
        let accepted: LoopFuture<()> = get_running_loop().unwrap().create_future();
        let (place, told) = (Rc::new(RefCell::new(None)), accepted.clone());
        let far = place.clone();
        let handler = move |reader, writer| {
            far.replace(Some((reader, writer)));
            told.set_result(()).unwrap();
            async {}
        };
        let server = start_server(handler, ("127.0.0.1", 0)).await.unwrap();
        let address = server.sockets()[0].local_addr();
        let near = open_connection(address).limit(limit).await.unwrap();
        accepted.await.unwrap();
        let far = place.take().expect("both ends");
        Connected { server, near, far }
    }

    /// Closes everything, and waits until it is.
    async fn give_back(self) {
        let Connected { server, near, far } = self;
        drop((near, far));
        server.close();
        server.wait_closed().await;
        while server.connections() > 0 {
            yield_now().await;
        }
        drop(server);
        nothing_is_left().await;
    }
}

/// Sends the pieces one by one, each a few turns after the other, and then the end of the stream.
fn sends(mut writer: StreamWriter, pieces: &'static [&'static str]) -> Task<StreamWriter> {
    spawn(async move {
        for piece in pieces {
            for _ in 0..3 {
                yield_now().await;
            }
            writer.write(piece.as_bytes()).unwrap();
            writer.drain().await.unwrap();
        }
        writer.write_eof();
        writer
    })
}

/// Has `read` read the first of what comes in pieces, cuts it, and reads the rest to the end: all
/// of it must come to `whole`.
macro_rules! loses_nothing {
    ($name:ident, $pieces:expr, |$reader:ident| $read:expr) => {
        #[test]
        fn $name() {
            on_streams(|cut| async move {
                let mut all = Connected::new().await;
                let sent = sends(all.far.1, &$pieces);
                let $reader = &mut all.near.0;
                let got: Option<Vec<u8>> = cut.dropping($read).await;
                let rest = $reader.read_to_end().await.unwrap();
                let came = [got.unwrap_or_default(), rest].concat();
                assert_eq!(String::from_utf8(came).unwrap(), $pieces.concat());
                all.far.1 = sent.await.unwrap();
                all.give_back().await;
            });
        }
    };
}

const PIECES: [&str; 5] = ["he", "llo\nw", "orld", "\r\n", "end"];

loses_nothing!(a_cut_read_takes_nothing, PIECES, |reader| async { reader.read(4).await.unwrap() });
loses_nothing!(a_cut_readline_takes_nothing, PIECES, |reader| async {
    reader.readline().await.unwrap()
});
loses_nothing!(a_cut_readexactly_takes_nothing, PIECES, |reader| async {
    reader.readexactly(9).await.unwrap()
});
loses_nothing!(a_cut_readuntil_takes_nothing, PIECES, |reader| async {
    reader.readuntil(b"\r\n").await.unwrap()
});
loses_nothing!(a_cut_readuntil_any_takes_nothing, PIECES, |reader| async {
    reader.readuntil_any(&[b"ld", b"\r\n"]).await.unwrap()
});
loses_nothing!(a_cut_read_to_end_takes_nothing, PIECES, |reader| async {
    reader.read_to_end().await.unwrap()
});
loses_nothing!(a_cut_read_into_takes_nothing, PIECES, |reader| async {
    let mut memory = [0; 6];
    let count = reader.read_into(&mut memory).await.unwrap();
    memory[..count].to_vec()
});

#[test]
fn lines_read_one_after_another_are_whole_whichever_of_the_reads_is_cut() {
    on_streams(|cut| async move {
        let mut all = Connected::new().await;
        let sent = sends(all.far.1, &["one\ntw", "o\n", "th", "ree\n"]);
        let mut lines = Vec::new();
        while lines.len() < 3 {
            // Whoever is cut here asks again.
            if let Some(line) = cut.dropping(all.near.0.readline()).await {
                lines.push(String::from_utf8(line.unwrap()).unwrap());
            }
        }
        assert_eq!(lines, ["one\n", "two\n", "three\n"]);
        all.far.1 = sent.await.unwrap();
        all.give_back().await;
    });
}

#[test]
fn a_stream_that_ends_too_early_gives_what_has_come_also_after_a_cut() {
    on_streams(|cut| async move {
        let mut all = Connected::new().await;
        let sent = sends(all.far.1, &["ab", "c"]);
        let first = cut.dropping(all.near.0.readexactly(9)).await;
        let outcome = match first {
            Some(outcome) => outcome,
            None => all.near.0.readexactly(9).await,
        };
        match outcome {
            Err(ReadError::IncompleteRead { partial, .. }) => assert_eq!(partial, b"abc"),
            other => panic!("{other:?}"),
        }
        all.far.1 = sent.await.unwrap();
        all.give_back().await;
    });
}

#[test]
fn a_line_over_the_limit_is_refused_whether_or_not_a_read_of_it_was_cut() {
    on_streams(|cut| async move {
        let mut all = Connected::with_limit(8).await;
        let sent = sends(all.far.1, &["0123", "456789", "abc\n", "ok\n"]);
        let first = cut.dropping(all.near.0.readline()).await;
        let refused = match first {
            Some(outcome) => outcome,
            None => all.near.0.readline().await,
        };
        assert_eq!(refused.unwrap_err().kind(), std::io::ErrorKind::InvalidData);
        let rest = all.near.0.read_to_end().await.unwrap();
        assert!(rest.ends_with(b"ok\n"), "{rest:?}");
        all.far.1 = sent.await.unwrap();
        all.give_back().await;
    });
}

/// Writes so many bytes in three parts, with a drain after each of which one is cut.
async fn drains(cut: Cut, flood: usize) {
    let mut all = Connected::new().await;
    let mut reader = all.near.0;
    let reads = spawn(async move {
        for _ in 0..3 {
            yield_now().await;
        }
        let all = reader.read_to_end().await.unwrap();
        (reader, all)
    });
    let sent: Vec<u8> = (0..flood).map(|at| (at % 251) as u8).collect();
    for part in sent.chunks(flood / 3) {
        all.far.1.write(part).unwrap();
        if let Some(drained) = cut.dropping(all.far.1.drain()).await {
            drained.unwrap();
        }
    }
    all.far.1.write_eof();
    let (reader, came) = reads.await.unwrap();
    assert!(came == sent, "{} bytes of {}", came.len(), sent.len());
    all.near.0 = reader;
    all.give_back().await;
}

#[test]
fn a_cut_drain_loses_nothing_of_what_was_written() {
    // More than every buffer on the way holds: a kernel's grow.
    withstands(|_, cut| drains(cut, 600 << 10));
    withstands_really(|cut| drains(cut, 12 << 20));
}

#[test]
fn a_cut_wait_closed_leaves_the_connection_closing() {
    on_streams(|cut| async move {
        let mut all = Connected::new().await;
        all.near.1.write(b"last words").unwrap();
        all.near.1.close();
        if let Some(closed) = cut.dropping(all.near.1.wait_closed()).await {
            closed.unwrap();
        }
        assert_eq!(all.far.0.read_to_end().await.unwrap(), b"last words");
        all.near.1.wait_closed().await.unwrap();
        all.give_back().await;
    });
}

#[test]
fn a_drain_of_a_closing_connection_may_be_cut() {
    on_streams(|cut| async move {
        let mut all = Connected::new().await;
        all.near.1.close();
        // In order or not, it comes to an end; and a second one does, too.
        drop(cut.dropping(all.near.1.drain()).await);
        drop(all.near.1.drain().await);
        all.give_back().await;
    });
}
