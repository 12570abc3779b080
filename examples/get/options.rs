//! What it was called with.

use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use evloop::http::{ClientRequest, ClientSession, FormData};

/// How it may be called.
pub const USAGE: &str = "\
usage: get [OPTION...] URL
  -X METHOD        the method; GET, or POST with -d
  -H 'Name: value' a header field, as often as you like
  -d DATA          a body; @FILE sends a file
  -F NAME=VALUE    a field of a form, as often as you like; NAME=@FILE sends a file in it
  -L               follows redirects
  -i               prints the head of the response, too
  -o FILE          writes into a file, with a line of progress for a long body
  -u USER:PASSWORD who asks, by basic authentication
  --digest         the same by digest authentication
  -v               says on standard error what the request is at
  -p               that line in any case
  -t SECONDS       how long the server may say nothing; 60 if not set
  -h               prints this";

pub struct Options {
    pub method: String,
    pub headers: Vec<(String, String)>,
    pub data: Option<String>,
    pub form: Vec<(String, String)>,
    pub user: Option<(String, String)>,
    pub digest: bool,
    pub verbose: bool,
    pub follow: bool,
    pub include: bool,
    pub output: Option<PathBuf>,
    pub progress: bool,
    pub patience: Duration,
    pub help: bool,
    pub url: String,
}

impl Options {
    pub fn parse(mut words: impl Iterator<Item = String>) -> Result<Options, String> {
        let mut options = Options {
            method: String::new(),
            headers: Vec::new(),
            data: None,
            form: Vec::new(),
            user: None,
            digest: false,
            verbose: false,
            follow: false,
            include: false,
            output: None,
            progress: false,
            patience: Duration::from_secs(60),
            help: false,
            url: String::new(),
        };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word} wants a value\n{USAGE}"));
            match &word[..] {
                "-X" => options.method = value()?,
                "-H" => options.headers.push(field(&value()?)?),
                "-d" => options.data = Some(value()?),
                "-F" => options.form.push(pair(&value()?, '=')?),
                "-u" => options.user = Some(pair(&value()?, ':')?),
                "--digest" => options.digest = true,
                "-v" => options.verbose = true,
                "-L" => options.follow = true,
                "-i" => options.include = true,
                "-o" => options.output = Some(value()?.into()),
                "-p" => options.progress = true,
                "-t" => options.patience = seconds(&value()?)?,
                "-h" => options.help = true,
                other if other.starts_with('-') => {
                    return Err(format!("{other} is no option\n{USAGE}"));
                }
                url if options.url.is_empty() => options.url = url.to_owned(),
                another => return Err(format!("{another:?} is one URL too many\n{USAGE}")),
            }
        }
        if options.url.is_empty() && !options.help {
            return Err(USAGE.to_owned());
        }
        if !options.url.contains("://") {
            options.url = format!("http://{}", options.url);
        }
        if options.method.is_empty() {
            let carries = options.data.is_some() || !options.form.is_empty();
            options.method = if carries { "POST" } else { "GET" }.to_owned();
        }
        Ok(options)
    }

    fn form(&self) -> Result<FormData, String> {
        let mut form = FormData::new();
        for (name, value) in &self.form {
            form = match value.strip_prefix('@') {
                Some(path) => {
                    let filename = path.rsplit('/').next().unwrap_or(path);
                    form.file(name, filename, open(path)?)
                }
                None => form.field(name, value),
            };
        }
        Ok(form)
    }

    /// The request that was asked for.
    pub fn request(&self, session: &ClientSession) -> Result<ClientRequest, String> {
        let mut request = session.request(&self.method[..], &self.url);
        for (name, value) in &self.headers {
            request = request.append_header(&name[..], &value[..]);
        }
        request = match &self.data {
            Some(data) => match data.strip_prefix('@') {
                Some(path) => request.file(open(path)?),
                None => request.body(&data[..]),
            },
            None if self.form.is_empty() => request,
            None => request.multipart(self.form()?),
        };
        if let Some((user, password)) = &self.user {
            request = match self.digest {
                true => digest(request, user, password)?,
                false => request.basic_auth(user, password),
            };
        }
        Ok(request.allow_redirects(self.follow))
    }
}

/// Answers what the server asks for.
#[cfg(feature = "digest")]
fn digest(request: ClientRequest, user: &str, password: &str) -> Result<ClientRequest, String> {
    Ok(request.middleware(evloop::http::DigestAuth::new(user, password)))
}

#[cfg(not(feature = "digest"))]
fn digest(_: ClientRequest, _: &str, _: &str) -> Result<ClientRequest, String> {
    Err("--digest wants the feature `digest`: cargo run --features digest --example get".into())
}

fn pair(text: &str, by: char) -> Result<(String, String), String> {
    let pair = text.split_once(by).ok_or(format!("{text:?} has no {by:?}"))?;
    Ok((pair.0.to_owned(), pair.1.to_owned()))
}

fn open(path: &str) -> Result<File, String> {
    File::open(path).map_err(|error| format!("cannot read {path}: {error}"))
}

fn field(text: &str) -> Result<(String, String), String> {
    let field = text.split_once(':').ok_or(format!("{text:?} is no field; write 'Name: value'"))?;
    Ok((field.0.trim().to_owned(), field.1.trim().to_owned()))
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds| *seconds > 0);
    seconds.map(Duration::from_secs).ok_or(format!("{text:?} is no number of seconds above 0"))
}
