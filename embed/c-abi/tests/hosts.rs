//! The ABI, called as C calls it, and the hosts in Python and C where there is a python3 and a cc.

use std::ffi::c_void;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::ptr::null_mut;

use evloop_c::*;

extern "C" fn count(data: *mut c_void) {
    // SAFETY: the tests give a pointer to a number that outlives the loop.
    unsafe { *data.cast::<u32>() += 1 };
}

#[test]
fn a_turn_calls_what_is_due_and_the_deadline_says_when() {
    let mut called = 0u32;
    let data = (&raw mut called).cast();
    let it = evloop_create();
    // SAFETY: `it` is from evloop_create, and freed last.
    unsafe {
        assert_eq!(evloop_next_deadline_ns(it), -1);
        assert!(evloop_fd(it) >= 0);
        assert_eq!(evloop_call_later(it, 1_000_000, Some(count), data), EVLOOP_OK);
        assert!((0..=1_000_000).contains(&evloop_next_deadline_ns(it)));
        assert_eq!(evloop_run_once(it, -1), EVLOOP_OK);
        assert_eq!(evloop_close(it), EVLOOP_OK);
        assert_eq!(evloop_run_once(it, 0), EVLOOP_CLOSED);
        assert_eq!(evloop_free(it), EVLOOP_OK);
    }
    assert_eq!(called, 1);
}

#[test]
fn null_and_another_thread_are_told_and_touch_nothing() {
    let it = evloop_create();
    let number = it as usize;
    // SAFETY: `it` is from evloop_create, and freed last.
    unsafe {
        assert_eq!(evloop_run_once(null_mut(), 0), EVLOOP_NULL);
        assert_eq!(evloop_free(null_mut()), EVLOOP_NULL);
        assert_eq!(evloop_call_later(it, 0, None, null_mut()), EVLOOP_NULL);
        let elsewhere = std::thread::spawn(move || evloop_free(number as *mut Loop));
        assert_eq!(elsewhere.join().unwrap(), EVLOOP_WRONG_THREAD);
        assert_eq!(evloop_free(it), EVLOOP_OK);
    }
}

#[test]
fn a_callback_cannot_turn_or_free_its_own_loop() {
    extern "C" fn turn(data: *mut c_void) {
        let it: *mut Loop = data.cast();
        // SAFETY: the test gives the loop itself, which is not freed yet.
        let told = unsafe { [evloop_run_once(it, 0), evloop_free(it)] };
        assert_eq!(told, [EVLOOP_RUNNING; 2]); // which would abort the test
    }
    let it = evloop_create();
    // SAFETY: `it` is from evloop_create, and freed last.
    unsafe {
        assert_eq!(evloop_call_later(it, 0, Some(turn), it.cast()), EVLOOP_OK);
        assert_eq!(evloop_run_once(it, 0), EVLOOP_OK);
        assert_eq!(evloop_free(it), EVLOOP_OK);
    }
}

/// The library, which cargo has put beside the folder of the tests.
fn library() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.ancestors().nth(2).unwrap();
    let name = if cfg!(target_vendor = "apple") { "libevloop_c.dylib" } else { "libevloop_c.so" };
    let built = [profile.join(name), profile.join("deps").join(name)];
    built.into_iter().find(|path| path.exists()).expect("cargo builds the library with the tests")
}

fn is_there(program: &str) -> bool {
    let there = Command::new(program).arg("--version").output().is_ok();
    if !there {
        eprintln!("SKIPPED: there is no {program}");
    }
    there
}

fn printed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn asyncio_turns_evloop_in_its_own_thread() {
    if !is_there("python3") {
        return;
    }
    let host = Path::new(env!("CARGO_MANIFEST_DIR")).join("asyncio_host.py");
    let text = printed(Command::new("python3").arg(host).arg(library()));
    let of = |who: &str| text.lines().filter(|line| line.starts_with(who)).count();
    assert_eq!((of("asyncio: step"), of("evloop: tick")), (3, 3), "{text}");
    assert!(text.ends_with("closed: -3\n"), "{text}");
}

#[test]
fn a_poll_in_c_turns_evloop() {
    if !is_there("cc") {
        return;
    }
    let (library, package) = (library(), Path::new(env!("CARGO_MANIFEST_DIR")));
    let folder = library.parent().unwrap();
    let program = folder.join("poll_host");
    let mut cc = Command::new("cc");
    cc.arg("-Wall").arg("-Werror").arg("-I").arg(package.join("include"));
    cc.arg(package.join("poll_host.c")).arg(&library).arg("-o").arg(&program);
    printed(&mut cc);
    let mut host = Command::new(program);
    let text = printed(host.env("LD_LIBRARY_PATH", folder));
    assert_eq!(text, "evloop: 2 left\nevloop: 1 left\nevloop: 0 left\n");
}
