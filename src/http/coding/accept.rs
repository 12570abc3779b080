//! Which coding a client would rather have (RFC 9110 §12.5.3).

use http::HeaderMap;
use http::header::ACCEPT_ENCODING;

/// A coding in which something may be had beside the plain one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Offer {
    Brotli,
    Gzip,
    #[cfg(feature = "compression")]
    Deflate,
}

/// What a client accepts, in thousandths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::http) struct Accepted {
    brotli: u16,
    gzip: u16,
    #[cfg(feature = "compression")]
    deflate: u16,
    plain: u16,
}

impl Accepted {
    /// Without the field, nothing is asked for, and the plain one is what everybody understands.
    pub fn of(headers: &HeaderMap) -> Accepted {
        let values = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|it| it.to_str().ok());
        let (mut brotli, mut gzip, mut plain, mut others) = (None, None, None, 0);
        #[cfg(feature = "compression")]
        let mut deflate = None;
        for element in values.flat_map(|value| value.split(',')) {
            let (name, weight) = element.split_once(';').unwrap_or((element, ""));
            let weight = quality(weight);
            match &name.trim().to_ascii_lowercase()[..] {
                "br" => brotli = Some(weight),
                // RFC 9110 §8.4.1.3: the same.
                "gzip" | "x-gzip" => gzip = Some(weight),
                #[cfg(feature = "compression")]
                "deflate" => deflate = Some(weight),
                "identity" => plain = Some(weight),
                "*" => others = weight,
                _ => {}
            }
        }
        Accepted {
            brotli: brotli.unwrap_or(others),
            gzip: gzip.unwrap_or(others),
            #[cfg(feature = "compression")]
            deflate: deflate.unwrap_or(others),
            // Acceptable if it is not named, but what is named is preferred.
            plain: plain.unwrap_or(0),
        }
    }

    /// The first of `offers` that is wanted most; `None` for the plain one.
    pub fn best<T: Copy + Into<Offer>>(self, offers: impl IntoIterator<Item = T>) -> Option<T> {
        let mut best = (None, self.plain);
        for offer in offers {
            let weight = match offer.into() {
                Offer::Brotli => self.brotli,
                Offer::Gzip => self.gzip,
                #[cfg(feature = "compression")]
                Offer::Deflate => self.deflate,
            };
            let is_first = best.0.is_none() && weight == best.1;
            if weight > best.1 || weight > 0 && is_first {
                best = (Some(offer), weight);
            }
        }
        best.0
    }
}

/// `q=0.5` as 500; 1 if it is not there or malformed (§12.4.2).
fn quality(parameter: &str) -> u16 {
    let text = parameter.trim().strip_prefix(['q', 'Q']).map(str::trim_start);
    let text = text.and_then(|text| text.strip_prefix('=')).map(str::trim_start);
    let Some((whole, digits)) = text.map(|text| text.split_once('.').unwrap_or((text, ""))) else {
        return 1000;
    };
    let well_formed = digits.len() <= 3 && digits.bytes().all(|byte| byte.is_ascii_digit());
    match whole {
        "0" if well_formed => format!("{digits:0<3}").parse().unwrap_or(1000),
        _ => 1000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIBLINGS: [Offer; 2] = [Offer::Brotli, Offer::Gzip];

    fn best(field: Option<&str>, there: &[Offer]) -> Option<Offer> {
        let mut headers = HeaderMap::new();
        if let Some(field) = field {
            headers.insert(ACCEPT_ENCODING, field.parse().unwrap());
        }
        Accepted::of(&headers).best(there.iter().copied())
    }

    #[test]
    fn the_coding_that_is_wanted_most_is_taken_if_it_is_there() {
        let all = &SIBLINGS[..];
        assert_eq!(best(Some("gzip, deflate, br"), all), Some(Offer::Brotli));
        assert_eq!(best(Some("gzip, deflate, br"), &[Offer::Gzip]), Some(Offer::Gzip));
        assert_eq!(best(Some("gzip, deflate, br"), &[]), None);
        assert_eq!(best(Some("br;q=0.4,GZIP;q=0.5"), all), Some(Offer::Gzip));
        assert_eq!(best(Some("x-gzip"), all), Some(Offer::Gzip));
        assert_eq!(best(Some("*"), all), Some(Offer::Brotli));
        assert_eq!(best(Some("br;q=0, *;q=0.1"), all), Some(Offer::Gzip));
        assert_eq!(best(Some("gzip;q=0.5, identity"), all), None);
        assert_eq!(best(Some("gzip;q=0.001"), all), Some(Offer::Gzip));
        assert_eq!(best(Some("deflate"), all), None);
    }

    #[cfg(feature = "compression")]
    #[test]
    fn what_can_be_made_is_chosen_among_in_the_same_way() {
        let all = &[Offer::Gzip, Offer::Deflate][..];
        assert_eq!(best(Some("deflate, gzip"), all), Some(Offer::Gzip));
        assert_eq!(best(Some("deflate, gzip;q=0.9"), all), Some(Offer::Deflate));
        assert_eq!(best(Some("br, *;q=0.5, gzip;q=0"), all), Some(Offer::Deflate));
        assert_eq!(best(Some("br"), all), None);
    }

    #[test]
    fn who_does_not_ask_gets_the_plain_one() {
        for field in [None, Some(""), Some("identity"), Some("gzip;q=0"), Some("br ; q=0.000")] {
            assert_eq!(best(field, &SIBLINGS), None, "{field:?}");
        }
    }
}
