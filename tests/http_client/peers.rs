//! Against servers that others have written.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use evloop::http::ClientError;
use evloop::{ClientSession, EventLoop};

use crate::peer::Peer;
use crate::support::run;

/// Runs a Python program that prints its port and then serves, and GETs these paths; `None`,
/// loudly, if this machine cannot run it.
fn against(program: &str, paths: &'static [&'static str]) -> Option<Vec<(u16, String)>> {
    with_python(program, |port| get_all(port, paths)).map(|got| got.expect("answers"))
}

/// The same with whatever `client` does with the port.
pub fn with_python<T>(program: &str, client: impl FnOnce(u16) -> T) -> Option<T> {
    let mut python = Peer::start("python3", |command| {
        command.args(["-c", program]);
    })?;
    let port = python.line()?.parse().expect("a port");
    let got = client(port);
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

#[test]
fn aiohttps_server_takes_everything_we_send() {
    let program = "
import asyncio
from aiohttp import web
async def echo(request):
    body = await request.read()
    kind = request.headers.get('Transfer-Encoding', request.headers.get('Content-Length'))
    expect = request.headers.get('Expect', '-')
    return web.Response(text=f'{request.method} {kind} {expect} {len(body)} {sum(body)}')
async def form(request):
    data = await request.post()
    return web.json_response({'form': dict(data), 'query': dict(request.query)})
async def login(request):
    response = web.HTTPSeeOther('/cookies')
    response.set_cookie('id', '7')
    raise response
async def cookies(request):
    return web.Response(text=request.method + str(dict(request.cookies)))
async def zipped(request):
    response = web.Response(text='zipped ' * 10000)
    response.enable_compression(web.ContentCoding(request.match_info['coding']))
    return response
async def auth(request):
    return web.Response(text=request.headers['Authorization'])
async def main():
    app = web.Application(client_max_size=2**26)
    app.router.add_route('*', '/echo', echo)
    app.router.add_post('/form', form)
    app.router.add_post('/login', login)
    app.router.add_get('/cookies', cookies)
    app.router.add_get('/zipped/{coding}', zipped)
    app.router.add_get('/auth', auth)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, '127.0.0.1', 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
";
    let got = with_python(program, |port| run(everything(format!("http://127.0.0.1:{port}"))));
    let Some(got) = got else { return };
    let mut expected = vec![
        "PUT 5 - 5 495",
        "POST chunked - 300000 300000",
        "POST chunked 100-continue 3 294",
        "{\"form\": {\"a\": \"1 &\", \"b\": \"\\u00e9\"}, \"query\": {\"q\": \"x y\"}}",
        "GET{'id': '7'}",
        "Basic dXNlcjpwYXNz",
    ];
    let zipped = "zipped ".repeat(10_000);
    if cfg!(feature = "compression") {
        expected.extend([&zipped[..]; 2]);
    }
    assert_eq!(got, expected);
}

/// Asks in every way, over one connection, and gives the answers.
async fn everything(url: String) -> Vec<String> {
    let session = ClientSession::builder().base_url(&url).build().unwrap();
    let stream = session.post("/echo").stream(|mut body| async move {
        for _ in 0..3 {
            body.write(&[1; 100_000]).await?;
        }
        Ok(())
    });
    let mut requests = vec![
        session.put("/echo").body("ccccc"),
        stream,
        session.post("/echo").body("abc").chunked().expect100(),
        session.post("/form").query(&[("q", "x y")]).form(&[("a", "1 &"), ("b", "\u{e9}")]),
        session.post("/login").body("x"),
        session.get("/auth").basic_auth("user", "pass"),
    ];
    if cfg!(feature = "compression") {
        requests.extend(["gzip", "deflate"].map(|it| session.get(&format!("/zipped/{it}"))));
    }
    let mut got = Vec::new();
    for request in requests {
        got.push(request.await.unwrap().text().await.unwrap());
    }
    assert_eq!(session.connections(), (0, 1));
    got
}

/// Ends nginx, and what it was configured with.
struct Nginx(Child, PathBuf);

impl Drop for Nginx {
    fn drop(&mut self) {
        // Asked, it ends its worker, too.
        let pid = self.0.id().to_string();
        let asked = Command::new("kill").args(["-QUIT", &pid]).status();
        if !asked.is_ok_and(|status| status.success()) {
            let _ = self.0.kill();
        }
        let _ = self.0.wait();
        let _ = std::fs::remove_dir_all(&self.1);
    }
}

/// nginx on a port that was free just now; `None`, loudly, if it is not installed.
fn nginx() -> Option<(Nginx, u16)> {
    let folder = std::env::temp_dir().join(format!("evloop-nginx-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("www")).unwrap();
    std::fs::write(folder.join("www/long.txt"), "0123456789".repeat(100_000)).unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (at, www) = (folder.display(), folder.join("www"));
    let www = www.display();
    let config = format!(
        "daemon off; master_process off; pid {at}/pid; error_log {at}/log;
         events {{ }}
         http {{
           access_log off; gzip on; gzip_types text/plain; gzip_min_length 1; gzip_http_version 1.0;
           types {{ text/plain txt; }}
           client_body_temp_path {at}/b; proxy_temp_path {at}/p; fastcgi_temp_path {at}/f;
           uwsgi_temp_path {at}/u; scgi_temp_path {at}/s;
           server {{
             listen 127.0.0.1:{port}; root {www}; client_max_body_size 1k; keepalive_requests 3;
             location = /moved {{ return 301 /long.txt; }}
             location = /none {{ return 204; }}
             location = /echo {{ return 200 $request_method; }}
           }}
         }}"
    );
    std::fs::write(folder.join("conf"), config).unwrap();
    let mut nginx = Command::new("nginx");
    let nginx = nginx.arg("-p").arg(&folder).arg("-c").arg(folder.join("conf"));
    match nginx.stderr(Stdio::null()).spawn() {
        Ok(child) => Some((Nginx(child, folder), port)),
        Err(error) => {
            eprintln!("SKIPPED: nginx cannot be run here: {error}");
            let _ = std::fs::remove_dir_all(folder);
            None
        }
    }
}

#[test]
fn nginx_answers_us() {
    let Some((nginx, port)) = nginx() else { return };
    run(async move {
        let session = ClientSession::builder().base_url(&format!("http://127.0.0.1:{port}"));
        let session = session.build().unwrap();
        // It listens soon, or has ended with a complaint in its log.
        let mut tries = 0;
        while let Err(error) = session.get("/none").await {
            tries += 1;
            assert!(tries < 400, "{error}");
            evloop::sleep(Duration::from_millis(10)).await;
        }
        let long = session.get("/moved").await.unwrap();
        assert_eq!((long.history().len(), long.content_type()), (1, "text/plain".to_owned()));
        let zipped = long.headers().get("content-encoding").is_some();
        assert_eq!(zipped, cfg!(feature = "compression"));
        assert_eq!(long.bytes().await.unwrap().len(), 1_000_000);
        let range = session.get("/long.txt").header("range", "bytes=5-8");
        let range = range.skip_header("accept-encoding").await.unwrap();
        assert_eq!((range.status().as_u16(), &range.text().await.unwrap()[..]), (206, "5678"));
        // It answers before the body has come, and closes.
        let refused = session.post("/echo").body(vec![0; 4 << 20]).await.unwrap();
        assert_eq!(refused.status(), 413);
        drop(refused);
        // It closes after every third answer, and says so.
        for _ in 0..10 {
            let posted = session.post("/echo").body("x").await.unwrap();
            assert_eq!(posted.text().await.unwrap(), "POST");
        }
        assert_eq!(session.get("/absent").await.unwrap().status(), 404);
    });
    drop(nginx);
}

/// What a Python server reads of a form: a field whose name has a quote and letters beyond ASCII, a
/// file whose name ends in a backslash, every byte there is, and one part by the stream.
fn form_as_read_by(program: &str) -> Option<String> {
    use evloop::http::FormData;
    with_python(program, |port| {
        run(async move {
            let every: Vec<u8> = (0..=255).collect();
            let form = FormData::new()
                .field("a\"\u{e9}", "\u{fc}\r\n--")
                .bytes("b", "C:\\dir\\", every)
                .stream("c", "c.txt", None, |mut body| async move { body.write(b"xyz").await });
            let session = ClientSession::new();
            let sent = session.post(&format!("http://127.0.0.1:{port}/")).multipart(form);
            sent.await.expect("an answer").text().await.expect("a text")
        })
    })
}

#[test]
fn aiohttp_reads_our_forms() {
    let program = "
import asyncio
from aiohttp import web
async def form(request):
    said = []
    for name, value in (await request.post()).items():
        if isinstance(value, str):
            said.append([name, value])
        else:
            said.append([name, value.filename, value.content_type, list(value.file.read())])
    return web.json_response(said)
async def main():
    app = web.Application()
    app.router.add_post('/', form)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, '127.0.0.1', 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
";
    let Some(said) = form_as_read_by(program) else { return };
    let every: Vec<String> = (0..=255).map(|byte: u32| byte.to_string()).collect();
    let octets = "application/octet-stream";
    assert!(said.starts_with("[[\"a%22\\u00e9\", "), "{said}");
    assert!(said.contains("\"\\u00fc\\r\\n--\"]"), "{said}");
    assert!(said.contains(&format!("\"{octets}\", [{}]]", every.join(", "))), "{said}");
    assert!(
        said.ends_with(", \"c.txt\", \"text/plain; charset=utf-8\", [120, 121, 122]]]"),
        "{said}"
    );
}

#[test]
fn pythons_mail_parser_reads_our_forms() {
    let program = "
import email.parser, email.policy, json
from http.server import *
class Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def do_POST(self):
        body = b''
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        head = b'Content-Type: ' + self.headers['Content-Type'].encode() + b'\\r\\n\\r\\n'
        form = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
        said = json.dumps([[part.get_content_type(), list(part.get_payload(decode=True))]
                           for part in form.get_payload()]).encode()
        self.send_response(200)
        self.send_header('Content-Length', len(said))
        self.end_headers()
        self.wfile.write(said)
    def log_message(*_): pass
server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
";
    let Some(said) = form_as_read_by(program) else { return };
    assert!(said.starts_with("[[\"text/plain\", [195, 188, 13, 10, 45, 45]]"), "{said}");
    assert!(said.ends_with("[\"text/plain\", [120, 121, 122]]]"), "{said}");
}
