//! What a WebSocket carries.

use super::close::CloseFrame;

/// What was received. (`aiohttp.WSMessage`)
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A text. (`WSMsgType.TEXT`)
    Text(String),
    /// Bytes. (`WSMsgType.BINARY`)
    Binary(Vec<u8>),
    /// The peer asks whether we are there; at most 125 bytes. (`WSMsgType.PING`)
    Ping(Vec<u8>),
    /// It answers a ping of ours, or says that it is there; at most 125 bytes. (`WSMsgType.PONG`)
    Pong(Vec<u8>),
    /// It closes: nothing comes after this. (`WSMsgType.CLOSE`)
    Close(CloseFrame),
}
