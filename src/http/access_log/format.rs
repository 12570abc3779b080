//! Lines of an access log, in the format language that Apache has made common.

use std::fmt::{self, Write};

use super::Access;
use crate::http::date::imf_fixdate;

/// What a line of an access log says, and in which order.
///
/// ```
/// use evloop::web::{AccessFormat, Application};
///
/// let format = AccessFormat::new("%a %r %s %D")?;
/// let mut app = Application::new();
/// app.access_log(move |access| println!("{}", format.line(access)));
/// # Ok::<(), evloop::web::AccessFormatError>(())
/// ```
///
/// | | |
/// |---|---|
/// | `%a` | the client's address, or `-` |
/// | `%t` | when the request came, in UTC: `[06/Nov/1994:08:49:37 +0000]` |
/// | `%r` | the request line, or `-` of a request that was refused before it was whole |
/// | `%m` `%U` `%q` `%H` | of that line the method, the path, the query with its `?`, the version |
/// | `%s` | the status, or `-` where the connection ended before the answer |
/// | `%b` | how many bytes the answer's body had |
/// | `%T` `%Tf` `%D` | how long it took: in seconds, with six decimals, in microseconds |
/// | `%P` | the process |
/// | `%{Name}i` | a header field of the request, or `-` |
/// | `%%` | a percent sign |
///
/// What the client has sent is escaped, as Apache does: a control character, a quotation mark, a
/// backslash or a byte that is not ASCII cannot end a line or a field of it.
///
/// # Unlike aiohttp
///
/// There is no `%{Name}o` and no `%{Name}e`: the answer's fields are gone when its last byte is.
#[derive(Clone, Debug)]
pub struct AccessFormat(Vec<Atom>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Atom {
    Text(String),
    Remote,
    Time,
    RequestLine,
    Method,
    Path,
    Query,
    Version,
    Status,
    Size,
    Seconds,
    Fraction,
    Micros,
    Process,
    Field(String),
}

/// Why a format cannot be used; its text says what would have been right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessFormatError(String);

impl fmt::Display for AccessFormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for AccessFormatError {}

impl AccessFormat {
    /// A format, from its text.
    ///
    /// # Errors
    ///
    /// It has a `%` that begins nothing known.
    pub fn new(text: &str) -> Result<AccessFormat, AccessFormatError> {
        let mut atoms = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find('%') {
            push_text(&mut atoms, &rest[..at]);
            let (atom, after) = atom(&rest[at + 1..])?;
            match atom {
                Atom::Text(text) => push_text(&mut atoms, &text),
                atom => atoms.push(atom),
            }
            rest = after;
        }
        push_text(&mut atoms, rest);
        Ok(AccessFormat(atoms))
    }

    /// aiohttp's: `%a %t "%r" %s %b "%{Referer}i" "%{User-Agent}i"`.
    pub fn combined() -> AccessFormat {
        let text = |text: &str| Atom::Text(text.to_owned());
        let field = |name: &str| Atom::Field(name.to_owned());
        AccessFormat(vec![
            Atom::Remote,
            text(" "),
            Atom::Time,
            text(" \""),
            Atom::RequestLine,
            text("\" "),
            Atom::Status,
            text(" "),
            Atom::Size,
            text(" \""),
            field("Referer"),
            text("\" \""),
            field("User-Agent"),
            text("\""),
        ])
    }

    /// The line of this answer, without a line end.
    pub fn line(&self, access: &Access<'_>) -> String {
        let mut line = String::with_capacity(128);
        for atom in &self.0 {
            // Writing to a text does not fail.
            let _ = atom.write(access, &mut line);
        }
        line
    }
}

impl Default for AccessFormat {
    /// [`combined`](AccessFormat::combined).
    fn default() -> AccessFormat {
        AccessFormat::combined()
    }
}

fn push_text(atoms: &mut Vec<Atom>, text: &str) {
    match atoms.last_mut() {
        Some(Atom::Text(before)) => before.push_str(text),
        _ if text.is_empty() => {}
        _ => atoms.push(Atom::Text(text.to_owned())),
    }
}

/// What begins after a percent sign, and what comes after that.
fn atom(text: &str) -> Result<(Atom, &str), AccessFormatError> {
    if let Some(named) = text.strip_prefix('{') {
        let (name, after) = named.split_once('}').ok_or_else(|| unknown(text))?;
        let after = after.strip_prefix('i').filter(|_| !name.is_empty());
        return Ok((Atom::Field(name.to_owned()), after.ok_or_else(|| unknown(text))?));
    }
    if let Some(after) = text.strip_prefix("Tf") {
        return Ok((Atom::Fraction, after));
    }
    let mut letters = text.chars();
    let atom = match letters.next() {
        Some('%') => Atom::Text("%".to_owned()),
        Some('a') => Atom::Remote,
        Some('t') => Atom::Time,
        Some('r') => Atom::RequestLine,
        Some('m') => Atom::Method,
        Some('U') => Atom::Path,
        Some('q') => Atom::Query,
        Some('H') => Atom::Version,
        Some('s') => Atom::Status,
        Some('b') => Atom::Size,
        Some('T') => Atom::Seconds,
        Some('D') => Atom::Micros,
        Some('P') => Atom::Process,
        _ => return Err(unknown(text)),
    };
    Ok((atom, letters.as_str()))
}

fn unknown(text: &str) -> AccessFormatError {
    let begins: String = text.chars().take(12).collect();
    AccessFormatError(format!(
        "%{begins} is not known: there are %a %t %r %m %U %q %H %s %b %T %Tf %D %P, %{{Name}}i for a \
         header field of the request, and %% for a percent sign"
    ))
}

impl Atom {
    fn write(&self, access: &Access<'_>, line: &mut String) -> fmt::Result {
        match self {
            Atom::Text(text) => line.push_str(text),
            Atom::Remote => match access.remote {
                Some(remote) => write!(line, "{}", remote.ip())?,
                None => line.push('-'),
            },
            Atom::Time => time(access.begun, line),
            Atom::Status => match access.status {
                Some(status) => line.push_str(status.as_str()),
                None => line.push('-'),
            },
            Atom::Size => write!(line, "{}", access.body_size)?,
            Atom::Seconds => write!(line, "{}", access.elapsed.as_secs())?,
            Atom::Fraction => write!(line, "{:.6}", access.elapsed.as_secs_f64())?,
            Atom::Micros => write!(line, "{}", access.elapsed.as_micros())?,
            Atom::Process => write!(line, "{}", std::process::id())?,
            _ => return self.write_request(access, line),
        }
        Ok(())
    }

    fn write_request(&self, access: &Access<'_>, line: &mut String) -> fmt::Result {
        let Some(head) = access.head else {
            line.push('-');
            return Ok(());
        };
        match self {
            Atom::RequestLine => {
                write!(line, "{} ", head.method())?;
                escape(head.target().as_bytes(), line)?;
                write!(line, " {:?}", head.version())
            }
            Atom::Method => write!(line, "{}", head.method()),
            Atom::Path => escape(head.path().as_bytes(), line),
            Atom::Query if head.query().is_empty() => Ok(()),
            Atom::Query => {
                line.push('?');
                escape(head.query().as_bytes(), line)
            }
            Atom::Version => write!(line, "{:?}", head.version()),
            Atom::Field(name) => escape(head.fields().get(name).unwrap_or(b"-"), line),
            _ => Ok(()),
        }
    }
}

/// As in `[06/Nov/1994:08:49:37 +0000]`.
fn time(seconds: u64, line: &mut String) {
    let date = imf_fixdate(seconds);
    for (before, part) in [("[", 5..7), ("/", 8..11), ("/", 12..16), (":", 17..25)] {
        line.push_str(before);
        line.extend(date[part].iter().map(|byte| char::from(*byte)));
    }
    line.push_str(" +0000]");
}

/// Writes what a client has sent so that it stays in its place.
fn escape(bytes: &[u8], line: &mut String) -> fmt::Result {
    for byte in bytes {
        match byte {
            b'"' | b'\\' => {
                line.push('\\');
                line.push(char::from(*byte));
            }
            b' '..=b'~' => line.push(char::from(*byte)),
            byte => write!(line, "\\x{byte:02x}")?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::StatusCode;

    use super::*;
    use crate::http::h1::{Event, RequestHead, ServerConnection, Shared};

    fn head(fields: &str) -> RequestHead {
        let input = format!("GET /a?b=\"c HTTP/1.1\r\nHost: h\r\n{fields}\r\n");
        match ServerConnection::new(&Shared::default()).receive(input.as_bytes()).unwrap() {
            (_, Event::Head(head)) => head,
            (_, event) => panic!("{event:?}"),
        }
    }

    fn access(head: Option<&RequestHead>) -> Access<'_> {
        Access {
            head,
            remote: Some("192.0.2.1:5".parse().unwrap()),
            status: Some(StatusCode::OK),
            body_size: 12,
            elapsed: Duration::from_micros(1_234_567),
            begun: 784_111_777,
        }
    }

    #[test]
    fn the_combined_line_is_aiohttps() {
        let head = head("User-Agent: curl/8\r\n");
        let text = access(Some(&head)).to_string();
        let expected =
            r#"192.0.2.1 [06/Nov/1994:08:49:37 +0000] "GET /a?b=\"c HTTP/1.1" 200 12 "-" "curl/8""#;
        assert_eq!(text, expected);
        let written =
            AccessFormat::new(r#"%a %t "%r" %s %b "%{Referer}i" "%{User-Agent}i""#).unwrap();
        assert_eq!(written.0, AccessFormat::combined().0);
    }

    #[test]
    fn every_atom_says_what_the_table_says() {
        let head = head("");
        let line = |format: &str| AccessFormat::new(format).unwrap().line(&access(Some(&head)));
        assert_eq!(line("%m|%U|%q|%H"), r#"GET|/a|?b=\"c|HTTP/1.1"#);
        assert_eq!(line("%T %Tf %D 100%%"), "1 1.234567 1234567 100%");
        assert_eq!(line("%P"), std::process::id().to_string());
        assert_eq!(line("%{hOST}i"), "h");
        let refused = Access { status: None, remote: None, ..access(None) };
        let line = AccessFormat::new("%a %r %s %{Host}i").unwrap().line(&refused);
        assert_eq!(line, "- - - -");
    }

    #[test]
    fn what_a_client_sends_cannot_leave_its_place() {
        let head = head("User-Agent: a\"b\\c\td\u{e9}\r\n");
        let line = AccessFormat::new("\"%{User-Agent}i\"").unwrap().line(&access(Some(&head)));
        assert_eq!(line, r#""a\"b\\c\x09d\xc3\xa9""#);
    }

    #[test]
    fn a_format_that_is_not_known_is_refused_with_those_that_are() {
        for format in ["%", "%x", "%{Host}", "%{Host}o", "%{}i", "%{Host"] {
            let error = AccessFormat::new(format).unwrap_err().to_string();
            assert!(error.contains("is not known: there are %a %t %r"), "{error}");
        }
    }
}
