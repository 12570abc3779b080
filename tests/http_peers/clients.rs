//! The server before clients that others have written: curl, wrk, ab, and Python's.

use std::net::SocketAddr;

use evloop::web::{Application, BodyError, Request, Response};

use crate::peer::Peer;
use crate::support::serve;

async fn echo(request: Request) -> Result<Response, BodyError> {
    let text = request.text().await?.into_owned();
    Ok(Response::text(format!("{} {} {text}", request.method(), request.query_string())))
}

async fn wait(request: Request) -> Response {
    evloop::yield_now().await;
    Response::text(request.match_info().get("id").unwrap_or("0000").to_owned())
}

fn app() -> Application {
    let mut app = Application::new();
    app.router().add_get("/", echo).add_post("/", echo).add_get("/{id}", wait);
    app
}

/// Runs a program against the server and gives what it printed; `None`, loudly, if this machine
/// has no such program.
fn printed(
    command: &str,
    arguments: impl FnOnce(SocketAddr) -> Vec<String> + Send + 'static,
) -> Option<String> {
    let command = command.to_owned();
    let (printed, reports) = serve(app(), move |address| {
        let peer = Peer::start(&command, |peer| {
            peer.args(arguments(address));
        });
        let said = peer?.finish()?;
        assert!(said.success, "{command}: {}", said.stderr);
        Some(said.stdout)
    });
    assert_eq!(reports, [""; 0]);
    printed
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn curl_gets_posts_and_keeps_its_connection() {
    let out = printed("curl", |address| {
        let url = format!("http://{address}");
        let form = "%{http_code} %{num_connects}\\n";
        let (get, post) = (format!("{url}/?a=b%20c"), format!("{url}/"));
        let mut all = words(&["-sS", "-w", form, &get, "--next", "-sS", "-w", form, "-d", "body"]);
        all.extend(words(&[&post, "--next", "-sS", "-w", form, &format!("{url}/12301")]));
        all.extend(words(&["--next", "-sS", "-w", form, "-H", "Transfer-Encoding: chunked"]));
        all.extend(words(&["-d", "in chunks", &post, "--next", "-sS", "-I", "-w", form, &get]));
        all
    });
    let Some(out) = out else { return };
    assert!(
        out.starts_with("GET a=b c 200 1\nPOST  body200 0\n12301200 0\nPOST  in chunks200 0\n"),
        "{out}"
    );
    assert!(out.contains("HTTP/1.1 200 OK\r\n") && out.ends_with("200 0\n"), "{out}");
}

#[test]
fn curl_waits_for_leave_to_send_a_large_body() {
    let body = "y".repeat(100_000);
    let sent = body.clone();
    let out = printed("curl", move |address| {
        let expect = "Expect: 100-continue";
        words(&["-sS", "-H", expect, "--data-binary", &sent, &format!("http://{address}/")])
    });
    if let Some(out) = out {
        assert_eq!(out, format!("POST  {body}"));
    }
}

#[test]
fn pythons_http_client_reuses_its_connection() {
    let program = "
import http.client, sys
c = http.client.HTTPConnection(sys.argv[1])
for method, path, body in [('GET', '/?x=1', None), ('POST', '/', 'hi'), ('GET', '/7', None), ('PUT', '/', 'z'), ('GET', '/a/b', None)]:
    c.request(method, path, body)
    r = c.getresponse()
    print(r.status, r.getheader('allow'), r.read().decode())
c.request('POST', '/', iter([b'a', b'b']), encode_chunked=True, headers={'Transfer-Encoding': 'chunked'})
print(c.getresponse().read().decode())
";
    let out = printed("python3", move |address| words(&["-c", program, &address.to_string()]));
    let Some(out) = out else { return };
    let expected = "200 None GET x=1 \n200 None POST  hi\n200 None 7\n405 GET,HEAD,POST 405: Method Not Allowed\n404 None 404: Not Found\nPOST  ab\n";
    assert_eq!(out, expected);
}

#[test]
fn aiohttps_client_gets_and_posts() {
    let program = "
import asyncio, sys
from aiohttp import ClientSession
async def main(url):
    async with ClientSession() as session:
        async def one(n):
            async with session.get(f'{url}/{n}') as response:
                return response.status, await response.text()
        print(await asyncio.gather(*(one(n) for n in range(20))) == [(200, str(n)) for n in range(20)])
        async def body():
            yield b'in '
            yield b'chunks'
        async with session.post(url, data=body()) as response:
            print(response.status, await response.text())
        async with session.head(url) as response:
            print(response.status, response.headers['content-length'])
asyncio.run(main(sys.argv[1]))
";
    let out =
        printed("python3", move |address| words(&["-c", program, &format!("http://{address}")]));
    if let Some(out) = out {
        assert_eq!(out, "True\n200 POST  in chunks\n200 6\n");
    }
}

#[test]
fn pythons_urllib_opens_posts_and_is_told_of_errors() {
    let program = "
import sys
from urllib.request import Request, urlopen
from urllib.error import HTTPError
url = sys.argv[1]
for target in [url + '/?x=1', url + '/7', Request(url + '/', data=b'hi')]:
    with urlopen(target) as response:
        print(response.status, response.read().decode())
try:
    urlopen(url + '/a/b')
except HTTPError as error:
    print(error.code, error.read().decode())
";
    let out =
        printed("python3", move |address| words(&["-c", program, &format!("http://{address}")]));
    if let Some(out) = out {
        assert_eq!(out, "200 GET x=1 \n200 7\n200 POST  hi\n404 404: Not Found\n");
    }
}

/// The number that stands behind `label` at the beginning of a line.
fn number(out: &str, label: &str) -> u64 {
    let line = out.lines().find_map(|line| line.trim().strip_prefix(label));
    let number = line.unwrap_or_default().split_whitespace().next().unwrap_or_default();
    number.parse().unwrap_or_else(|_| panic!("no number behind {label:?} in {out}"))
}

#[test]
fn ab_sees_no_failed_request_with_keep_alive_and_without() {
    for keep_alive in [true, false] {
        let out = printed("ab", move |address| {
            let mut all = words(&["-q", "-n", "1000", "-c", "20"]);
            all.extend(keep_alive.then(|| "-k".to_owned()));
            all.push(format!("http://{address}/12301"));
            all
        });
        let Some(out) = out else { return };
        assert_eq!(number(&out, "Complete requests:"), 1000);
        assert_eq!(number(&out, "Failed requests:"), 0);
        assert!(!out.contains("Non-2xx"), "{out}");
        let kept = if keep_alive { number(&out, "Keep-Alive requests:") } else { 1000 };
        assert_eq!(kept, 1000, "{out}");
    }
}

#[test]
fn wrk_sees_neither_socket_errors_nor_any_other_status() {
    let out = printed("wrk", |address| {
        words(&["-t1", "-c20", "-d1s", &format!("http://{address}/12301")])
    });
    let Some(out) = out else { return };
    assert!(out.contains("requests in"), "{out}");
    for complaint in ["Socket errors", "Non-2xx"] {
        assert!(!out.contains(complaint), "{out}");
    }
}
