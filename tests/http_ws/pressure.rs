//! Several tasks on one WebSocket, peers that do not read, compressed messages, and servers that
//! end: on simulated networks.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use evloop::http::ws::{self, CloseCode, Message, WebSocket, WebSocketError, WebSocketOptions};
use evloop::testing::{FaultKind, ScheduleParams, World, check, schedule, schedule_with};
use evloop::web::{Application, HttpServer, Request};
use evloop::{ClientSession, sleep, spawn, yield_now};
use proptest::prelude::*;

use crate::simulated::{Pair, all_gone, narrow, simulated, withstands};

const SECOND: Duration = Duration::from_secs(1);
const URL: &str = "ws://127.0.0.1:80/";

/// With compression that remembers, or not at all, or none.
fn options(kind: u8) -> WebSocketOptions {
    #[cfg(feature = "compression")]
    {
        let keeps = kind == 2;
        let deflate =
            ws::Deflate { threshold: 100, own_context: keeps, peer_context: keeps, level: 1 };
        WebSocketOptions { deflate: (kind > 0).then_some(deflate), ..Default::default() }
    }
    #[cfg(not(feature = "compression"))]
    {
        let _ = kind;
        WebSocketOptions::default()
    }
}

async fn echo(mut socket: WebSocket) -> Result<(), WebSocketError> {
    while let Some(message) = socket.receive().await? {
        let sent = match message {
            Message::Text(text) => socket.send_text(text).await,
            Message::Binary(bytes) => socket.send_binary(bytes).await,
            _ => Ok(()),
        };
        if sent.is_err() {
            break;
        }
    }
    Ok(())
}

async fn echoing(options: WebSocketOptions) -> HttpServer {
    let mut app = Application::new();
    app.router().add_get("/", move |request: Request| {
        let options = options.clone();
        async move { ws::upgrade(&request, options, echo) }
    });
    app.serve(("127.0.0.1", 80)).await.expect("a server")
}

async fn ends(server: HttpServer) {
    server.shutdown(5 * SECOND).await;
    assert_eq!(server.connections(), 0, "a connection is left");
}

/// What one task says: its number, the message's, and some more.
fn line(task: usize, number: usize, size: usize) -> String {
    format!("{task}:{number}:{}", "abcdefghij".repeat(size))
}

/// Sends from as many tasks as there are lists of sizes, and gives what came back of each.
async fn from_several_tasks(world: World, sizes: Vec<Vec<usize>>, kind: u8) -> Vec<Vec<String>> {
    narrow(&world);
    let server = echoing(options(kind)).await;
    let session = ClientSession::new();
    let socket = session.ws_connect(URL).options(options(kind)).await.expect("it is served");
    let count: usize = sizes.iter().map(Vec::len).sum();
    let mut came = vec![Vec::new(); sizes.len()];
    let mut sending = Vec::new();
    for (task, sizes) in sizes.into_iter().enumerate() {
        let mut sender = socket.sender();
        sending.push(spawn(async move {
            for (number, size) in sizes.into_iter().enumerate() {
                sender.send_text(line(task, number, size)).await.expect("it is open");
                yield_now().await;
            }
        }));
    }
    let mut socket = socket;
    for _ in 0..count {
        let text = socket.receive_text().await.expect("right").expect("it is open");
        let task: usize = text.split(':').next().unwrap_or_default().parse().expect("a number");
        came[task].push(text);
    }
    for task in sending {
        task.await.expect("no panic");
    }
    socket.close(CloseCode::NORMAL, "").await.expect("it can be sent");
    assert_eq!(socket.close_code(), Some(CloseCode::NORMAL));
    drop((socket, session));
    ends(server).await;
    came
}

/// How much of what was sent came back, compressed, before a connection that may be reset was gone.
async fn under_resets(sizes: Vec<usize>, kind: u8) -> Vec<String> {
    let server = echoing(options(kind)).await;
    let session = ClientSession::new();
    let mut came = Vec::new();
    if let Ok(mut socket) = session.ws_connect(URL).options(options(kind)).await {
        for (number, size) in sizes.into_iter().enumerate() {
            let sent = socket.send_text(line(0, number, size)).await;
            match (sent, socket.receive_text().await) {
                (Ok(()), Ok(Some(text))) => came.push(text),
                _ => break,
            }
        }
        socket.close(CloseCode::NORMAL, "").await.expect("it can be sent");
    }
    drop(session);
    ends(server).await;
    came
}

fn breaking() -> ScheduleParams {
    let kinds = &[FaultKind::Reset, FaultKind::Short, FaultKind::Again];
    ScheduleParams { kinds, faults: 0..3, ..ScheduleParams::default() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn messages_of_several_tasks_are_not_mixed_and_each_tasks_keep_their_order(
        sizes in prop::collection::vec(prop::collection::vec(0..120_usize, 0..5), 1..4),
        kind in 0..3_u8,
        schedule in schedule(),
    ) {
        let sent: Vec<Vec<String>> = sizes.iter().enumerate().map(|(task, sizes)| {
            sizes.iter().enumerate().map(|(number, size)| line(task, number, *size)).collect()
        }).collect();
        let came = check(schedule, move |world| from_several_tasks(world, sizes, kind))?;
        prop_assert_eq!(came, sent);
    }

    #[test]
    fn under_resets_a_prefix_of_compressed_messages_comes_back_whole(
        sizes in prop::collection::vec(0..3000_usize, 0..4),
        kind in 1..3_u8,
        schedule in schedule_with(breaking()),
    ) {
        let sent: Vec<_> =
            sizes.iter().enumerate().map(|(number, size)| line(0, number, *size)).collect();
        let came = check(schedule, move |_| under_resets(sizes, kind))?;
        prop_assert_eq!(&came[..], &sent[..came.len()]);
    }

    #[test]
    fn a_server_that_ends_tells_every_socket_so_whatever_it_is_doing(
        doing in prop::collection::vec(0..4_u8, 1..5),
        schedule in schedule_with(breaking()),
    ) {
        let codes = check(schedule, move |_| told_of_the_end(doing))?;
        let allowed = [None, Some(CloseCode::GOING_AWAY), Some(CloseCode::ABNORMAL)];
        prop_assert!(codes.iter().all(|code| allowed.contains(code)), "{:?}", codes);
    }
}

// ---- the end of a server ------------------------------------------------------------------------

/// Sockets of clients that do all sorts of things when their server ends, and how each heard of it;
/// `None` of those that could not be opened.
async fn told_of_the_end(doing: Vec<u8>) -> Vec<Option<CloseCode>> {
    let server = echoing(WebSocketOptions::default()).await;
    let session = ClientSession::new();
    let mut ending = Vec::new();
    for what in doing {
        let Ok(mut socket) = session.ws_connect(URL).await else {
            ending.push(None);
            continue;
        };
        ending.push(Some(spawn(async move {
            match what {
                // It talks.
                0 => {
                    while socket.send_text("x").await.is_ok()
                        && socket.receive_text().await.is_ok_and(|it| it.is_some())
                    {
                        sleep(SECOND / 10).await;
                    }
                }
                // It closes by itself at about the same time.
                1 => {
                    sleep(SECOND).await;
                    socket.close(CloseCode::GOING_AWAY, "").await.expect("it can be sent");
                }
                // It sends, and does not read the echo before the end.
                2 => {
                    for _ in 0..3 {
                        let _ = socket.send_binary(vec![7; 30_000]).await;
                    }
                    sleep(2 * SECOND).await;
                }
                _ => {}
            }
            while !matches!(socket.receive().await, Ok(None)) {}
            socket.close_code()
        })));
    }
    sleep(SECOND).await;
    server.shutdown(5 * SECOND).await;
    assert_eq!(server.connections(), 0, "a connection is left");
    let mut codes = Vec::new();
    for one in ending {
        codes.push(match one {
            Some(task) => task.await.expect("no panic"),
            None => None,
        });
    }
    codes
}

#[test]
fn a_server_that_ends_closes_with_1001_at_once_where_nothing_is_in_the_way() {
    simulated(|world| async move {
        let server = echoing(WebSocketOptions::default()).await;
        let session = ClientSession::new();
        let mut sockets = Vec::new();
        for _ in 0..3 {
            let mut socket = session.ws_connect(URL).await.unwrap();
            sockets.push(spawn(async move {
                while !matches!(socket.receive().await, Ok(None)) {}
                (socket.close_code(), socket.exception().is_some())
            }));
        }
        sleep(SECOND).await;
        let begun = world.now();
        server.shutdown(60 * SECOND).await;
        assert!(world.now().since(begun) < SECOND, "nobody had to be given up");
        for socket in sockets {
            assert_eq!(socket.await.unwrap(), (Some(CloseCode::GOING_AWAY), false));
        }
        assert_eq!(server.connections(), 0);
    });
}

#[test]
fn a_client_that_does_not_answer_a_servers_farewell_delays_it_by_the_close_timeout_at_most() {
    simulated(|world| async move {
        let server = echoing(WebSocketOptions::default()).await;
        let session = ClientSession::new();
        let silent = session.ws_connect(URL).await.unwrap();
        let begun = world.now();
        server.shutdown(60 * SECOND).await;
        let waited = world.now().since(begun);
        assert!(waited >= 10 * SECOND && waited < 11 * SECOND, "{waited:?}");
        assert_eq!(server.connections(), 0);
        drop(silent);
    });
}

// ---- back-pressure ------------------------------------------------------------------------------

#[test]
fn several_tasks_are_held_back_by_a_peer_that_does_not_read_and_nothing_is_lost() {
    const PIECE: usize = 16 << 10;
    const TASKS: usize = 4;
    simulated(|_| async move {
        let Pair { near, mut far, server } = Pair::usual().await;
        let sent = Rc::new(Cell::new(0));
        let mut sending = Vec::new();
        for task in 0..TASKS {
            let (mut sender, sent) = (near.sender(), sent.clone());
            sending.push(spawn(async move {
                for number in 0..64_usize {
                    let bytes = [[task as u8].as_slice(), &vec![number as u8; PIECE]].concat();
                    sender.send_binary(bytes).await.unwrap();
                    sent.set(sent.get() + PIECE);
                }
            }));
        }
        sleep(60 * SECOND).await;
        let waiting = sent.get();
        // Ours: the water mark, and a message above it. The network's: a buffer at either end.
        // Theirs: the reader's buffer and what one receive brings.
        let most = (64 << 10) + PIECE + 2 * (64 << 10) + 3 * (64 << 10);
        assert!(waiting <= most, "{waiting} bytes were sent to nobody");
        let turns = evloop::get_running_loop().unwrap().counters().turns;
        sleep(60 * SECOND).await;
        let turns = evloop::get_running_loop().unwrap().counters().turns - turns;
        assert!(turns < 10, "{turns} turns, with nothing to do");
        let mut numbers = [0; TASKS];
        for _ in 0..64 * TASKS {
            let bytes = far.receive_binary().await.unwrap().expect("it is open");
            let task = usize::from(bytes[0]);
            assert_eq!(bytes[1..], vec![numbers[task]; PIECE]);
            numbers[task] += 1;
        }
        for task in sending {
            task.await.unwrap();
        }
        drop((near, far));
        all_gone(server).await;
    });
}

#[test]
fn a_peer_that_trickles_is_there_and_one_that_only_reads_is_too() {
    simulated(|_| async move {
        let heartbeat = WebSocketOptions {
            heartbeat: Some(10 * SECOND),
            pong_timeout: Some(3 * SECOND),
            ..Default::default()
        };
        // It never answers a ping, but says something now and then.
        let by_hand = WebSocketOptions { autoping: false, ..Default::default() };
        let Pair { mut near, mut far, server } = Pair::new(by_hand, heartbeat).await.unwrap();
        let log = Rc::new(RefCell::new(Vec::new()));
        let heard = log.clone();
        let hearing = spawn(async move {
            loop {
                match far.receive().await {
                    Ok(Some(Message::Text(text))) => heard.borrow_mut().push(text),
                    other => return (other, far),
                }
            }
        });
        for number in 0..10 {
            sleep(9 * SECOND).await;
            near.send_text(number.to_string()).await.unwrap();
        }
        assert_eq!(log.borrow().len(), 9, "and the tenth is on its way");
        // Then it is silent: it is asked after ten seconds, and given up after three more.
        sleep(12 * SECOND).await;
        assert!(!hearing.done());
        sleep(2 * SECOND).await;
        let (last, far) = hearing.await.unwrap();
        assert_eq!(last, Err(WebSocketError::NoPong { limit: 3 * SECOND }));
        drop((near, far));
        all_gone(server).await;
    });
}

// ---- under the knife ----------------------------------------------------------------------------

#[test]
fn a_receive_or_a_send_of_compressed_messages_that_is_cut_loses_nothing_of_the_context() {
    withstands(|world, cut| async move {
        narrow(&world);
        let server = echoing(options(2)).await;
        let session = ClientSession::new();
        let mut socket = session.ws_connect(URL).options(options(2)).await.unwrap();
        let texts: Vec<_> = (0..3).map(|it| line(it, it, 200)).collect();
        let mut sent = Vec::new();
        for text in &texts {
            // Cut, it has sent nothing.
            if cut.dropping(socket.send_text(text)).await.is_some() {
                sent.push(text.clone());
            }
        }
        let mut came = Vec::new();
        while came.len() < sent.len() {
            if let Some(text) = cut.dropping(socket.receive_text()).await {
                came.push(text.unwrap().expect("it is open"));
            }
        }
        assert_eq!(came, sent);
        socket.close(CloseCode::NORMAL, "").await.unwrap();
        drop((socket, session));
        ends(server).await;
    });
}
