//! From the configuration's settings to the data plane's options.

use weir_config::HostSettings;
use weir_config::settings::{HostedModel, ModelServer};
use weir_core::Secret;
use weir_core::secret::UnusableKey;

use crate::model::{EndpointOptions, Model};
use crate::options::{ClusterOptions, Health, Queue};

/// A key that the settings name and that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Nobody has it.
    #[error("the secret `{secret}` for {endpoint} was not resolved")]
    Missing {
        /// The model server.
        endpoint: String,
        /// The secret's name.
        secret: String,
    },
    /// No header can carry it.
    #[error(transparent)]
    Unusable(#[from] UnusableKey),
}

impl ClusterOptions {
    /// What `weir.yaml` says of tier two, with the defaults for what it does not say. `key` gives a secret by its name.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_settings(
        settings: &HostSettings,
        key: impl Fn(&str) -> Option<Secret<String>>,
    ) -> Result<Self, KeyError> {
        let defaults = Self::default();
        Ok(Self {
            models: Model::from_settings(&settings.models, key)?,
            heartbeat: settings.heartbeat,
            health: Health {
                every: settings.health.every,
                path: settings.health.path.clone(),
                timeout: settings.health.timeout,
                ..Health::default()
            },
            queue: Queue {
                length: usize::try_from(settings.flow.queue).unwrap_or(usize::MAX),
                wait: settings.flow.wait,
                ..Queue::default()
            },
            ..defaults
        })
    }
}

impl Model {
    /// The models that `weir.yaml` lists: what a reload needs. `key` gives a secret by its name.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_settings(
        models: &[HostedModel],
        key: impl Fn(&str) -> Option<Secret<String>>,
    ) -> Result<Vec<Self>, KeyError> {
        let model = |hosted: &HostedModel| {
            let endpoints = hosted.endpoints.iter().map(|server| endpoint(server, &key)).collect::<Result<_, _>>()?;
            Ok(Self { aliases: hosted.aliases.clone(), ..Self::new(hosted.name.clone(), endpoints) })
        };
        models.iter().map(model).collect()
    }
}

fn endpoint(server: &ModelServer, key: &impl Fn(&str) -> Option<Secret<String>>) -> Result<EndpointOptions, KeyError> {
    let mut options = EndpointOptions::new(server.origin.clone(), server.base_path.clone());
    options.max_in_flight = usize::try_from(server.max_in_flight).unwrap_or(usize::MAX);
    let Some(secret) = &server.key else { return Ok(options) };
    let missing = || KeyError::Missing { endpoint: server.origin.to_string(), secret: secret.clone() };
    Ok(options.with_key(&key(secret).ok_or_else(missing)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosted(key: Option<&str>) -> Vec<HostedModel> {
        let server = ModelServer {
            origin: "http://10.0.0.7:8000".parse().unwrap(),
            base_path: "/openai/v1".into(),
            max_in_flight: 7,
            key: key.map(str::to_owned),
        };
        vec![HostedModel { name: "llama".into(), aliases: vec!["l".into()], endpoints: vec![server] }]
    }

    #[test]
    fn settings_become_options_and_keys_are_resolved() {
        let models =
            Model::from_settings(&hosted(Some("k")), |name| (name == "k").then(|| Secret::new("sk-1".to_owned())))
                .unwrap();
        let endpoint = &models[0].versions[0].endpoints[0];
        assert_eq!((endpoint.max_in_flight, endpoint.base_path.as_str()), (7, "/openai/v1"));
        assert!(endpoint.credential.is_some());
        let missing = Model::from_settings(&hosted(Some("other")), |_| None).err().unwrap();
        assert!(missing.to_string().contains("`other`"), "{missing}");
        let unusable = Model::from_settings(&hosted(Some("k")), |_| Some(Secret::new("a\nb".to_owned())));
        assert!(matches!(unusable, Err(KeyError::Unusable(_))));
    }
}
