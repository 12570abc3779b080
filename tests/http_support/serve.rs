//! A served application, and clients of it on threads of their own.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use evloop::EventLoop;
use evloop::web::Application;

/// Longer than anything takes here: a test that hangs fails instead.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Serves `app` while `client` runs on a thread, and gives what that gave and what was reported to
/// the exception handler meanwhile. Nothing may be left in the loop at the end.
pub fn serve<T: Send + 'static>(
    app: Application,
    client: impl FnOnce(SocketAddr) -> T + Send + 'static,
) -> (T, Vec<String>) {
    serve_on(EventLoop::new().expect("a loop"), app, client)
}

/// The same on this loop.
pub fn serve_on<T: Send + 'static>(
    event_loop: EventLoop,
    app: Application,
    client: impl FnOnce(SocketAddr) -> T + Send + 'static,
) -> (T, Vec<String>) {
    let reports: Rc<RefCell<Vec<String>>> = Rc::default();
    let report = reports.clone();
    event_loop.set_exception_handler(Some(move |_: &EventLoop, context: &evloop::ErrorContext| {
        // With EVLOOP_DEBUG it is warned, too.
        if context.warning.is_none() {
            report.borrow_mut().push(context.to_string());
        }
    }));
    let server = event_loop.run_until_complete(app.serve(("127.0.0.1", 0))).expect("a run");
    let server = server.expect("a server");
    let address = server.sockets()[0].local_addr();
    let home = event_loop.handle();
    let stopper = event_loop.handle();
    let client = thread::spawn(move || {
        struct Stop(evloop::LoopHandle);
        impl Drop for Stop {
            fn drop(&mut self) {
                self.0.stop().expect("the loop is open");
            }
        }
        let _stop = Stop(stopper);
        client(address)
    });
    drop(home);
    event_loop.run_forever().expect("a run");
    let shutdown = async move { server.shutdown(PATIENCE).await };
    event_loop.run_until_complete(shutdown).expect("a run");
    let left = event_loop.close().expect("not running");
    assert!(left.is_clean(), "{left:?}");
    event_loop.set_exception_handler(None::<fn(&EventLoop, &evloop::ErrorContext)>);
    let value = client.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    (value, reports.take())
}
