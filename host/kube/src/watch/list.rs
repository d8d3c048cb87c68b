//! A list, page by page.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::address::Address;
use super::failure::{Failure, FailureKind};
use super::server::Server;

/// Reads all pages and hands on each object; gives the resource version from which to watch.
///
/// What is handed on is a consistent picture only when this succeeds.
pub(crate) async fn list(
    server: &Server,
    address: &Address<'_>,
    mut object: impl FnMut(&RawValue),
) -> Result<Box<str>, Failure> {
    let mut from = None;
    loop {
        let body = server.get(&address.list(server.limits.page, from.as_deref())).await?;
        let page = page(&body)?;
        page.items.into_iter().for_each(&mut object);
        match page.metadata.r#continue {
            Some(token) if !token.is_empty() => from = Some(token),
            _ => return Ok(page.metadata.resource_version),
        }
    }
}

fn page(body: &Bytes) -> Result<Page<'_>, Failure> {
    let page: Page<'_> = serde_json::from_slice(body)
        .map_err(|error| Failure::new(FailureKind::Malformed, format_args!("no list: {error}")))?;
    if page.metadata.resource_version.is_empty() {
        return Err(Failure::new(FailureKind::Malformed, "a list without a resource version"));
    }
    Ok(page)
}

#[derive(Deserialize)]
struct Page<'a> {
    metadata: PageMetadata,
    /// The API server writes null for an empty list of some kinds.
    #[serde(borrow, default, deserialize_with = "items")]
    items: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageMetadata {
    #[serde(default)]
    resource_version: Box<str>,
    r#continue: Option<String>,
}

fn items<'de: 'a, 'a, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<&'a RawValue>, D::Error> {
    Option::<Vec<&'a RawValue>>::deserialize(deserializer).map(Option::unwrap_or_default)
}
