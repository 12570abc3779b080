//! URLs as they are given.

use crate::http::client::error::ClientError;
use crate::http::url::{Url, is_absolute};

/// What can be taken for a URL: a text (a `String` by reference) or a [`Url`].
pub trait IntoUrl {
    /// It, not looked at yet.
    fn into_url(self) -> GivenUrl;
}

/// A URL as it was given: [`IntoUrl`].
pub struct GivenUrl(Given);

enum Given {
    Text(String),
    Url(Url),
}

impl GivenUrl {
    /// The URL, relative to `base` if it is not absolute.
    pub(in crate::http::client) fn resolve(self, base: Option<&Url>) -> Result<Url, ClientError> {
        Ok(match (self.0, base) {
            (Given::Url(url), _) => url,
            (Given::Text(text), Some(base)) if !is_absolute(&text) => base.join(&text)?,
            (Given::Text(text), _) => text.parse()?,
        })
    }
}

macro_rules! into_url {
    ($($type:ty, $given:ident, $own:ident;)*) => {
        $(impl IntoUrl for $type {
            fn into_url(self) -> GivenUrl {
                GivenUrl(Given::$given(self.$own()))
            }
        })*
    };
}

into_url! {
    &str, Text, to_owned;
    &String, Text, to_owned;
    &Url, Url, to_owned;
    Url, Url, into;
}
