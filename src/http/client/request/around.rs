//! Who else looks at a request.

use super::ClientRequest;
use crate::http::client::middleware::{Chain, ClientMiddleware};

impl ClientRequest {
    /// Has this stand around it, further in than the session's middlewares.
    pub fn middleware(mut self, middleware: impl ClientMiddleware + 'static) -> Self {
        self.middlewares = self.middlewares.with(middleware);
        self
    }

    /// Without the session's middlewares, and those that were added before: what a middleware asks
    /// the same session for would come back to it. (`middlewares=()`)
    pub fn without_middlewares(mut self) -> Self {
        self.middlewares = Chain::default();
        self
    }

    /// With a value for whoever looks at it: middlewares and traces find it by its type.
    /// (`trace_request_ctx`)
    pub fn extension<T: 'static>(mut self, value: T) -> Self {
        self.extensions.insert(value);
        self
    }
}
