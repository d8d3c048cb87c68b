//! From the configuration's settings to the data plane's options.

use weir_config::HostSettings;
use weir_config::settings::{self, HedgeSettings, HostedModel, ModelServer};
use weir_core::Secret;
use weir_core::secret::UnusableKey;

use crate::model::{EndpointOptions, Model, Trust, Watched};
use crate::options::{ClusterOptions, Health, Hedge, HedgeAfter, Queue};

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
        // Where nothing is said of them, no endpoint of the file is watched.
        let watching = settings.health.clone().unwrap_or_default();
        Ok(Self {
            models: Model::from_settings(settings, key)?,
            heartbeat: settings.heartbeat,
            health: Health {
                every: watching.every,
                path: watching.path,
                timeout: watching.timeout,
                ..Health::default()
            },
            queue: Queue {
                length: usize::try_from(settings.flow.queue).unwrap_or(usize::MAX),
                wait: settings.flow.wait,
                ..Queue::default()
            },
            hedge: settings.hedge.as_ref().map(hedge),
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
        settings: &HostSettings,
        key: impl Fn(&str) -> Option<Secret<String>>,
    ) -> Result<Vec<Self>, KeyError> {
        let watched = if settings.health.is_some() { Watched::Here } else { Watched::Elsewhere };
        let model = |hosted: &HostedModel| {
            let endpoint = |server| Ok::<_, KeyError>(EndpointOptions { watched, ..endpoint(server, &key)? });
            let endpoints = hosted.endpoints.iter().map(endpoint).collect::<Result<_, _>>()?;
            Ok(Self { aliases: hosted.aliases.clone(), ..Self::new(hosted.name.clone(), endpoints) })
        };
        settings.models.iter().map(model).collect()
    }
}

fn hedge(settings: &HedgeSettings) -> Hedge {
    let after = match settings.after {
        settings::HedgeAfter::Percentile(percentile) => HedgeAfter::Percentile(percentile),
        settings::HedgeAfter::Time(time) => HedgeAfter::Time(time),
    };
    Hedge { after, percent: settings.percent, ..Hedge::of(settings.models.clone()) }
}

fn endpoint(server: &ModelServer, key: &impl Fn(&str) -> Option<Secret<String>>) -> Result<EndpointOptions, KeyError> {
    let mut options = EndpointOptions::new(server.origin.clone(), server.base_path.clone());
    options.max_in_flight = usize::try_from(server.max_in_flight).unwrap_or(usize::MAX);
    options.h2c = server.h2c;
    options.grpc = server.grpc.clone();
    options.host = server.host.clone();
    if let Some(trust) = &server.trust {
        options.trust = Trust::Authorities { pem: trust.pem.clone(), server_name: trust.server_name.clone() };
    }
    let Some(secret) = &server.key else { return Ok(options) };
    let missing = || KeyError::Missing { endpoint: server.origin.to_string(), secret: secret.clone() };
    Ok(options.with_key(&key(secret).ok_or_else(missing)?)?)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use weir_config::settings::{ConnectionSettings, FlowSettings, HealthSettings, ServerTrust};

    use super::*;

    fn server(key: Option<&str>) -> ModelServer {
        ModelServer {
            origin: "http://10.0.0.7:8000".parse().unwrap(),
            base_path: "/openai/v1".into(),
            max_in_flight: 7,
            key: key.map(str::to_owned),
            trust: None,
            host: None,
            h2c: false,
            grpc: None,
        }
    }

    fn host(server: ModelServer, health: Option<HealthSettings>) -> HostSettings {
        HostSettings {
            name: "t2".into(),
            listen: ([127, 0, 0, 1], 3100).into(),
            control: ([127, 0, 0, 1], 3200).into(),
            tls: None,
            edges: vec![],
            models: vec![HostedModel { name: "llama".into(), aliases: vec!["l".into()], endpoints: vec![server] }],
            kubernetes: None,
            heartbeat: Duration::from_secs(15),
            health,
            hedge: None,
            flow: FlowSettings::default(),
            connections: ConnectionSettings::default(),
            admin: None,
        }
    }

    fn endpoint_of(server: ModelServer, health: Option<HealthSettings>) -> EndpointOptions {
        let models = Model::from_settings(&host(server, health), |_| None).unwrap();
        models[0].versions[0].endpoints[0].clone()
    }

    #[test]
    fn settings_become_options_and_keys_are_resolved() {
        let settings = host(server(Some("k")), Some(HealthSettings::default()));
        let models =
            Model::from_settings(&settings, |name| (name == "k").then(|| Secret::new("sk-1".to_owned()))).unwrap();
        let endpoint = &models[0].versions[0].endpoints[0];
        assert_eq!((endpoint.max_in_flight, &*endpoint.base_path), (7, "/openai/v1"));
        assert!(endpoint.credential.is_some());
        let missing = Model::from_settings(&host(server(Some("other")), None), |_| None).err().unwrap();
        assert!(missing.to_string().contains("`other`"), "{missing}");
        let unusable = Model::from_settings(&settings, |_| Some(Secret::new("a\nb".to_owned())));
        assert!(matches!(unusable, Err(KeyError::Unusable(_))));
    }

    #[test]
    fn where_health_checks_are_off_calls_alone_find_out() {
        assert_eq!(endpoint_of(server(None), Some(HealthSettings::default())).watched, Watched::Here);
        assert_eq!(endpoint_of(server(None), None).watched, Watched::Elsewhere);
        assert!(ClusterOptions::from_settings(&host(server(None), None), |_| None).is_ok());
    }

    #[test]
    fn calls_are_hedged_as_the_file_says() {
        let told = HedgeSettings {
            after: settings::HedgeAfter::Time(Duration::from_millis(250)),
            percent: 2,
            models: vec![weir_core::Pattern::new("embed-*")],
        };
        let settings = HostSettings { hedge: Some(told), ..host(server(None), None) };
        let hedge = ClusterOptions::from_settings(&settings, |_| None).unwrap().hedge.unwrap();
        assert_eq!((hedge.after, hedge.percent), (HedgeAfter::Time(Duration::from_millis(250)), 2));
        assert_eq!(hedge.models.len(), 1);
        assert!(ClusterOptions::from_settings(&host(server(None), None), |_| None).unwrap().hedge.is_none());
    }

    #[test]
    fn what_is_said_of_a_server_reaches_its_client() {
        let trust = ServerTrust { pem: b"pem".as_slice().into(), server_name: Some("llama.svc".into()) };
        let told = ModelServer {
            trust: Some(trust),
            host: Some("llama.example.com".into()),
            h2c: true,
            grpc: Some("http://10.0.0.7:9000".parse().unwrap()),
            ..server(None)
        };
        let endpoint = endpoint_of(told, None);
        let expected = Trust::Authorities { pem: b"pem".as_slice().into(), server_name: Some("llama.svc".into()) };
        assert_eq!(endpoint.trust, expected);
        assert_eq!(endpoint.host.as_deref(), Some("llama.example.com"));
        assert!(endpoint.h2c && endpoint.grpc.is_some());
    }
}
