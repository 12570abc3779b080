//! What a connection says and what it must hear.

/// A closed loop's two sides.
pub trait Talk {
    /// What is kept for each connection.
    type State;
    /// The state of a new connection, the `number`th.
    fn state(&self, number: usize) -> Self::State;
    /// How many operations are in flight at once on a connection.
    fn per_turn(&self) -> u64;
    /// The bytes of `count` operations, at most `per_turn`.
    fn say<'a>(&'a self, state: &mut Self::State, count: u64) -> &'a [u8];
    /// Checks what came: how many operations it ended, and whether the connection is free for its next turn.
    fn hear(&self, state: &mut Self::State, bytes: &[u8]) -> Result<(u64, bool), String>;
}

/// Byte `i` of a connection's stream, `start` being different for each, is `(start + i) % 251`: a lost, doubled or swapped
/// byte, or one from another connection, does not match.
pub struct Echo {
    pattern: Vec<u8>,
    size: usize,
}

const PERIOD: usize = 251;

/// Where the connection's stream stands in the pattern, and how much of the message is still to come.
pub struct EchoState {
    said: usize,
    heard: usize,
    to_come: usize,
}

impl Echo {
    pub fn new(size: usize) -> Echo {
        Echo { pattern: (0..size + PERIOD).map(|i| (i % PERIOD) as u8).collect(), size }
    }
}

impl Talk for Echo {
    type State = EchoState;

    fn state(&self, number: usize) -> EchoState {
        let start = number % PERIOD;
        EchoState { said: start, heard: start, to_come: 0 }
    }

    fn per_turn(&self) -> u64 {
        1
    }

    fn say<'a>(&'a self, state: &mut EchoState, _: u64) -> &'a [u8] {
        let start = state.said;
        state.said = (start + self.size) % PERIOD;
        state.to_come = self.size;
        &self.pattern[start..start + self.size]
    }

    fn hear(&self, state: &mut EchoState, bytes: &[u8]) -> Result<(u64, bool), String> {
        if bytes.len() > state.to_come {
            return Err(format!("{} bytes came where {} were to come", bytes.len(), state.to_come));
        }
        if bytes != &self.pattern[state.heard..state.heard + bytes.len()] {
            return Err("other bytes came back than were sent".into());
        }
        state.heard = (state.heard + bytes.len()) % PERIOD;
        state.to_come -= bytes.len();
        let done = state.to_come == 0;
        Ok((u64::from(done), done))
    }
}

/// The same request over and over; each answer's status must be 200.
pub struct Http {
    requests: Vec<u8>,
    one: usize,
    depth: u64,
}

/// The beginning of an answer, and how many are to come.
#[derive(Default)]
pub struct HttpState {
    partial: Vec<u8>,
    to_come: u64,
}

impl Http {
    pub fn new(path: &str, depth: u64) -> Http {
        let request = format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n");
        Http { requests: request.repeat(depth as usize).into_bytes(), one: request.len(), depth }
    }
}

impl Talk for Http {
    type State = HttpState;

    fn state(&self, _: usize) -> HttpState {
        HttpState::default()
    }

    fn per_turn(&self) -> u64 {
        self.depth
    }

    fn say<'a>(&'a self, state: &mut HttpState, count: u64) -> &'a [u8] {
        state.to_come = count;
        &self.requests[..self.one * count as usize]
    }

    fn hear(&self, state: &mut HttpState, bytes: &[u8]) -> Result<(u64, bool), String> {
        let whole;
        let mut rest = if state.partial.is_empty() {
            bytes
        } else {
            whole = [&state.partial[..], bytes].concat();
            &whole[..]
        };
        let before = state.to_come;
        while let Some(used) = answer(rest)? {
            rest = &rest[used..];
            state.to_come = state.to_come.checked_sub(1).ok_or("more answers than requests")?;
        }
        state.partial = rest.to_vec();
        Ok((before - state.to_come, before > 0 && state.to_come == 0))
    }
}

/// The length of the answer that `bytes` begin with, if it is all there.
fn answer(bytes: &[u8]) -> Result<Option<usize>, String> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut headers);
    let head =
        match response.parse(bytes).map_err(|error| format!("not an HTTP answer: {error}"))? {
            httparse::Status::Partial => return Ok(None),
            httparse::Status::Complete(head) => head,
        };
    if response.code != Some(200) {
        return Err(format!("status {:?} where 200 was to come", response.code));
    }
    let length =
        response.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length =
        length.and_then(|header| std::str::from_utf8(header.value).ok()?.parse::<usize>().ok());
    let end = head + length.ok_or("an answer without a content-length")?;
    Ok((end <= bytes.len()).then_some(end))
}

#[cfg(test)]
mod tests {
    use super::{Echo, Http, Talk};

    #[test]
    fn an_echo_is_checked_byte_by_byte_and_message_by_message() {
        let echo = Echo::new(300);
        let mut state = echo.state(7);
        for _ in 0..3 {
            let said = echo.say(&mut state, 1).to_vec();
            assert_eq!(echo.hear(&mut state, &said[..100]), Ok((0, false)));
            assert_eq!(echo.hear(&mut state, &said[100..]), Ok((1, true)));
        }
        let mut said = echo.say(&mut state, 1).to_vec();
        said[5] ^= 1;
        assert!(echo.hear(&mut state, &said).is_err());
        assert!(Echo::new(1).hear(&mut echo.state(0), b"xx").is_err());
    }

    #[test]
    fn pipelined_answers_cut_anywhere_are_counted_once_each() {
        let http = Http::new("/", 2);
        let answers = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        for cut in 0..=answers.len() {
            let mut state = http.state(0);
            http.say(&mut state, 2);
            let (first, _) = http.hear(&mut state, &answers[..cut]).unwrap();
            let (second, _) = http.hear(&mut state, &answers[cut..]).unwrap();
            assert_eq!(first + second, 2, "cut at {cut}");
        }
        let mut state = http.state(0);
        http.say(&mut state, 1);
        assert!(
            http.hear(&mut state, b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").is_err()
        );
    }
}
