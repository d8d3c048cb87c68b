//! Fields that the target's dialect cannot have: refused by name, or dropped by name; never in silence.

use weir_core::plan::OnUnsupported;
use weir_core::{Dialect, ErrorKind, GatewayError};

use crate::canonical::{Field, Unplaced};

/// Keeps account of what the target cannot have.
#[derive(Debug)]
pub struct Unsupported {
    policy: OnUnsupported,
    client: Dialect,
    target: Dialect,
    dropped: Vec<String>,
}

impl Unsupported {
    /// An account for a request from a client that speaks `client` to a backend that speaks `target`.
    #[must_use]
    pub fn new(policy: OnUnsupported, client: Dialect, target: Dialect) -> Self {
        Self { policy, client, target, dropped: Vec::new() }
    }

    /// Says that the target cannot have a member of the request, which is named as the client calls it. `mend` says what
    /// the client may do instead; it may be empty.
    ///
    /// # Errors
    /// Those of [`field`](Self::field).
    pub fn member(&mut self, field: Field, mend: &str) -> Result<(), GatewayError> {
        self.field(field.name(self.client), mend)
    }

    /// Says that the target cannot have a member that changes nothing of the answer, such as a label: it is dropped and
    /// named whatever the route says.
    pub fn hint(&mut self, field: Field) {
        self.note(field.name(self.client));
    }

    /// Says that the target cannot have what the client's decoder found no place for.
    ///
    /// # Errors
    /// Those of [`field`](Self::field), for the first.
    pub fn unplaced(&mut self, fields: &[Unplaced]) -> Result<(), GatewayError> {
        fields.iter().try_for_each(|field| self.field(&field.path, field.mend))
    }

    /// The temperature that the target gets, which takes up to `most`.
    ///
    /// # Errors
    /// Those of [`field`](Self::field), where it takes less than the client asks for.
    pub fn temperature(&mut self, asked: f64, most: f64) -> Result<f64, GatewayError> {
        if asked > most {
            self.member(Field::Temperature, &format!("it goes up to {most} there"))?;
        }
        Ok(asked.min(most))
    }

    /// The dialect of the client, in whose words fields are named.
    #[must_use]
    pub fn client(&self) -> Dialect {
        self.client
    }

    /// Says that the target cannot have the field at `path`. `mend` says what the client may do instead; it may be
    /// empty.
    ///
    /// # Errors
    /// `Unsupported`, naming the field, unless the route says that it is to be dropped.
    pub fn field(&mut self, path: &str, mend: &str) -> Result<(), GatewayError> {
        match self.policy {
            OnUnsupported::Drop => {
                self.note(path);
                Ok(())
            }
            OnUnsupported::Reject => {
                let target = self.target.name();
                let mend = if mend.is_empty() { String::new() } else { format!(": {mend}") };
                let message = if self.client == self.target {
                    format!("the model's backend has no `{path}`{mend}")
                } else {
                    format!("`{path}` has no counterpart in {target}, which the model's backend speaks{mend}")
                };
                Err(GatewayError::new(ErrorKind::Unsupported, message).with_param(path))
            }
        }
    }

    /// Names a field that is dropped whatever the route says, since it is no wish of the client's but an echo of
    /// what it was sent.
    pub fn note(&mut self, path: &str) {
        if !self.dropped.iter().any(|known| known == path) {
            self.dropped.push(path.to_owned());
        }
    }

    /// The paths of all that was dropped.
    #[must_use]
    pub fn into_dropped(self) -> Vec<String> {
        self.dropped
    }
}
