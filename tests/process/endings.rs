//! How children end, and who hears of it.

use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

use evloop::process::Redirect;
use evloop::signal::{SIGCHLD, SIGTERM, SIGUSR1};
use evloop::{create_subprocess_exec, create_subprocess_shell, spawn, timeout};

use crate::{cat, closing, exists, on_loop, shell, until};

#[test]
fn exit_codes_are_given_as_they_are() {
    on_loop(|_| async {
        for code in [0, 1, 7, 255] {
            assert_eq!(shell(&format!("exit {code}")).wait().await, code);
        }
    });
}

#[test]
fn the_signal_that_ended_it_is_a_negative_number() {
    on_loop(|_| async {
        let child = cat();
        child.terminate().unwrap();
        assert_eq!(child.wait().await, -15);
        let child = cat();
        child.kill().unwrap();
        assert_eq!(child.wait().await, -9);
        assert_eq!(child.exit_status().unwrap().signal(), Some(9));
        let child = cat();
        child.send_signal(SIGUSR1).unwrap();
        assert_eq!(child.wait().await, -SIGUSR1);
    });
}

#[test]
fn a_signal_can_be_handled_by_the_child() {
    on_loop(|_| async {
        let mut child = shell("trap 'exit 42' TERM; echo ready; while :; do sleep 0.01; done");
        assert_eq!(child.stdout.as_mut().unwrap().readline().await.unwrap(), b"ready\n");
        child.send_signal(SIGTERM).unwrap();
        assert_eq!(child.wait().await, 42);
    });
}

#[test]
fn proc_08_who_has_ended_gets_no_signal() {
    on_loop(|_| async {
        let child = create_subprocess_exec("true", [""; 0]).await.unwrap();
        assert_eq!(child.returncode(), None);
        assert_eq!(child.wait().await, 0);
        for refused in [child.send_signal(SIGTERM), child.terminate(), child.kill()] {
            assert_eq!(refused.unwrap_err().raw_os_error(), Some(libc::ESRCH));
        }
        assert_eq!(child.returncode(), Some(0));
        assert!(!exists(child.pid()));
    });
}

#[test]
fn a_signal_to_one_that_has_ended_unnoticed_goes_nowhere() {
    on_loop(|_| async {
        let child = create_subprocess_exec("true", [""; 0]).await.unwrap();
        let stat = format!("/proc/{}/stat", child.pid());
        // It is a zombie, and the loop has had no turn to notice.
        while cfg!(target_os = "linux") && !std::fs::read_to_string(&stat).unwrap().contains(") Z")
        {
            std::thread::yield_now();
        }
        child.terminate().unwrap();
        assert_eq!(child.wait().await, 0);
    });
}

#[test]
fn there_is_no_signal_of_that_number() {
    on_loop(|_| async {
        let mut child = cat();
        let error = child.send_signal(12345).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EINVAL));
        child.communicate(b"").await.unwrap();
    });
}

#[test]
fn proc_05_a_cancelled_wait_kills_nobody_and_another_works() {
    on_loop(|_| async {
        let mut child = cat();
        assert!(timeout(Duration::from_millis(1), child.wait()).await.is_err());
        assert_eq!(child.returncode(), None);
        drop(child.stdin.take());
        assert_eq!(child.wait().await, 0);
        assert_eq!(child.wait().await, 0);
    });
}

/// Counts its wakes; that it is held is counted by its `Arc`.
#[derive(Default)]
struct Held(AtomicUsize);

impl std::task::Wake for Held {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_wait_that_is_dropped_leaves_no_waker_with_the_child() {
    on_loop(|_| async {
        let mut child = cat();
        let held = Arc::new(Held::default());
        for _ in 0..3 {
            let waker = Waker::from(held.clone());
            let mut wait = Box::pin(child.wait());
            assert!(wait.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        }
        assert_eq!(Arc::strong_count(&held), 1);
        drop(child.stdin.take());
        assert_eq!(child.wait().await, 0);
        assert_eq!(held.0.load(Ordering::Relaxed), 0);
    });
}

#[test]
fn many_may_wait_for_one_child() {
    on_loop(|_| async {
        let mut child = cat();
        let stdin = child.stdin.take();
        let child = std::rc::Rc::new(child);
        let waiting: Vec<_> = (0..10)
            .map(|_| {
                let child = child.clone();
                spawn(async move { child.wait().await })
            })
            .collect();
        evloop::yield_now().await;
        drop(stdin);
        for waiting in waiting {
            assert_eq!(waiting.await.unwrap(), 0);
        }
    });
}

#[test]
fn proc_06_a_creation_that_is_dropped_starts_nothing() {
    on_loop(|_| async {
        let path = std::env::temp_dir().join(format!("evloop-unstarted-{}", std::process::id()));
        let touch = create_subprocess_exec("touch", [&path]);
        drop(touch.into_future());
        evloop::yield_now().await;
        assert!(!path.exists());
    });
}

#[test]
fn proc_06_a_task_that_is_cancelled_with_its_child_leaves_neither() {
    on_loop(|_| async {
        let pid = std::rc::Rc::new(std::cell::Cell::new(0));
        let told = pid.clone();
        let task = spawn(async move {
            let child = create_subprocess_exec("cat", [""; 0]).stdin(Redirect::Pipe);
            let child = child.kill_on_drop(true).await.unwrap();
            told.set(child.pid());
            child.wait().await
        });
        evloop::yield_now().await;
        assert!(exists(pid.get()));
        task.cancel();
        assert!(task.await.is_err());
        until(|| !exists(pid.get())).await;
    });
}

#[test]
fn a_dropped_process_goes_on_and_is_reaped_when_it_ends() {
    on_loop(|_| async {
        let mut child = cat();
        let (stdin, pid) = (child.stdin.take(), child.pid());
        drop(child);
        for _ in 0..10 {
            evloop::yield_now().await;
        }
        assert!(exists(pid));
        drop(stdin);
        until(|| !exists(pid)).await;
    });
}

#[test]
fn a_child_that_outlives_its_loop_goes_on_and_is_reaped_by_another() {
    let ((pid, stdin), report) = closing(|_| async {
        let (reader, writer) = std::os::unix::net::UnixStream::pair().unwrap();
        let child = create_subprocess_exec("cat", [""; 0]).stdin(Redirect::Fd(reader.into()));
        let child = child.stdout(Redirect::DevNull).await.unwrap();
        (child.pid(), writer)
    });
    let residents: Vec<_> = report.residents.iter().map(|what| format!("{what:?}")).collect();
    assert_eq!(residents, ["a child process"]);
    assert!(report.descriptors.is_empty());
    assert!(exists(pid));
    drop(stdin);
    on_loop(move |_| async move {
        // Each child that ends has a look at those without a loop.
        while exists(pid) {
            create_subprocess_exec("true", [""; 0]).await.unwrap().wait().await;
        }
    });
}

#[test]
fn a_process_whose_loop_is_closed_can_still_be_killed() {
    let (child, _) = closing(|_| async { cat() });
    let pid = child.pid();
    assert_eq!(child.returncode(), None);
    child.kill().unwrap();
    drop(child);
    on_loop(move |_| async move {
        while exists(pid) {
            create_subprocess_exec("true", [""; 0]).await.unwrap().wait().await;
        }
    });
}

#[test]
fn loops_in_several_threads_each_hear_of_their_own() {
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            std::thread::spawn(move || {
                on_loop(move |_| async move {
                    for round in 0..20 {
                        let code = (thread * 20 + round) % 256;
                        let shell = create_subprocess_shell(format!("exit {code}"));
                        assert_eq!(shell.await.unwrap().wait().await, code);
                    }
                });
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn a_handler_of_sigchld_and_the_exits_do_not_disturb_each_other() {
    on_loop(|event_loop| async move {
        let heard = event_loop.create_future();
        let tell = heard.clone();
        let heard_by = event_loop.add_signal_handler(SIGCHLD, move || {
            // SIGCHLD may come for other tests' children as well.
            let _ = tell.set_result(());
        });
        heard_by.unwrap();
        let child = shell("exit 5");
        heard.await.unwrap();
        assert_eq!(child.wait().await, 5);
        event_loop.remove_signal_handler(SIGCHLD);
    });
}

#[test]
fn of_one_that_somebody_else_has_reaped_the_code_is_unknown() {
    on_loop(|_| async {
        let child = shell("exit 5");
        let mut status = 0;
        // SAFETY: waitpid(2) writes one int at the pointer.
        let reaped = unsafe { libc::waitpid(child.pid() as i32, &raw mut status, 0) };
        assert_eq!(reaped as u32, child.pid());
        assert_eq!(child.wait().await, 255);
        assert_eq!(child.exit_status(), None);
    });
}

#[test]
fn a_communicate_that_is_dropped_loses_nothing() {
    on_loop(|_| async {
        let mut child = shell("cat; echo end");
        let input = vec![b'x'; 1_000_000];
        for _ in 0..3 {
            let cut = timeout(Duration::from_micros(300), child.communicate(&input)).await;
            if let Ok(output) = cut {
                assert_eq!(output.unwrap().0.unwrap().len(), 1_000_004);
                return;
            }
        }
        let (out, _) = child.communicate(&input).await.unwrap();
        let out = out.unwrap();
        assert!(out.len() == 1_000_004 && out.ends_with(b"end\n"), "{}", out.len());
        assert_eq!(child.returncode(), Some(0));
    });
}

#[test]
fn after_a_fork_the_new_process_cannot_end_what_is_not_its_child() {
    on_loop(|_| async {
        let cat = create_subprocess_exec("cat", [""; 0]).stdin(Redirect::Pipe);
        let mut child = Some(cat.kill_on_drop(true).await.unwrap());
        // SAFETY: the new process does nothing but drop what is here, which takes no lock that
        // another thread may hold, and leaves.
        let forked = unsafe { libc::fork() };
        if forked == 0 {
            let refused = child.as_ref().unwrap().kill().unwrap_err();
            drop(child.take());
            let right = refused.raw_os_error() == Some(libc::ECHILD);
            // SAFETY: _exit(2) takes an integer and does not return.
            unsafe { libc::_exit(if right { 0 } else { 1 }) };
        }
        let mut status = 0;
        // SAFETY: waitpid(2) writes one int at the pointer.
        assert_eq!(unsafe { libc::waitpid(forked, &raw mut status, 0) }, forked);
        assert_eq!(status, 0);
        let child = child.unwrap();
        evloop::yield_now().await;
        assert_eq!(child.returncode(), None);
        child.kill().unwrap();
        assert_eq!(child.wait().await, -9);
    });
}

#[test]
fn a_second_communicate_finds_the_end() {
    on_loop(|_| async {
        let mut child = shell("echo once");
        assert_eq!(child.communicate(b"").await.unwrap().0.unwrap(), b"once\n");
        assert_eq!(child.communicate(b"").await.unwrap().0.unwrap(), b"");
    });
}

#[test]
fn a_loop_in_virtual_time_does_not_run_ahead_of_a_child() {
    let event_loop =
        evloop::EventLoop::builder().virtual_time(evloop::ManualClock::new()).build().unwrap();
    let code = event_loop.run_until_complete(async {
        let child = shell("exit 4");
        timeout(Duration::from_secs(1), child.wait()).await
    });
    assert_eq!(code.unwrap().unwrap(), 4);
}

#[cfg(feature = "testing")]
#[test]
fn a_simulation_starts_no_process_and_says_so() {
    use evloop::testing::{Schedule, Sim};
    let report = Sim::new(Schedule::default()).run(|_| async {
        let error = create_subprocess_exec("true", [""; 0]).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::Unsupported);
        assert!(error.to_string().contains("a simulated kernel starts no processes"), "{error}");
    });
    assert_eq!(report.verdict(), evloop::testing::Verdict::Pass, "{report}");
}
