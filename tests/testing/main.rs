//! Properties of evloop, proved with its own kit.

#[cfg(feature = "http")]
mod http;
#[cfg(feature = "http")]
mod http_client;
#[cfg(feature = "http")]
mod http_endings;
#[cfg(feature = "http")]
mod http_server;
mod pipes;
mod sync_properties;
mod task_properties;
#[cfg(feature = "workers")]
mod workers;
