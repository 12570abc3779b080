//! Against servers that others have written.

use std::time::Duration;

use evloop::http::ClientError;
use evloop::{ClientSession, EventLoop};

use crate::peer::Peer;

/// Runs a Python program that prints its port and then serves, and gives what `client` makes of
/// it; `None`, loudly, if this machine cannot run it.
fn against(program: &str, paths: &'static [&'static str]) -> Option<Vec<(u16, String)>> {
    let mut python = Peer::start("python3", |command| {
        command.args(["-c", program]);
    })?;
    let port = python.line()?.parse().expect("a port");
    let got = get_all(port, paths).expect("answers");
    python.kill();
    let said = python.finish()?;
    assert!(!said.success && said.stdout.is_empty(), "it served until it was killed");
    assert!(!said.stderr.contains("Traceback"), "{}", said.stderr);
    Some(got)
}

fn get_all(port: u16, paths: &'static [&'static str]) -> Result<Vec<(u16, String)>, ClientError> {
    let event_loop = EventLoop::new().expect("a loop");
    let got = event_loop.run_until_complete(async move {
        let session = ClientSession::new();
        let mut got = Vec::new();
        for path in paths {
            let response = session.get(&format!("http://127.0.0.1:{port}{path}")).await?;
            got.push((response.status().as_u16(), response.text().await?));
        }
        Ok(got)
    });
    // The session's connections are closed in the turn after it is dropped.
    event_loop.run_once(Some(Duration::ZERO)).expect("a turn");
    assert!(event_loop.close().expect("not running").is_clean());
    got.expect("a run")
}

#[test]
fn pythons_http_server_answers_us() {
    let program = "
from http.server import *
class Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def do_GET(self):
        if self.path == '/close':
            self.close_connection = True
            self.wfile.write(b'HTTP/1.1 200 OK\\r\\n\\r\\nuntil the end')
            return
        body = self.path.encode()
        self.send_response(404 if 'no' in self.path else 200)
        self.send_header('Content-Length', len(body))
        self.end_headers()
        self.wfile.write(body)
    def log_message(*_): pass
server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
";
    let got = against(program, &["/a?b=c", "/no", "/close", "/after"]);
    let Some(got) = got else { return };
    let got: Vec<_> = got.iter().map(|(status, text)| (*status, &text[..])).collect();
    let expected = [(200, "/a?b=c"), (404, "/no"), (200, "until the end"), (200, "/after")];
    assert_eq!(got, expected);
}

#[test]
fn aiohttps_server_answers_us() {
    let program = "
import asyncio
from aiohttp import web
async def index(request):
    return web.Response(text=request.path, status=201)
async def handle(request):
    return web.Response(text=request.match_info.get('id', '0000') + ' ' + request.query_string)
async def chunks(request):
    response = web.StreamResponse()
    await response.prepare(request)
    for n in range(1000):
        await response.write(b'%03d' % n)
    return response
async def main():
    app = web.Application()
    app.router.add_get('/', index)
    app.router.add_get('/chunks/', chunks)
    app.router.add_get('/{id}', handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, '127.0.0.1', 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
";
    let got = against(program, &["/", "/1?name=12301", "/chunks/", "/a/b", "/2"]);
    let Some(got) = got else { return };
    let chunks: String = (0..1000).map(|n| format!("{n:03}")).collect();
    let texts: Vec<_> = got.iter().map(|(_, text)| &text[..]).collect();
    assert_eq!(texts, ["/", "1 name=12301", &chunks, "404: Not Found", "2 "]);
    let statuses: Vec<_> = got.iter().map(|(status, _)| *status).collect();
    assert_eq!(statuses, [201, 200, 200, 404, 200]);
}
