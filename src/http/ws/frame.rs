//! A frame's head, read and written (RFC 6455 §5.2).
//!
//! ```text
//!  0               1               2               3
//! +-+-+-+-+-------+-+-------------+-------------------------------+
//! |F|R|R|R|opcode |M|   length    |  16 bits more, if it is 126   |
//! |I|S|S|S|       |A|             |  64 bits more, if it is 127   |
//! |N|V|V|V|       |S|             |                               |
//! | |1|2|3|       |K|             |                               |
//! +-+-+-+-+-------+-+-------------+ - - - - - - - - - - - - - - - +
//! |              4 bytes of masking key, if MASK                  |
//! +---------------------------------------------------------------+
//! ```

use super::close::CloseCode;
use super::error::Fault;

/// The longest head: two bytes, a length of eight, a key of four.
pub(super) const LONGEST_HEAD: usize = 14;

/// The most a control frame may carry (§5.5).
pub const CONTROL_PAYLOAD: usize = 125;

/// What a frame is (§5.2, §11.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opcode {
    /// More of the message under way.
    Continuation,
    /// A text message begins.
    Text,
    /// A binary message begins.
    Binary,
    /// The closing handshake.
    Close,
    /// Asks for a pong.
    Ping,
    /// Answers a ping, or says that one is there.
    Pong,
}

impl Opcode {
    /// The opcode of that number, unless it is reserved.
    pub fn from_number(number: u8) -> Option<Opcode> {
        Some(match number {
            0x0 => Opcode::Continuation,
            0x1 => Opcode::Text,
            0x2 => Opcode::Binary,
            0x8 => Opcode::Close,
            0x9 => Opcode::Ping,
            0xA => Opcode::Pong,
            _ => return None,
        })
    }

    /// Its number.
    pub fn number(self) -> u8 {
        match self {
            Opcode::Continuation => 0x0,
            Opcode::Text => 0x1,
            Opcode::Binary => 0x2,
            Opcode::Close => 0x8,
            Opcode::Ping => 0x9,
            Opcode::Pong => 0xA,
        }
    }

    /// Whether it is a control frame, which may come between the fragments of a message (§5.5).
    pub fn is_control(self) -> bool {
        self.number() & 0x8 != 0
    }
}

/// A frame's head: everything before its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Whether this is the last fragment of its message.
    pub fin: bool,
    /// RSV1: whether this begins a message that is compressed (RFC 7692 §6).
    pub compressed: bool,
    /// What the frame is.
    pub opcode: Opcode,
    /// The masking key, in a client's frames.
    pub mask: Option<[u8; 4]>,
    /// How long the payload is, in bytes.
    pub length: u64,
}

impl Head {
    /// Reads the head at the front of `bytes`: it and its length, or `None` while there are too
    /// few. `masked` is whether the sender has to mask, `deflate` whether it may compress. The bytes
    /// are looked at one after the other, so that a peer is refused at the same byte however they
    /// were cut.
    ///
    /// # Errors
    /// Whatever no correct peer sends: every one is 1002.
    pub fn read(bytes: &[u8], masked: bool, deflate: bool) -> Result<Option<(Head, usize)>, Fault> {
        let Some(&first) = bytes.first() else { return Ok(None) };
        let (fin, compressed, opcode) = read_first(first, deflate)?;
        let Some(&second) = bytes.get(1) else { return Ok(None) };
        let short = read_second(second, opcode, masked)?;
        let (length, at) = match short {
            126 => match bytes.get(2..4) {
                Some(more) => (read_number(more), 4),
                None => return Ok(None),
            },
            127 => match bytes.get(2..10) {
                Some(more) => (read_number(more), 10),
                None => return check_high_bit(bytes.get(2)),
            },
            short => (u64::from(short), 2),
        };
        check_length(length, short)?;
        if !masked {
            return Ok(Some((Head { fin, compressed, opcode, mask: None, length }, at)));
        }
        let Some(&[a, b, c, d]) = bytes.get(at..at + 4) else { return Ok(None) };
        Ok(Some((Head { fin, compressed, opcode, mask: Some([a, b, c, d]), length }, at + 4)))
    }

    /// Appends the head to `out`.
    pub fn write(&self, out: &mut Vec<u8>) {
        let bits = u8::from(self.fin) << 7 | u8::from(self.compressed) << 6;
        out.push(bits | self.opcode.number());
        let masked = u8::from(self.mask.is_some()) << 7;
        // §5.2: the shortest of the three forms.
        match self.length {
            0..=125 => out.push(masked | self.length as u8),
            126..=0xFFFF => {
                out.push(masked | 126);
                out.extend_from_slice(&(self.length as u16).to_be_bytes());
            }
            _ => {
                out.push(masked | 127);
                out.extend_from_slice(&self.length.to_be_bytes());
            }
        }
        if let Some(mask) = self.mask {
            out.extend_from_slice(&mask);
        }
    }
}

fn read_first(byte: u8, deflate: bool) -> Result<(bool, bool, Opcode), Fault> {
    let (fin, compressed) = (byte & 0x80 != 0, byte & 0x40 != 0);
    // §5.2: MUST be 0 unless an extension says otherwise; ours has the first (RFC 7692 §6).
    if byte & 0x30 != 0 || compressed && !deflate {
        return Err(bad("a frame has a reserved bit set; no extension was negotiated for it"));
    }
    // §5.2: an unknown opcode fails the connection.
    let Some(opcode) = Opcode::from_number(byte & 0x0F) else {
        return Err(bad(format!(
            "a frame has the reserved opcode 0x{:x}; there are 0, 1, 2, 8, 9 and a",
            byte & 0x0F
        )));
    };
    // §5.5: control frames MUST NOT be fragmented.
    if opcode.is_control() && !fin {
        return Err(bad("a control frame is fragmented; only data frames may be"));
    }
    // RFC 7692 §6.1: the first frame of a message says it for all of them.
    if compressed && !matches!(opcode, Opcode::Text | Opcode::Binary) {
        return Err(bad("RSV1, for compressed, is set in a frame that does not begin a message"));
    }
    Ok((fin, compressed, opcode))
}

/// The seven bits of length.
fn read_second(byte: u8, opcode: Opcode, masked: bool) -> Result<u8, Fault> {
    match (byte & 0x80 != 0, masked) {
        // §5.1: a server MUST close when a client does not mask.
        (false, true) => return Err(bad("a client's frame is not masked")),
        // §5.1: a client MUST close when a server masks.
        (true, false) => return Err(bad("a server's frame is masked")),
        _ => {}
    }
    let short = byte & 0x7F;
    // §5.5: control frames MUST have 125 bytes or less.
    if opcode.is_control() && usize::from(short) > CONTROL_PAYLOAD {
        return Err(bad("a control frame is longer than 125 bytes"));
    }
    Ok(short)
}

fn read_number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// The first byte of a long length may be wrong before the others have come.
fn check_high_bit(byte: Option<&u8>) -> Result<Option<(Head, usize)>, Fault> {
    match byte {
        Some(byte) if byte & 0x80 != 0 => Err(too_long()),
        _ => Ok(None),
    }
}

fn check_length(length: u64, short: u8) -> Result<(), Fault> {
    match (short, length) {
        // §5.2: the most significant bit MUST be 0.
        (127, _) if length >> 63 != 0 => Err(too_long()),
        // §5.2: the minimal number of bytes MUST be used.
        (126, 0..=125) | (127, 0..=0xFFFF) => {
            Err(bad(format!("a frame's length, {length}, is not written in the shortest way")))
        }
        _ => Ok(()),
    }
}

#[cold]
fn too_long() -> Fault {
    bad("a frame's length has its highest bit set")
}

#[cold]
fn bad(what: impl Into<std::borrow::Cow<'static, str>>) -> Fault {
    Fault::new(CloseCode::PROTOCOL_ERROR, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(head: Head) -> Vec<u8> {
        let mut out = Vec::new();
        head.write(&mut out);
        out
    }

    #[test]
    fn a_head_of_any_length_reads_as_it_was_written_and_not_before_it_is_complete() {
        for length in [0, 1, 125, 126, 127, 0xFFFF, 0x1_0000, u64::MAX >> 1] {
            for mask in [None, Some([1, 2, 3, 4])] {
                let fin = length % 2 == 0;
                let head = Head { fin, compressed: !fin, opcode: Opcode::Binary, mask, length };
                let bytes = written(head);
                assert!(bytes.len() <= LONGEST_HEAD);
                for cut in 0..bytes.len() {
                    assert_eq!(Head::read(&bytes[..cut], mask.is_some(), true), Ok(None));
                }
                assert_eq!(
                    Head::read(&bytes, mask.is_some(), true),
                    Ok(Some((head, bytes.len()))),
                    "{head:?}"
                );
            }
        }
    }

    #[test]
    fn every_head_that_the_rfc_forbids_is_1002_and_says_what_is_wrong() {
        for (bytes, masked, what) in [
            (&[0xC1][..], false, "reserved bit"),
            (&[0xA1], false, "reserved bit"),
            (&[0x91], false, "reserved bit"),
            (&[0x83], false, "opcode 0x3"),
            (&[0x8F], false, "opcode 0xf"),
            (&[0x09], false, "fragmented"),
            (&[0x81, 0x00], true, "not masked"),
            (&[0x81, 0x80], false, "is masked"),
            (&[0x88, 126], false, "125 bytes"),
            (&[0x81, 126, 0, 125], false, "125, is not written in the shortest"),
            (&[0x81, 127, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF], false, "65535, is not"),
            (&[0x81, 127, 0x80], false, "highest bit"),
        ] {
            let fault = Head::read(bytes, masked, false).unwrap_err();
            assert_eq!(fault.code(), CloseCode::PROTOCOL_ERROR);
            assert!(fault.what().contains(what), "{bytes:02x?}: {fault}");
            let before = &bytes[..bytes.len() - 1];
            assert_eq!(
                Head::read(before, masked, false),
                Ok(None),
                "{bytes:02x?} was refused too soon"
            );
        }
    }

    #[test]
    fn the_opcodes_are_those_of_the_registry() {
        let known: Vec<u8> = (0..16).filter(|it| Opcode::from_number(*it).is_some()).collect();
        assert_eq!(known, [0, 1, 2, 8, 9, 10]);
        for number in known {
            let opcode = Opcode::from_number(number).unwrap();
            assert_eq!((opcode.number(), opcode.is_control()), (number, number >= 8));
        }
    }
}
