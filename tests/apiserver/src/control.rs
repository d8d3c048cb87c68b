//! What tests of another process say, under `/_test/`.
//!
//! | | |
//! |---|---|
//! | `PUT /_test/objects` | an object, or a list of them |
//! | `DELETE /_test/objects/{plural}/{namespace}/{name}` | |
//! | `DELETE /_test/namespaces/{namespace}` | all objects in it |
//! | `POST /_test/refuse` | a [`Refusal`] |
//! | `POST /_test/relent` | takes them back |
//! | `POST /_test/interrupt/{plural}` | an [`Interruption`]; `*` for all |
//! | `POST /_test/serve/{plural}` | the versions in which it is served, as a list |
//! | `POST /_test/compact` | forgets what has happened |
//! | `POST /_test/tokens` | the tokens that are known, as a list |
//! | `GET /_test/asked` | what was asked |

use std::fmt::Display;

use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::answer::{Body, json_answer};
use crate::faults::{Interruption, Refusal};
use crate::kinds::KINDS;
use crate::server::ApiServer;

pub(crate) async fn answer<B>(server: &ApiServer, request: Request<B>) -> Response<Body>
where
    B: http_body::Body + Send,
    B::Error: Display,
{
    let (head, body) = request.into_parts();
    let body = match body.collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(error) => return told(Err((400, error.to_string()))),
    };
    let path: Vec<&str> = head.uri.path().trim_start_matches("/_test/").split('/').collect();
    told(obey(server, &head.method, &path, &body))
}

/// What is answered, or the status and the reason for which it was not done.
type Answer = Result<Value, (u16, String)>;

fn obey(server: &ApiServer, method: &Method, path: &[&str], body: &[u8]) -> Answer {
    match (method.as_str(), path) {
        ("PUT", ["objects"]) => return put(server, read(body)?),
        ("DELETE", ["objects", plural, namespace, name]) => {
            return Ok(json!({ "deleted": server.delete(plural, namespace, name) }));
        }
        ("GET", ["asked"]) => return Ok(json!(server.asked())),
        ("DELETE", ["namespaces", namespace]) => server.delete_namespace(namespace),
        ("POST", ["refuse"]) => server.refuse(read::<Refusal>(body)?),
        ("POST", ["relent"]) => server.relent(),
        ("POST", ["interrupt", plural]) => server.interrupt(plural, read::<Interruption>(body)?),
        ("POST", ["serve", plural]) => serve(server, plural, &read::<Vec<String>>(body)?),
        ("POST", ["compact"]) => server.compact(),
        ("POST", ["tokens"]) => server.tokens(read::<Vec<String>>(body)?.iter().map(String::as_str)),
        _ => return Err((404, format!("no such order: {method} /_test/{}", path.join("/")))),
    }
    Ok(json!({}))
}

fn serve(server: &ApiServer, plural: &str, wanted: &[String]) {
    let known = KINDS.iter().filter(|kind| kind.plural == plural).flat_map(|kind| kind.versions);
    let mut versions: Vec<&str> = known.copied().filter(|known| wanted.iter().any(|wanted| wanted == known)).collect();
    versions.dedup();
    server.serve(plural, &versions);
}

fn put(server: &ApiServer, objects: Value) -> Answer {
    let objects = match objects {
        Value::Array(objects) => objects,
        Value::Object(ref fields) if fields.contains_key("items") => {
            objects["items"].as_array().cloned().unwrap_or_default()
        }
        object => vec![object],
    };
    let mut version = server.state().version;
    for object in objects {
        version = server.put(object).map_err(|invalid| (422, invalid.to_string()))?;
    }
    Ok(json!({ "resourceVersion": version.to_string() }))
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, (u16, String)> {
    serde_json::from_slice(body).map_err(|error| (400, error.to_string()))
}

fn told(answer: Answer) -> Response<Body> {
    match answer {
        Ok(value) => json_answer(StatusCode::OK, value.to_string()),
        Err((code, message)) => {
            let status = StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_REQUEST);
            json_answer(status, json!({ "error": message }).to_string())
        }
    }
}
