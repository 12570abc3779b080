//! A directory of files.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use http::StatusCode;
use http::header::{CONTENT_TYPE, LOCATION};

use super::listing::{MOST_ENTRIES, page};
use super::look::{Found, Job, on_thread, refused};
use super::path::Wanted;
use super::response::{answer, type_of};
use crate::http::coding::accept::Accepted;
use crate::http::router::Suffix;
use crate::http::{Request, Response, Routes};
use crate::sys;

/// A directory to be served, for [`Routes::add_static`].
///
/// ```
/// use evloop::http::StaticFiles;
/// let files = StaticFiles::new("public").index_file("index.html").show_index(true);
/// ```
///
/// No request leads out of it: neither by `..`, however encoded, nor by a link, however it is
/// changed meanwhile ([`follow_symlinks`](StaticFiles::follow_symlinks) aside). The directory is
/// looked up anew for every request, so that it can be replaced by another.
#[derive(Clone, Debug)]
pub struct StaticFiles {
    directory: PathBuf,
    index_file: Option<PathBuf>,
    show_index: bool,
    follow_symlinks: bool,
    hidden: bool,
    precompressed: bool,
    append_version: bool,
}

impl StaticFiles {
    /// The files of `directory`, and of the directories below it.
    pub fn new(directory: impl Into<PathBuf>) -> StaticFiles {
        StaticFiles {
            directory: directory.into(),
            index_file: None,
            show_index: false,
            follow_symlinks: false,
            hidden: false,
            precompressed: true,
            append_version: false,
        }
    }

    /// Which file answers for a directory; none if not set.
    #[must_use]
    pub fn index_file(mut self, name: impl Into<PathBuf>) -> StaticFiles {
        self.index_file = Some(name.into());
        self
    }

    /// Whether a directory without an index file is listed; if not, it is 403. No if not set.
    #[must_use]
    pub fn show_index(mut self, show: bool) -> StaticFiles {
        self.show_index = show;
        self
    }

    /// Whether links may lead out of the directory; no if not set. Links that lead to what is
    /// below it, by relative paths, may be followed anyway.
    #[must_use]
    pub fn follow_symlinks(mut self, follow: bool) -> StaticFiles {
        self.follow_symlinks = follow;
        self
    }

    /// Whether names that begin with a dot are served, which are often not meant to be (`.git`,
    /// `.env`); no if not set, but for `.well-known`. aiohttp serves them.
    #[must_use]
    pub fn hidden(mut self, hidden: bool) -> StaticFiles {
        self.hidden = hidden;
        self
    }

    /// Whether compressed siblings are looked for, as with
    /// [`FileResponse`](super::FileResponse); yes if not set.
    #[must_use]
    pub fn precompressed(mut self, precompressed: bool) -> StaticFiles {
        self.precompressed = precompressed;
        self
    }

    /// Whether [`Request::url_for`] ends the path of a file with `?v=` and what changes when the
    /// file does, so that browsers may keep each version for ever; no if not set. It looks at the
    /// file when it is asked, on the loop's thread, and adds nothing for a file that is not there.
    ///
    /// ```
    /// use evloop::web::{Application, StaticFiles};
    ///
    /// let mut app = Application::new();
    /// app.router().add_static("/src", StaticFiles::new("src").append_version(true)).name("src");
    /// let path = app.router().url_for("src", &[("filename", "lib.rs")])?;
    /// assert!(path.starts_with("/src/lib.rs?v="));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// The version is the time and the size that the entity tag is made of, where aiohttp reads and
    /// hashes the whole file.
    #[must_use]
    pub fn append_version(mut self, append: bool) -> StaticFiles {
        self.append_version = append;
        self
    }

    /// `?v=…` for the file that these parts of the route name.
    fn version(&self, parts: &[(&str, &str)]) -> Option<String> {
        let (_, name) = parts.iter().find(|(name, _)| *name == "filename")?;
        let wanted = Wanted::parse(name, self.hidden)?;
        let tag = self.job(&wanted.path, None).tag().ok()?;
        Some(format!("?v={tag}"))
    }

    async fn answer(&self, request: &Request) -> io::Result<Response> {
        let tail = request.match_info().get("filename").unwrap_or_default();
        let Some(wanted) = Wanted::parse(tail, self.hidden) else { return not_found() };
        match self.find(request, &wanted.path).await {
            Ok(Found::File(file, facts)) if !wanted.is_directory => {
                Ok(answer(request, file, &facts, &type_of(&wanted.path)))
            }
            Ok(Found::Directory(_)) if !wanted.is_directory => add_slash(request),
            Ok(Found::Directory(directory)) => {
                self.directory(request, &wanted.path, directory).await
            }
            Ok(Found::File(..)) => not_found(),
            Err(error) => refused(error),
        }
    }

    async fn find(&self, request: &Request, path: &Path) -> io::Result<Found> {
        let accepted = self.precompressed.then(|| Accepted::of(request.headers()));
        self.job(path, accepted).find().await
    }

    fn job(&self, path: &Path, accepted: Option<Accepted>) -> Job {
        match self.follow_symlinks {
            true => Job { root: None, path: self.directory.join(path), accepted },
            false => Job { root: Some(self.directory.clone()), path: path.to_owned(), accepted },
        }
    }

    /// Its index file, the list of what is in it, or nothing.
    async fn directory(&self, request: &Request, path: &Path, open: File) -> io::Result<Response> {
        if let Some(name) = &self.index_file {
            let path = path.join(name);
            if let Ok(Found::File(file, facts)) = self.find(request, &path).await {
                return Ok(answer(request, file, &facts, &type_of(&path)));
            }
        }
        if !self.show_index {
            return Ok(Response::of_status(StatusCode::FORBIDDEN));
        }
        let entries = on_thread(move || sys::list(open, MOST_ENTRIES + 1)).await?;
        let page = page(request.path(), entries, self.hidden);
        Ok(Response::text(page).header(CONTENT_TYPE, "text/html; charset=utf-8"))
    }
}

impl<T: Into<PathBuf>> From<T> for StaticFiles {
    fn from(directory: T) -> StaticFiles {
        StaticFiles::new(directory)
    }
}

fn not_found() -> io::Result<Response> {
    Ok(Response::of_status(StatusCode::NOT_FOUND))
}

/// Sends the client to the same path with a slash at its end, so that the page's relative links
/// work.
fn add_slash(request: &Request) -> io::Result<Response> {
    let (path, query) = (request.head().path(), request.head().query());
    // "//host/" and "/\host/" lead browsers to another host.
    if !path.starts_with('/') || path[1..].starts_with(['/', '\\']) {
        return not_found();
    }
    let mark = if query.is_empty() { "" } else { "?" };
    let location = format!("{path}/{mark}{query}");
    Ok(Response::of_status(StatusCode::MOVED_PERMANENTLY).header(LOCATION, location))
}

impl Routes {
    /// Answers GET and HEAD of everything below `prefix` with a file of a directory.
    /// (`router.add_static`)
    ///
    /// ```
    /// use evloop::http::{Application, StaticFiles};
    /// let mut app = Application::new();
    /// app.router().add_static("/sources", StaticFiles::new("src").show_index(true));
    /// app.router().add_static("/examples", "examples");
    /// assert!(app.router().check().is_ok());
    /// ```
    ///
    /// A directory without a slash at its end is redirected to the same with one, as `prefix` is.
    /// Whatever is not there, leads out or is no file is 404. Names that are not UTF-8 cannot be
    /// asked for. What is no directory when the route is added is an error of the route, which
    /// [`check`](Routes::check) tells. [`name`](Routes::name) names it: its variable is `filename`.
    pub fn add_static(&mut self, prefix: &str, files: impl Into<StaticFiles>) -> &mut Self {
        let files: Rc<StaticFiles> = Rc::new(files.into());
        if !files.directory.is_dir() {
            self.0.refuse(format!("{:?} is not a directory that can be served", files.directory));
        }
        let prefix = prefix.trim_end_matches('/');
        if !prefix.is_empty() {
            self.add_get(prefix, |request: Request| async move { add_slash(&request) });
        }
        let versions = files.clone();
        self.add_get(&format!("{prefix}/{{filename:.*}}"), move |request: Request| {
            let files = files.clone();
            async move { files.answer(&request).await }
        });
        if versions.append_version {
            self.0.end_with(Suffix(Rc::new(move |parts| versions.version(parts))));
        }
        self
    }
}
