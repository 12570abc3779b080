//! Where an application is served.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;

use evloop::web::{AppRunner, Application, Request, SockSite, TcpSite, UnixSite};

fn app() -> Application {
    let mut app = Application::new();
    app.router().add_get("/", |request: Request| async move { format!("{:?}", request.remote()) });
    app
}

fn path(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("evloop-{name}-{}.sock", std::process::id()))
}

/// Asks on a thread of its own, and gives all that comes.
async fn ask_unix(path: PathBuf) -> String {
    let asked = evloop::to_thread(move || {
        let mut stream = UnixStream::connect(path).expect("a server");
        let request = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("text");
        text
    });
    asked.await.expect("no panic")
}

#[test]
fn one_application_is_served_in_several_places_and_each_can_be_stopped() {
    let unix = path("site");
    let event_loop = evloop::EventLoop::new().unwrap();
    let at = unix.clone();
    event_loop
        .run_until_complete(async move {
            let runner = AppRunner::new(app());
            runner.setup().await.unwrap();
            let first = TcpSite::new(&runner, ("127.0.0.1", 0)).backlog(7).start().await.unwrap();
            let second = TcpSite::new(&runner, ("127.0.0.1", 0)).start().await.unwrap();
            let third = UnixSite::new(&runner, &at).start().await.unwrap();
            assert_eq!(runner.addresses(), [first.address().unwrap(), second.address().unwrap()]);
            assert_eq!(third.names(), [format!("http://unix:{}:", at.display())]);
            let session = evloop::ClientSession::new();
            for url in first.names().iter().chain(&second.names()) {
                let text = session.get(url).await.unwrap().text().await.unwrap();
                assert!(text.starts_with("Some(127.0.0.1:"), "{text}");
            }
            let text = ask_unix(at.clone()).await;
            assert!(text.starts_with("HTTP/1.1 200 OK") && text.ends_with("None"), "{text}");
            let url = first.names().remove(0);
            first.stop();
            session.close();
            assert!(session.get(&url).await.is_err());
            assert_eq!(runner.addresses(), [second.address().unwrap()]);
            session.get(&second.names()[0]).await.unwrap();
            session.close();
            runner.cleanup().await;
            assert_eq!((runner.addresses().len(), runner.connections()), (0, 0));
        })
        .unwrap();
    assert!(event_loop.close().unwrap().is_clean());
    assert!(!unix.exists(), "the file goes with its site");
}

#[test]
fn a_socket_from_elsewhere_is_served_whether_it_is_inet_or_unix() {
    let unix = path("sock");
    let listener = UnixListener::bind(&unix).unwrap();
    let inet = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = inet.local_addr().unwrap();
    let at = unix.clone();
    evloop::run(async move {
        let runner = AppRunner::new(app());
        runner.setup().await.unwrap();
        SockSite::new(&runner, inet).start().await.unwrap();
        SockSite::new(&runner, listener).start().await.unwrap();
        assert_eq!(runner.addresses(), [address]);
        assert!(ask_unix(at).await.starts_with("HTTP/1.1 200 OK"));
        let session = evloop::ClientSession::new();
        assert!(session.get(&format!("http://{address}/")).await.unwrap().status().is_success());
        session.close();
        runner.cleanup().await;
    })
    .unwrap();
    std::fs::remove_file(unix).unwrap();
}

#[test]
fn a_place_that_is_taken_is_told_and_nothing_is_left_behind() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let event_loop = evloop::EventLoop::new().unwrap();
    let error = event_loop.run_until_complete(async move { app().serve(address).await }).unwrap();
    let error = error.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    assert!(error.to_string().contains(&address.to_string()), "{error}");
    assert!(event_loop.close().unwrap().is_clean());
    drop(taken);
}
