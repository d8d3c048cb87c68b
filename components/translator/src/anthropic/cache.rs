//! `cache_control`: up to here a prompt may be cached.

use serde_json::{Value, json};
use weir_core::GatewayError;

use crate::canonical::{CacheMark, CacheTtl, Unplaced};
use crate::fields::Fields;

/// Takes `cache_control`.
pub(super) fn read(fields: &mut Fields, unplaced: &mut Vec<Unplaced>) -> Result<Option<CacheMark>, GatewayError> {
    let Some(mut mark) = fields.object("cache_control")? else {
        return Ok(None);
    };
    mark.ignore("type", &[json!("ephemeral")]);
    let ttl = match mark.text("ttl")?.as_deref() {
        None => None,
        Some("5m") => Some(CacheTtl::Minutes),
        Some("1h") => Some(CacheTtl::Hours),
        Some(_) => {
            unplaced.push(Unplaced::new(mark.path_of("ttl")));
            None
        }
    };
    mark.rest(unplaced);
    Ok(Some(CacheMark { ttl }))
}

/// Puts a mark on a block, a tool or a request.
pub(super) fn write(mark: Option<CacheMark>, on: &mut Value) {
    if let Some(mark) = mark {
        on["cache_control"] = written(mark);
    }
}

/// A mark as it is written.
pub(super) fn written(mark: CacheMark) -> Value {
    match mark.ttl {
        None => json!({"type": "ephemeral"}),
        Some(CacheTtl::Minutes) => json!({"type": "ephemeral", "ttl": "5m"}),
        Some(CacheTtl::Hours) => json!({"type": "ephemeral", "ttl": "1h"}),
    }
}
