//! Who asks a task to end, what hears of it, and in which order the cleaning up is done.

use std::time::Duration;

use evloop::{LoopError, cancel_scope, sleep, spawn, timeout};

const FOREVER: Duration = Duration::from_secs(3600);

/// Says when it is dropped, as a file is closed or a lock given back when a future ends.
struct Guard(&'static str);

impl Drop for Guard {
    fn drop(&mut self) {
        println!("  {} is dropped", self.0);
    }
}

/// Ends at the `await` where it stands: nobody in it asked to be told.
async fn unaware() {
    let _guard = Guard("unaware's guard");
    sleep(FOREVER).await;
    println!("never");
}

/// Has a scope: what is inside is dropped, and the code around it may clean up, with `await`s.
async fn tidy() -> &'static str {
    let work = async {
        let _guard = Guard("tidy's work");
        sleep(FOREVER).await;
    };
    match cancel_scope(work).await {
        Ok(()) => "done",
        Err(_) => {
            println!("  tidy says goodbye");
            sleep(Duration::from_millis(10)).await;
            "tidied up"
        }
    }
}

/// Waits for a child, which is a task of its own: it goes on when its parent is cancelled.
async fn parent() {
    let child = spawn(async {
        sleep(Duration::from_millis(30)).await;
        println!("  the child has ended by itself");
    });
    let _guard = Guard("parent's guard");
    let _ = child.await;
    println!("never");
}

async fn run() {
    println!("a task without a scope is dropped where it waits:");
    let task = spawn(unaware());
    sleep(Duration::from_millis(10)).await;
    task.cancel();
    println!("  {:?}", task.await);

    println!("a task with a scope is told, and ends in its own way:");
    let task = spawn(tidy());
    sleep(Duration::from_millis(10)).await;
    task.cancel();
    println!("  {:?}", task.await);

    println!("a timeout tells the scopes inside it, and not the task:");
    println!("  {:?}", timeout(Duration::from_millis(10), tidy()).await);

    println!("a child is its own task:");
    let task = spawn(parent());
    sleep(Duration::from_millis(10)).await;
    task.cancel();
    println!("  {:?}", task.await);
    sleep(Duration::from_millis(50)).await;
}

fn main() -> Result<(), LoopError> {
    evloop::run(run())
}
