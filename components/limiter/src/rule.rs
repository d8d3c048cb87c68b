//! Which limits are for a call, and what a call uses of them.

use weir_core::config::{Limit, LimitUnit, Per};
use weir_core::{Estimate, Pattern, Principal, Usage};

/// A limit under an id that survives a reload as long as its definition does.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) id: RuleId,
    pub(crate) limit: Limit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RuleId(pub(crate) u32);

/// What a limit is counted for: one tenant, key, user, model, value of a claim, or backend.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Subject {
    /// Empty for a backend, which all tenants share.
    tenant: Box<str>,
    name: Box<str>,
}

/// A call as limits see it.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) principal: &'a Principal,
    pub(crate) model: &'a str,
}

impl Rule {
    /// Whether the limit makes a candidate unfit rather than the caller.
    pub(crate) fn is_for_backends(&self) -> bool {
        self.limit.per == Per::Backend
    }

    /// What a limit on the caller counts this call for; `None` when the limit is not for it.
    pub(crate) fn caller(&self, call: Call<'_>) -> Option<Subject> {
        let Principal { tenant, key, user, claims, .. } = call.principal;
        let name = match &self.limit.per {
            Per::Backend => return None,
            Per::Tenant => "",
            Per::Key => key,
            Per::User => user.as_ref().unwrap_or(key),
            Per::Model => call.model,
            Per::Claim(claim) => claims.get(claim)?,
        };
        self.is_for(call).then(|| Subject { tenant: tenant.as_str().into(), name: name.into() })
    }

    /// What a limit on backends counts this call for when it goes to `backend`; `None` when the limit is not for it.
    pub(crate) fn backend(&self, call: Call<'_>, backend: &str) -> Option<Subject> {
        let applies = self.is_for_backends() && self.is_for(call) && any_or_all(&self.limit.filter.backends, backend);
        applies.then(|| Subject { tenant: "".into(), name: backend.into() })
    }

    fn is_for(&self, call: Call<'_>) -> bool {
        let filter = &self.limit.filter;
        any_or_all(&filter.tenants, &call.principal.tenant)
            && any_or_all(&filter.keys, &call.principal.key)
            && any_or_all(&filter.models, call.model)
    }
}

fn any_or_all(patterns: &[Pattern], name: &str) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| pattern.matches(name))
}

/// How much of the unit an attempt may use, at most.
pub(crate) fn estimated(unit: LimitUnit, estimate: Estimate) -> u64 {
    match unit {
        LimitUnit::Requests => 1,
        LimitUnit::InputTokens => estimate.input.0,
        LimitUnit::OutputTokens => estimate.output.0,
        LimitUnit::TotalTokens => estimate.total().0,
    }
}

/// How much of the unit an attempt did use.
pub(crate) fn actual(unit: LimitUnit, usage: &Usage) -> u64 {
    match unit {
        LimitUnit::Requests => 1,
        LimitUnit::InputTokens => usage.input.0,
        LimitUnit::OutputTokens => usage.output.0,
        LimitUnit::TotalTokens => usage.total().0,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use weir_core::config::{LimitFilter, Window};

    use super::*;

    fn rule(per: Per, filter: LimitFilter) -> Rule {
        let limit =
            Limit { name: "l".into(), per, unit: LimitUnit::Requests, amount: 1, window: Window::Minute, filter };
        Rule { id: RuleId(0), limit }
    }

    fn principal(user: Option<&str>) -> Principal {
        Principal {
            tenant: "acme".into(),
            key: "laptop".into(),
            user: user.map(Into::into),
            claims: BTreeMap::from([("team".to_owned(), "red".to_owned())]),
            models: [vec![Pattern::new("*")], vec![Pattern::new("*")]],
            policy: "p".into(),
        }
    }

    #[test]
    fn a_caller_without_a_user_counts_as_the_user_of_its_keys_name() {
        let per_user = rule(Per::User, LimitFilter::default());
        let (nobody, ada) = (principal(None), principal(Some("ada")));
        let subject = |principal| per_user.caller(Call { principal, model: "m" }).unwrap().name;
        assert_eq!((&*subject(&nobody), &*subject(&ada)), ("laptop", "ada"));
    }

    #[test]
    fn a_claim_that_the_caller_has_not_does_not_limit_it() {
        let caller = principal(None);
        let call = Call { principal: &caller, model: "m" };
        assert!(rule(Per::Claim("team".into()), LimitFilter::default()).caller(call).is_some());
        assert!(rule(Per::Claim("cost-centre".into()), LimitFilter::default()).caller(call).is_none());
    }

    #[test]
    fn filters_must_all_match() {
        let caller = principal(None);
        let call = Call { principal: &caller, model: "gpt-5" };
        let filter = |tenant: &str, model: &str| LimitFilter {
            tenants: vec![Pattern::new(tenant)],
            models: vec![Pattern::new("x"), Pattern::new(model)],
            ..LimitFilter::default()
        };
        assert!(rule(Per::Tenant, filter("ac*", "gpt-*")).caller(call).is_some());
        assert!(rule(Per::Tenant, filter("ac*", "o3")).caller(call).is_none());
        assert!(rule(Per::Tenant, filter("b*", "gpt-*")).caller(call).is_none());
        let backends = LimitFilter { backends: vec![Pattern::new("azure-*")], ..LimitFilter::default() };
        let per_backend = rule(Per::Backend, backends);
        assert!(per_backend.backend(call, "azure-1").is_some() && per_backend.caller(call).is_none());
        assert!(per_backend.backend(call, "openai").is_none());
    }
}
