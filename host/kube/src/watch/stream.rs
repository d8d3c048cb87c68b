//! One watch, event by event.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use kube::client::Body;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::timeout;

use super::failure::{Failure, FailureKind, Status};
use super::frames::Lines;
use super::server::Server;

/// A watch that the server has begun to answer.
pub(crate) struct Stream {
    body: Body,
    lines: Lines,
    silence: Duration,
}

/// What has come.
pub(crate) enum Heard {
    /// A whole event, still as bytes.
    Line(Bytes),
    /// Something, but no whole event.
    Part,
    /// The end, as it should be.
    End,
}

/// One event.
#[derive(Debug)]
pub(crate) enum Event<'a> {
    /// An object is there, or is another.
    Put(&'a RawValue),
    /// An object is gone, or is no more selected.
    Delete(&'a RawValue),
    /// Nothing has changed up to this resource version.
    Bookmark(Box<str>),
    /// The server cannot go on.
    Error(Failure),
    /// Something of a later API server.
    Other(&'a str),
}

impl Stream {
    pub(crate) async fn open(server: &Server, uri: &str) -> Result<Self, Failure> {
        let body = server.open(uri).await?;
        Ok(Self { body, lines: Lines::new(server.limits.event_bytes), silence: server.limits.silence })
    }

    /// Waits for what comes next. A rest that is no whole line is not an event: the stream broke off there.
    pub(crate) async fn next(&mut self) -> Result<Heard, Failure> {
        let malformed = |error| Failure::of_error(FailureKind::Malformed, &error);
        if let Some(line) = self.lines.next().map_err(malformed)? {
            return Ok(Heard::Line(line));
        }
        let frame = timeout(self.silence, self.body.frame())
            .await
            .map_err(|_| Failure::new(FailureKind::Silent, format_args!("no byte for {:?}", self.silence)))?;
        match frame {
            None => Ok(Heard::End),
            Some(Err(error)) => Err(Failure::of_error(FailureKind::Cut, &error)),
            Some(Ok(frame)) => {
                self.lines.feed(&frame.into_data().unwrap_or_default());
                Ok(Heard::Part)
            }
        }
    }
}

impl<'a> Event<'a> {
    /// Reads an event.
    pub(crate) fn read(line: &'a [u8]) -> Result<Self, Failure> {
        let malformed = |error| Failure::new(FailureKind::Malformed, format_args!("no event: {error}"));
        let typed: Typed<'a> = serde_json::from_slice(line).map_err(malformed)?;
        Ok(match typed.r#type {
            "ADDED" | "MODIFIED" => Self::Put(typed.object),
            "DELETED" => Self::Delete(typed.object),
            "BOOKMARK" => {
                let bookmark: Bookmark = serde_json::from_str(typed.object.get()).map_err(malformed)?;
                Self::Bookmark(bookmark.metadata.resource_version)
            }
            "ERROR" => {
                let status: Status = serde_json::from_str(typed.object.get()).map_err(malformed)?;
                Self::Error(Failure::of_status(&status))
            }
            other => Self::Other(other),
        })
    }
}

#[derive(Deserialize)]
struct Typed<'a> {
    r#type: &'a str,
    #[serde(borrow)]
    object: &'a RawValue,
}

#[derive(Deserialize)]
struct Bookmark {
    metadata: BookmarkMetadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BookmarkMetadata {
    resource_version: Box<str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_as_the_api_server_writes_them() {
        let put = br#"{"type":"MODIFIED","object":{"kind":"Pod","metadata":{"name":"a"}}}"#;
        assert!(matches!(Event::read(put), Ok(Event::Put(object)) if object.get().contains("Pod")));
        let deleted = br#"{"type":"DELETED","object":{}}"#;
        assert!(matches!(Event::read(deleted), Ok(Event::Delete(_))));
        let bookmark = br#"{"type":"BOOKMARK","object":{"kind":"Pod","metadata":{"resourceVersion":"486","creationTimestamp":null}}}"#;
        assert!(matches!(Event::read(bookmark), Ok(Event::Bookmark(version)) if &*version == "486"));
        let gone = br#"{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",
            "message":"too old resource version: 1 (416)","reason":"Expired","code":410}}"#;
        assert!(matches!(Event::read(gone), Ok(Event::Error(failure)) if failure.kind == FailureKind::Expired));
        assert!(matches!(Event::read(br#"{"type":"PROGRESS","object":1}"#), Ok(Event::Other("PROGRESS"))));
        for garbage in [&b"garbage"[..], b"{}", br#"{"type":"BOOKMARK","object":{}}"#, b"\xff\xfe", b"null"] {
            assert!(matches!(Event::read(garbage), Err(failure) if failure.kind == FailureKind::Malformed));
        }
    }
}
