//! What the guests are told: `weir:gateway/settings`, given by the host.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use wasmtime::component::{Accessor, HasData, Linker};
use weir_core::Secret;

use crate::state::InstanceState;

#[allow(missing_docs, unreachable_pub, reason = "generated from wit/gateway.wit, where it is documented")]
mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit",
        inline: "package weir:edge; world edge { import weir:gateway/settings@0.1.0; }",
        world: "weir:edge/edge",
    });
}

use bindings::weir::gateway::settings::{Host, HostWithStore, SettingsError, add_to_linker};

/// A secret that is on its way.
pub type SecretFuture<'a> = Pin<Box<dyn Future<Output = Result<Option<Secret<String>>, SecretsError>> + Send + 'a>>;

/// Where secrets come from: the environment, files, a vault.
pub trait Secrets: Send + Sync + 'static {
    /// The secret called `name`; `None` where there is no such secret, or the chain may not have it.
    fn secret<'a>(&'a self, name: &'a str) -> SecretFuture<'a>;
}

/// The store of secrets failed. The text is for the operator's log; a guest is told only that it failed.
#[derive(Debug, thiserror::Error)]
#[error("the store of secrets failed: {0}")]
pub struct SecretsError(pub String);

/// No secrets at all.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSecrets;

impl Secrets for NoSecrets {
    fn secret<'a>(&'a self, _name: &'a str) -> SecretFuture<'a> {
        Box::pin(std::future::ready(Ok(None)))
    }
}

/// What the instances of one generation are told.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) config: Arc<str>,
    pub(crate) secrets: Arc<dyn Secrets>,
}

/// Gives `weir:gateway/settings` to guests.
pub(crate) fn link(linker: &mut Linker<InstanceState>) -> wasmtime::Result<()> {
    add_to_linker::<_, FromHost>(linker, |state| state)
}

struct FromHost;

impl HasData for FromHost {
    type Data<'a> = &'a mut InstanceState;
}

impl Host for InstanceState {}

impl HostWithStore<InstanceState> for FromHost {
    async fn config(store: &Accessor<InstanceState, Self>) -> Result<String, SettingsError> {
        Ok(store.with(|mut state| state.get().settings.config.as_ref().to_owned()))
    }

    async fn secret(store: &Accessor<InstanceState, Self>, name: String) -> Result<Option<String>, SettingsError> {
        let secrets = store.with(|mut state| state.get().settings.secrets.clone());
        match secrets.secret(&name).await {
            Ok(found) => Ok(found.map(|secret| secret.expose().clone())),
            Err(error) => {
                tracing::warn!(%name, %error, "a secret could not be had");
                Err(SettingsError::Unavailable("the store of secrets failed".to_owned()))
            }
        }
    }
}
