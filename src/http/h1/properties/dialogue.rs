//! A client and a server joined by two wires that cut what they carry, and may break.
//!
//! Who does what next is drawn: either side says its next piece, either wire delivers some bytes. So
//! answers come before a request is through, bodies go both ways at once, and the connection ends
//! anywhere. What must be so in all of it: each side hears a beginning of what the other said, all
//! of it if it hears the end; neither ever blames the other while the wires hold; and both come to an
//! end, ready for another exchange or closed.

use http::{HeaderMap, HeaderValue, Method, StatusCode};

use super::super::{
    ClientConnection, Error, Event, Length, OutgoingRequest, OutgoingResponse, ServerConnection,
    Shared,
};
use super::choices::Choices;

/// What one side says in an exchange, and how far it has come.
#[derive(Debug, Default)]
struct Speech {
    body: Vec<u8>,
    /// Whether the length is told beforehand.
    known: bool,
    begun: bool,
    said: usize,
    ended: bool,
}

impl Speech {
    fn drawn(choices: &mut Choices<'_>) -> Speech {
        Speech { body: choices.bytes(60, |_| true), known: choices.once_in(2), ..Speech::default() }
    }

    fn length(&self) -> Length {
        if self.known { Length::Known(self.body.len() as u64) } else { Length::Unknown }
    }

    /// The next piece of the body, none at its end.
    fn piece(&mut self, choices: &mut Choices<'_>) -> &[u8] {
        let start = self.said;
        self.said = (start + 1 + choices.below(20)).min(self.body.len());
        &self.body[start..self.said]
    }
}

/// What one side has heard in an exchange.
#[derive(Debug, Default)]
struct Hearing {
    head: bool,
    body: Vec<u8>,
    ended: bool,
    /// The wire broke, or nothing more will come.
    over: bool,
}

/// Bytes on their way in one direction.
#[derive(Debug, Default)]
struct Wire {
    bytes: Vec<u8>,
    closed: bool,
    /// The end was delivered.
    told: bool,
}

struct Dialogue<'a> {
    choices: Choices<'a>,
    client: ClientConnection,
    server: ServerConnection,
    up: Wire,
    down: Wire,
    request: Speech,
    response: Speech,
    method: Method,
    status: StatusCode,
    to_server: Hearing,
    to_client: Hearing,
    /// The wires broke.
    broken: bool,
    expect: bool,
    close: bool,
}

/// Exchanges drawn from `bytes` come to their end as the module says.
pub fn client_and_server_understand_each_other_over_wires(bytes: &[u8]) {
    let shared = Shared::default();
    let mut dialogue = Dialogue {
        choices: Choices::new(bytes),
        client: ClientConnection::new(&shared),
        server: ServerConnection::new(&shared),
        up: Wire::default(),
        down: Wire::default(),
        request: Speech::default(),
        response: Speech::default(),
        method: Method::GET,
        status: StatusCode::OK,
        to_server: Hearing::default(),
        to_client: Hearing::default(),
        broken: false,
        expect: false,
        close: false,
    };
    for _ in 0..3 {
        if !dialogue.exchange() {
            return;
        }
    }
}

impl Dialogue<'_> {
    /// One exchange; whether another may follow.
    fn exchange(&mut self) -> bool {
        self.begin();
        // Far more steps than there are bytes to deliver.
        for _ in 0..4000 {
            self.step();
            if self.is_over() {
                break;
            }
        }
        self.check_the_end();
        self.client.is_reusable() && self.server.is_idle() && !self.server.must_close()
    }

    fn begin(&mut self) {
        let methods = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::OPTIONS];
        self.method = methods[self.choices.below(methods.len())].clone();
        let status = self.choices.one(&[200u16, 204, 304, 404, 500]);
        self.status = StatusCode::from_u16(status).expect("a status");
        self.request = Speech::drawn(&mut self.choices);
        self.response = Speech::drawn(&mut self.choices);
        self.expect = !self.request.body.is_empty() && self.choices.once_in(4);
        self.close = self.choices.once_in(6);
        self.to_server = Hearing::default();
        self.to_client = Hearing::default();
    }

    fn step(&mut self) {
        match self.choices.below(9) {
            // Deliveries come first, so that all ends when no choice is left.
            0 | 1 => self.deliver_up(),
            2 | 3 => self.deliver_down(),
            4 | 5 => self.client_speaks(),
            6 | 7 => self.server_speaks(),
            _ if self.choices.once_in(30) => self.break_off(),
            _ => {}
        }
        if self.choices.is_empty() {
            self.client_speaks();
            self.server_speaks();
            self.deliver_up();
            self.deliver_down();
        }
    }

    fn client_speaks(&mut self) {
        let speech = &mut self.request;
        let out = &mut self.up.bytes;
        if self.up.closed || speech.ended || self.to_client.over {
            return;
        }
        let done = if !speech.begun {
            speech.begun = true;
            let mut headers = HeaderMap::new();
            if self.expect {
                headers.insert("expect", HeaderValue::from_static("100-continue"));
            }
            if self.close {
                headers.insert("connection", HeaderValue::from_static("close"));
            }
            if self.method == Method::OPTIONS {
                headers.insert("content-type", HeaderValue::from_static("text/plain"));
            }
            let head = OutgoingRequest {
                method: &self.method,
                target: if self.method == Method::OPTIONS { "*" } else { "/a?b" },
                host: "h",
                headers: &headers,
            };
            self.client.send_request(out, &head, speech.length())
        } else if speech.said < speech.body.len() {
            let piece = speech.piece(&mut self.choices).to_vec();
            self.client.send_data(out, &piece)
        } else {
            speech.ended = true;
            self.client.end_of_message(out)
        };
        done.expect("what is said is right");
    }

    fn server_speaks(&mut self) {
        if self.down.closed || !self.to_server.head || self.response.ended || self.to_server.over {
            return;
        }
        let out = &mut self.down.bytes;
        let speech = &mut self.response;
        let done = if !speech.begun {
            if self.choices.once_in(2) && !self.to_server.ended {
                self.server.send_continue(out);
                return; // It answers later.
            }
            speech.begun = true;
            let head = OutgoingResponse {
                status: self.status,
                content_type: None,
                headers: &HeaderMap::new(),
                date: None,
            };
            self.server.send_response(out, &head, speech.length())
        } else if speech.said < speech.body.len() {
            let piece = speech.piece(&mut self.choices).to_vec();
            self.server.send_data(out, &piece)
        } else {
            speech.ended = true;
            self.server.end_of_message(out)
        };
        done.expect("what is said is right");
        if self.server.must_close() {
            self.down.closed = true;
        }
    }

    fn deliver_up(&mut self) {
        let count = (1 + self.choices.below(50)).min(self.up.bytes.len());
        let piece: Vec<u8> = self.up.bytes.drain(..count).collect();
        let (server, hearing) = (&mut self.server, &mut self.to_server);
        let mut input = &piece[..];
        while !hearing.over {
            match server.receive(input) {
                Ok((used, event)) => {
                    input = &input[used..];
                    if !hearing.hears(event, &self.request.body) {
                        break;
                    }
                }
                Err(error) => return self.blamed(error),
            }
        }
        // What is left was offered to a connection that is paused or has had its last request.
        let left = input.to_vec();
        self.up.bytes.splice(..0, left);
        if self.up.closed && self.up.bytes.is_empty() && !self.up.told {
            self.up.told = true;
            if let Err(error) = self.server.receive_eof() {
                return self.blamed(error);
            }
            self.to_server.over = self.broken;
        }
    }

    fn deliver_down(&mut self) {
        let count = (1 + self.choices.below(50)).min(self.down.bytes.len());
        let piece: Vec<u8> = self.down.bytes.drain(..count).collect();
        let (client, hearing) = (&mut self.client, &mut self.to_client);
        let mut input = &piece[..];
        while !hearing.over && hearing.expects() {
            match client.receive(input) {
                Ok((used, event)) => {
                    input = &input[used..];
                    if !hearing.hears(event, &self.response.body) {
                        break;
                    }
                }
                Err(error) => return self.blamed(error),
            }
        }
        let left = input.to_vec();
        self.down.bytes.splice(..0, left);
        if self.down.closed && self.down.bytes.is_empty() && !self.down.told {
            self.down.told = true;
            match self.client.receive_eof() {
                Ok(Event::EndOfMessage) => self.to_client.ended = true,
                Ok(_) => {}
                Err(error) => return self.blamed(error),
            }
            self.to_client.over = true;
        }
    }

    /// The network fails: what is under way in either direction is cut somewhere.
    fn break_off(&mut self) {
        self.broken = true;
        for wire in [&mut self.up, &mut self.down] {
            let keep = self.choices.below(256).min(wire.bytes.len());
            wire.bytes.truncate(keep);
            wire.closed = true;
        }
    }

    /// One side says that the other broke the protocol, which neither does: the wires did.
    fn blamed(&mut self, error: Error) {
        assert!(self.broken, "{error}");
        assert!(error.is_theirs(), "{error}");
        self.to_server.over = true;
        self.to_client.over = true;
    }

    fn is_over(&self) -> bool {
        let both = self.request.ended && self.response.ended;
        let heard = self.to_server.ended && self.to_client.ended;
        let gone = self.up.bytes.is_empty() && self.down.bytes.is_empty();
        both && heard && gone && (!self.down.closed || self.down.told)
            || self.to_client.over
            || self.to_server.over
    }

    fn check_the_end(&mut self) {
        assert!(self.is_over(), "the dialogue does not end: {:?} {:?}", self.server, self.client);
        let until_close = matches!(self.response, Speech { known: false, .. });
        let bodiless = self.method == Method::HEAD || matches!(self.status.as_u16(), 204 | 304);
        if self.to_server.ended {
            assert_eq!(self.to_server.body, self.request.body);
        }
        if self.to_client.ended && !(self.broken && until_close) {
            let expected: &[u8] = if bodiless { b"" } else { &self.response.body };
            assert_eq!(self.to_client.body, expected);
        }
        if !self.broken {
            let ended = self.to_client.ended;
            assert!(ended, "the answer's end was not heard: {:?}", self.client);
            let lives = self.client.is_reusable() || self.server.is_idle();
            assert!(!(lives && self.close), "a connection outlives its close");
        }
    }
}

impl Hearing {
    /// Whether more of this exchange may come.
    fn expects(&self) -> bool {
        !self.ended
    }

    /// Notes an event; whether another may be asked for.
    fn hears<H>(&mut self, event: Event<'_, H>, all: &[u8]) -> bool {
        match event {
            Event::Head(_) => {
                assert!(!self.head, "two heads in one exchange");
                self.head = true;
            }
            Event::Informational(_) => assert!(!self.head, "100 after the answer"),
            Event::Data(data) => {
                assert!(self.head && !self.ended);
                self.body.extend_from_slice(data);
                assert!(all.starts_with(&self.body), "a body that nobody sent");
            }
            Event::EndOfMessage => {
                assert!(self.head && !self.ended);
                self.ended = true;
                return false;
            }
            _ => return false,
        }
        true
    }
}
