//! Turning the kernel's −1 into an [`std::io::Error`].

use std::io;

/// The result of a system call: its value, or `errno` as an [`io::Error`] where it is −1.
pub(crate) fn cvt(result: libc::c_int) -> io::Result<libc::c_int> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Makes a call that does not wait, again for as long as a signal interrupts it.
pub(crate) fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// The same for calls that return a byte count, which are the hot ones: where they succeed, no
/// error is looked at.
#[inline]
pub(crate) fn retry_size(mut call: impl FnMut() -> libc::ssize_t) -> io::Result<usize> {
    loop {
        if let Ok(size) = usize::try_from(call()) {
            return Ok(size);
        }
        if let Some(error) = failure() {
            return Err(error);
        }
    }
}

/// Why a call failed; `None` if it was only interrupted.
#[cold]
fn failure() -> Option<io::Error> {
    let error = io::Error::last_os_error();
    (error.kind() != io::ErrorKind::Interrupted).then_some(error)
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
