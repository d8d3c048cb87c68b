//! The control plane, as whoever has the console's key asks it.

use std::time::Duration;

use anyhow::Context as _;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use weir_core::{Origin, Secret};
use weir_fleet::Fleet;
use weir_serve::{Client, ClientError, ClientOptions, TlsRoots, empty};

use crate::cli::FleetArgs;
use crate::configuration;
use crate::exit::Failure;

/// How long an answer may take beyond what it was asked to wait for.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest answer, in bytes: some ten thousand models.
const LONGEST: usize = 64 << 20;

/// Where to ask, and with which key.
pub(super) struct Console {
    client: Client,
    origin: Origin,
    key: Secret<String>,
    model: Option<String>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum AskError {
    #[error("nobody answers at {0}")]
    Unreachable(Origin, #[source] ClientError),
    #[error("{0} took too long to answer")]
    Slow(Origin),
    #[error("{0} answered {1}: {2}")]
    Refused(Origin, StatusCode, String),
    #[error("what {0} answered is not a fleet: {1}")]
    Strange(Origin, String),
}

impl AskError {
    /// Whether it may be well again without anybody doing something here.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable(..) | Self::Slow(_) => true,
            Self::Refused(_, status, _) => status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS,
            Self::Strange(..) => false,
        }
    }
}

impl Console {
    pub(super) fn new(args: &FleetArgs) -> Result<Self, Failure> {
        let (origin, key) = place_and_key(args)?;
        let tls = match &args.ca {
            Some(path) => {
                TlsRoots::Pem(std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?)
            }
            None => TlsRoots::Native,
        };
        let roots = if origin.is_tls() { tls } else { TlsRoots::Webpki };
        let client = Client::new(ClientOptions { tls: roots, ..ClientOptions::default() })
            .context("the client for the control plane cannot be made")?;
        Ok(Self { client, origin, key, model: args.model.clone() })
    }

    /// The fleet as it is.
    pub(super) async fn now(&self) -> Result<Fleet, AskError> {
        self.ask(None, Duration::ZERO).await
    }

    /// The fleet as soon as it is not of this version any more, or as it is after `wait`.
    pub(super) async fn after(&self, version: u64, wait: Duration) -> Result<Fleet, AskError> {
        self.ask(Some(version), wait).await
    }

    async fn ask(&self, after: Option<u64>, wait: Duration) -> Result<Fleet, AskError> {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        if let Some(model) = &self.model {
            query.append_pair("model", model);
        }
        if let Some(version) = after {
            query.append_pair("after", &version.to_string());
            query.append_pair("wait", &format!("{}ms", wait.as_millis()));
        }
        let uri = format!("{}/control/v1/fleet?{}", self.origin, query.finish());
        let strange = |error: String| AskError::Strange(self.origin.clone(), error);
        let request = Request::get(uri)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.key.expose()))
            .body(empty())
            .map_err(|error| strange(error.to_string()))?;
        tokio::time::timeout(wait + PATIENCE, self.exchange(request))
            .await
            .map_err(|_| AskError::Slow(self.origin.clone()))?
    }

    async fn exchange(&self, request: Request<weir_serve::Body>) -> Result<Fleet, AskError> {
        let unreachable = |error| AskError::Unreachable(self.origin.clone(), error);
        let strange = |error: String| AskError::Strange(self.origin.clone(), error);
        let answer = self.client.send(request).await.map_err(unreachable)?;
        let status = answer.status();
        let body = match Limited::new(answer.into_body(), LONGEST).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => return Err(strange("it is too long".into())),
            Err(error) => return Err(strange(error.to_string())),
        };
        if status != StatusCode::OK {
            return Err(AskError::Refused(self.origin.clone(), status, said(&body)));
        }
        serde_json::from_slice(&body).map_err(|error| strange(error.to_string()))
    }

    /// A failure that says what to do.
    pub(super) fn explain(&self, error: &AskError) -> Failure {
        let help = match error {
            AskError::Unreachable(_, ClientError::Tls { .. }) => {
                "its certificate is not trusted here: name its authority with --ca FILE"
            }
            AskError::Unreachable(..) => {
                "is tier two running? `weir host` and `weir up` start it; --control URL asks another"
            }
            AskError::Slow(_) => "try again; if it stays so, look at that process",
            AskError::Refused(_, StatusCode::FORBIDDEN, _) => {
                "the key is not the one of its `host.admin_key`; give that with --key-file or WEIR_ADMIN_KEY"
            }
            AskError::Refused(_, StatusCode::NOT_FOUND, _) => {
                "it has no `host.admin_key`, so nobody may ask; or it is an older version, or no control plane at all"
            }
            AskError::Refused(..) => "see its log",
            AskError::Strange(..) => "is that the control plane of a tier two of this version?",
        };
        let source = std::error::Error::source(error).map(|source| format!(" ({source})")).unwrap_or_default();
        anyhow::anyhow!("{error}{source}\n  {help}").into()
    }
}

/// From the command line and the environment; what is not there, from the configuration.
fn place_and_key(args: &FleetArgs) -> Result<(Origin, Secret<String>), Failure> {
    let told = match &args.key_file {
        Some(path) => {
            let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
            Some(Secret::new(text.trim().to_owned()))
        }
        None => std::env::var("WEIR_ADMIN_KEY").ok().map(|key| Secret::new(key.trim().to_owned())),
    };
    let place = args.control.as_deref().map(origin).transpose()?;
    let (place, told) = match (place, told) {
        (Some(place), Some(key)) => return Ok((place, key)),
        other => other,
    };
    let loaded = configuration::load(&args.config.config)?;
    let no_host =
        || Failure::Config(format!("{}: there is no `host`; name its control plane with --control URL", loaded.name));
    let place = match place {
        Some(place) => place,
        None => origin(&own_control(loaded.host.as_ref().ok_or_else(no_host)?))?,
    };
    let no_key = || {
        Failure::Config(format!(
            "{}: no `host.admin_key` that can be read here; give the key with --key-file or WEIR_ADMIN_KEY",
            loaded.name
        ))
    };
    Ok((place, told.or_else(|| loaded.admin_key()).ok_or_else(no_key)?))
}

/// The control plane of this file, as this machine reaches it.
fn own_control(host: &weir_config::HostSettings) -> String {
    let mut at = host.control;
    if at.ip().is_unspecified() {
        at.set_ip(if at.is_ipv4() { [127, 0, 0, 1].into() } else { std::net::Ipv6Addr::LOCALHOST.into() });
    }
    format!("{}://{at}", if host.tls.is_some() { "https" } else { "http" })
}

fn origin(text: &str) -> Result<Origin, Failure> {
    let trimmed = text.trim_end_matches('/');
    Ok(trimmed.parse().with_context(|| format!("`{text}` is no control plane's URL; write `http://127.0.0.1:3200`"))?)
}

/// What a refusal says: the control plane's own words, or the beginning of whatever it is.
fn said(body: &[u8]) -> String {
    let json: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let message = json.as_ref().and_then(|json| json["error"]["message"].as_str()).map(str::to_owned);
    let text = message.unwrap_or_else(|| String::from_utf8_lossy(body).into_owned());
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}
