//! The decision about a request: who is calling, or why it goes no further.

use http::{HeaderMap, HeaderValue, Method};
use weir_core::{
    Config, Dialect, Endpoint, ErrorKind, GatewayError, Principal, RequestId, RequestView, UnixMillis, header,
};

use crate::{Answer, KeyTable, PresentedKey, authority};
use weir_core::listing::Models;

/// What an instance needs to know, made from the configuration once.
#[derive(Clone, Debug)]
pub struct Auth {
    base_path: String,
    keys: KeyTable,
    models: Models,
}

/// The head of a request, as it came from outside.
#[derive(Clone)]
pub struct Arrival {
    /// The method.
    pub method: Method,
    /// Path and query.
    pub target: String,
    /// The host that the request names, as the runtime found it.
    pub authority: Option<String>,
    /// The headers, all of them untrusted.
    pub headers: HeaderMap,
}

/// What becomes of a request.
pub enum Decision {
    /// It goes on to the next part in.
    Pass(Box<Pass>),
    /// It is answered here.
    Answer(Answer),
}

/// A request that goes on: who is calling, and what takes the place of its head. The body is untouched.
pub struct Pass {
    /// The request's id.
    pub request: RequestId,
    /// Who is calling.
    pub principal: Principal,
    /// What it asks for. Further in, it is read anew from [`RequestView::path_and_query`], which comes to the same.
    pub view: RequestView,
    /// The headers: what must not come from outside is gone, the principal and the id are there.
    pub headers: HeaderMap,
}

impl Auth {
    /// Makes ready what `config` says of callers and models.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self { base_path: config.base_path.clone(), keys: KeyTable::new(config), models: Models::new(config) }
    }

    /// Decides about a request that came at `now`. `random` makes its id unique.
    #[must_use]
    pub fn decide(&self, arrival: Arrival, now: UnixMillis, random: [u8; 10]) -> Decision {
        let request = RequestId::new(now, random);
        match self.admit(arrival, now, request) {
            Ok(decision) => decision,
            Err((dialect, error)) => Decision::Answer(Answer::refusal(dialect, &error, request)),
        }
    }

    fn admit(
        &self,
        arrival: Arrival,
        now: UnixMillis,
        request: RequestId,
    ) -> Result<Decision, (Dialect, GatewayError)> {
        let Arrival { method, target, authority, mut headers } = arrival;
        let host = check_authority(authority.as_deref(), &headers);
        header::strip_from_outside(&mut headers);
        // Only now: `Connection: anthropic-version` must not show this part another dialect than the next one sees.
        let anthropic = headers.contains_key("anthropic-version");
        let view = RequestView::parse(&method, self.beneath_base(&target, anthropic)?, anthropic)?;
        let refuse = |error| (view.dialect, error);
        host.map_err(refuse)?;

        let key = PresentedKey::find(&headers, &view).map_err(refuse)?;
        let caller = self.keys.find(&key, now).map_err(refuse)?;
        let models = match &view.endpoint {
            // What is in the cluster, tier two knows better.
            _ if view.service.is_some() => None,
            Endpoint::Model(name) if self.models.is_in_cluster(&caller.principal, name) => None,
            Endpoint::Models if self.models.is_open_ended(&caller.principal) => None,
            Endpoint::Models => Some(self.models.list(&caller.principal, view.dialect, &view.query, &[])),
            Endpoint::Model(name) => Some(self.models.one(&caller.principal, view.dialect, name)),
            _ => None,
        };
        if let Some(models) = models {
            return Ok(Decision::Answer(Answer::json(&models.map_err(refuse)?, request)));
        }
        for name in header::KEYS {
            headers.remove(name);
        }
        headers.insert(header::PRINCIPAL, caller.header.clone());
        headers.insert(header::REQUEST, id_value(request));
        let principal = caller.principal.clone();
        Ok(Decision::Pass(Box::new(Pass { request, principal, view, headers })))
    }

    /// The target without the base path, as the parts further in see it. What remains is parsed as any other target: a
    /// path that could be read in two ways is refused there.
    fn beneath_base<'t>(&self, target: &'t str, anthropic: bool) -> Result<&'t str, (Dialect, GatewayError)> {
        match target.strip_prefix(&*self.base_path) {
            Some(rest) if rest.starts_with('/') || self.base_path.is_empty() => Ok(rest),
            _ => {
                let path = target.split_once('?').map_or(target, |(path, _)| path);
                let message = format!("nothing is served at {path}; all paths begin with {}/v1", self.base_path);
                let dialect = if anthropic { Dialect::AnthropicMessages } else { Dialect::OpenaiChat };
                Err((dialect, GatewayError::new(ErrorKind::PathNotFound, message)))
            }
        }
    }
}

fn check_authority(authority: Option<&str>, headers: &HeaderMap) -> Result<(), GatewayError> {
    let hosts = headers.get_all(http::header::HOST).iter().map(HeaderValue::as_bytes);
    authority::check(authority, hosts)
        .map_err(|fault| GatewayError::new(ErrorKind::InvalidRequest, fault.to_string()).with_param("host"))
}

fn id_value(request: RequestId) -> HeaderValue {
    HeaderValue::from_str(&request.to_string()).expect("a UUID is plain ASCII")
}
