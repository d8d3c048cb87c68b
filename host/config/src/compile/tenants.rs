//! Who may call.

use std::ops::Range;

use weir_core::UnixMillis;
use weir_core::config::{ApiKey, KeyHash, Tenant};

use super::Compiler;
use super::terms::Seen;
use crate::file;
use crate::quantity;
use crate::read::At;
use crate::report::Mistake;

/// Keys that have been seen, of all tenants, and where.
type SeenKeys = Vec<(KeyHash, Range<usize>)>;

impl Compiler<'_> {
    pub(super) fn tenants(&mut self, tenants: &[file::Tenant]) -> Vec<Tenant> {
        let (mut names, mut keys) = (Seen::default(), SeenKeys::new());
        tenants
            .iter()
            .map(|tenant| {
                let name = self.name(&tenant.name, "tenant");
                self.unique(&mut names, &tenant.name, "tenants");
                if tenant.keys.is_empty() {
                    let message = format!("the tenant `{name}` has no key: nobody can call for it");
                    self.tell(
                        Mistake::new("no-key", tenant.name.span.clone(), message).warning().help(
                            "write `keys:` with a name and a key: `- { name: laptop, key: { file: laptop.key } }`",
                        ),
                    );
                }
                let models = self.model_patterns(tenant.models.as_ref());
                Tenant { name, models, keys: self.keys(&tenant.keys, &mut keys) }
            })
            .collect()
    }

    fn keys(&mut self, keys: &[file::TenantKey], seen: &mut SeenKeys) -> Vec<ApiKey> {
        let mut names = Seen::default();
        keys.iter()
            .filter_map(|key| {
                let name = self.name(&key.name, "key");
                self.unique(&mut names, &key.name, "keys of this tenant");
                let user = key.user.as_ref().map(|user| self.user(user));
                let models = self.model_patterns(key.models.as_ref());
                let expires = key.expires.as_ref().and_then(|at| self.expiry(at));
                let (sha256, span) = self.tenant_key(key)?;
                self.own_key(sha256, &span, seen);
                Some(ApiKey { name, sha256, user, models, expires })
            })
            .collect()
    }

    /// The hash of a key, and the place of the key.
    fn tenant_key(&mut self, key: &file::TenantKey) -> Option<(KeyHash, Range<usize>)> {
        match (key.key.as_ref(), key.sha256.as_ref()) {
            (Some(at), None) => {
                let (hash, reference) = self.compared_secret(at)?;
                self.client_key = self.client_key.take().or(reference);
                Some((hash, at.span.clone()))
            }
            (None, Some(at)) => Some((self.key_hash(at)?, at.span.clone())),
            (None, None) => {
                let message = format!("nothing says what the key `{}` is", key.name.value);
                self.tell(
                    Mistake::new("no-secret", key.name.span.clone(), message)
                        .help("write `key: { env: NAME }`, `key: { file: PATH }` or `sha256: HEX`"),
                );
                None
            }
            (Some(_), Some(at)) => {
                let message = "the key is stated already: its hash cannot stand here, too";
                self.tell(Mistake::new("secret", at.span.clone(), message).help("keep `key` or `sha256`"));
                None
            }
        }
    }

    /// Two keys that are the same would make two callers one.
    fn own_key(&mut self, hash: KeyHash, span: &Range<usize>, seen: &mut SeenKeys) {
        if let Some((_, first)) = seen.iter().find(|(other, _)| *other == hash) {
            let first = first.clone();
            self.tell(
                Mistake::new(
                    "duplicate-key-value",
                    span.clone(),
                    "two keys have the same value: whose call would it be?",
                )
                .label("the second")
                .other(first, "the first")
                .help("make a key of its own with `weir key client FILE`"),
            );
        }
        seen.push((hash, span.clone()));
    }

    fn user(&mut self, at: &At<String>) -> String {
        if at.is_empty() || at.len() > 256 || at.chars().any(char::is_control) {
            let message = "not a user: 1 to 256 characters are wanted, and no control characters";
            self.tell(Mistake::new("name", at.span.clone(), message));
        }
        at.value.clone()
    }

    fn expiry(&mut self, at: &At<file::DateText>) -> Option<UnixMillis> {
        match quantity::date(&at.value.0) {
            Ok(expires) => {
                if expires <= self.world.now() {
                    let message = "this key has expired: it is not accepted any more";
                    self.tell(Mistake::new("expired", at.span.clone(), message).warning().label("in the past"));
                }
                Some(expires)
            }
            Err(help) => {
                let message = format!("`{}` is no date", at.value.0);
                self.tell(Mistake::new("date", at.span.clone(), message).label("not a date").help(help));
                None
            }
        }
    }
}
