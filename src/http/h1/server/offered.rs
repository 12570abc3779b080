//! Which protocols a client would switch to.

use http::HeaderMap;
use http::header::UPGRADE;

use crate::http::h1::head::RequestHead;
use crate::http::h1::meaning::list;

/// The protocols that a request's `Upgrade` fields name.
#[derive(Debug)]
pub(super) struct Offered(Vec<Vec<u8>>);

impl Offered {
    #[cold]
    pub(super) fn by(head: &RequestHead) -> Box<Offered> {
        let fields = head.fields().iter().filter(|(name, _)| name.eq_ignore_ascii_case("upgrade"));
        let names = fields.flat_map(|(_, value)| list(value)).map(<[u8]>::to_vec);
        Box::new(Offered(names.collect()))
    }

    /// RFC 9110 §7.8: nothing is switched to that the request does not name.
    pub(super) fn has_all_of(&self, headers: &HeaderMap) -> bool {
        let has = |name: &[u8]| self.0.iter().any(|it| it.eq_ignore_ascii_case(name));
        headers.get_all(UPGRADE).iter().flat_map(|value| list(value.as_bytes())).all(has)
    }
}
