//! Processes.

use evloop::process::Redirect;
use evloop::{create_subprocess_exec, create_subprocess_shell, run};

use crate::log::Log;

pub fn children(log: &Log) {
    let log = log.clone();
    let main = async move {
        let cat = create_subprocess_exec("cat", [""; 0]);
        let mut child = cat.stdin(Redirect::Pipe).stdout(Redirect::Pipe).await.unwrap();
        let (out, _) = child.communicate(b"fed and read").await.unwrap();
        say!(log, out.unwrap(), child.returncode().unwrap());
        let child = create_subprocess_shell("exit 3").await.unwrap();
        say!(log, child.wait().await);
        let child = create_subprocess_exec("sleep", ["60"]).await.unwrap();
        child.kill().unwrap();
        say!(log, child.wait().await, child.returncode().unwrap());
    };
    run(main).unwrap();
}
