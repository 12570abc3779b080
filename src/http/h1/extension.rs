//! Chunk extensions (RFC 9112 §7.1.1): ignored, but not whatever they look like.
//!
//! An extension that two programs end at different bytes hides a chunk from one of them, so a server
//! takes what the grammar has and nothing else: `;name`, `;name=token`, `;name="quoted \" string"`,
//! with blanks around `;` and `=` (RFC 9110 §5.6.3 has a recipient take those).
//!
//! ```text
//! from         blank        token        =            ;            "            \            other        ends
//! BeforeName   BeforeName   Name         –            –            –            –            –            no
//! Name         AfterName    Name         BeforeValue  BeforeName   –            –            –            yes
//! AfterName    AfterName    –            BeforeValue  BeforeName   –            –            –            no
//! BeforeValue  BeforeValue  Value        –            –            Quoted       –            –            no
//! Value        AfterValue   Value        –            BeforeName   –            –            –            yes
//! Quoted       Quoted       Quoted       Quoted       Quoted       Unquoted     Escaped      Quoted       no
//! Escaped      Quoted       Quoted       Quoted       Quoted       Quoted       Quoted       Quoted       no
//! Unquoted     AfterValue   –            –            BeforeName   –            –            –            yes
//! AfterValue   AfterValue   –            –            BeforeName   –            –            –            no
//! ```
//!
//! `other` is what may stand in a field's value besides; control characters lead nowhere. The last
//! column says whether the line may end there: blanks have to be followed by something.

use super::bytes::{is_field_byte, is_token_byte};

/// Where in the extensions of one chunk the decoder stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extension {
    /// After a semicolon.
    BeforeName,
    /// In a name.
    Name,
    /// After a name and a blank.
    AfterName,
    /// After an equals sign.
    BeforeValue,
    /// In a value that is a token.
    Value,
    /// In a value that is a quoted string.
    Quoted,
    /// After a backslash in there.
    Escaped,
    /// After the closing quote.
    Unquoted,
    /// After a value and a blank.
    AfterValue,
}

impl Extension {
    /// Where `byte` leads, or `None` if it may not stand there.
    pub(super) fn next(self, byte: u8) -> Option<Extension> {
        use Extension as E;
        Some(match (self, byte) {
            (_, byte) if !is_field_byte(byte) => return None,
            (E::Quoted, b'"') => E::Unquoted,
            (E::Quoted, b'\\') => E::Escaped,
            (E::Quoted | E::Escaped, _) => E::Quoted,
            (E::BeforeName, b' ' | b'\t') => E::BeforeName,
            (E::BeforeValue, b' ' | b'\t') => E::BeforeValue,
            (E::BeforeValue, b'"') => E::Quoted,
            (E::Name | E::AfterName, b' ' | b'\t') => E::AfterName,
            (E::Name | E::AfterName, b'=') => E::BeforeValue,
            (E::Value | E::Unquoted | E::AfterValue, b' ' | b'\t') => E::AfterValue,
            (E::Name | E::AfterName | E::Value | E::Unquoted | E::AfterValue, b';') => {
                E::BeforeName
            }
            (E::BeforeName | E::Name, byte) if is_token_byte(byte) => E::Name,
            (E::BeforeValue | E::Value, byte) if is_token_byte(byte) => E::Value,
            _ => return None,
        })
    }

    /// Whether the line may end here.
    pub(super) fn may_end(self) -> bool {
        matches!(self, Extension::Name | Extension::Value | Extension::Unquoted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_extensions_is_true() {
        use Extension as E;
        let states = [
            E::BeforeName,
            E::Name,
            E::AfterName,
            E::BeforeValue,
            E::Value,
            E::Quoted,
            E::Escaped,
            E::Unquoted,
            E::AfterValue,
        ];
        let columns = ["blank", "token", "=", ";", "\"", "\\", "other", "ends"];
        let line = |first: &str, cells: Vec<String>| {
            let cells: String = cells.iter().map(|it| format!("{it:<13}")).collect();
            format!("//! {}\n", format!("{first:<13}{cells}").trim_end())
        };
        let mut table = line("from", columns.map(String::from).to_vec());
        for state in states {
            let cell = |byte| state.next(byte).map_or("–".to_owned(), |it| format!("{it:?}"));
            let mut cells: Vec<String> = b" a=;\"\\(".iter().map(|byte| cell(*byte)).collect();
            cells.push(if state.may_end() { "yes" } else { "no" }.to_owned());
            table += &line(&format!("{state:?}"), cells);
        }
        assert!(include_str!("extension.rs").contains(&table), "the docs want:\n{table}");
    }

    #[test]
    fn bytes_of_one_column_lead_to_the_same_place() {
        use Extension as E;
        for state in [E::BeforeName, E::Name, E::BeforeValue, E::Value, E::Quoted, E::AfterValue] {
            for (byte, like) in [(b'\t', b' '), (b'!', b'a'), (b'{', b'('), (0xff, b'(')] {
                assert_eq!(state.next(byte), state.next(like), "{state:?} {byte}");
            }
            for control in [0, b'\n', b'\r', 0x1f, 0x7f] {
                assert_eq!(state.next(control), None, "{state:?} {control}");
            }
        }
    }
}
