//! Exactly one thread exists until somebody asks for another. It counts the threads of a whole
//! process, so it is one.

#[cfg(target_os = "linux")]
fn main() {
    let threads = || std::fs::read_dir("/proc/self/task").expect("procfs").count();
    assert_eq!(threads(), 1, "before anything");
    let counts = evloop::run(async move {
        let server = evloop::start_server(|_, _| async {}, ("127.0.0.1", 0)).await.unwrap();
        let address = server.sockets()[0].local_addr();
        drop(evloop::open_connection(address).await.unwrap());
        evloop::yield_now().await;
        let before = threads();
        let during = evloop::to_thread(threads).await.unwrap();
        evloop::to_thread(|| ()).await.unwrap();
        (before, during)
    });
    assert_eq!(counts.unwrap(), (1, 2), "none for a connection, one for the first job");
    println!("test exactly_one_thread_exists_until_the_first_job ... ok");
}

#[cfg(not(target_os = "linux"))]
fn main() {}
