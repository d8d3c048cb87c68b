//! Whole answers and errors, for clients of every dialect.

use http::HeaderMap;
use serde_json::Value;
use weir_core::error::{Source, render, stream_event};
use weir_core::{Dialect, Secret, UnixMillis};

use super::{DIALECTS, Heard, clients, exchange};
use crate::attempt::refusal;

/// A backend's whole answer of `backend`: twice gives the same; what is not understood is the backend's fault; what
/// comes out is without fault in the client's dialect, and the same dialect passes byte for byte.
///
/// # Panics
/// When one of these does not hold.
pub fn answer(backend: Dialect, bytes: &[u8]) {
    for client in clients(backend) {
        let pair = format!("{} to {}", backend.name(), client.name());
        let exchange = exchange(client, backend);
        let whole = || exchange.whole(bytes.to_vec(), UnixMillis(0));
        let answered = whole();
        assert_eq!(answered, whole(), "{pair}: twice gave two answers");
        match answered {
            Ok((body, usage)) => {
                assert!(usage.input.0 <= i64::MAX as u64 && usage.output.0 <= i64::MAX as u64, "{pair}");
                if client == backend {
                    assert_eq!(body, bytes, "{pair}: changed on its way");
                    continue;
                }
                let heard = Heard::whole(client, &body);
                let shown = String::from_utf8_lossy(&body);
                assert!(heard.faults.is_empty(), "{pair}: {:#?}\n{shown}", heard.faults);
            }
            Err(error) => {
                let source = error.kind().source();
                assert!(source != Source::Gateway, "{pair}: {:?}: {error}", error.kind());
            }
        }
    }
}

/// An error body of a backend's: whatever it is, each client gets a body and an event of its own dialect, with an
/// error's status, and no secret in it. The first byte chooses the status.
///
/// # Panics
/// When one of these does not hold.
pub fn error(bytes: &[u8]) {
    let (first, body) = bytes.split_first().map_or((0, bytes), |(first, rest)| (*first, rest));
    let status = 300 + u16::from(first) % 300;
    let secret = Secret::new("canary-of-the-credential".to_owned());
    let (error, _) = refusal(status, &HeaderMap::new(), body, false, &[&secret], UnixMillis(0));
    assert!((400..600).contains(&error.status()), "{error:?}");
    for dialect in DIALECTS {
        let rendered = render(dialect, &error);
        let event = stream_event(dialect, &error);
        assert_eq!(rendered.status, error.status());
        let told: Value = serde_json::from_slice(&rendered.body).expect("an error is JSON");
        let inner = &told["error"];
        assert!(inner["type"].is_string() && inner["message"].is_string(), "{told}");
        assert!(event.ends_with(b"\n\n") && Heard::stream(dialect, &event).ends == 1, "{dialect:?}");
        for bytes in [&rendered.body, &event] {
            assert!(!String::from_utf8_lossy(bytes).contains(secret.expose().as_str()), "a secret is told");
        }
    }
}
