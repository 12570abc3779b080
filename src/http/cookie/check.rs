//! Whether a cookie can be sent, and browsers will keep it.

use super::{Cookie, MOST_ATTRIBUTE_BYTES, MOST_BYTES, SameSite};

impl Cookie {
    /// Whether it can be sent, and browsers will keep it.
    ///
    /// # Errors
    ///
    /// What is wrong, and what would be right.
    pub fn check(&self) -> Result<(), &'static str> {
        self.check_pair()?;
        self.check_attributes()?;
        self.check_promises()
    }

    fn check_pair(&self) -> Result<(), &'static str> {
        if self.name.is_empty() || !self.name.bytes().all(is_token_byte) {
            return Err("a cookie's name is not a token: letters, digits and -_.!#$%&'*+^`|~");
        }
        let value = self.value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        if !value.unwrap_or(&self.value).bytes().all(is_value_byte) {
            return Err(
                "a cookie's value has a blank, a quote, a comma, a semicolon, a backslash, \
                        or what is not ASCII; encode it with url::encode",
            );
        }
        if self.name.len() + self.value.len() > MOST_BYTES {
            return Err("a cookie's name and value exceed 4096 bytes, which browsers drop");
        }
        Ok(())
    }

    fn check_attributes(&self) -> Result<(), &'static str> {
        let domain = self.domain.as_deref();
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
        if domain.is_some_and(|it| it.is_empty() || !it.bytes().all(is_host)) {
            return Err("a cookie's domain is not a host name; write example.org");
        }
        let is_path = |byte: u8| matches!(byte, b' '..=b':' | b'<'..=b'~');
        if !self.path.starts_with('/') || !self.path.bytes().all(is_path) {
            return Err("a cookie's path does not begin with /, or has a semicolon, a control \
                        character or what is not ASCII");
        }
        if domain.map_or(0, str::len).max(self.path.len()) > MOST_ATTRIBUTE_BYTES {
            return Err("a cookie's path or domain exceeds 1024 bytes, which browsers pass over");
        }
        Ok(())
    }

    /// What browsers ask of a cookie that promises something (§4.1.3, §5.7).
    fn check_promises(&self) -> Result<(), &'static str> {
        let begins = |prefix: &str| {
            let head = self.name.get(..prefix.len());
            head.is_some_and(|head| head.eq_ignore_ascii_case(prefix))
        };
        if self.same_site == Some(SameSite::None) && !self.secure {
            return Err("a cookie with SameSite=None is not secure, and browsers drop it");
        }
        if self.partitioned && !self.secure {
            return Err("a partitioned cookie is not secure, and browsers drop it");
        }
        if begins("__Secure-") && !self.secure {
            return Err("a cookie named __Secure-… is not secure, and browsers drop it");
        }
        if begins("__Host-") && (!self.secure || self.domain.is_some() || self.path != "/") {
            return Err("a cookie named __Host-… must be secure, of the path / and of no domain");
        }
        Ok(())
    }
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// `cookie-octet` (RFC 6265 §4.1.1).
fn is_value_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"\",;\\".contains(&byte)
}
