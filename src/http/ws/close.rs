//! How a WebSocket ends: codes and reasons (RFC 6455 §5.5.1, §7.4).

use std::fmt;

use super::error::Fault;

/// Why a WebSocket was closed, as a number (§7.4). (`aiohttp.WSCloseCode`)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CloseCode(u16);

impl CloseCode {
    /// 1000: what it was for is done.
    pub const NORMAL: CloseCode = CloseCode(1000);
    /// 1001: a server goes down, or a browser leaves the page. (`GOING_AWAY`)
    pub const GOING_AWAY: CloseCode = CloseCode(1001);
    /// 1002: the peer broke the protocol.
    pub const PROTOCOL_ERROR: CloseCode = CloseCode(1002);
    /// 1003: a message of a kind that cannot be used. (`UNSUPPORTED_DATA`)
    pub const UNSUPPORTED: CloseCode = CloseCode(1003);
    /// 1005, which is never sent: the peer's Close carried no code.
    pub const NO_STATUS: CloseCode = CloseCode(1005);
    /// 1006, which is never sent: the connection ended without a Close. (`ABNORMAL_CLOSURE`)
    pub const ABNORMAL: CloseCode = CloseCode(1006);
    /// 1007: text that is not UTF-8. (`INVALID_TEXT`)
    pub const INVALID_TEXT: CloseCode = CloseCode(1007);
    /// 1008: against the policy of the one who closes. (`POLICY_VIOLATION`)
    pub const POLICY: CloseCode = CloseCode(1008);
    /// 1009: a message too big to take. (`MESSAGE_TOO_BIG`)
    pub const TOO_BIG: CloseCode = CloseCode(1009);
    /// 1010: the client wanted an extension that the server did not grant.
    pub const MANDATORY_EXTENSION: CloseCode = CloseCode(1010);
    /// 1011: the server failed. (`INTERNAL_ERROR`)
    pub const INTERNAL_ERROR: CloseCode = CloseCode(1011);
    /// 1012: the service restarts.
    pub const SERVICE_RESTART: CloseCode = CloseCode(1012);
    /// 1013: try again later.
    pub const TRY_AGAIN_LATER: CloseCode = CloseCode(1013);
    /// 1014: a gateway got no good answer.
    pub const BAD_GATEWAY: CloseCode = CloseCode(1014);

    /// The code of that number, one's own (4000 to 4999) for example. Whether it can be sent is
    /// [another question](CloseCode::can_be_sent).
    pub const fn new(number: u16) -> CloseCode {
        CloseCode(number)
    }

    /// Its number.
    pub const fn number(self) -> u16 {
        self.0
    }

    /// Whether a Close may carry it: those that the RFC or its registry define, but for the ones
    /// that are never on the wire (1004, 1005, 1006, 1015), and 3000 to 4999 for libraries and
    /// applications (§7.4.1, §7.4.2).
    pub const fn can_be_sent(self) -> bool {
        matches!(self.0, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }

    fn meaning(self) -> &'static str {
        match self.0 {
            1000 => "normal closure",
            1001 => "going away",
            1002 => "protocol error",
            1003 => "unsupported data",
            1005 => "no status",
            1006 => "abnormal closure",
            1007 => "invalid text",
            1008 => "policy violation",
            1009 => "message too big",
            1010 => "mandatory extension",
            1011 => "internal error",
            1012 => "service restart",
            1013 => "try again later",
            1014 => "bad gateway",
            3000..=3999 => "registered",
            4000..=4999 => "the application's",
            _ => "reserved",
        }
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, self.meaning())
    }
}

impl PartialEq<u16> for CloseCode {
    fn eq(&self, number: &u16) -> bool {
        self.0 == *number
    }
}

/// What a Close says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseFrame {
    /// Why; [`NO_STATUS`](CloseCode::NO_STATUS) if it does not say.
    pub code: CloseCode,
    /// Why, in words for whoever debugs this; may be empty.
    pub reason: String,
}

impl CloseFrame {
    /// What the payload of a received Close says.
    pub(super) fn read(payload: &[u8]) -> Result<CloseFrame, Fault> {
        let bad = |what: String| Fault::new(CloseCode::PROTOCOL_ERROR, what);
        let (code, reason) = match payload {
            // §7.1.5
            [] => return Ok(CloseFrame { code: CloseCode::NO_STATUS, reason: String::new() }),
            // §5.5.1: if there is a body, its first two bytes MUST be a code.
            [_] => {
                return Err(bad("a Close carries one byte; it is none, or a code of two".into()));
            }
            [high, low, reason @ ..] => (CloseCode(u16::from_be_bytes([*high, *low])), reason),
        };
        // §7.4.1, §7.4.2
        if !code.can_be_sent() {
            return Err(bad(format!("a Close carries the code {}, which is never sent", code.0)));
        }
        // §5.5.1, §8.1
        let Ok(reason) = std::str::from_utf8(reason) else {
            return Err(Fault::new(CloseCode::INVALID_TEXT, "a Close's reason is not UTF-8"));
        };
        Ok(CloseFrame { code, reason: reason.to_owned() })
    }

    /// The payload of the Close that says this.
    pub(super) fn payload(code: CloseCode, reason: &str) -> Vec<u8> {
        match code {
            CloseCode::NO_STATUS => Vec::new(),
            CloseCode(number) => [&number.to_be_bytes()[..], reason.as_bytes()].concat(),
        }
    }
}

impl fmt::Display for CloseFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason[..] {
            "" => self.code.fmt(f),
            reason => write!(f, "{}: {reason}", self.code),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_close_says_reads_as_it_was_written() {
        for (code, reason) in [(1000, ""), (1011, "w\u{e9}"), (4999, "x"), (1005, "")] {
            let payload = CloseFrame::payload(CloseCode(code), reason);
            let read = CloseFrame::read(&payload).unwrap();
            assert_eq!((read.code.number(), &read.reason[..]), (code, reason));
        }
    }

    #[test]
    fn codes_that_must_not_be_on_the_wire_are_refused() {
        for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535] {
            let payload = u16::to_be_bytes(code);
            let fault = CloseFrame::read(&payload).unwrap_err();
            assert_eq!(fault.code(), CloseCode::PROTOCOL_ERROR, "{code}");
        }
        for code in [1000, 1001, 1002, 1003, 1007, 1011, 1014, 3000, 3999, 4000, 4999] {
            assert!(CloseFrame::read(&u16::to_be_bytes(code)).is_ok(), "{code}");
        }
    }

    #[test]
    fn a_close_of_one_byte_or_with_a_broken_reason_is_refused() {
        assert_eq!(CloseFrame::read(&[3]).unwrap_err().code(), 1002);
        assert_eq!(CloseFrame::read(&[3, 232, 0xFF]).unwrap_err().code(), 1007);
    }
}
