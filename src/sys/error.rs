//! Turning the kernel's −1 into an [`std::io::Error`].

use std::io;

/// The result of a system call: its value, or `errno` as an [`io::Error`] where it is −1.
pub(crate) fn cvt(result: libc::c_int) -> io::Result<libc::c_int> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// What kind of error it is. std's own `kind` has the table of all errno values in it and is copied
/// to wherever it is called from; this is the one copy for all of us.
#[inline(never)]
pub(crate) fn kind_of(error: &io::Error) -> io::ErrorKind {
    error.kind()
}

/// Makes a call that does not wait, again for as long as a signal interrupts it.
#[inline]
pub(crate) fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Ok(value) => return Ok(value),
            Err(error) if error.raw_os_error() == Some(libc::EINTR) => {}
            Err(error) => return Err(error),
        }
    }
}

/// The same for receives and sends that do not wait, which return a byte count. They are the hot
/// calls: where one succeeds, no error is looked at, and nothing is kept for making it again.
#[inline]
pub(crate) fn cvt_size(result: libc::ssize_t) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| size_error())
}

/// A call that does not wait is not interrupted (signal(7) names only those that block); if a
/// kernel says otherwise, it is as if there was nothing to do yet.
#[cold]
fn size_error() -> io::Error {
    let error = io::Error::last_os_error();
    match kind_of(&error) {
        io::ErrorKind::Interrupted => io::ErrorKind::WouldBlock.into(),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupted_call_is_made_again_and_any_other_error_is_given() {
        let mut answers = [libc::EINTR, libc::EINTR, libc::EAGAIN].into_iter();
        let call = || Err::<(), _>(io::Error::from_raw_os_error(answers.next().unwrap_or(0)));
        assert_eq!(retry(call).unwrap_err().raw_os_error(), Some(libc::EAGAIN));
        assert_eq!(answers.next(), None);
    }
}
