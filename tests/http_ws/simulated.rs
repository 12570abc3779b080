//! Both sides on every schedule: short reads, slow links, resets, cancellation at every await.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use evloop::http::ws::{CloseCode, Message, WebSocket, WebSocketError, WebSocketOptions};
use evloop::testing::{
    Cut, FaultKind, Link, Schedule, ScheduleParams, World, check, cut_each_await, schedule,
    schedule_with,
};
use evloop::{
    LoopFuture, Server, get_running_loop, open_connection, sleep, spawn, start_server, yield_now,
};
use proptest::collection::vec;
use proptest::prelude::*;

const SECOND: Duration = Duration::from_secs(1);

/// Two ends of an open WebSocket, and what accepted the connection between them.
pub struct Pair {
    pub near: WebSocket,
    pub far: WebSocket,
    pub server: Server,
}

impl Pair {
    /// `None` if the connection cannot be made.
    pub async fn new(near: WebSocketOptions, far: WebSocketOptions) -> Option<Pair> {
        let accepted: LoopFuture<()> = get_running_loop().unwrap().create_future();
        let place = Rc::new(RefCell::new(None));
        let (put, told) = (place.clone(), accepted.clone());
        let handler = move |reader, writer| {
            put.replace(Some(WebSocket::server(reader, writer, far.clone(), None)));
            told.set_result(()).unwrap();
            async {}
        };
        let server = start_server(handler, ("127.0.0.1", 7)).await.unwrap();
        let Ok((reader, writer)) = open_connection(("127.0.0.1", 7)).await else {
            all_gone(server).await;
            return None;
        };
        accepted.await.unwrap();
        let near = WebSocket::client(reader, writer, near, None);
        Some(Pair { near, far: place.take().expect("it was accepted"), server })
    }

    pub async fn usual() -> Pair {
        let usual = WebSocketOptions::default;
        Pair::new(usual(), usual()).await.expect("nothing is in its way")
    }
}

/// Closes what accepted, and waits until nothing is left.
pub async fn all_gone(server: Server) {
    server.close();
    server.wait_closed().await;
    while server.connections() > 0 {
        yield_now().await;
    }
}

pub fn narrow(world: &World) {
    let anywhere = ([0, 0, 0, 0], 0).into();
    let latency = Duration::from_millis(1)..Duration::from_millis(9);
    world.link(anywhere, anywhere, Link { latency, ..Link::default() }.with_buffers(64, 64));
}

/// Sends back what comes, up to the Close.
async fn echo(mut socket: WebSocket) -> Option<CloseCode> {
    while let Some(message) = socket.receive().await.unwrap() {
        let sent = match message {
            Message::Text(text) => socket.send_text(text).await,
            Message::Binary(bytes) => socket.send_binary(bytes).await,
            _ => Ok(()),
        };
        if sent.is_err() {
            break;
        }
    }
    socket.close_code()
}

fn messages() -> impl Strategy<Value = Vec<Message>> {
    let message = prop_oneof![
        "[a-z\u{e9}\u{1f600}]{0,60}".prop_map(Message::Text),
        vec(any::<u8>(), 0..300).prop_map(Message::Binary),
    ];
    vec(message, 0..5)
}

async fn round_trip(world: World, messages: Vec<Message>) {
    narrow(&world);
    let Pair { near, far, server } = Pair::usual().await;
    let theirs = spawn(echo(far));
    let (mut sender, mut receiver) = near.split();
    let sent = messages.clone();
    let sending = spawn(async move {
        for message in sent {
            match message {
                Message::Text(text) => sender.send_text(text).await.unwrap(),
                Message::Binary(bytes) => sender.send_binary(bytes).await.unwrap(),
                _ => {}
            }
        }
        sender
    });
    for message in messages {
        assert_eq!(receiver.receive().await, Ok(Some(message)));
    }
    let mut sender = sending.await.unwrap();
    sender.close(CloseCode::new(4000), "enough").unwrap();
    assert!(matches!(receiver.receive().await, Ok(Some(Message::Close(_)))));
    assert_eq!(receiver.receive().await, Ok(None));
    assert_eq!(receiver.close_code(), Some(CloseCode::new(4000)));
    assert_eq!(theirs.await.unwrap(), Some(CloseCode::new(4000)));
    drop((sender, receiver));
    all_gone(server).await;
}

/// How much of what was sent came back before a connection that may be reset was gone.
async fn under_resets(messages: Vec<Message>) -> (Vec<Message>, Option<CloseCode>) {
    let usual = WebSocketOptions::default;
    let Some(Pair { mut near, far, server }) = Pair::new(usual(), usual()).await else {
        return (Vec::new(), Some(CloseCode::ABNORMAL));
    };
    let theirs = spawn(echo(far));
    let mut came = Vec::new();
    for message in messages {
        let sent = match message {
            Message::Text(text) => near.send_text(text).await,
            Message::Binary(bytes) => near.send_binary(bytes).await,
            _ => Ok(()),
        };
        match (sent, near.receive().await) {
            (Ok(()), Ok(Some(message))) => came.push(message),
            _ => break,
        }
    }
    near.close(CloseCode::NORMAL, "").await.unwrap();
    theirs.await.unwrap();
    let code = near.close_code();
    drop(near);
    all_gone(server).await;
    (came, code)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn whatever_is_sent_comes_back_and_both_close_in_order(
        messages in messages(),
        schedule in schedule(),
    ) {
        check(schedule, move |world| round_trip(world, messages))?;
    }

    #[test]
    fn under_resets_a_prefix_comes_back_whole_and_both_ends_hear_of_the_end(
        messages in messages(),
        schedule in schedule_with(ScheduleParams {
            kinds: &[FaultKind::Reset, FaultKind::Short],
            faults: 0..3,
            ..ScheduleParams::default()
        }),
    ) {
        let sent = messages.clone();
        let (came, code) = check(schedule, move |_| under_resets(messages))?;
        prop_assert_eq!(&came[..], &sent[..came.len()]);
        prop_assert!(matches!(code, Some(CloseCode::NORMAL | CloseCode::ABNORMAL)));
    }
}

// ---- cancellation at every await ------------------------------------------------------------------

/// Holds `main` to the knife on the usual schedule and on drawn ones.
#[track_caller]
pub fn withstands<F: Future + 'static>(main: impl Fn(World, Cut) -> F) {
    use evloop::testing::Rng;
    for case in 0..6 {
        let mut rng = Rng::of_case(6455, case);
        for params in [ScheduleParams::default(), ScheduleParams::chaos()] {
            if let Err(broken) = cut_each_await(&params.draw(&mut rng), &main) {
                panic!("{broken}");
            }
        }
    }
    let proved = cut_each_await(&Schedule::default(), &main).unwrap();
    assert!(proved.awaits > 0, "it never waits: nothing was cut");
}

#[test]
fn a_receive_that_is_cut_loses_no_message() {
    withstands(|_, cut| async move {
        let Pair { mut near, far, server } = Pair::usual().await;
        let (mut sender, receiver) = far.split();
        let sending = spawn(async move {
            for text in ["one", "two", "three"] {
                yield_now().await;
                sender.send_text(text).await.unwrap();
            }
            sender
        });
        let mut came = Vec::new();
        if let Some(first) = cut.dropping(near.receive_text()).await {
            came.extend(first.unwrap());
        }
        while came.len() < 3 {
            came.push(near.receive_text().await.unwrap().expect("it is open"));
        }
        assert_eq!(came, ["one", "two", "three"]);
        drop((near, sending.await.unwrap(), receiver));
        all_gone(server).await;
    });
}

#[test]
fn a_send_that_is_cut_has_sent_all_of_it_or_nothing() {
    withstands(|world, cut| async move {
        narrow(&world);
        let Pair { mut near, mut far, server } = Pair::usual().await;
        let long = "x".repeat(100_000);
        let receiving = spawn(async move {
            let mut lengths = Vec::new();
            while let Ok(Some(text)) = far.receive_text().await {
                lengths.push(text.len());
            }
            lengths
        });
        near.send_text(&long).await.unwrap();
        let second = cut.dropping(near.send_text(&long)).await;
        near.close(CloseCode::NORMAL, "").await.unwrap();
        let expected = vec![100_000; 1 + usize::from(second.is_some())];
        assert_eq!(receiving.await.unwrap(), expected);
        assert_eq!(near.close_code(), Some(CloseCode::NORMAL));
        drop(near);
        all_gone(server).await;
    });
}

#[test]
fn a_close_that_is_cut_is_gone_on_with_by_the_next() {
    withstands(|_, cut| async move {
        let Pair { mut near, far, server } = Pair::usual().await;
        let theirs = spawn(echo(far));
        near.send_text("still under way").await.unwrap();
        let _ = cut.dropping(near.close(CloseCode::NORMAL, "bye")).await;
        near.close(CloseCode::GOING_AWAY, "too late to say so").await.unwrap();
        let code = near.close_code();
        let theirs = theirs.await.unwrap();
        // Cut before its first step, it has said nothing.
        assert!(code == theirs && code.is_some_and(|it| it.number() < 1002), "{code:?} {theirs:?}");
        drop(near);
        all_gone(server).await;
    });
}

#[test]
fn a_socket_that_is_dropped_anywhere_says_so_and_leaves_nothing_behind() {
    withstands(|_, cut| async move {
        let Pair { near, mut far, server } = Pair::usual().await;
        let other = spawn(async move {
            for text in ["one", "two"] {
                if far.send_text(text).await.is_err() || far.receive_text().await == Ok(None) {
                    break;
                }
            }
            far.close(CloseCode::NORMAL, "").await.unwrap();
            far.close_code()
        });
        let whole = cut.dropping(echo(near)).await;
        let code = other.await.unwrap().map(CloseCode::number);
        // Cut behind the Close of the other side, it has answered that.
        let expected = if whole.is_some() { &[1000][..] } else { &[1000, 1001] };
        assert!(expected.contains(&code.unwrap_or_default()), "{code:?}");
        all_gone(server).await;
    });
}

// ---- time -----------------------------------------------------------------------------------------

pub fn simulated<F: Future + 'static>(main: impl FnOnce(World) -> F + Clone) -> F::Output {
    check(Schedule::default(), main).unwrap_or_else(|broken| panic!("{broken}"))
}

#[test]
fn a_peer_that_does_not_answer_the_heartbeat_is_given_up() {
    simulated(|world| async move {
        let heartbeat = WebSocketOptions { heartbeat: Some(30 * SECOND), ..Default::default() };
        let pair = Pair::new(WebSocketOptions::default(), heartbeat).await;
        let Pair { mut near, mut far, server } = pair.unwrap();
        let answering = spawn(async move {
            // It answers by itself for two minutes, and then the network is gone.
            let _ = evloop::timeout(120 * SECOND, near.receive()).await;
            near
        });
        let begun = world.now();
        let anywhere = ([0, 0, 0, 0], 0).into();
        world.after(119 * SECOND, move |world| world.partition(anywhere, anywhere));
        let limit = 15 * SECOND;
        assert_eq!(far.receive().await, Err(WebSocketError::NoPong { limit }));
        let waited = world.now().since(begun);
        assert!(waited > 119 * SECOND && waited < 119 * SECOND + 46 * SECOND, "{waited:?}");
        assert_eq!(far.receive().await, Ok(None));
        assert_eq!(far.close_code(), Some(CloseCode::ABNORMAL));
        world.heal(anywhere, anywhere);
        drop((far, answering.await.unwrap()));
        all_gone(server).await;
    });
}

#[test]
fn a_heartbeat_does_not_blame_the_peer_for_what_nobody_receives() {
    simulated(|_| async move {
        let heartbeat = WebSocketOptions { heartbeat: Some(10 * SECOND), ..Default::default() };
        let pair = Pair::new(WebSocketOptions::default(), heartbeat).await;
        let Pair { mut near, mut far, server } = pair.unwrap();
        near.send_text("read me").await.unwrap();
        let answering = spawn(async move {
            while let Ok(Some(_)) = near.receive().await {}
            near.close_code()
        });
        sleep(100 * SECOND).await;
        assert_eq!(far.receive_text().await, Ok(Some("read me".into())));
        far.close(CloseCode::NORMAL, "").await.unwrap();
        assert_eq!(answering.await.unwrap(), Some(CloseCode::NORMAL));
        drop(far);
        all_gone(server).await;
    });
}

#[test]
fn a_peer_that_does_not_answer_a_close_is_aborted_in_time() {
    simulated(|world| async move {
        let Pair { near, mut far, server } = Pair::usual().await;
        let begun = world.now();
        far.close(CloseCode::NORMAL, "").await.unwrap();
        let waited = world.now().since(begun);
        assert!(waited >= 10 * SECOND && waited < 11 * SECOND, "{waited:?}");
        assert_eq!(far.close_code(), Some(CloseCode::ABNORMAL));
        drop((near, far));
        all_gone(server).await;
    });
}

#[test]
fn pings_of_a_peer_that_does_not_read_take_no_memory() {
    simulated(|world| async move {
        narrow(&world);
        let by_hand = WebSocketOptions { autoping: false, ..Default::default() };
        let pair = Pair::new(by_hand, WebSocketOptions::default()).await;
        let Pair { near, far, server } = pair.unwrap();
        let (mut pinging, mut unread) = near.split();
        let answering = spawn(echo(far));
        // 500 kB of pongs would be due; 128 kB fit into its buffer, and 64 kB may be unsent.
        for number in 0..4000_u32 {
            let payload = [number.to_be_bytes(); 31].concat();
            let ping = evloop::timeout(SECOND, pinging.ping(payload)).await;
            ping.expect("it reads").unwrap();
        }
        let mut pongs = Vec::new();
        while pongs.last() != Some(&3999) {
            match unread.receive().await {
                Ok(Some(Message::Pong(it))) => {
                    pongs.push(u32::from_be_bytes([it[0], it[1], it[2], it[3]]));
                }
                other => panic!("{other:?}"),
            }
        }
        // The last is answered whatever was left out (RFC 6455 §5.5.3).
        assert!(pongs.is_sorted() && pongs.len() > 1000 && pongs.len() < 4000, "{}", pongs.len());
        drop(unread);
        answering.await.unwrap();
        drop(pinging);
        all_gone(server).await;
    });
}
