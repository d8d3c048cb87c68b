//! `GET /control/v1/fleet`: what is served, at once or as soon as it changes.
//!
//! `?model=NAME` leaves out all but one model. The answer's `ETag` is made of the document's version, and a request with
//! that in `If-None-Match` is answered 304. `?after=N` says which version the reader has, `&wait=30s` for how long it
//! would wait for another: the answer comes as soon as there is one, and when the time is over in any case.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State as Shared};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;

use crate::plane::State;
use crate::routes::{Fault, check_admin};

/// How many readers may wait for a change at once.
pub(crate) const WAITING: usize = 64;
/// How long one may wait at most.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What of the fleet is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    model: Option<String>,
    after: Option<u64>,
    wait: Option<String>,
}

pub(crate) async fn fleet(
    Shared(state): Shared<Arc<State>>,
    headers: HeaderMap,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Response, Fault> {
    check_admin(&state, &headers)?;
    let board = state.board.load_full().ok_or(Fault::NotFound)?;
    let Query(Wanted { model, after, wait }) = match wanted {
        Ok(wanted) => wanted,
        Err(rejection) => return Ok(rejection.into_response()),
    };
    let wait = wait.as_deref().map_or(Ok(Duration::ZERO), length)?;
    let fleet = match after {
        Some(version) if !wait.is_zero() => {
            let _one_of_few = state.waiting.try_acquire().map_err(|_| Fault::Crowded)?;
            board.after(version, wait).await
        }
        _ => board.now(),
    };
    let tag = HeaderValue::try_from(format!("W/\"{}\"", fleet.version)).map_err(|_| Fault::Broken)?;
    if headers.get(header::IF_NONE_MATCH) == Some(&tag) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response());
    }
    let tags = [(header::ETAG, tag), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok(match model {
        Some(model) => (tags, Json(fleet.only(&model))).into_response(),
        None => (tags, Json(&*fleet)).into_response(),
    })
}

/// `500ms`, `30s`, `1m`; no longer than a minute.
fn length(text: &str) -> Result<Duration, Fault> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).ok_or(Fault::Wait)?);
    let number: u64 = number.parse().map_err(|_| Fault::Wait)?;
    let millis = match unit {
        "ms" => number,
        "s" => number.saturating_mul(1_000),
        "m" => number.saturating_mul(60_000),
        _ => return Err(Fault::Wait),
    };
    Ok(Duration::from_millis(millis).min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_has_a_unit_and_an_end() {
        for (text, millis) in [("500ms", 500), ("30s", 30_000), ("1m", 60_000), ("9m", 60_000), ("0s", 0)] {
            assert_eq!(length(text).unwrap(), Duration::from_millis(millis), "{text}");
        }
        for text in ["", "30", "s", "-1s", "1.5s", "1 s", "1h", "99999999999999999999s"] {
            assert!(length(text).is_err(), "{text}");
        }
    }
}
