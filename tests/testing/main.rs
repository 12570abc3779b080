//! Properties of evloop, proved with its own kit.

mod pipes;
mod sync_properties;
mod task_properties;
#[cfg(feature = "workers")]
mod workers;
