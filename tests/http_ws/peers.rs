//! Before other people's programs: aiohttp on either side.

use evloop::http::ws::{CloseCode, HandshakeError, Message, WebSocketOptions};
use evloop::{ClientSession, EventLoop};

use crate::peer::Peer;

/// Runs a Python program that prints its port and then serves, and gives what `client` makes of it;
/// `None`, loudly, if this machine cannot run it.
fn against<F: Future + 'static>(program: &str, client: impl FnOnce(u16) -> F) -> Option<F::Output> {
    let mut python = Peer::start("python3", |command| {
        command.args(["-c", program]);
    })?;
    let port = python.line()?.parse().expect("a port");
    let event_loop = EventLoop::new().expect("a loop");
    let got = event_loop.run_until_complete(client(port)).expect("a run");
    event_loop.run_once(Some(std::time::Duration::ZERO)).expect("a turn");
    assert!(event_loop.close().expect("not running").is_clean());
    python.kill();
    let said = python.finish()?;
    assert!(!said.stderr.contains("Traceback"), "{}", said.stderr);
    assert!(!said.success && said.stdout.is_empty(), "it served until it was killed");
    Some(got)
}

const SERVER: &str = "
import asyncio
from aiohttp import web, WSMsgType
async def echo(request):
    ws = web.WebSocketResponse(protocols=('other', 'echo'), heartbeat=30, compress=True)
    await ws.prepare(request)
    await ws.ping(b'are you there?')
    async for message in ws:
        if message.type == WSMsgType.TEXT:
            if message.data == 'close':
                await ws.close(code=4001, message=b'as you say')
            elif message.data == 'vanish':
                request.transport.abort()
            else:
                await ws.send_str(message.data)
        else:
            await ws.send_bytes(message.data)
    return ws
async def main():
    app = web.Application()
    app.router.add_get('/echo', echo)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, '127.0.0.1', 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
";

#[test]
fn aiohttps_server_echoes_us_and_closes_with_its_own_code() {
    against(SERVER, |port| async move {
        let session = ClientSession::new();
        let options = WebSocketOptions { protocols: vec!["echo".into()], ..Default::default() };
        let url = format!("ws://127.0.0.1:{port}/echo");
        let mut socket = session.ws_connect(&url).options(options).await.unwrap();
        assert_eq!(socket.protocol(), Some("echo"));
        for text in ["", "h\u{e9}llo \u{1f600}", &"x".repeat(70_000)] {
            socket.send_text(text).await.unwrap();
            assert_eq!(socket.receive_text().await, Ok(Some(text.to_owned())));
        }
        let bytes: Vec<u8> = (0..1_000_000_u32).map(|it| it as u8).collect();
        socket.send_binary(&bytes).await.unwrap();
        assert_eq!(socket.receive_binary().await, Ok(Some(bytes)));
        socket.send_text("close").await.unwrap();
        let Ok(Some(Message::Close(frame))) = socket.receive().await else { panic!("no Close") };
        assert_eq!((frame.code.number(), &frame.reason[..]), (4001, "as you say"));
        assert_eq!(socket.receive().await, Ok(None));
    });
}

#[test]
fn aiohttps_server_answers_our_close() {
    against(SERVER, |port| async move {
        let url = format!("ws://127.0.0.1:{port}/echo");
        let mut socket = ClientSession::new().ws_connect(&url).await.unwrap();
        socket.close(CloseCode::NORMAL, "done").await.unwrap();
        assert_eq!(socket.close_code(), Some(CloseCode::NORMAL));
    });
}

#[test]
fn a_server_that_vanishes_is_an_abnormal_closure() {
    against(SERVER, |port| async move {
        let url = format!("ws://127.0.0.1:{port}/echo");
        let mut socket = ClientSession::new().ws_connect(&url).await.unwrap();
        socket.send_text("vanish").await.unwrap();
        assert_eq!(socket.receive().await, Ok(None));
        assert_eq!(socket.close_code(), Some(CloseCode::ABNORMAL));
        assert!(socket.send_text("hello?").await.is_err());
    });
}

#[test]
fn what_is_no_websocket_is_refused_with_the_servers_answer() {
    against(SERVER, |port| async move {
        let url = format!("ws://127.0.0.1:{port}/nothing");
        match ClientSession::new().ws_connect(&url).await {
            Err(HandshakeError::Refused(response)) => assert_eq!(response.status(), 404),
            other => panic!("{other:?}"),
        }
    });
}

#[cfg(feature = "compression")]
#[test]
fn aiohttps_server_inflates_what_we_compress_and_compresses_what_we_inflate() {
    use evloop::http::ws::Deflate;
    for (own_context, peer_context) in [(true, true), (false, false), (true, false)] {
        against(SERVER, move |port| async move {
            let deflate = Deflate { own_context, peer_context, ..Default::default() };
            let options = WebSocketOptions { deflate: Some(deflate), ..Default::default() };
            let url = format!("ws://127.0.0.1:{port}/echo");
            let session = ClientSession::new();
            let mut socket = session.ws_connect(&url).options(options).await.unwrap();
            let record = |it: usize| format!("{{\"id\": {it}, \"name\": \"h\u{e9}llo\"}}, ");
            for round in 0..3 {
                for size in [0, 1, 40, 2000] {
                    let text: String = (0..size).map(|it| record(it * 31 + round)).collect();
                    socket.send_text(&text).await.unwrap();
                    assert_eq!(socket.receive_text().await, Ok(Some(text)));
                }
                let bytes: Vec<u8> = (0..200_000_u32).map(|it| (it % 251) as u8).collect();
                socket.send_binary(&bytes).await.unwrap();
                assert_eq!(socket.receive_binary().await, Ok(Some(bytes)));
            }
            socket.close(CloseCode::NORMAL, "").await.unwrap();
            assert_eq!(socket.close_code(), Some(CloseCode::NORMAL));
        });
    }
}
