//! What goes in and what comes out.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek};

use evloop::process::Redirect;
use evloop::{create_subprocess, create_subprocess_exec, create_subprocess_shell, spawn};

use crate::{cat, on_loop, shell};

const MEBIBYTE: usize = 1 << 20;

/// Bytes that tell where they are from.
fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at ^ (at >> 8) ^ (at >> 16)) as u8).collect()
}

#[test]
fn proc_01_what_goes_into_cat_comes_out_of_it() {
    on_loop(|_| async {
        let mut cat = cat();
        let mut stdin = cat.stdin.take().unwrap();
        stdin.write(b"some data").unwrap();
        stdin.drain().await.unwrap();
        stdin.close();
        assert_eq!(cat.stdout.as_mut().unwrap().read_to_end().await.unwrap(), b"some data");
        assert_eq!(cat.wait().await, 0);
        assert_eq!(cat.returncode(), Some(0));
        assert!(cat.exit_status().unwrap().success());
    });
}

#[test]
fn proc_02_communicate_feeds_reads_and_waits() {
    on_loop(|_| async {
        let mut shell = shell("cat; echo to stderr >&2; exit 3");
        let (out, err) = shell.communicate(b"in").await.unwrap();
        assert_eq!((out.as_deref(), err.as_deref()), (Some(&b"in"[..]), Some(&b"to stderr\n"[..])));
        assert_eq!(shell.returncode(), Some(3));
    });
}

#[test]
fn proc_02_streams_that_are_no_pipes_give_none() {
    on_loop(|_| async {
        let echo = create_subprocess_exec("echo", ["unheard"]);
        let echo = echo.stdout(Redirect::DevNull).stderr(Redirect::DevNull);
        let mut echo = echo.stdin(Redirect::DevNull).await.unwrap();
        assert!(echo.stdin.is_none() && echo.stdout.is_none() && echo.stderr.is_none());
        assert_eq!(echo.communicate(b"").await.unwrap(), (None, None));
        assert_eq!(echo.returncode(), Some(0));
    });
}

#[test]
fn input_for_a_child_without_a_pipe_is_refused() {
    on_loop(|_| async {
        let mut child = create_subprocess_exec("true", [""; 0]).await.unwrap();
        let error = child.communicate(b"x").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("Redirect::Pipe"), "{error}");
        assert_eq!(child.wait().await, 0);
    });
}

#[test]
fn proc_04_communicate_minds_no_child_that_does_not_read() {
    on_loop(|_| async {
        for command in ["exit 0", "exec 0<&-; echo closed it; read nothing"] {
            let mut child = shell(command);
            child.communicate(&vec![b'x'; 4 * MEBIBYTE]).await.unwrap();
            assert!(child.returncode().is_some());
        }
    });
}

#[test]
fn proc_04_a_write_to_a_child_that_does_not_read_fails_in_drain() {
    on_loop(|_| async {
        let mut child = shell("exit 0");
        let mut stdin = child.stdin.take().unwrap();
        stdin.write(&vec![b'x'; 4 * MEBIBYTE]).unwrap();
        let error = stdin.drain().await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset));
        assert_eq!(child.wait().await, 0);
    });
}

#[test]
fn ten_mebibytes_go_in_and_come_out_at_once() {
    on_loop(|_| async {
        let input = pattern(10 * MEBIBYTE);
        let mut cat = cat();
        let (out, _) = cat.communicate(&input).await.unwrap();
        assert!(out.unwrap() == input);
        assert_eq!(cat.returncode(), Some(0));
    });
}

#[test]
fn both_outputs_are_read_however_much_there_is_of_each() {
    on_loop(|_| async {
        // The shell writes to one until it is full while we could be waiting for the other.
        let mut child = shell(
            "head -c 3000000 /dev/zero >&2; head -c 3000000 /dev/zero; head -c 1000 /dev/zero >&2",
        );
        let (out, err) = child.communicate(b"").await.unwrap();
        assert_eq!((out.unwrap().len(), err.unwrap().len()), (3_000_000, 3_001_000));
    });
}

#[test]
fn proc_09_what_is_unread_when_the_child_ends_is_read_afterwards() {
    on_loop(|_| async {
        let mut child = shell("head -c 262144 /dev/zero & sleep 0; wait");
        let mut stdout = child.stdout.take().unwrap();
        let mut read = 0;
        // The pipe holds less than that, so some has to be read for it to end.
        while child.returncode().is_none() {
            read += stdout.read(8192).await.unwrap().len();
            evloop::yield_now().await;
        }
        loop {
            let some = stdout.read(1000).await.unwrap();
            if some.is_empty() {
                break;
            }
            read += some.len();
        }
        assert_eq!(read, 262_144);
    });
}

#[test]
fn proc_10_a_reader_with_a_small_limit_loses_nothing() {
    on_loop(|_| async {
        let child = create_subprocess_exec("head", ["-c", "1000000", "/dev/zero"]);
        let mut child = child.stdout(Redirect::Pipe).limit(10).await.unwrap();
        let (out, _) = child.communicate(b"").await.unwrap();
        assert_eq!(out.unwrap(), vec![0; 1_000_000]);
    });
}

#[test]
fn proc_12_standard_error_goes_where_standard_output_goes() {
    on_loop(|_| async {
        let both = || create_subprocess_shell("echo out; echo err >&2").stderr(Redirect::Stdout);
        let mut child = both().stdout(Redirect::Pipe).await.unwrap();
        assert!(child.stderr.is_none());
        let (out, err) = child.communicate(b"").await.unwrap();
        assert_eq!((out.as_deref(), err), (Some(&b"out\nerr\n"[..]), None));

        assert_eq!(both().stdout(Redirect::DevNull).await.unwrap().wait().await, 0);

        let mut file = scratch();
        let out = Redirect::Fd(file.try_clone().unwrap().into());
        assert_eq!(both().stdout(out).await.unwrap().wait().await, 0);
        let mut text = String::new();
        file.rewind().unwrap();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "out\nerr\n");
    });
}

/// A file without a name.
fn scratch() -> File {
    let path = std::env::temp_dir().join(format!("evloop-process-{}", std::process::id()));
    let file = File::options().read(true).append(true).create(true).open(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    file
}

#[test]
fn an_open_file_is_read_by_the_child() {
    on_loop(|_| async {
        let mut file = File::open("Cargo.toml").unwrap();
        let mut text = Vec::new();
        file.read_to_end(&mut text).unwrap();
        file.rewind().unwrap();
        let child = create_subprocess_exec("cat", [""; 0]).stdin(Redirect::Fd(file.into()));
        let mut child = child.stdout(Redirect::Pipe).await.unwrap();
        assert_eq!(child.communicate(b"").await.unwrap().0, Some(text));
    });
}

#[test]
fn redirections_that_make_no_sense_are_refused() {
    on_loop(|_| async {
        let cat = || create_subprocess_exec("cat", [""; 0]);
        let wrong = [
            cat().stdin(Redirect::Stdout).spawn(),
            cat().stdout(Redirect::Stdout).spawn(),
            cat().stdout(Redirect::Stdout).stderr(Redirect::Stdout).spawn(),
            cat().limit(0).spawn(),
        ];
        for wrong in wrong {
            assert_eq!(wrong.unwrap_err().kind(), ErrorKind::InvalidInput);
        }
    });
}

#[test]
fn environment_and_directory_are_the_childs_own() {
    on_loop(|_| async {
        let child = create_subprocess_shell("echo $GREETING in $PWD $HOME");
        let child = child.env_clear().env("GREETING", "hello").cwd("/");
        let mut child = child.stdout(Redirect::Pipe).await.unwrap();
        assert_eq!(child.communicate(b"").await.unwrap().0.unwrap(), b"hello in /\n");
    });
}

#[test]
fn a_command_of_the_standard_librarys_keeps_its_pipes() {
    on_loop(|_| async {
        let mut command = std::process::Command::new("sh");
        command.args(["-c", "cat"]).stdin(std::process::Stdio::piped());
        let mut child = create_subprocess(command).stdout(Redirect::Pipe).await.unwrap();
        assert_eq!(child.communicate(b"in").await.unwrap().0.unwrap(), b"in");
    });
}

#[test]
fn proc_13_a_child_whose_output_nobody_wants_has_a_broken_pipe() {
    on_loop(|_| async {
        let mut child = shell("trap '' PIPE; while echo on and on; do :; done 2>/dev/null; exit 9");
        drop(child.stdout.take());
        assert_eq!(child.wait().await, 9);
    });
}

#[test]
fn proc_15_the_outputs_of_ten_children_are_not_mixed_up() {
    on_loop(|_| async {
        let children = (0..10).map(|number: u32| {
            spawn(async move {
                let child = create_subprocess_exec("echo", [number.to_string()]);
                let mut child = child.stdout(Redirect::Pipe).await.unwrap();
                child.communicate(b"").await.unwrap().0.unwrap()
            })
        });
        for (number, output) in children.collect::<Vec<_>>().into_iter().enumerate() {
            assert_eq!(output.await.unwrap(), format!("{number}\n").into_bytes());
        }
    });
}

#[test]
fn a_conversation_line_by_line() {
    on_loop(|_| async {
        let mut child = shell("while read line; do echo \"<$line>\"; done");
        let mut stdin = child.stdin.take().unwrap();
        let stdout = child.stdout.as_mut().unwrap();
        for line in ["one", "two", "three"] {
            stdin.write(format!("{line}\n").as_bytes()).unwrap();
            assert_eq!(stdout.readline().await.unwrap(), format!("<{line}>\n").as_bytes());
        }
        drop(stdin);
        assert_eq!(child.wait().await, 0);
    });
}

#[test]
fn a_program_that_is_not_there_leaves_nothing() {
    let (error, report) = crate::closing(|_| async {
        let child = create_subprocess_exec("there-is-no-such-program", [""; 0]);
        child.stdin(Redirect::Pipe).stdout(Redirect::Pipe).await.unwrap_err()
    });
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(report.is_clean(), "{report:?}");
}

#[test]
fn outside_of_a_run_nothing_is_started() {
    let error = create_subprocess_exec("true", [""; 0]).spawn().unwrap_err();
    assert!(error.to_string().contains("no running event loop"), "{error}");
}

#[test]
fn a_clone_of_a_pipe_in_another_child_does_not_keep_it_open() {
    // Each child inherits its own streams and none of the others'.
    on_loop(|_| async {
        let mut first = cat();
        let mut second = cat();
        let (out, _) = first.communicate(b"first").await.unwrap();
        assert_eq!(out.unwrap(), b"first");
        assert_eq!(second.returncode(), None);
        drop(second.stdin.take());
        assert_eq!(second.wait().await, 0);
    });
}
