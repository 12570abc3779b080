//! The server before clients that know only bytes, and before aiohttp's.

use std::cell::RefCell;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::rc::Rc;
use std::time::Duration;

use evloop::http::ws::{
    self, CloseCode, Message, Origins, WebSocket, WebSocketOptions, WebSocketSender,
};
use evloop::web::{Application, HttpServer, Request, Response};
use evloop::{ClientSession, EventLoop};

use crate::peer::Peer;
use crate::support::{PATIENCE, serve};

async fn echo(mut socket: WebSocket) -> Result<(), ws::WebSocketError> {
    while let Some(message) = socket.receive().await? {
        match message {
            Message::Text(text) if text == "close" => {
                socket.close(CloseCode::new(4001), "as you say").await?;
            }
            Message::Text(text) if text == "panic" => panic!("as you say"),
            Message::Text(text) => socket.send_text(text).await?,
            Message::Binary(bytes) => socket.send_binary(bytes).await?,
            _ => {}
        }
    }
    Ok(())
}

fn options() -> WebSocketOptions {
    WebSocketOptions {
        protocols: vec!["other".into(), "echo".into()],
        origins: Origins::Same,
        ..Default::default()
    }
}

async fn open(request: Request) -> Response {
    ws::upgrade(&request, options(), echo)
}

fn app() -> Application {
    let mut app = Application::new();
    app.router().add_get("/echo", open).add_post("/echo", open);
    app
}

const HANDSHAKE: &str = "GET /echo HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

/// Sends bytes, and gives the head and the bytes behind it that came until the server ended the
/// connection.
fn said(address: SocketAddr, bytes: &[u8]) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("an option");
    stream.write_all(bytes).expect("it reads");
    let mut all = Vec::new();
    stream.read_to_end(&mut all).expect("an end, not a reset");
    let end = all.windows(4).position(|it| it == b"\r\n\r\n").expect("a head") + 4;
    (String::from_utf8(all[..end].to_vec()).expect("text"), all[end..].to_vec())
}

/// A client's frame, masked with zeros.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        short @ 0..=125 => frame.push(0x80 | short as u8),
        long => {
            frame.push(0x80 | 126);
            frame.extend((long as u16).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

fn close(code: u16) -> Vec<u8> {
    frame(0x88, &code.to_be_bytes())
}

#[test]
fn frames_that_come_with_the_handshake_are_answered_in_order_and_so_is_the_close() {
    let ((head, frames), reports) = serve(app(), |address| {
        let pieces =
            [frame(0x81, b"one"), frame(0x89, b"p"), frame(0x02, b"t"), frame(0x80, b"wo")];
        said(address, &[HANDSHAKE.as_bytes(), &pieces.concat(), &close(1000)].concat())
    });
    assert!(head.starts_with("HTTP/1.1 101 Switching Protocols\r\n"), "{head}");
    let head = head.to_lowercase();
    for field in ["upgrade: websocket\r\n", "connection: upgrade\r\n"] {
        assert!(head.contains(field), "{head}");
    }
    assert!(head.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=\r\n"), "{head}");
    assert_eq!(frames, b"\x81\x03one\x8a\x01p\x82\x03two\x88\x02\x03\xe8");
    assert_eq!(reports, [""; 0]);
}

#[test]
fn every_ping_of_thousands_is_answered_in_order_and_before_what_came_after_it() {
    let ((_, frames), _) = serve(app(), |address| {
        let pings: Vec<u8> = (0..5000_u16).flat_map(|it| frame(0x89, &it.to_be_bytes())).collect();
        let rest = [frame(0x81, b"text"), frame(0x89, b"last"), close(1000)].concat();
        said(address, &[HANDSHAKE.as_bytes(), &pings, &rest].concat())
    });
    let pongs = (0..5000_u16).flat_map(|it| [&[0x8a, 2][..], &it.to_be_bytes()].concat());
    let rest = b"\x81\x04text\x8a\x04last\x88\x02\x03\xe8";
    assert!(frames == [&pongs.collect::<Vec<_>>()[..], rest].concat());
}

#[test]
fn whoever_breaks_the_protocol_is_told_with_which_code_and_that_is_reported() {
    let (codes, reports) = serve(app(), |address| {
        let broken = [
            vec![0x81, 0x00],
            vec![0xC1, 0x80],
            vec![0x83, 0x80],
            frame(0x80, b""),
            frame(0x09, b"fragmented"),
            frame(0x89, &[0; 126]),
            frame(0x81, b"\xff"),
            frame(0x88, b"x"),
            close(1005),
            vec![0x82, 0xFF, 0, 0, 0, 0, 0xFF, 0, 0, 0, 1, 2, 3, 4],
            // More follows than anybody will read, and the Close comes through all the same.
            [frame(0x83, b""), vec![7; 200_000]].concat(),
        ];
        let code = |bytes: &Vec<u8>| {
            let (_, frames) = said(address, &[HANDSHAKE.as_bytes(), bytes].concat());
            assert_eq!(frames[..2], [0x88, 2], "{frames:02x?}");
            u16::from_be_bytes([frames[2], frames[3]])
        };
        broken.iter().map(code).collect::<Vec<_>>()
    });
    assert_eq!(codes, [1002, 1002, 1002, 1002, 1002, 1002, 1007, 1002, 1002, 1009, 1002]);
    assert_eq!(reports.len(), codes.len());
    assert!(reports[0].contains("a client's frame is not masked"), "{}", reports[0]);
}

#[test]
fn a_request_that_is_not_in_order_has_its_status_and_is_told_why() {
    let (answers, reports) = serve(app(), |address| {
        let version = HANDSHAKE.replace("Version: 13", "Version: 8");
        let plain = "GET /echo HTTP/1.1\r\nHost: h\r\n\r\n".to_owned();
        let origin = HANDSHAKE.replace("\r\n\r\n", "\r\nOrigin: http://elsewhere\r\n\r\n");
        let key = HANDSHAKE.replace("dGhl", "");
        let post =
            HANDSHAKE.replace("GET", "POST").replace("\r\n\r\n", "\r\nContent-Length: 0\r\n\r\n");
        let asked = [version, plain, origin, key, post];
        let closes = |it: String| {
            it.replace("Connection: Upgrade", "Connection: Upgrade, close")
                .replace("h\r\n\r\n", "h\r\nConnection: close\r\n\r\n")
        };
        asked.map(|it| said(address, closes(it).as_bytes()).0.to_lowercase())
    });
    for (answer, status) in answers.iter().zip([426, 426, 403, 400, 405]) {
        assert!(answer.starts_with(&format!("http/1.1 {status} ")), "{answer}");
    }
    assert!(answers[0].contains("sec-websocket-version: 13\r\n"), "{}", answers[0]);
    assert!(answers[1].contains("upgrade: websocket\r\n"), "{}", answers[1]);
    assert!(answers[4].contains("allow: get"), "{}", answers[4]);
    assert_eq!(reports, [""; 0]);
}

#[test]
fn a_handler_that_panics_closes_with_1011_and_is_reported() {
    let ((_, frames), reports) = serve(app(), |address| {
        let frames = [frame(0x81, b"panic"), close(1011)].concat();
        said(address, &[HANDSHAKE.as_bytes(), &frames].concat())
    });
    assert_eq!(frames, b"\x88\x02\x03\xf3");
    assert_eq!(reports.len(), 1, "{reports:?}");
}

#[test]
fn a_client_that_just_leaves_is_nobodys_error() {
    let ((), reports) = serve(app(), |address| {
        let mut stream = TcpStream::connect(address).expect("a connection");
        stream.write_all(HANDSHAKE.as_bytes()).expect("it reads");
        let mut first = [0];
        stream.read_exact(&mut first).expect("an answer");
    });
    assert_eq!(reports, [""; 0]);
}

/// A server with one open WebSocket, and how that ends when `ending` ends the server.
fn ends_with<F: Future>(
    ending: impl FnOnce(HttpServer, WebSocketSender) -> F + 'static,
) -> Option<CloseCode> {
    let event_loop = EventLoop::new().unwrap();
    let code = event_loop.run_until_complete(async {
        let theirs = Rc::new(RefCell::new(None));
        let put = theirs.clone();
        let mut app = Application::new();
        app.router().add_get("/", move |request: Request| {
            let put = put.clone();
            async move {
                ws::upgrade(&request, WebSocketOptions::default(), move |socket| {
                    put.replace(Some(socket.sender()));
                    echo(socket)
                })
            }
        });
        let server = app.serve(("127.0.0.1", 0)).await.unwrap();
        let url = format!("ws://{}/", server.sockets()[0].local_addr());
        let mut socket = ClientSession::new().ws_connect(&url).await.unwrap();
        let ended = async move {
            while let Ok(Some(_)) = socket.receive().await {}
            socket.close_code()
        };
        let ended = evloop::spawn(ended);
        let sender = theirs.take().expect("it is open");
        ending(server, sender).await;
        ended.await.unwrap()
    });
    event_loop.run_once(Some(Duration::ZERO)).unwrap();
    assert!(event_loop.close().unwrap().is_clean());
    code.unwrap()
}

#[test]
fn a_socket_that_is_closed_before_the_server_shuts_down_delays_nothing() {
    let code = ends_with(|server, mut sender| async move {
        sender.close(CloseCode::GOING_AWAY, "the server goes down").unwrap();
        let begun = evloop::get_running_loop().unwrap().time();
        server.shutdown(PATIENCE).await;
        let now = evloop::get_running_loop().unwrap().time();
        assert!(now.since(begun) < PATIENCE, "nobody had to be given up");
    });
    assert_eq!(code, Some(CloseCode::GOING_AWAY));
}

#[test]
fn a_socket_that_is_open_when_a_shutdowns_patience_ends_is_aborted() {
    let code = ends_with(|server, _| async move { server.shutdown(Duration::ZERO).await });
    assert_eq!(code, Some(CloseCode::ABNORMAL));
}

#[test]
fn aiohttps_client_is_echoed_and_told_how_it_ended() {
    let program = "
import asyncio, sys, aiohttp
async def main(url):
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(url, protocols=('echo',), compress=15, heartbeat=20) as ws:
            print(ws.protocol, ws.compress)
            for text in ['', 'h\\u00e9llo \\U0001f600', 'x' * 70_000]:
                await ws.send_str(text)
                assert await ws.receive_str() == text
            data = bytes(range(256)) * 4000
            await ws.send_bytes(data)
            assert await ws.receive_bytes() == data
            await ws.ping(b'?')
            await ws.send_str('close')
            message = await ws.receive()
            print(message.type.name, message.data, message.extra, ws.close_code)
        async with session.ws_connect(url) as ws:
            await ws.close(code=4002, message=b'mine')
            print(ws.close_code)
        async with session.ws_connect(url, max_msg_size=0) as ws:
            await ws.send_bytes(bytes(5 << 20))
            message = await ws.receive()
            print(message.type.name, message.data)
        try:
            await session.ws_connect(url, headers={'Origin': 'http://elsewhere'})
        except aiohttp.WSServerHandshakeError as error:
            print(error.status)
asyncio.run(main(sys.argv[1]))
";
    let (said, reports) = serve(app(), move |address| {
        let python = Peer::start("python3", |command| {
            command.args(["-c", program, &format!("http://{address}/echo")]);
        });
        python?.finish()
    });
    let Some(said) = said else { return };
    assert!(said.success, "{}", said.stderr);
    assert_eq!(said.stdout, "echo 0\nCLOSE 4001 as you say 4001\n4002\nCLOSE 1009\n403\n");
    assert_eq!(reports.len(), 1, "{reports:?}");
    assert!(reports[0].contains("exceeds 4194304"), "{reports:?}");
}

#[test]
fn when_the_server_ends_a_websocket_is_closed_with_1001_after_on_shutdown() {
    let log: Rc<RefCell<Vec<String>>> = Rc::default();
    let (hook, handler) = (log.clone(), log.clone());
    let mut app = Application::new();
    app.on_shutdown(move |_| {
        hook.borrow_mut().push("on_shutdown".into());
        std::future::ready(())
    });
    app.router().add_get("/echo", move |request: Request| {
        let log = handler.clone();
        let chat = |mut socket: WebSocket| async move {
            while let Some(message) = socket.receive().await? {
                log.borrow_mut().push(format!("{message:?}"));
            }
            log.borrow_mut().push(format!("{:?}", socket.close_code()));
            Ok::<_, ws::WebSocketError>(())
        };
        std::future::ready(ws::upgrade(&request, options(), chat))
    });
    // The server ends when this has returned.
    let (client, reports) = serve(app, |address| {
        let mut stream = TcpStream::connect(address).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("an option");
        stream.write_all(HANDSHAKE.as_bytes()).expect("it reads");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("a head");
            head.extend(byte);
        }
        std::thread::spawn(move || {
            let mut farewell = [0; 4];
            stream.read_exact(&mut farewell).expect("a Close");
            stream.write_all(&close(1001)).expect("it reads");
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).expect("an end");
            (farewell, rest)
        })
    });
    assert_eq!(client.join().unwrap(), (*b"\x88\x02\x03\xe9", Vec::new()));
    let log = log.take();
    assert_eq!((log.len(), &*log[0]), (3, "on_shutdown"), "{log:?}");
    assert!(log[1].starts_with("Close") && log[2].contains("1001"), "{log:?}");
    assert_eq!(reports, [""; 0]);
}
