//! What both sides can keep (RFC 7692 §7.1).

use super::{Deflate, NAME};
use crate::http::ws::extensions::Extension;
use crate::http::ws::options::WebSocketOptions;

/// What was agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// Whether the server may refer to messages that it sent before.
    pub server_context: bool,
    /// Whether the client may.
    pub client_context: bool,
}

/// What an offer or an answer says.
#[derive(Default)]
struct Said {
    server_no_context: bool,
    client_no_context: bool,
    server_bits: Option<u8>,
    client_bits: Option<Option<u8>>,
}

/// A server's answer: the first offer that it can keep, and the field that says so.
pub(in crate::http::ws) fn accept(
    options: &WebSocketOptions,
    offers: &[Extension<'_>],
) -> Option<(Agreement, String)> {
    let deflate = options.deflate.as_ref()?;
    offers.iter().filter(|it| it.name == NAME).find_map(|offer| accept_one(deflate, offer))
}

fn accept_one(deflate: &Deflate, offer: &Extension<'_>) -> Option<(Agreement, String)> {
    // §7.1: an offer with a parameter that is unknown, has a value that it cannot have, or is there
    // twice MUST be declined.
    let offer = Said::read(offer).ok()?;
    // §7.1.2.1: as is one that cannot be kept.
    if offer.server_bits.is_some_and(|bits| bits != 15) {
        return None;
    }
    let server_context = deflate.own_context && !offer.server_no_context;
    let client_context = deflate.peer_context && !offer.client_no_context;
    let mut answer = NAME.to_owned();
    let mut say = |parameter: &str, it: bool| {
        if it {
            answer.push_str("; ");
            answer.push_str(parameter);
        }
    };
    say("server_no_context_takeover", !server_context);
    say("client_no_context_takeover", !client_context);
    say("server_max_window_bits=15", offer.server_bits.is_some());
    Some((Agreement { server_context, client_context }, answer))
}

/// What a client asks for.
pub(in crate::http::ws) fn offer(options: &WebSocketOptions) -> Option<String> {
    let deflate = options.deflate.as_ref()?;
    let mut offer = NAME.to_owned();
    if !deflate.peer_context {
        offer.push_str("; server_no_context_takeover");
    }
    if !deflate.own_context {
        offer.push_str("; client_no_context_takeover");
    }
    Some(offer)
}

/// Whether a server's answer is one to what was asked.
///
/// # Errors
/// Why it is none. The client MUST fail the connection then (§7.1, and RFC 6455 §9.1).
pub(in crate::http::ws) fn confirmed(
    options: &WebSocketOptions,
    extensions: &[Extension<'_>],
) -> Result<Option<Agreement>, String> {
    let (deflate, answer) = match (&options.deflate, extensions) {
        (_, []) => return Ok(None),
        (Some(deflate), [answer]) if answer.name == NAME => (deflate, answer),
        (Some(_), [one, other, ..]) if one.name == NAME && other.name == NAME => {
            return Err("the server accepts permessage-deflate twice".into());
        }
        (_, [first, ..]) => {
            let name = first.name;
            return Err(format!("the server uses the extension {name:?}, for which nobody asked"));
        }
    };
    let said = Said::read(answer)?;
    // §7.1.2.2
    if said.client_bits.is_some() {
        return Err("the server wants client_max_window_bits, which was not offered".into());
    }
    // §7.1.1.1
    if !deflate.peer_context && !said.server_no_context {
        return Err("the server's answer lacks the server_no_context_takeover it was asked".into());
    }
    Ok(Some(Agreement {
        server_context: !said.server_no_context,
        client_context: deflate.own_context && !said.client_no_context,
    }))
}

impl Said {
    fn read(extension: &Extension<'_>) -> Result<Said, String> {
        let mut said = Said::default();
        for (name, value) in &extension.parameters {
            let fits = match (*name, *value) {
                ("server_no_context_takeover", None) => once(&mut said.server_no_context),
                ("client_no_context_takeover", None) => once(&mut said.client_no_context),
                ("server_max_window_bits", Some(value)) => {
                    said.server_bits.is_none() && set(&mut said.server_bits, bits(value))
                }
                ("client_max_window_bits", None) => {
                    said.client_bits.is_none() && set(&mut said.client_bits, Some(None))
                }
                ("client_max_window_bits", Some(value)) => {
                    said.client_bits.is_none() && set(&mut said.client_bits, bits(value).map(Some))
                }
                _ => false,
            };
            if !fits {
                let value = value.map(|it| format!("={it}")).unwrap_or_default();
                return Err(format!(
                    "{NAME} has the parameter {name}{value}, which is unknown, or there twice, or \
                     cannot have that value"
                ));
            }
        }
        Ok(said)
    }
}

fn once(flag: &mut bool) -> bool {
    !std::mem::replace(flag, true)
}

fn set<T>(place: &mut Option<T>, value: Option<T>) -> bool {
    *place = value;
    place.is_some()
}

/// §7.1.2.1: from 8 to 15, without leading zeros.
fn bits(value: &str) -> Option<u8> {
    value.parse().ok().filter(|bits| (8..=15).contains(bits) && !value.starts_with(['0', '+']))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::ws::extensions::read;
    use http::HeaderMap;
    use http::header::SEC_WEBSOCKET_EXTENSIONS;

    fn options(own_context: bool, peer_context: bool) -> WebSocketOptions {
        let deflate = Deflate { own_context, peer_context, ..Default::default() };
        WebSocketOptions { deflate: Some(deflate), ..Default::default() }
    }

    fn field(value: &str) -> HeaderMap {
        [(SEC_WEBSOCKET_EXTENSIONS, value.parse().unwrap())].into_iter().collect()
    }

    fn answer(options: &WebSocketOptions, offers: &str) -> Option<String> {
        accept(options, &read(&field(offers)).unwrap()).map(|(_, answer)| answer)
    }

    #[test]
    fn a_server_accepts_what_browsers_and_aiohttp_offer() {
        let both = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
        for offer in ["permessage-deflate; client_max_window_bits", "permessage-deflate"] {
            assert_eq!(answer(&options(false, false), offer).as_deref(), Some(both));
            assert_eq!(answer(&options(true, true), offer).as_deref(), Some("permessage-deflate"));
        }
        assert_eq!(answer(&WebSocketOptions::default(), "permessage-deflate"), None);
        assert_eq!(answer(&options(true, true), "x-webkit-deflate-frame, bzip"), None);
    }

    #[test]
    fn a_server_does_what_it_is_asked_and_says_so() {
        let kept = |offer| answer(&options(true, true), offer).unwrap();
        assert_eq!(
            kept("permessage-deflate; server_no_context_takeover"),
            "permessage-deflate; server_no_context_takeover"
        );
        assert_eq!(
            kept("permessage-deflate; client_no_context_takeover"),
            "permessage-deflate; client_no_context_takeover"
        );
        assert_eq!(
            kept("permessage-deflate; server_max_window_bits=15"),
            "permessage-deflate; server_max_window_bits=15"
        );
        assert_eq!(kept("permessage-deflate; client_max_window_bits=9"), "permessage-deflate");
    }

    #[test]
    fn what_a_server_cannot_keep_it_declines_and_takes_the_next_offer() {
        let options = options(true, true);
        let small = "permessage-deflate; server_max_window_bits=10";
        assert_eq!(answer(&options, small), None);
        let both = format!("{small}, permessage-deflate; client_no_context_takeover");
        let second = "permessage-deflate; client_no_context_takeover";
        assert_eq!(answer(&options, &both).as_deref(), Some(second));
    }

    #[test]
    fn an_offer_that_is_out_of_order_is_declined() {
        for parameters in [
            "unknown",
            "server_no_context_takeover=1",
            "client_no_context_takeover=true",
            "server_no_context_takeover; server_no_context_takeover",
            "client_no_context_takeover; client_no_context_takeover",
            "server_max_window_bits",
            "server_max_window_bits=16",
            "server_max_window_bits=7",
            "server_max_window_bits=015",
            "server_max_window_bits=+15",
            "server_max_window_bits=15; server_max_window_bits=15",
            "client_max_window_bits=7",
            "client_max_window_bits=16",
            "client_max_window_bits=x",
            "client_max_window_bits; client_max_window_bits=15",
        ] {
            let offer = format!("permessage-deflate; {parameters}");
            assert_eq!(answer(&options(true, true), &offer), None, "{parameters}");
        }
    }

    #[test]
    fn a_client_holds_the_server_to_what_was_asked() {
        let verdict = |options: &WebSocketOptions, answer: &str| {
            confirmed(options, &read(&field(answer)).unwrap())
        };
        let all = options(true, true);
        let agreed =
            |server_context, client_context| Ok(Some(Agreement { server_context, client_context }));
        assert_eq!(verdict(&all, ""), Ok(None));
        assert_eq!(verdict(&all, "permessage-deflate"), agreed(true, true));
        let none = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
        assert_eq!(verdict(&all, none), agreed(false, false));
        assert_eq!(
            verdict(&all, "permessage-deflate; server_max_window_bits=9"),
            agreed(true, true)
        );
        // It offered not to, and does not, whatever the server says to that.
        let asked = "permessage-deflate; server_no_context_takeover";
        assert_eq!(verdict(&options(false, false), asked), agreed(false, false));
        for (wrong, what) in [
            ("permessage-deflate; client_max_window_bits=15", "was not offered"),
            ("permessage-deflate; server_max_window_bits=7", "server_max_window_bits=7"),
            ("permessage-deflate; unknown", "unknown"),
            ("permessage-deflate, permessage-deflate", "twice"),
            ("permessage-bzip2", "nobody asked"),
            ("permessage-deflate, other", "nobody asked"),
        ] {
            let error = verdict(&all, wrong).unwrap_err();
            assert!(error.contains(what), "{wrong}: {error}");
        }
        let error = verdict(&options(false, false), "permessage-deflate").unwrap_err();
        assert!(error.contains("lacks the server_no_context_takeover"), "{error}");
        let error = verdict(&WebSocketOptions::default(), "permessage-deflate").unwrap_err();
        assert!(error.contains("nobody asked"), "{error}");
    }

    #[test]
    fn whatever_a_client_of_ours_offers_a_server_of_ours_accepts_and_they_agree() {
        for at in 0..16 {
            let flag = |bit: u8| at & bit != 0;
            let (client, server) = (options(flag(1), flag(2)), options(flag(4), flag(8)));
            let offered = field(&offer(&client).unwrap());
            let (theirs, answer) = accept(&server, &read(&offered).unwrap()).unwrap();
            let ours = confirmed(&client, &read(&field(&answer)).unwrap()).unwrap().unwrap();
            assert_eq!(ours, theirs, "{at}");
        }
    }
}
