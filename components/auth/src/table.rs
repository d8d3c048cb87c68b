//! Every key of every tenant, and whose it is.

use std::collections::BTreeMap;

use http::HeaderValue;
use subtle::{Choice, ConditionallySelectable as _};
use weir_core::config::{ApiKey, KeyHash, Tenant};
use weir_core::{Config, ErrorKind, GatewayError, Principal, UnixMillis, header};

use crate::PresentedKey;

/// The keys of all tenants, by their hashes.
#[derive(Clone, Debug)]
pub struct KeyTable {
    rows: Vec<Row>,
}

#[derive(Clone, Debug)]
struct Row {
    sha256: KeyHash,
    expires: Option<UnixMillis>,
    caller: Caller,
}

/// Whose a key is.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The principal that further parts believe.
    pub principal: Principal,
    /// The same as the value of `x-weir-principal`, made once and not for each request.
    pub header: HeaderValue,
}

impl KeyTable {
    /// The keys that a configuration names.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let rows = config.tenants.iter().flat_map(|tenant| tenant.keys.iter().map(|key| row(tenant, key, config)));
        Self { rows: rows.collect() }
    }

    /// Whose key this is at `now`. Every key of the table is compared, each in constant time, whichever one it is:
    /// how long it takes says nothing about how near a guess was.
    ///
    /// # Errors
    /// `InvalidKey` where nobody has it or it has expired; `Misconfigured` where two have it.
    pub fn find(&self, key: &PresentedKey, now: UnixMillis) -> Result<&Caller, GatewayError> {
        let hash = key.hash();
        let (mut at, mut matches) = (0_u32, 0_u32);
        for (index, row) in (0_u32..).zip(&self.rows) {
            let equal = Choice::from(u8::from(hash == row.sha256));
            at.conditional_assign(&index, equal);
            matches += u32::from(equal.unwrap_u8());
        }
        match (matches, self.rows.get(at as usize)) {
            (1, Some(row)) if row.expires.is_some_and(|expires| now >= expires) => Err(GatewayError::new(
                ErrorKind::InvalidKey,
                format!("the key `{}` has expired; ask for a new one", row.caller.principal.key),
            )),
            (1, Some(row)) => Ok(&row.caller),
            (0, _) => Err(GatewayError::new(ErrorKind::InvalidKey, "the key is not known here")),
            _ => Err(GatewayError::new(
                ErrorKind::Misconfigured,
                "the key belongs to two callers; its owner must replace it",
            )),
        }
    }
}

fn row(tenant: &Tenant, key: &ApiKey, config: &Config) -> Row {
    let principal = Principal {
        tenant: tenant.name.clone(),
        key: key.name.clone(),
        user: key.user.clone(),
        claims: BTreeMap::new(),
        models: [tenant.models.clone(), key.models.clone()],
        policy: config.policy.clone(),
    };
    let header = header::json_value(&principal);
    Row { sha256: key.sha256, expires: key.expires, caller: Caller { principal, header } }
}
