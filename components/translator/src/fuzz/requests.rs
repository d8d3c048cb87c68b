//! Requests, to backends of every dialect.

use serde_json::Value;
use weir_core::config::Quirks;
use weir_core::json::Object;
use weir_core::plan::OnUnsupported;
use weir_core::{Dialect, ErrorKind, Limits};

use super::{backends, call};
use crate::attempt::Prepared;
use crate::codec::client_side;
use crate::openai_chat;
use crate::unsupported::Unsupported;

/// A request of a client that speaks `client`: twice gives the same; what comes out is JSON that a backend of its
/// dialect understands; what is dropped is only an echo where nothing else may be; what is refused may be refused
/// only for what the client wrote; the same dialect changes no member but those that must.
///
/// # Panics
/// When one of these does not hold.
pub fn request(client: Dialect, bytes: &[u8]) {
    for backend in backends(client) {
        for policy in [OnUnsupported::Reject, OnUnsupported::Drop] {
            translated(client, backend, bytes, policy);
        }
    }
}

fn translated(client: Dialect, backend: Dialect, bytes: &[u8], policy: OnUnsupported) {
    let pair = format!("{} to {}", client.name(), backend.name());
    let prepared = call(client, backend, bytes, policy);
    let told = |prepared: &Prepared| (prepared.upstream.body.clone(), prepared.exchange.dropped().to_vec());
    let again = call(client, backend, bytes, policy).as_ref().map(told).map_err(Clone::clone);
    assert_eq!(prepared.as_ref().map(told).map_err(Clone::clone), again, "{pair}: twice gave two answers");
    let prepared = match prepared {
        Ok(prepared) => prepared,
        Err(error) => {
            assert!(
                matches!(error.kind(), ErrorKind::InvalidRequest | ErrorKind::Unsupported),
                "{pair}: {:?}: {error}",
                error.kind()
            );
            assert!(
                policy == OnUnsupported::Reject || client != backend || error.kind() == ErrorKind::InvalidRequest,
                "{pair}: what is to be dropped was refused: {error}"
            );
            return;
        }
    };
    let depth = Limits::default().json_depth + 8;
    let body = Object::parse(&prepared.upstream.body, depth).expect("what goes upstream is one object");
    assert_eq!(body.read::<String>("model").ok().flatten().as_deref(), Some("their-model"), "{pair}");
    if client == backend {
        unchanged(client, bytes, &body);
    } else if let Some(side) = client_side(backend) {
        let read = (side.decode_request)(&body);
        let shown = || String::from_utf8_lossy(&prepared.upstream.body).into_owned();
        // A conversation in which nothing is said is one that the backend refuses.
        let empty = read.as_ref().err().is_some_and(|error| matches!(error.param(), Some("messages" | "input")));
        assert!(read.is_ok() || empty, "{pair}: {:?}: {}", read.err(), shown());
    }
}

/// The same dialect: the members are the client's, in their order, but for those that Weir must write.
fn unchanged(dialect: Dialect, bytes: &[u8], sent: &Object) {
    let Ok(mut written) = Object::parse(bytes, Limits::default().json_depth) else {
        return;
    };
    if dialect == Dialect::OpenaiChat {
        // What OpenAI has another name for, or refuses; its own tests say that no more is changed than that.
        let mut unsupported = Unsupported::new(OnUnsupported::Drop, dialect, dialect);
        openai_chat::fit(&mut written, &Quirks::default(), &mut unsupported).expect("nothing is refused");
    }
    for key in written.keys().filter(|key| !matches!(*key, "model" | "stream_options")) {
        let raw = |object: &Object| object.raw(key).map(|raw| raw.get().to_owned());
        if raw(&written) != raw(sent) {
            // What another family wrapped is taken out, and the value changes no further.
            let holds = raw(&written).is_some_and(|text| text.contains("weir1."));
            assert!(holds, "`{key}` was changed on its way");
        }
    }
    let added: Vec<&str> = sent.keys().filter(|key| written.raw(key).is_none()).collect();
    assert!(added.iter().all(|key| matches!(*key, "model" | "stream_options")), "{added:?} were added");
    let _: Value = serde_json::from_slice(&sent.to_bytes()).expect("what passes is JSON");
}
