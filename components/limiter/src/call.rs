//! From what the chain says of a request to what the control plane is asked and told.

use http::HeaderMap;
use weir_core::control::{Reserve, Settle};
use weir_core::header::{self, InternalHeaderError};
use weir_core::{
    Candidate, Config, Ending, Endpoint, ErrorKind, Estimate, GatewayError, Millis, Outcome, Plan, Principal, Usage,
};

/// What is to be asked for a request, out of the headers that auth and router added. Where no model answers, no
/// tokens are asked for, however long the prompt.
///
/// # Errors
/// [`InternalHeaderError`] when one of them is missing or broken.
pub fn reserve(headers: &HeaderMap, endpoint: Option<&Endpoint>) -> Result<Reserve, InternalHeaderError> {
    let plan: Plan = header::require_json(headers, header::PLAN)?;
    let estimate = header::require_json(headers, header::ESTIMATE)?;
    Ok(Reserve {
        request: require_text(headers, header::REQUEST)?,
        attempt: require_text(headers, header::ATTEMPT)?,
        principal: header::require_json(headers, header::PRINCIPAL)?,
        model: plan.model,
        candidates: plan.candidates,
        estimate: if endpoint.is_some_and(Endpoint::is_free) { Estimate::default() } else { estimate },
    })
}

/// Checks that the caller is of a tenant that this configuration is for: a chain that was made for one tenant must
/// not spend another's limits, whatever stands before it.
///
/// # Errors
/// `Forbidden`.
pub fn check_tenant(config: &Config, ask: &Reserve) -> Result<(), GatewayError> {
    let Principal { tenant, .. } = &ask.principal;
    if config.tenants.is_empty() || config.tenants.iter().any(|known| known.name == *tenant) {
        return Ok(());
    }
    Err(GatewayError::new(ErrorKind::Forbidden, "this gateway does not serve the caller's tenant"))
}

/// What is known of an attempt at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// The trailer `x-weir-usage`, where one came.
    pub trailer: Option<Vec<u8>>,
    /// The answer's status, where one came.
    pub status: Option<u16>,
    /// From the sending of the request to now.
    pub took: Millis,
}

/// What is to be told of an attempt at its end. Where no usage came, or none that can be read, the attempt counts
/// as estimated, and as cut if its answer had begun well, else as failed.
#[must_use]
pub fn settle(ask: &Reserve, chosen: &Candidate, reservation: Option<String>, end: &End) -> Settle {
    let said = end.trailer.as_deref().and_then(|trailer| serde_json::from_slice::<Outcome>(trailer).ok());
    let outcome = said.unwrap_or_else(|| Outcome {
        candidate: chosen.clone(),
        usage: Usage { input: ask.estimate.input, output: ask.estimate.output, estimated: true, ..Usage::default() },
        ending: if end.status.is_some_and(|status| status < 400) { Ending::Truncated } else { Ending::Failed },
        first_event: None,
        took: end.took,
        status: None,
    });
    Settle {
        request: ask.request,
        attempt: ask.attempt,
        reservation,
        principal: ask.principal.clone(),
        model: ask.model.clone(),
        outcome,
    }
}

fn require_text<T: std::str::FromStr>(headers: &HeaderMap, name: &'static str) -> Result<T, InternalHeaderError>
where
    T::Err: std::fmt::Display,
{
    let fault = |fault: String| InternalHeaderError { name, fault };
    let value = headers.get(name).ok_or_else(|| fault("is missing".to_owned()))?;
    let text = value.to_str().map_err(|error| fault(format!("is not text ({error})")))?;
    text.parse().map_err(|error| fault(format!("is not what it should be ({error})")))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use weir_core::config::{Retry, Tenant};
    use weir_core::plan::OnUnsupported;
    use weir_core::{Estimate, Limits, Pattern, RequestId, Tokens, UnixMillis};

    use super::*;

    fn candidate() -> Candidate {
        Candidate { backend: "cluster".into(), model: "sim".into() }
    }

    fn headers() -> HeaderMap {
        let any = vec![Pattern::new("*")];
        let principal = Principal {
            tenant: "acme".into(),
            key: "laptop".into(),
            user: None,
            claims: Default::default(),
            models: [any.clone(), any],
            policy: "p".into(),
        };
        let plan = Plan {
            model: "m".into(),
            stream: true,
            on_unsupported: OnUnsupported::Reject,
            candidates: vec![candidate()],
        };
        let request = RequestId::new(UnixMillis(1), [1; 10]);
        let mut headers = HeaderMap::new();
        headers.insert(header::PRINCIPAL, header::json_value(&principal));
        headers.insert(header::PLAN, header::json_value(&plan));
        headers.insert(header::ESTIMATE, header::json_value(&Estimate { input: Tokens(10), output: Tokens(20) }));
        headers.insert(header::REQUEST, HeaderValue::try_from(request.to_string()).unwrap());
        headers.insert(header::ATTEMPT, HeaderValue::from_static("2"));
        headers
    }

    #[test]
    fn where_tokens_are_counted_none_are_reserved() {
        let estimated = |endpoint| reserve(&headers(), Some(&endpoint)).unwrap().estimate.total();
        assert_eq!(
            [Endpoint::CountTokens, Endpoint::InputTokens, Endpoint::Tokenize].map(estimated),
            [Tokens::ZERO; 3]
        );
        assert_eq!([Endpoint::Messages, Endpoint::Responses, Endpoint::Infer].map(estimated), [Tokens(30); 3]);
    }

    #[test]
    fn every_header_is_needed_and_checked() {
        let whole = headers();
        let ask = reserve(&whole, None).unwrap();
        assert_eq!((ask.attempt, ask.model.as_str(), ask.estimate.total()), (2, "m", Tokens(30)));
        for name in [header::PRINCIPAL, header::PLAN, header::ESTIMATE, header::REQUEST, header::ATTEMPT] {
            let mut lacking = whole.clone();
            lacking.remove(name);
            assert_eq!(reserve(&lacking, None).unwrap_err().name, name);
            lacking.insert(name, HeaderValue::from_static("-1"));
            assert_eq!(reserve(&lacking, None).unwrap_err().name, name);
        }
    }

    #[test]
    fn another_tenants_caller_is_refused() {
        let tenant = |name: &str| Tenant { name: name.into(), models: vec![], keys: vec![] };
        let mut config = Config {
            version: Config::VERSION,
            policy: "p".into(),
            base_path: String::new(),
            chain: vec![],
            tenants: vec![tenant("acme")],
            backends: Default::default(),
            routes: vec![],
            limits: vec![],
            control: None,
            retry: Retry::default(),
            sizes: Limits::default(),
            runtime: Default::default(),
        };
        let ask = reserve(&headers(), None).unwrap();
        assert_eq!(check_tenant(&config, &ask), Ok(()));
        config.tenants = vec![tenant("other")];
        assert_eq!(check_tenant(&config, &ask).unwrap_err().kind(), ErrorKind::Forbidden);
    }

    #[test]
    fn what_the_translator_says_is_settled() {
        let ask = reserve(&headers(), None).unwrap();
        let usage = Usage { input: Tokens(9), output: Tokens(3), ..Usage::default() };
        let outcome = Outcome {
            candidate: candidate(),
            usage,
            ending: Ending::ClientGone,
            first_event: Some(Millis(3)),
            took: Millis(70),
            status: Some(200),
        };
        let trailer = Some(header::to_json(&outcome).into_bytes());
        let settle = settle(&ask, &candidate(), None, &End { trailer, status: Some(200), took: Millis(80) });
        assert_eq!(settle.outcome, outcome);
    }

    #[test]
    fn silence_is_settled_as_estimated() {
        let ask = reserve(&headers(), None).unwrap();
        for (status, ending) in [(Some(200), Ending::Truncated), (Some(502), Ending::Failed), (None, Ending::Failed)] {
            for trailer in [None, Some(b"{".to_vec())] {
                let end = End { trailer, status, took: Millis(80) };
                let outcome = settle(&ask, &candidate(), None, &end).outcome;
                assert_eq!((outcome.ending, outcome.usage.estimated), (ending, true));
                assert_eq!(outcome.usage.total(), Tokens(30));
            }
        }
    }
}
