//! Lists and single objects.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, Response};
use serde_json::{Value, json};

use crate::answer::{Body, document, status};
use crate::history::{Filter, Key};
use crate::kinds::Kind;
use crate::request::Objects;
use crate::selector::Selector;
use crate::server::ApiServer;

/// A list, or a page of one.
pub(crate) fn page(server: &ApiServer, objects: &Objects, asked: &HeaderMap) -> Response<Body> {
    let (filter, (version, after)) = match (filter(objects), token(server, objects)) {
        (Ok(filter), Ok(token)) => (filter, token),
        (Err(refusal), _) | (_, Err(refusal)) => return *refusal,
    };
    let state = server.state();
    let found = match state.history(objects.kind).at(version, &filter) {
        Ok(found) => found,
        Err(_) => return continue_too_old(),
    };
    drop(state);
    let first = after.map_or(0, |after| found.partition_point(|(key, _)| *key <= after));
    let rest = &found[first..];
    let taken = objects.query.limit.unwrap_or(usize::MAX).min(rest.len());
    let mut metadata = json!({ "resourceVersion": version.to_string() });
    if let Some((last, _)) = rest[..taken].last().filter(|_| taken < rest.len()) {
        metadata["continue"] = URL_SAFE_NO_PAD.encode(json!({ "rv": version, "after": last }).to_string()).into();
        metadata["remainingItemCount"] = (rest.len() - taken).into();
    }
    let items: Vec<Value> = rest[..taken].iter().map(|(_, object)| item(objects, object)).collect();
    let list = json!({
        "kind": format!("{}List", objects.kind.kind),
        "apiVersion": objects.kind.api_version(objects.version),
        "metadata": metadata,
        "items": items,
    });
    document(asked, &list)
}

/// One object.
pub(crate) fn one(server: &ApiServer, objects: &Objects, asked: &HeaderMap) -> Response<Body> {
    let key = (objects.namespace.clone().unwrap_or_default(), objects.name.clone().unwrap_or_default());
    match server.state().history(objects.kind).get(&key) {
        Some(object) => document(asked, &in_version(objects.kind, objects.version, object)),
        None => {
            let (full_name, name) = (objects.kind.full_name(), &key.1);
            let details = json!({ "name": name, "group": objects.kind.group, "kind": objects.kind.plural });
            status(404, "NotFound", &format!("{full_name} \"{name}\" not found"), &details)
        }
    }
}

/// Which objects a request is about.
pub(crate) fn filter(objects: &Objects) -> Result<Filter, Box<Response<Body>>> {
    let text = objects.query.selector.as_deref().unwrap_or_default();
    match Selector::parse(text) {
        Some(selector) => Ok(Filter { namespace: objects.namespace.clone(), selector }),
        None => {
            let message = format!("unable to parse requirement: {text}");
            Err(Box::new(status(400, "BadRequest", &message, &Value::Null)))
        }
    }
}

/// An object as it is read in a version.
pub(crate) fn in_version(kind: &Kind, version: &str, object: &Arc<Value>) -> Value {
    let mut object = Value::clone(object);
    object["apiVersion"] = kind.api_version(version).into();
    object
}

/// An object in a list: those of built-in kinds do not say what they are.
fn item(objects: &Objects, object: &Arc<Value>) -> Value {
    let mut item = in_version(objects.kind, objects.version, object);
    if !objects.kind.custom
        && let Some(fields) = item.as_object_mut()
    {
        fields.shift_remove("kind");
        fields.shift_remove("apiVersion");
    }
    item
}

/// The version of the list, and after which object to go on.
fn token(server: &ApiServer, objects: &Objects) -> Result<(u64, Option<Key>), Box<Response<Body>>> {
    let now = server.state().version;
    let Some(token) = &objects.query.r#continue else { return Ok((now, None)) };
    let read = || -> Option<(u64, Key)> {
        let value: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
        Some((value["rv"].as_u64()?, serde_json::from_value(value["after"].clone()).ok()?))
    };
    match read() {
        Some((version, after)) => Ok((version, Some(after))),
        None => Err(Box::new(status(400, "BadRequest", "continue key is not valid", &Value::Null))),
    }
}

fn continue_too_old() -> Response<Body> {
    let message = "The provided continue parameter is too old to display a consistent list result. \
                   You can start a new list without the continue parameter.";
    status(410, "Expired", message, &Value::Null)
}
