//! Sets of bytes.

/// Whether `byte` may stand in a token (RFC 9110 §5.6.2).
pub(crate) fn is_token_byte(byte: u8) -> bool {
    const SET: [bool; 256] = alphanumeric_or(b"!#$%&'*+-.^_`|~");
    SET[byte as usize]
}

/// The set of ASCII letters, digits and `others`, as a table.
pub(crate) const fn alphanumeric_or(others: &[u8]) -> [bool; 256] {
    let mut set = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        set[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let mut at = 0;
    while at < others.len() {
        set[others[at] as usize] = true;
        at += 1;
    }
    set
}

/// Whether `byte` may stand in a field's value (RFC 9110 §5.5), blanks included.
pub(crate) fn is_field_byte(byte: u8) -> bool {
    matches!(byte, b'\t' | 0x20..=0x7e | 0x80..)
}
