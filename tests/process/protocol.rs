//! Children that call a protocol.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use evloop::process::{CreateSubprocess, Redirect, SubprocessProtocol, SubprocessTransport};
use evloop::{EventLoop, create_subprocess_exec, create_subprocess_shell};

use crate::{closing, exists, on_loop, until};

type Lines = Rc<RefCell<Vec<String>>>;

struct Recorder(Lines);

impl Recorder {
    fn push(&self, line: impl Into<String>) {
        self.0.borrow_mut().push(line.into());
    }
}

impl SubprocessProtocol for Recorder {
    fn connection_made(&mut self, transport: &SubprocessTransport) {
        assert_eq!(transport.get_returncode(), None);
        self.push("made");
    }

    fn pipe_data_received(&mut self, _: &SubprocessTransport, fd: i32, data: &[u8]) {
        self.push(format!("{fd}: {}", String::from_utf8_lossy(data)));
    }

    fn pipe_connection_lost(&mut self, _: &SubprocessTransport, fd: i32, error: Option<io::Error>) {
        self.push(format!("{fd} lost {error:?}"));
    }

    fn process_exited(&mut self, transport: &SubprocessTransport) {
        self.push(format!("exited {}", transport.get_returncode().unwrap()));
    }

    fn connection_lost(&mut self, error: Option<io::Error>) {
        self.push(format!("lost {error:?}"));
    }
}

fn start(event_loop: &EventLoop, command: CreateSubprocess) -> (SubprocessTransport, Lines) {
    let lines = Lines::default();
    let transport = event_loop.subprocess_exec(Recorder(lines.clone()), command).unwrap();
    assert_eq!(*lines.borrow(), ["made"]);
    (transport, lines)
}

fn has(lines: &Lines, line: &str) -> bool {
    lines.borrow().iter().any(|other| other == line)
}

#[test]
fn proc_08_the_end_comes_once_after_the_exit_and_every_pipe() {
    on_loop(|event_loop| async move {
        let cat = create_subprocess_exec("cat", [""; 0]);
        let cat = cat.stdin(Redirect::Pipe).stdout(Redirect::Pipe);
        let (transport, lines) = start(&event_loop, cat);
        let stdin = transport.get_pipe_transport(0).unwrap();
        assert!(transport.get_pipe_transport(1).is_some());
        assert!(transport.get_pipe_transport(2).is_none());
        assert!(transport.get_pipe_transport(-1).is_none());
        stdin.write(b"hello").unwrap();
        until(|| has(&lines, "1: hello")).await;
        stdin.close();
        until(|| has(&lines, "lost None")).await;
        evloop::yield_now().await;
        let lines = lines.borrow();
        assert_eq!(lines[..2], ["made", "1: hello"]);
        assert_eq!(lines[5..], ["lost None"]);
        let mut between = lines[2..5].to_vec();
        between.sort();
        assert_eq!(between, ["0 lost None", "1 lost None", "exited 0"]);
        assert_eq!(transport.get_returncode(), Some(0));
        for refused in [transport.send_signal(1), transport.terminate(), transport.kill()] {
            assert_eq!(refused.unwrap_err().raw_os_error(), Some(libc::ESRCH));
        }
        assert!(transport.is_closing());
        transport.close();
    });
}

#[test]
fn the_exit_alone_is_not_the_end_while_a_pipe_is_open() {
    on_loop(|event_loop| async move {
        // The grandchild keeps the pipe, and a FIFO of ours keeps the grandchild.
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        let shell = create_subprocess_shell("cat <&0 & exit 7");
        let shell = shell.stdin(Redirect::Fd(theirs.into())).stdout(Redirect::Pipe);
        let (transport, lines) = start(&event_loop, shell);
        until(|| has(&lines, "exited 7")).await;
        for _ in 0..5 {
            evloop::yield_now().await;
        }
        // A shell without job control may give what runs beside it an empty input.
        if !has(&lines, "1 lost None") {
            assert!(!has(&lines, "lost None"));
        }
        drop(ours);
        until(|| has(&lines, "lost None")).await;
        assert_eq!(lines.borrow().last().unwrap(), "lost None");
        assert_eq!(transport.get_returncode(), Some(7));
    });
}

#[test]
fn a_child_without_pipes_ends_too() {
    on_loop(|event_loop| async move {
        let (_, lines) = start(&event_loop, create_subprocess_exec("true", [""; 0]));
        until(|| has(&lines, "lost None")).await;
        assert_eq!(*lines.borrow(), ["made", "exited 0", "lost None"]);
    });
}

#[test]
fn proc_12_one_pipe_is_both_outputs() {
    on_loop(|event_loop| async move {
        let shell = create_subprocess_shell("echo out; echo err >&2");
        let shell = shell.stdout(Redirect::Pipe).stderr(Redirect::Stdout);
        let (transport, lines) = start(&event_loop, shell);
        assert!(transport.get_pipe_transport(2).is_none());
        until(|| has(&lines, "lost None")).await;
        let lines = lines.borrow();
        let data = lines.iter().filter_map(|line| line.strip_prefix("1: "));
        assert_eq!(data.collect::<String>(), "out\nerr\n");
    });
}

#[test]
fn close_kills_and_the_end_is_told() {
    on_loop(|event_loop| async move {
        let cat = create_subprocess_exec("cat", [""; 0]).stdin(Redirect::Pipe);
        let (transport, lines) = start(&event_loop, cat);
        transport.close();
        transport.close();
        assert!(transport.is_closing());
        until(|| has(&lines, "lost None")).await;
        // It may have seen the end of its input before the signal.
        assert!(has(&lines, "exited -9") || has(&lines, "exited 0"));
        assert_eq!(lines.borrow().iter().filter(|line| *line == "lost None").count(), 1);
    });
}

#[test]
fn a_protocol_that_holds_its_transport_goes_with_a_closed_loop() {
    struct Holds {
        _alive: Rc<()>,
        transport: Option<SubprocessTransport>,
    }
    impl SubprocessProtocol for Holds {
        fn connection_made(&mut self, transport: &SubprocessTransport) {
            self.transport = Some(transport.clone());
        }
    }
    let alive = Rc::new(());
    let held = alive.clone();
    let (pid, _) = closing(|event_loop| async move {
        let cat = create_subprocess_exec("cat", [""; 0]).stdin(Redirect::Pipe);
        let holds = Holds { _alive: held, transport: None };
        event_loop.subprocess_exec(holds, cat).unwrap().get_pid()
    });
    assert_eq!(Rc::strong_count(&alive), 1);
    // Its input is closed with the loop, so it ends by itself.
    on_loop(move |_| async move {
        while exists(pid) {
            create_subprocess_exec("true", [""; 0]).await.unwrap().wait().await;
        }
    });
}

#[test]
fn a_writer_is_paused_and_resumed_also_from_inside_its_own_methods() {
    struct Feeds(Lines);
    impl SubprocessProtocol for Feeds {
        fn connection_made(&mut self, transport: &SubprocessTransport) {
            let stdin = transport.get_pipe_transport(0).unwrap();
            stdin.write(&vec![b'x'; 1_000_000]).unwrap();
        }
        fn pause_writing(&mut self, _: &SubprocessTransport) {
            self.0.borrow_mut().push(String::from("pause"));
        }
        fn resume_writing(&mut self, transport: &SubprocessTransport) {
            self.0.borrow_mut().push(String::from("resume"));
            transport.get_pipe_transport(0).unwrap().write_eof();
        }
        fn connection_lost(&mut self, _: Option<io::Error>) {
            self.0.borrow_mut().push(String::from("lost"));
        }
    }
    on_loop(|event_loop| async move {
        let lines = Lines::default();
        let cat = create_subprocess_exec("cat", [""; 0]);
        let cat = cat.stdin(Redirect::Pipe).stdout(Redirect::DevNull);
        event_loop.subprocess_exec(Feeds(lines.clone()), cat).unwrap();
        until(|| has(&lines, "lost")).await;
        assert_eq!(*lines.borrow(), ["pause", "resume", "lost"]);
    });
}

#[test]
fn a_closed_loop_starts_nothing() {
    let event_loop = EventLoop::new().unwrap();
    event_loop.close().unwrap();
    let child = create_subprocess_exec("true", [""; 0]);
    let error = event_loop.subprocess_exec(Recorder(Lines::default()), child).unwrap_err();
    assert!(error.to_string().contains("closed"), "{error}");
}
