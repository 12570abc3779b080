//! libuv, through its C interface: callbacks, one shared read buffer, `uv_try_write` first and `uv_write` for the rest.

use evloop_bench::{Peer, sys};
use libuv_sys2::*;
use std::{
    ffi::{c_int, c_void},
    io,
    os::fd::IntoRawFd,
    process::ExitCode,
};

fn main() -> ExitCode {
    Peer { echo_protocol: Some(echo), ..Peer::default() }.main()
}

const BUFFER: usize = 64 * 1024;

fn check(result: c_int) -> io::Result<()> {
    // libuv's errors on Unix are the negated errno.
    if result < 0 { Err(io::Error::from_raw_os_error(-result)) } else { Ok(()) }
}

fn echo(port: u16) -> io::Result<()> {
    let socket = sys::listener(port)?.into_raw_fd();
    // SAFETY: loop, listener and buffer are leaked, so they outlive the run; an all-zero handle is what the `init` functions
    // expect, and they are called before any other use. The descriptor is given up to libuv.
    unsafe {
        let uv_loop = uv_default_loop();
        (*uv_loop).data = Box::leak(vec![0_u8; BUFFER].into_boxed_slice()).as_mut_ptr().cast();
        let listener: *mut uv_tcp_t = Box::leak(Box::new(std::mem::zeroed()));
        check(uv_tcp_init(uv_loop, listener))?;
        check(uv_tcp_open(listener, socket))?;
        check(uv_listen(listener.cast(), 4096, Some(connected)))?;
        check(uv_run(uv_loop, uv_run_mode_UV_RUN_DEFAULT))
    }
}

/// SAFETY (all callbacks): libuv calls them on the loop's thread with live handles of the kind they were registered for.
unsafe extern "C" fn connected(listener: *mut uv_stream_t, status: c_int) {
    if status < 0 {
        return;
    }
    // SAFETY: the client is zeroed, initialised before use and freed only by its close callback.
    unsafe {
        let client: *mut uv_tcp_t = Box::into_raw(Box::new(std::mem::zeroed()));
        uv_tcp_init((*listener).loop_, client);
        let ready = uv_accept(listener, client.cast()) == 0
            && uv_tcp_nodelay(client, 1) == 0
            && uv_read_start(client.cast(), Some(lend_buffer), Some(received)) == 0;
        if !ready {
            uv_close(client.cast(), Some(closed));
        }
    }
}

unsafe extern "C" fn lend_buffer(handle: *mut uv_handle_t, _: usize, buffer: *mut uv_buf_t) {
    // SAFETY: the loop's data is the leaked buffer of that size; `received` is done with it before the next read.
    unsafe { *buffer = uv_buf_init((*(*handle).loop_).data.cast(), BUFFER as u32) };
}

unsafe extern "C" fn received(stream: *mut uv_stream_t, count: isize, buffer: *const uv_buf_t) {
    if count == 0 {
        return;
    }
    // SAFETY: the first `count` bytes of the buffer were read; the stream is closed at most once, because a closing stream
    // reads no more.
    unsafe {
        if count < 0 {
            return uv_close(stream.cast(), Some(closed));
        }
        let mut bytes = uv_buf_init((*buffer).base, count as u32);
        let sent = uv_try_write(stream, &bytes, 1);
        if sent < 0 && sent != uv_errno_t_UV_EAGAIN {
            return uv_close(stream.cast(), Some(closed));
        }
        let sent = sent.max(0) as usize;
        if sent < count as usize {
            let rest = std::slice::from_raw_parts(
                bytes.base.cast::<u8>().add(sent),
                count as usize - sent,
            );
            write_rest(stream, rest, &mut bytes);
        }
    }
}

/// SAFETY: `stream` is live.
unsafe fn write_rest(stream: *mut uv_stream_t, rest: &[u8], bytes: &mut uv_buf_t) {
    // SAFETY: request and copy live until `written`, which frees both; libuv calls it also when the stream is closed.
    unsafe {
        let copy: *mut Vec<u8> = Box::into_raw(Box::new(rest.to_vec()));
        *bytes = uv_buf_init((*copy).as_mut_ptr().cast(), rest.len() as u32);
        let request: *mut uv_write_t = Box::into_raw(Box::new(std::mem::zeroed()));
        (*request).data = copy.cast::<c_void>();
        if uv_write(request, stream, bytes, 1, Some(written)) != 0 {
            written(request, -1);
            uv_close(stream.cast(), Some(closed));
        }
    }
}

unsafe extern "C" fn written(request: *mut uv_write_t, _: c_int) {
    // SAFETY: both were made by Box::into_raw in `write_rest` and libuv is done with them.
    unsafe {
        drop(Box::from_raw((*request).data.cast::<Vec<u8>>()));
        drop(Box::from_raw(request));
    }
}

unsafe extern "C" fn closed(handle: *mut uv_handle_t) {
    // SAFETY: made by Box::into_raw in `connected` as a uv_tcp_t; libuv has let go of it.
    drop(unsafe { Box::from_raw(handle.cast::<uv_tcp_t>()) });
}
