//! Properties of evloop, proved with its own kit.

mod task_properties;
mod workers;
