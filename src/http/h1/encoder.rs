//! Bodies as bytes: by their length, in chunks, up to the connection's end.

/// How long a body will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// So many bytes.
    Known(u64),
    /// Nobody knows yet: chunked under HTTP/1.1, until close under HTTP/1.0.
    Unknown,
}

/// Puts one body onto the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
#[repr(u8)] // a tag of its own: read with one load, on every event
pub enum Encoder {
    /// So many bytes are still due.
    Length(u64),
    /// In chunks.
    Chunked,
    /// As it is; the end of the connection ends it.
    UntilClose,
    /// The message has no body, whatever its head says (HEAD, 204, 304): bytes are dropped.
    Nothing,
}

impl Encoder {
    /// Appends `data`. Empty data is nothing: an empty chunk would end the body.
    ///
    /// # Errors
    /// It is more than `Content-Length` promised. Nothing was appended.
    pub fn data(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<(), &'static str> {
        match self {
            Encoder::Length(left) => {
                let after = left.checked_sub(data.len() as u64);
                *left = after.ok_or("more body was sent than Content-Length promised")?;
                out.extend_from_slice(data);
            }
            Encoder::Chunked if !data.is_empty() => {
                push_hex(out, data.len());
                out.extend_from_slice(b"\r\n");
                out.extend_from_slice(data);
                out.extend_from_slice(b"\r\n");
            }
            Encoder::UntilClose => out.extend_from_slice(data),
            Encoder::Chunked | Encoder::Nothing => {}
        }
        Ok(())
    }

    /// Notes that so many bytes of the body went another way.
    ///
    /// # Errors
    /// It is more than `Content-Length` promised, or the body is chunked: whoever sends it
    /// elsewhere writes no chunks.
    pub fn sent_elsewhere(&mut self, count: u64) -> Result<(), &'static str> {
        match self {
            Encoder::Length(left) => {
                let after = left.checked_sub(count);
                *left = after.ok_or("more body was sent than Content-Length promised")?;
            }
            Encoder::Chunked => return Err("a body in chunks was sent without them"),
            Encoder::UntilClose | Encoder::Nothing => {}
        }
        Ok(())
    }

    /// Appends what ends the body.
    ///
    /// # Errors
    /// It is less than `Content-Length` promised.
    pub fn end(&self, out: &mut Vec<u8>) -> Result<(), &'static str> {
        match self {
            Encoder::Length(0) | Encoder::UntilClose | Encoder::Nothing => Ok(()),
            Encoder::Length(_) => Err("less body was sent than Content-Length promised"),
            Encoder::Chunked => {
                out.extend_from_slice(b"0\r\n\r\n");
                Ok(())
            }
        }
    }
}

fn push_hex(out: &mut Vec<u8>, mut number: usize) {
    let mut digits = [0; 16];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b"0123456789abcdef"[number % 16];
        number /= 16;
        if number == 0 {
            return out.extend_from_slice(&digits[at..]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_in_hexadecimal_as_the_standard_library_writes_them() {
        for number in [0, 9, 15, 16, 255, 4096, usize::MAX] {
            let mut out = Vec::new();
            push_hex(&mut out, number);
            assert_eq!(String::from_utf8(out).unwrap(), format!("{number:x}"));
        }
    }
}
