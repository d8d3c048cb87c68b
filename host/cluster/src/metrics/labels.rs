//! What series are told apart by.

use prometheus_client::encoding::EncodeLabelSet;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OfModel {
    pub(super) model: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OfStatus {
    pub(super) model: String,
    pub(super) status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OfEndpoint {
    pub(super) endpoint: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OfAttempt {
    endpoint: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OfRetry {
    pub(super) model: String,
    pub(super) reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OfHedge {
    pub(super) model: String,
    /// `first` or `second`.
    pub(super) answered: &'static str,
}

/// OpenTelemetry's attributes of a call, and the tenant.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OfCall {
    pub(super) gen_ai_operation_name: &'static str,
    pub(super) gen_ai_provider_name: &'static str,
    pub(super) gen_ai_request_model: String,
    pub(super) tenant: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OfTokens {
    pub(super) gen_ai_operation_name: &'static str,
    pub(super) gen_ai_provider_name: &'static str,
    pub(super) gen_ai_request_model: String,
    /// `input` or `output`.
    pub(super) gen_ai_token_type: &'static str,
    pub(super) tenant: String,
}

impl OfAttempt {
    pub(super) const ANSWERED: &'static str = "answered";
    pub(super) const FAILED: &'static str = "failed";

    pub(super) fn new(endpoint: &str, outcome: &'static str) -> Self {
        Self { endpoint: endpoint.to_owned(), outcome }
    }
}

impl OfCall {
    /// Whom requests are sent to, in the conventions' words: there is no name among them for a cluster's own servers.
    const PROVIDER: &'static str = "weir";

    pub(super) fn new(operation: &'static str, model: &str, tenant: &str) -> Self {
        Self {
            gen_ai_operation_name: operation,
            gen_ai_provider_name: Self::PROVIDER,
            gen_ai_request_model: model.to_owned(),
            tenant: tenant.to_owned(),
        }
    }

    pub(super) fn tokens(&self, kind: &'static str) -> OfTokens {
        OfTokens {
            gen_ai_operation_name: self.gen_ai_operation_name,
            gen_ai_provider_name: self.gen_ai_provider_name,
            gen_ai_request_model: self.gen_ai_request_model.clone(),
            gen_ai_token_type: kind,
            tenant: self.tenant.clone(),
        }
    }
}
