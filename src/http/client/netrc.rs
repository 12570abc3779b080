//! Passwords of a user's file: `.netrc`, as ftp(1), curl and Python's `netrc` read it.
//!
//! ```text
//! machine example.org login ada password "a b"
//! default login anonymous password guest      # whoever is not named before
//! macdef NAME …                                 passed over, up to an empty line
//! ```

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The largest file that is taken: a machine has some 80 bytes.
const MOST_BYTES: u64 = 1 << 20;

/// What a `.netrc` says.
#[derive(Clone, Default)]
pub(super) struct Netrc(Vec<Entry>);

#[derive(Clone, Default)]
struct Entry {
    /// `None` is `default`.
    machine: Option<String>,
    login: String,
    password: String,
}

/// Where the file is, and whether the user has said so: `NETRC`, else `.netrc` at home.
fn place(get: impl Fn(&str) -> Option<String>) -> Option<(PathBuf, bool)> {
    let set = |name: &str| get(name).filter(|value| !value.is_empty());
    match set("NETRC") {
        Some(path) => Some((path.into(), true)),
        None => Some((PathBuf::from(set("HOME")?).join(".netrc"), false)),
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MOST_BYTES + 1).read_to_string(&mut text)?;
    match text.len() as u64 > MOST_BYTES {
        false => Ok(text),
        true => Err(io::Error::new(io::ErrorKind::InvalidData, "it is larger than 1 MiB")),
    }
}

impl Netrc {
    /// The user's file, as it is now. A file at home that is not there is one without machines.
    ///
    /// # Errors
    ///
    /// It cannot be read, or is malformed.
    pub(super) fn of(get: impl Fn(&str) -> Option<String>) -> Result<Netrc, String> {
        let Some((path, said)) = place(get) else { return Ok(Netrc::default()) };
        let text = match read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && !said => String::new(),
            read => read.map_err(|error| format!("cannot read {}: {error}", path.display()))?,
        };
        Netrc::parse(&text).map_err(|what| format!("{} is malformed: {what}", path.display()))
    }

    /// What a text says.
    ///
    /// # Errors
    ///
    /// A word that is none of its own, with its line; no value is ever shown.
    fn parse(text: &str) -> Result<Netrc, String> {
        let mut words = Words { rest: text, line: 1 };
        let mut entries: Vec<Entry> = Vec::new();
        while let Some(word) = words.next()? {
            let entry = entries.last_mut();
            match (&word[..], entry) {
                (comment, _) if comment.starts_with('#') => words.skip_line(),
                ("machine", _) => {
                    let machine = Some(words.value("machine")?.to_ascii_lowercase());
                    entries.push(Entry { machine, ..Entry::default() });
                }
                ("default", _) => entries.push(Entry::default()),
                ("macdef", _) => words.skip_macro(),
                ("login" | "user", Some(entry)) => entry.login = words.value("login")?,
                ("password", Some(entry)) => entry.password = words.value("password")?,
                ("account", Some(_)) => drop(words.value("account")?),
                _ => {
                    let line = words.line;
                    return Err(format!(
                        "line {line} has a word that is none of machine, default, login, \
                         password, account and macdef, or stands before the first machine"
                    ));
                }
            }
        }
        Ok(Netrc(entries))
    }

    /// The user and password for a host.
    pub(super) fn find(&self, host: &str) -> Option<(&str, &str)> {
        let named = self.0.iter().find(|entry| entry.machine.as_deref() == Some(host));
        let entry = named.or_else(|| self.0.iter().find(|entry| entry.machine.is_none()))?;
        (!entry.login.is_empty()).then_some((&entry.login[..], &entry.password[..]))
    }
}

/// Without what it says.
impl fmt::Debug for Netrc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<Netrc of {} machines>", self.0.len())
    }
}

struct Words<'a> {
    rest: &'a str,
    line: usize,
}

impl Words<'_> {
    fn next(&mut self) -> Result<Option<String>, String> {
        let trimmed = self.rest.trim_ascii_start();
        self.advance(self.rest.len() - trimmed.len());
        let Some(quoted) = trimmed.strip_prefix('"') else {
            let end = trimmed.find(|it: char| it.is_ascii_whitespace()).unwrap_or(trimmed.len());
            self.advance(end);
            return Ok(Some(trimmed[..end].to_owned()).filter(|word| !word.is_empty()));
        };
        let (mut word, mut escaped) = (String::new(), false);
        for (at, character) in quoted.char_indices() {
            match (escaped, character) {
                (false, '"') => {
                    self.advance(at + 2);
                    return Ok(Some(word));
                }
                (false, '\\') => escaped = true,
                (_, other) => {
                    escaped = false;
                    word.push(other);
                }
            }
        }
        Err(format!("the quotes of line {} are not closed", self.line))
    }

    fn value(&mut self, of: &str) -> Result<String, String> {
        let line = self.line;
        self.next()?.ok_or_else(|| format!("the {of} of line {line} has no value"))
    }

    fn advance(&mut self, bytes: usize) {
        let (passed, rest) = self.rest.split_at(bytes);
        self.line += passed.matches('\n').count();
        self.rest = rest;
    }

    fn skip_line(&mut self) {
        self.advance(self.rest.find('\n').unwrap_or(self.rest.len()));
    }

    fn skip_macro(&mut self) {
        self.advance(self.rest.find("\n\n").unwrap_or(self.rest.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Netrc {
        Netrc::parse(text).unwrap()
    }

    #[test]
    fn a_host_has_its_entry_or_the_default_one() {
        let file = parse(
            "# mine\nmachine A.test login ada # not a password\n  password p#1\n\
             macdef init\nmachine evil.test login x\n\n\
             machine b.test user \"b o\\\"b\" password \"a b\" account c\n\
             machine c.test password alone\ndefault login guest password \"\"\n",
        );
        assert_eq!(file.find("a.test"), Some(("ada", "p#1")));
        assert_eq!(file.find("b.test"), Some(("b o\"b", "a b")));
        assert_eq!(file.find("c.test"), None, "one without a login is none");
        for host in ["evil.test", "x.a.test", ""] {
            assert_eq!(file.find(host), Some(("guest", "")), "{host}");
        }
        assert_eq!(parse("machine a login b password c").find("z"), None);
        assert_eq!(parse("").find("a"), None);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_no_value() {
        let said = |text: &str| Netrc::parse(text).err().unwrap();
        assert!(said("machine a login b\npassword c\nsecret d").contains("line 3"));
        assert!(!said("machine a login b\npassword c\nsecret d").contains("secret"));
        assert!(said("login a").contains("before the first machine"));
        assert!(said("machine a login").contains("login of line 1 has no value"));
        assert!(said("\nmachine a password \"x").contains("quotes of line 2"));
    }

    #[test]
    fn the_file_is_where_netrc_says_or_at_home() {
        let place = |variables: &'static [(&str, &str)]| {
            let get = |name: &str| {
                let found = variables.iter().find(|(have, _)| *have == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            place(get).map(|(path, said)| (path.display().to_string(), said))
        };
        assert_eq!(place(&[("NETRC", "/x"), ("HOME", "/h")]), Some(("/x".to_owned(), true)));
        assert_eq!(place(&[("NETRC", ""), ("HOME", "/h")]), Some(("/h/.netrc".to_owned(), false)));
        assert_eq!(place(&[]), None);
    }
}
