//! What a directory holds, by a descriptor of it: the standard library reads directories by path
//! alone, and a path may mean another one by then.

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::fd::IntoRawFd;
use std::ptr::NonNull;

use nix::errno::Errno;

use super::cvt;

/// A name in a directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    pub name: Vec<u8>,
    /// It is a directory, as far as its parent tells; of a link it does not.
    pub is_directory: bool,
}

/// The first `most` entries of a directory, in no order, without `.` and `..`.
///
/// # Errors
///
/// ENOTDIR if it is none; the disk's.
pub(crate) fn list(directory: File, most: usize) -> io::Result<Vec<Entry>> {
    let mut stream = Stream::open(directory)?;
    let mut entries = Vec::new();
    while entries.len() < most {
        match stream.next()? {
            Some(entry) if !matches!(&entry.name[..], b"." | b"..") => entries.push(entry),
            Some(_) => {}
            None => break,
        }
    }
    Ok(entries)
}

/// A directory stream, closed when dropped.
struct Stream(NonNull<libc::DIR>);

impl Stream {
    fn open(directory: File) -> io::Result<Stream> {
        let fd = directory.into_raw_fd();
        // SAFETY: `fd` is nobody else's; fdopendir(3) takes it over if it succeeds.
        match NonNull::new(unsafe { libc::fdopendir(fd) }) {
            Some(stream) => Ok(Stream(stream)),
            None => {
                let error = io::Error::last_os_error();
                // SAFETY: it has failed, so `fd` is still open, and nobody else's.
                let _ = cvt(unsafe { libc::close(fd) });
                Err(error)
            }
        }
    }

    fn next(&mut self) -> io::Result<Option<Entry>> {
        // The end is told from an error by errno alone.
        Errno::clear();
        // SAFETY: the stream is open, and used by this thread alone.
        let Some(entry) = NonNull::new(unsafe { libc::readdir(self.0.as_ptr()) }) else {
            return match Errno::last_raw() {
                0 => Ok(None),
                number => Err(io::Error::from_raw_os_error(number)),
            };
        };
        // SAFETY: the entry is readdir(3)'s and alive until it is called again. Only as much of it
        // is there as its name needs, so no reference to the whole is made.
        let (kind, name) = unsafe {
            let name = &raw const (*entry.as_ptr()).d_name;
            ((*entry.as_ptr()).d_type, CStr::from_ptr(name.cast()))
        };
        Ok(Some(Entry { name: name.to_bytes().to_vec(), is_directory: kind == libc::DT_DIR }))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // SAFETY: the stream is open, and closed here alone.
        unsafe { libc::closedir(self.0.as_ptr()) };
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_directory_is_listed_up_to_so_many_entries_and_a_file_is_not() {
        let path = std::env::temp_dir().join(format!("evloop-listing-{}", std::process::id()));
        fs::create_dir_all(path.join("sub")).unwrap();
        fs::write(path.join("file"), "").unwrap();
        let mut all = list(File::open(&path).unwrap(), 10).unwrap();
        all.sort();
        let expected = [("file", false), ("sub", true)];
        let expected =
            expected.map(|(name, is_directory)| Entry { name: name.into(), is_directory });
        assert_eq!(all, expected);
        assert_eq!(list(File::open(&path).unwrap(), 1).unwrap().len(), 1);
        let error = list(File::open(path.join("file")).unwrap(), 1).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENOTDIR));
        fs::remove_dir_all(path).unwrap();
    }
}
