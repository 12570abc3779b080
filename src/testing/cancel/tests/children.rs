//! Children, on the real kernel, for a simulation has none; and pipes, on both.

use super::*;
use crate::process::Redirect;
use crate::{
    Process, StreamReader, StreamWriter, Task, create_subprocess_exec, open_read_pipe,
    open_write_pipe, spawn,
};

fn cat() -> Process {
    let cat = create_subprocess_exec("cat", [""; 0]);
    cat.stdin(Redirect::Pipe).stdout(Redirect::Pipe).spawn().unwrap()
}

#[test]
fn a_wait_that_is_cut_leaves_the_child_to_the_next_one() {
    withstands_really(|cut| async move {
        let mut child = cat();
        let stdin = child.stdin.take();
        let closes = spawn(async move { drop(stdin) });
        let code = cut.dropping(child.wait()).await;
        assert!(code.is_none_or(|code| code == 0));
        assert_eq!(child.wait().await, 0);
        closes.await.unwrap();
        drop(child);
        nothing_is_left().await;
    });
}

#[test]
fn a_communicate_that_is_cut_has_lost_nothing_that_the_next_one_gives() {
    withstands_really(|cut| async move {
        let mut child = cat();
        let input = vec![b'x'; 100_000];
        let output = match cut.dropping(child.communicate(&input)).await {
            Some(output) => output,
            None => child.communicate(&input).await,
        };
        assert!(output.unwrap().0.unwrap() == input);
        assert_eq!(child.returncode(), Some(0));
        drop(child);
        nothing_is_left().await;
    });
}

/// Writes so much that it has to wait for whoever reads.
fn fills(mut writer: StreamWriter) -> Task<()> {
    spawn(async move {
        for _ in 0..3 {
            writer.write(&[b'y'; 100_000]).unwrap();
            writer.drain().await.unwrap();
        }
    })
}

#[test]
fn a_read_of_a_pipe_that_is_cut_takes_nothing() {
    withstands(|world, cut| async move {
        let (reader, writer) = world.pipe();
        let mut reader: StreamReader = open_read_pipe(reader).unwrap();
        let filled = fills(open_write_pipe(writer).unwrap());
        let first = cut.dropping(async { reader.readexactly(150_000).await.unwrap() }).await;
        let rest = reader.read_to_end().await.unwrap();
        assert_eq!(first.unwrap_or_default().len() + rest.len(), 300_000);
        filled.await.unwrap();
        drop(reader);
        nothing_is_left().await;
    });
}

#[test]
fn a_drain_of_a_pipe_that_is_cut_sends_everything_all_the_same() {
    withstands(|world, cut| async move {
        let (reader, writer) = world.pipe();
        let mut reader = open_read_pipe(reader).unwrap();
        let mut writer = open_write_pipe(writer).unwrap();
        let read = spawn(async move { reader.read_to_end().await.unwrap().len() });
        writer.write(&[b'z'; 300_000]).unwrap();
        let drained = cut.dropping(writer.drain()).await;
        assert!(drained.is_none_or(|drained| drained.is_ok()));
        drop(writer);
        assert_eq!(read.await.unwrap(), 300_000);
        nothing_is_left().await;
    });
}
