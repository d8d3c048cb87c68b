//! `GET /v1/models` where a tier two knows models that no route names: its list behind that of the configuration.

use serde::Deserialize;
use weir_core::listing::Models;
use weir_core::{Config, Dialect, Endpoint, ErrorKind, GatewayError, Principal, header};

use super::Request;

/// What it takes to put the two lists together, as this caller may see them.
#[derive(Clone)]
pub(super) struct List {
    models: Models,
    principal: Principal,
    dialect: Dialect,
    query: String,
}

impl List {
    /// `None` where the request is for something else.
    ///
    /// # Errors
    /// `Misconfigured` where no part said who is calling.
    pub(super) fn wanted(config: &Config, request: Request<'_>) -> Result<Option<Self>, GatewayError> {
        let view = request.view;
        if view.endpoint != Endpoint::Models || view.service.is_some() {
            return Ok(None);
        }
        let principal = header::require_json(request.headers, header::PRINCIPAL)
            .map_err(|fault| GatewayError::new(ErrorKind::Misconfigured, fault.to_string()))?;
        let models = Models::new(config);
        Ok(Some(Self { models, principal, dialect: view.dialect, query: view.query.clone() }))
    }

    /// The whole list in the client's shape, from the tier two's answer in OpenAI's.
    pub(super) fn completed(&self, body: &[u8]) -> Result<Vec<u8>, GatewayError> {
        #[derive(Deserialize)]
        struct Told {
            data: Vec<Named>,
        }
        #[derive(Deserialize)]
        struct Named {
            id: String,
        }
        let told: Told = serde_json::from_slice(body).map_err(|_| {
            GatewayError::new(ErrorKind::UpstreamProtocol, "the tier two's answer holds no list of models")
        })?;
        let names: Vec<String> = told.data.into_iter().map(|model| model.id).collect();
        let list = self.models.list(&self.principal, self.dialect, &self.query, &names)?;
        Ok(list.to_string().into_bytes())
    }
}
