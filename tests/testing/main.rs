//! Properties of evloop, proved with its own kit.

mod pipes;
mod task_properties;
