//! What there is of permessage-deflate without the feature `compression`: nobody who compresses.

use super::error::Fault;
use super::extensions::Extension;
use super::options::WebSocketOptions;

/// Never agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agreement {}

#[derive(Debug)]
pub(super) enum Inflater {}

#[derive(Debug)]
pub(super) enum Shrinker {}

pub(super) fn accept(_: &WebSocketOptions, _: &[Extension<'_>]) -> Option<(Agreement, String)> {
    None
}

pub(super) fn offer(_: &WebSocketOptions) -> Option<String> {
    None
}

pub(super) fn confirmed(
    _: &WebSocketOptions,
    extensions: &[Extension<'_>],
) -> Result<Option<Agreement>, String> {
    match extensions {
        [] => Ok(None),
        [first, ..] => {
            Err(format!("the server uses the extension {:?}, for which nobody asked", first.name))
        }
    }
}

impl Inflater {
    pub fn begin(&mut self) {
        match *self {}
    }

    pub fn is_under_way(&self) -> bool {
        match *self {}
    }

    pub fn inflate(&mut self, _: &[u8], _: bool, _: &mut Vec<u8>, _: usize) -> Result<(), Fault> {
        match *self {}
    }
}

impl Shrinker {
    pub fn frame(&mut self, _: &[u8], _: (bool, bool)) -> Option<Vec<u8>> {
        match *self {}
    }
}
