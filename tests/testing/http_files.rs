//! Files as answers on every schedule: whole or in ranges, to clients that read slowly, not at all,
//! or leave; and bodies that stream both ways at once.

use std::cell::Cell;
use std::fs::File;
use std::path::PathBuf;
use std::process;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use evloop::http::{ClientResponse, ClientSession};
use evloop::testing::{
    FaultKind, Link, Schedule, ScheduleParams, World, check, cut_each_await, schedule_with,
};
use evloop::web::{Application, FileResponse, HttpServer, Request, Response};
use evloop::{open_connection, sleep, yield_now};
use proptest::prelude::*;

const SECOND: Duration = Duration::from_secs(1);
const URL: &str = "http://10.0.0.1:80/";

/// Bytes of which each tells where it stands.
fn pattern(from: usize, len: usize) -> Vec<u8> {
    (from..from + len).map(|at| (at % 251) as u8).collect()
}

/// A file of the pattern, gone with this.
struct Temporary(PathBuf);

impl Temporary {
    fn new(len: usize) -> Temporary {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("evloop-served-{}-{number}.bin", process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, pattern(0, len)).unwrap();
        Temporary(path)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

async fn served(path: PathBuf) -> HttpServer {
    let mut app = Application::new();
    app.router().add_get("/", move |request: Request| {
        // A sibling that is not there is not in memory, and would be looked for on a thread.
        let file = FileResponse::new(path.clone()).precompressed(false);
        async move { file.respond(&request).await }
    });
    app.serve("10.0.0.1:80".parse::<std::net::SocketAddr>().unwrap()).await.unwrap()
}

async fn nothing_is_left(world: &World, server: HttpServer) {
    server.shutdown(SECOND).await;
    assert_eq!(server.connections(), 0, "a connection is left");
    drop(server);
    while !world.open_fds().is_empty() {
        sleep(SECOND).await;
    }
    for _ in 0..8 {
        yield_now().await;
    }
    let counters = evloop::get_running_loop().unwrap().counters();
    let tasks = counters.tasks_spawned - counters.tasks_done - 1;
    assert_eq!(tasks, 0, "a task is left");
}

/// What a client asks for of a file.
#[derive(Clone, Debug)]
enum Wanted {
    Whole,
    /// From there, so many.
    Range(usize, usize),
    /// Two of them.
    Both((usize, usize), (usize, usize)),
}

impl Wanted {
    fn header(&self) -> Option<String> {
        let spec = |from: usize, len: usize| format!("{from}-{}", from + len - 1);
        match *self {
            Wanted::Whole => None,
            Wanted::Range(from, len) => Some(format!("bytes={}", spec(from, len))),
            Wanted::Both((a, b), (c, d)) => Some(format!("bytes={},{}", spec(a, b), spec(c, d))),
        }
    }

    /// Whether that is the answer.
    fn is(&self, status: u16, body: &[u8], file: usize) -> bool {
        match *self {
            Wanted::Whole => status == 200 && body == pattern(0, file),
            Wanted::Range(from, len) => status == 206 && body == pattern(from, len),
            Wanted::Both((a, b), (c, d)) => {
                let holds = |it: Vec<u8>| body.windows(it.len()).any(|window| window == it);
                status == 206 && holds(pattern(a, b)) && holds(pattern(c, d))
            }
        }
    }
}

/// A file's length, and what is asked of it one after the other.
fn asked() -> impl Strategy<Value = (usize, Vec<Wanted>)> {
    let len = prop_oneof![Just(5_000_usize), Just(16_384), Just(70_001), Just(300_000)];
    len.prop_flat_map(|len| {
        let range = (0..len / 2, 1..len / 2);
        // Together they are no more than the file, or they would be refused.
        let small = (0..len / 2, 1..len / 4);
        let wanted = prop_oneof![
            Just(Wanted::Whole),
            range.prop_map(|(from, len)| Wanted::Range(from, len)),
            (small.clone(), small).prop_map(|(one, other)| Wanted::Both(one, other)),
        ];
        (Just(len), prop::collection::vec(wanted, 1..4))
    })
}

async fn get(session: &ClientSession, wanted: &Wanted) -> Result<(u16, Vec<u8>), String> {
    let mut request = session.get(URL);
    if let Some(range) = wanted.header() {
        request = request.header("range", range);
    }
    let response: ClientResponse = request.await.map_err(|error| error.to_string())?;
    let status = response.status().as_u16();
    let body = response.bytes().await.map_err(|error| error.to_string())?;
    Ok((status, body.to_vec()))
}

/// Whether each was answered right, or could not be.
async fn fetched(
    world: World,
    path: PathBuf,
    len: usize,
    wanted: Vec<Wanted>,
) -> Vec<Option<bool>> {
    let anywhere = "0.0.0.0:0".parse().unwrap();
    let link = Link::default().with_buffers(4096, 4096).with_latency(SECOND / 1000);
    world.link(anywhere, anywhere, link);
    let server = served(path).await;
    let session = ClientSession::new();
    let mut right = Vec::new();
    for one in wanted {
        let got = get(&session, &one).await;
        right.push(got.ok().map(|(status, body)| one.is(status, &body, len)));
    }
    session.close();
    drop(session);
    nothing_is_left(&world, server).await;
    right
}

fn breaking() -> ScheduleParams {
    let kinds = &[FaultKind::Reset, FaultKind::Short, FaultKind::Again];
    ScheduleParams { kinds, faults: 0..4, ..ScheduleParams::default() }
}

/// Says back what comes, as it comes; and whether all of it came back.
async fn echoed(world: World, sizes: Vec<usize>) -> Result<Vec<u8>, String> {
    let mut app = Application::new();
    app.router().add_post("/", |request: Request| async move {
        Response::stream(move |mut body| async move {
            let content = request.content();
            while let Some(piece) = content.read_chunk().await? {
                body.write(&piece).await?;
            }
            Ok(())
        })
    });
    let address = "10.0.0.1:80".parse::<std::net::SocketAddr>().unwrap();
    let server = app.serve(address).await.unwrap();
    let session = ClientSession::new();
    let post = session.post(URL).stream(move |mut body| async move {
        let mut at = 0;
        for size in sizes {
            body.write(&pattern(at, size)).await?;
            at += size;
        }
        Ok(())
    });
    let answer = async { post.await?.bytes().await };
    let answer = answer.await.map(|bytes| bytes.to_vec()).map_err(|error| error.to_string());
    session.close();
    drop(session);
    nothing_is_left(&world, server).await;
    answer
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn a_file_and_its_ranges_arrive_whole_however_the_network_cuts(
        (len, wanted) in asked(),
        schedule in schedule_with(ScheduleParams::default()),
    ) {
        let (file, count) = (Temporary::new(len), wanted.len());
        let path = file.0.clone();
        let right = check(schedule, move |world| fetched(world, path, len, wanted))?;
        prop_assert_eq!(right, vec![Some(true); count]);
    }

    #[test]
    fn a_file_whose_connection_is_reset_is_whole_or_an_error(
        (len, wanted) in asked(),
        schedule in schedule_with(breaking()),
    ) {
        let file = Temporary::new(len);
        let path = file.0.clone();
        let right = check(schedule, move |world| fetched(world, path, len, wanted))?;
        prop_assert!(!right.contains(&Some(false)), "{:?}", right);
    }

    #[test]
    fn a_body_that_streams_both_ways_comes_back_whole(
        sizes in prop::collection::vec(0..90_000_usize, 0..5),
        schedule in schedule_with(ScheduleParams::default()),
    ) {
        let all = pattern(0, sizes.iter().sum());
        let answer = check(schedule, move |world| echoed(world, sizes))?;
        prop_assert!(answer == Ok(all), "{:?}", answer.map(|it| it.len()));
    }

    #[test]
    fn a_body_that_streams_both_ways_and_is_reset_comes_back_whole_or_not_at_all(
        sizes in prop::collection::vec(0..90_000_usize, 0..5),
        schedule in schedule_with(breaking()),
    ) {
        let all = pattern(0, sizes.iter().sum());
        let answer = check(schedule, move |world| echoed(world, sizes))?;
        prop_assert!(answer.is_err() || answer == Ok(all), "{:?}", answer.map(|it| it.len()));
    }
}

fn simulated<F: Future + 'static>(main: impl FnOnce(World) -> F + Clone + 'static) -> F::Output {
    check(Schedule::default(), main).unwrap_or_else(|broken| panic!("{broken}"))
}

#[test]
fn a_client_of_a_file_or_of_a_range_may_go_anywhere() {
    let file = Temporary::new(300_000);
    for wanted in
        [Wanted::Whole, Wanted::Range(1000, 200_000), Wanted::Both((0, 9), (5000, 90_000))]
    {
        let path = file.0.clone();
        let proved = cut_each_await(&Schedule::default(), move |world, cut| {
            let (path, wanted) = (path.clone(), wanted.clone());
            async move {
                let server = served(path).await;
                let asks = async move {
                    let session = ClientSession::new();
                    get(&session, &wanted).await
                };
                cut.dropping(asks).await;
                nothing_is_left(&world, server).await;
            }
        });
        assert!(proved.unwrap_or_else(|broken| panic!("{broken}")).awaits > 0);
    }
}

#[test]
fn a_file_for_a_client_that_takes_nothing_is_given_up_in_time() {
    let file = Temporary::new(8 << 20);
    let path = file.0.clone();
    simulated(move |world| async move {
        let server = served(path).await;
        let (reader, mut writer) =
            open_connection("10.0.0.1:80".parse::<std::net::SocketAddr>().unwrap()).await.unwrap();
        writer.write(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
        sleep(30 * SECOND).await;
        assert_eq!(server.connections(), 1, "it may read yet");
        sleep(100 * SECOND).await;
        assert_eq!(server.connections(), 0);
        drop((reader, writer));
        nothing_is_left(&world, server).await;
    });
}

#[test]
fn a_file_that_is_cut_short_while_it_is_served_breaks_the_connection() {
    let file = Temporary::new(4 << 20);
    let path = file.0.clone();
    let told = Rc::new(Cell::new(false));
    let seen = told.clone();
    simulated(move |world| async move {
        let anywhere = "0.0.0.0:0".parse().unwrap();
        let link = Link::default().with_buffers(4096, 4096).with_latency(SECOND / 100);
        world.link(anywhere, anywhere, link);
        let event_loop = evloop::get_running_loop().unwrap();
        let report = seen.clone();
        event_loop.set_exception_handler(Some(
            move |_: &evloop::EventLoop, context: &evloop::ErrorContext| {
                report.set(context.to_string().contains("broke off"));
            },
        ));
        let cut = path.clone();
        world.after(2 * SECOND, move |_| {
            File::options().write(true).open(cut).unwrap().set_len(1 << 20).unwrap();
        });
        let server = served(path).await;
        let session = ClientSession::new();
        let got = get(&session, &Wanted::Whole).await;
        assert!(got.is_err(), "the length was promised");
        drop(session);
        nothing_is_left(&world, server).await;
    });
    assert!(told.get(), "and whoever serves it is told");
}
