//! Other programs, beside everything else: a task starts three and waits for all of them, while
//! another counts. Compare `processes`, which can do nothing else while it waits.

use std::io;
use std::time::Duration;

use evloop::process::Redirect;
use evloop::{create_subprocess_exec, create_subprocess_shell, sleep, spawn, timeout};

/// What `sort` makes of it: written and read at the same time, however much it is.
async fn sorted(text: &str) -> io::Result<String> {
    let sort = create_subprocess_exec("sort", ["-r"]).env("LC_ALL", "C");
    let mut sort = sort.stdin(Redirect::Pipe).stdout(Redirect::Pipe).await?;
    let (out, _) = sort.communicate(text.as_bytes()).await?;
    Ok(String::from_utf8_lossy(&out.unwrap_or_default()).into_owned())
}

/// A conversation: a line there, a line back.
async fn shouted(words: &[&str]) -> io::Result<()> {
    let shell = create_subprocess_shell("while read word; do echo \"$word!\"; done");
    let mut shell = shell.stdin(Redirect::Pipe).stdout(Redirect::Pipe).await?;
    let (Some(mut stdin), Some(stdout)) = (shell.stdin.take(), shell.stdout.as_mut()) else {
        return Err(io::ErrorKind::NotConnected.into());
    };
    for word in words {
        stdin.write(format!("{word}\n").as_bytes())?;
        print!("{}", String::from_utf8_lossy(&stdout.readline().await?));
    }
    drop(stdin); // the end of its input, and so of the shell
    println!("the shell ended with {}", shell.wait().await);
    Ok(())
}

/// One that would take too long.
async fn given_up() -> io::Result<()> {
    let sleeper = create_subprocess_exec("sleep", ["1000"]).await?;
    if timeout(Duration::from_millis(20), sleeper.wait()).await.is_err() {
        sleeper.terminate()?; // the wait was cut off, the child was not
    }
    println!("sleep ended with {}", sleeper.wait().await);
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    evloop::run(async {
        let counting = spawn(async {
            let mut turns = 0;
            loop {
                sleep(Duration::from_millis(1)).await;
                turns += 1;
                if turns == 10 {
                    return turns;
                }
            }
        });
        print!("{}", sorted("one\ntwo\nthree\n").await?);
        shouted(&["hello", "world"]).await?;
        given_up().await?;
        println!("meanwhile somebody has counted to {}", counting.await.unwrap_or(0));
        Ok::<(), io::Error>(())
    })??;
    Ok(())
}
