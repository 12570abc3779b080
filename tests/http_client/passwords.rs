//! Passwords: who is told one, and who is not.

use evloop::http::{ClientError, ClientSession};

use crate::support::{Server, ok, redirect, run};

#[cfg(feature = "digest")]
mod digest {
    use evloop::http::DigestAuth;

    use super::*;
    use crate::peers::with_python;
    use crate::support::{Asked, Say, with};

    const CHALLENGE: &str = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n1\", qop=\"auth\"\r\n";

    fn refusal() -> Say {
        with("401 No", CHALLENGE, "no")
    }

    fn session(auth: &DigestAuth) -> ClientSession {
        ClientSession::builder().middleware(auth.clone()).build().unwrap()
    }

    fn counted(asked: &Asked) -> Option<&str> {
        asked.field("authorization")?.split("nc=").nth(1)?.get(..8)
    }

    /// It checks each answer by its own hashes, that a nonce is counted by one, and lets it go stale
    /// after two.
    #[test]
    fn a_server_with_hashes_of_its_own_lets_us_in() {
        let program = "
import hashlib, re, secrets
from http.server import *
counts, requests = {}, 0
def check(p, method, path, alg):
    h = lambda s: getattr(hashlib, 'md5' if 'MD5' in alg else 'sha256')(s.encode()).hexdigest()
    a1 = h('ad\\u00e4\"a:the realm:pass:word')
    if alg.endswith('-sess'):
        a1 = h(a1 + ':' + p['nonce'] + ':' + p['cnonce'])
    said = ':'.join([a1, p['nonce'], p['nc'], p['cnonce'], p['qop'], h(method + ':' + path)])
    return p['response'] == h(said) and p['uri'] == path and p['opaque'] == 'o'
class Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    wbufsize = -1 # each answer in one piece, so that no 401 is given up for a body still to come
    def do_POST(self):
        global requests
        requests += 1
        body = self.rfile.read(int(self.headers['Content-Length']))
        alg, stale, fine = self.path.split('?')[0][1:], '', False
        said = self.headers.get('Authorization', '')
        p = {k: q or t for k, q, t in re.findall(r'(\\w+)[*]?=(?:\"([^\"]*)\"|([^\\s,]+))', said)}
        if p and p['algorithm'] == alg and p['nonce'] in counts:
            counts[p['nonce']] += 1
            counted = int(p['nc'], 16) == counts[p['nonce']]
            fine = counted and check(p, self.command, self.path, alg)
            if fine and counts[p['nonce']] > 2:
                stale, fine = ', stale=true', False
        self.send_response(200 if fine else 401)
        if not fine:
            nonce = secrets.token_hex(8)
            counts[nonce] = 0
            self.send_header('WWW-Authenticate', 'Digest realm=\"the realm\", qop=\"auth\", '
                f'nonce=\"{nonce}\", opaque=\"o\", algorithm={alg}{stale}')
        body = str(requests).encode() + b' ' + body
        self.send_header('Content-Length', len(body))
        self.end_headers()
        self.wfile.write(body)
    def log_message(*_): pass
server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
";
        let said = with_python(program, |port| {
            run(async move {
                let session = session(&DigestAuth::new("ad\u{e4}\"a", "pass:word"));
                let mut said = Vec::new();
                for algorithm in ["MD5", "MD5-sess", "SHA-256", "SHA-256-sess"] {
                    for _ in 0..5 {
                        let url = format!("http://127.0.0.1:{port}/{algorithm}?a=b%20c");
                        let sent = session.post(&url).body("body").await.unwrap();
                        assert_eq!(sent.status(), 200, "{algorithm}");
                        said.push(sent.text().await.unwrap());
                    }
                }
                assert_eq!(session.connections(), (0, 1));
                said
            })
        });
        let Some(said) = said else { return };
        // Asked, answered beforehand, stale, answered beforehand, stale.
        let expected: Vec<_> = (0..4)
            .flat_map(|round| [2, 3, 5, 6, 8].map(|at| format!("{} body", round * 8 + at)))
            .collect();
        assert_eq!(said, expected);
    }

    #[test]
    fn a_wrong_password_is_tried_once_and_the_refusal_is_the_answer() {
        let server = Server::new(|_| refusal());
        let url = server.url("/");
        run(async move {
            let session = session(&DigestAuth::new("user", "wrong"));
            for _ in 0..2 {
                let sent = session.get(&url).await.unwrap();
                assert_eq!((sent.status().as_u16(), sent.text().await.unwrap().len()), (401, 2));
            }
        });
        let counts: Vec<_> =
            server.heard().iter().map(|it| counted(it).map(str::to_owned)).collect();
        let one = Some("00000001".to_owned());
        assert_eq!(counts, [None, one.clone(), None, one]);
    }

    #[test]
    fn a_server_that_finds_every_nonce_stale_is_not_asked_for_ever() {
        let stale = CHALLENGE.replace("qop", "stale=true, qop");
        let server = Server::new(move |_| with("401 No", &stale, ""));
        let url = server.url("/");
        run(async move {
            let sent = session(&DigestAuth::new("a", "b")).get(&url).await.unwrap();
            assert_eq!(sent.status(), 401);
        });
        assert_eq!(server.heard().len(), 3);
    }

    #[test]
    fn nobody_else_is_answered_whoever_asks() {
        let evil = Server::new(|_| refusal());
        let (there, direct) = (evil.url("/there"), evil.url("/direct"));
        let home = Server::new(move |asked| match asked.field("authorization") {
            None => refusal(),
            Some(_) => redirect(302, &there),
        });
        let (url, root) = (home.url("/"), home.url("/"));
        run(async move {
            let auth = DigestAuth::new("user", "secret");
            assert!(!format!("{auth:?}").contains("secret"));
            let sent = session(&auth).get(&url).await.unwrap();
            assert_eq!((sent.status().as_u16(), sent.history().len()), (401, 1));
            let only = auth.only_for(&root).unwrap();
            let sent = session(&only).get(&direct).await.unwrap();
            assert_eq!(sent.status(), 401);
        });
        assert_eq!(evil.heard().len(), 2);
        assert!(evil.heard().iter().all(|asked| asked.field("authorization").is_none()));
        assert_eq!(home.heard().len(), 2);
    }

    #[test]
    fn a_challenge_counts_for_its_domain_and_the_next_nonce_for_what_follows() {
        let server = Server::new(|asked| match asked.field("authorization") {
            Some(said) if said.contains("\"n1\"") => {
                with("200 OK", "Authentication-Info: qop=auth, nextnonce=\"n2\"\r\n", "")
            }
            Some(_) => ok(""),
            None if asked.target == "/open" => ok(""),
            None => with("401 No", &CHALLENGE.replace("qop", "domain=\"/in\", qop"), ""),
        });
        let urls = [server.url("/in/a"), server.url("/in/b"), server.url("/open")];
        run(async move {
            let session = session(&DigestAuth::new("a", "b"));
            for url in urls {
                assert_eq!(session.get(&url).await.unwrap().status(), 200);
            }
        });
        let heard = server.heard();
        assert_eq!(heard.len(), 4);
        let second = heard[2].field("authorization").unwrap();
        assert!(second.contains("nonce=\"n2\"") && second.contains("nc=00000001"), "{second}");
        assert_eq!(heard[3].field("authorization"), None);
    }

    #[test]
    fn what_was_not_begun_is_sent_after_the_answer_and_what_was_begun_is_not() {
        let server = Server::new(|asked| match asked.field("authorization") {
            None => refusal(),
            Some(_) => ok(&String::from_utf8(asked.body.clone()).unwrap()),
        });
        let url = server.url("/");
        run(async move {
            let auth = DigestAuth::new("a", "b");
            let sent = session(&auth)
                .post(&url)
                .stream(|mut body| async move { body.write(b"abc").await });
            assert_eq!(sent.await.unwrap().status(), 401);
            let sent = session(&auth)
                .post(&url)
                .repeatable_stream(|mut body| async move { body.write(b"abc").await });
            assert_eq!(sent.await.unwrap().text().await.unwrap(), "abc");
        });
    }

    #[test]
    fn a_trace_has_no_password_that_it_was_not_given() {
        let server = Server::new(|asked| match asked.field("authorization") {
            None => refusal(),
            Some(_) => ok(""),
        });
        let url = server.url("/");
        run(async move {
            let session = session(&DigestAuth::new("a", "b"));
            assert_eq!(session.get(&url).await.unwrap().status(), 200);
            assert_eq!(session.request("TRACE", &url).await.unwrap().status(), 401);
        });
        assert_eq!(server.last().field("authorization"), None);
    }

    #[test]
    fn a_password_that_is_there_already_is_left_alone() {
        let server = Server::new(|_| refusal());
        let url = server.url("/").replace("http://", "http://me:mine@");
        run(async move {
            session(&DigestAuth::new("a", "b")).get(&url).await.unwrap();
        });
        assert_eq!(server.heard().len(), 1);
        assert_eq!(server.last().field("authorization"), Some("Basic bWU6bWluZQ=="));
    }
}

/// Runs this binary's test of this name again, with these variables set.
fn again(test: &str, variables: &[(&str, &str)]) -> bool {
    let me = std::env::current_exe().unwrap();
    let mut command = std::process::Command::new(me);
    command.args(["--exact", test, "--nocapture"]).envs(variables.iter().copied());
    let done = command.env("EVLOOP_TEST_AGAIN", "1").env("no_proxy", "*").output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(said.contains("1 passed") || !done.status.success(), "{said}");
    done.status.success()
}

#[test]
fn a_file_of_passwords_is_read_where_the_environment_is_trusted_and_for_its_host() {
    let name =
        "passwords::a_file_of_passwords_is_read_where_the_environment_is_trusted_and_for_its_host";
    if std::env::var_os("EVLOOP_TEST_AGAIN").is_none() {
        let path = std::env::temp_dir().join(format!("evloop-netrc-{}", std::process::id()));
        let text = "machine 127.0.0.1 login ada password \"a b\"\ndefault login x password y\n";
        std::fs::write(&path, text).unwrap();
        assert!(again(name, &[("NETRC", path.to_str().unwrap())]));
        std::fs::write(&path, "machine a secret b").unwrap();
        assert!(again(name, &[("NETRC", path.to_str().unwrap()), ("EVLOOP_TEST_BAD", "1")]));
        std::fs::remove_file(&path).unwrap();
        assert!(again(name, &[("NETRC", path.to_str().unwrap()), ("EVLOOP_TEST_BAD", "1")]));
        return;
    }
    if std::env::var_os("EVLOOP_TEST_BAD").is_some() {
        let error = ClientSession::builder().trust_env(true).build().err().unwrap();
        assert!(matches!(error, ClientError::InvalidRequest(_)), "{error:?}");
        let text = error.to_string();
        assert!(text.contains("evloop-netrc-") && !text.contains("secret"), "{text}");
        return;
    }
    let other = Server::new(|_| ok("other"));
    let there = other.url("/there").replace("127.0.0.1", "localhost");
    let server = Server::new(move |asked| match &asked.target[..] {
        "/away" => redirect(302, &there),
        _ => ok(asked.field("authorization").unwrap_or("none")),
    });
    let (url, away) = (server.url("/"), server.url("/away"));
    run(async move {
        let said = |session: ClientSession, url: String| async move {
            session.get(&url).await.unwrap().text().await.unwrap()
        };
        let trusting = ClientSession::builder().trust_env(true).build().unwrap();
        assert_eq!(said(trusting.clone(), url.clone()).await, "Basic YWRhOmEgYg==");
        let mine = url.replace("http://", "http://me:mine@");
        assert_eq!(said(trusting.clone(), mine).await, "Basic bWU6bWluZQ==");
        assert_eq!(said(ClientSession::new(), url).await, "none");
        assert_eq!(said(trusting, away).await, "other");
    });
    assert_eq!(other.last().field("authorization"), None, "not even the default one");
}
