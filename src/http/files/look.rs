//! Finding a file: on the loop's thread if it is in memory, else on another.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::coding::Coding;
use super::plan::Facts;
use crate::http::coding::accept::Accepted;
use crate::http::{Response, StatusCode};
use crate::sys::{Patience, open_beneath, open_to_read};

/// A file to be found.
#[derive(Clone, Debug)]
pub(super) struct Job {
    /// What no way may lead out of; anything is allowed without it.
    pub root: Option<PathBuf>,
    pub path: PathBuf,
    /// Which compressed siblings the client would take; `None` if none are looked for.
    pub accepted: Option<Accepted>,
}

/// What there is.
#[derive(Debug)]
pub(super) enum Found {
    File(File, Facts),
    Directory(File),
}

impl Job {
    /// Looks, without making the loop wait.
    ///
    /// # Errors
    ///
    /// `NotFound` for what is no file and no directory; the kernel's.
    pub(super) async fn find(self) -> io::Result<Found> {
        match self.look(Patience::Now) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                on_thread(move || self.look(Patience::Waits)).await
            }
            found => found,
        }
    }

    /// What changes when the file does.
    ///
    /// # Errors
    ///
    /// `NotFound` for what is no file; the kernel's.
    pub(super) fn tag(&self) -> io::Result<String> {
        let file = self.open(&self.path, Patience::Waits)?;
        Ok(facts(&file.metadata()?, None)?.version())
    }

    fn look(&self, patience: Patience) -> io::Result<Found> {
        let file = self.open(&self.path, patience)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Ok(Found::Directory(file));
        }
        let facts = facts(&metadata, None)?;
        let Some(accepted) = self.accepted else { return Ok(Found::File(file, facts)) };
        let mut siblings = Vec::new();
        for coding in Coding::ALL {
            siblings.extend(self.sibling(coding, patience)?);
        }
        let varies = !siblings.is_empty();
        let best = accepted.best(siblings.iter().filter_map(|(_, facts)| facts.coding));
        let sibling =
            siblings.into_iter().find(|(_, facts)| best.is_some() && facts.coding == best);
        let (file, facts) = sibling.unwrap_or((file, facts));
        Ok(Found::File(file, Facts { varies, ..facts }))
    }

    fn open(&self, path: &Path, patience: Patience) -> io::Result<File> {
        match &self.root {
            Some(root) => open_beneath(root, path, patience),
            None => open_to_read(path, patience),
        }
    }

    /// The file in that coding, if there is one that can be read.
    fn sibling(&self, coding: Coding, patience: Patience) -> io::Result<Option<(File, Facts)>> {
        let mut path = OsString::from(&self.path);
        path.push(coding.extension());
        let file = match self.open(Path::new(&path), patience) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(error),
            Err(_) => return Ok(None),
        };
        let metadata = file.metadata()?;
        Ok(facts(&metadata, Some(coding)).ok().map(|facts| (file, facts)))
    }
}

/// What may wait for a disk.
///
/// # Errors
///
/// The job's; that there is no thread for it.
pub(super) async fn on_thread<T: Send + 'static>(
    job: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    match crate::to_thread(job).await {
        Ok(done) => done,
        Err(error) => Err(io::Error::other(error.to_string())),
    }
}

/// A FIFO, a device or a socket is not served: there is nothing of a known length to send.
fn facts(metadata: &std::fs::Metadata, coding: Option<Coding>) -> io::Result<Facts> {
    if !metadata.is_file() {
        return Err(io::ErrorKind::NotFound.into());
    }
    let nanoseconds = u32::try_from(metadata.mtime_nsec()).unwrap_or(0);
    let modified = (metadata.mtime(), nanoseconds);
    Ok(Facts { len: metadata.len(), modified, coding, varies: false })
}

/// What a client is told that cannot have a file: that it is not there, or that it is forbidden.
///
/// # Errors
///
/// What is not the client's business: no descriptors left, a broken disk.
pub(super) fn refused(error: io::Error) -> io::Result<Response> {
    let status = match error.raw_os_error() {
        Some(libc::EACCES | libc::EPERM) => StatusCode::FORBIDDEN,
        // ENXIO: a socket, or a device without a driver.
        Some(
            libc::ENOENT
            | libc::ENOTDIR
            | libc::ELOOP
            | libc::EXDEV
            | libc::ENAMETOOLONG
            | libc::ENXIO
            | libc::ENODEV
            | libc::EOPNOTSUPP,
        ) => StatusCode::NOT_FOUND,
        None if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidInput) => {
            StatusCode::NOT_FOUND
        }
        _ => return Err(error),
    };
    Ok(Response::of_status(status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_the_clients_business_is_an_error() {
        let told = |number| {
            let refused = refused(io::Error::from_raw_os_error(number));
            refused.ok().map(|response| response.status_code().as_u16())
        };
        assert_eq!(told(libc::ENOENT), Some(404));
        assert_eq!(told(libc::EXDEV), Some(404));
        assert_eq!(told(libc::EACCES), Some(403));
        assert_eq!(told(libc::EMFILE), None);
        assert_eq!(told(libc::EIO), None);
    }
}
