//! What operators see: a debug event for each refusal and, with the feature `metrics`, counters. A tenant is
//! never a label, because there are millions.

use tenancy_types::TenantId;

use crate::Decision;

pub(crate) fn decided(decision: &Decision, tenant: Option<TenantId>) {
    if let Some(refusal) = decision.refusal() {
        tracing::debug!(
            tenant_id = tenant.map(TenantId::get),
            %refusal,
            "request refused by its rate"
        );
    }
    #[cfg(feature = "metrics")]
    counters::decided(decision);
}

pub(crate) fn entered() {
    #[cfg(feature = "metrics")]
    counters::entered("entered");
}

pub(crate) fn turned_away(tenant: Option<TenantId>) {
    tracing::debug!(
        tenant_id = tenant.map(TenantId::get),
        "request refused by its concurrency"
    );
    #[cfg(feature = "metrics")]
    counters::entered("refused");
}

#[cfg(feature = "metrics")]
mod counters {
    use crate::{Bucket, Decision};

    pub(super) fn decided(decision: &Decision) {
        let outcome = match decision {
            Decision::Allowed(_) => "allowed",
            Decision::Denied { .. } => "denied",
            Decision::TooCostly { .. } => "too_costly",
        };
        let bucket = match decision.standing().bucket() {
            Bucket::Tenant => "tenant",
            Bucket::Shared => "shared",
        };
        metrics::counter!("tenancy_rate_limit_requests_total", "outcome" => outcome, "bucket" => bucket)
            .increment(1);
    }

    pub(super) fn entered(outcome: &'static str) {
        metrics::counter!("tenancy_concurrency_limit_requests_total", "outcome" => outcome)
            .increment(1);
    }
}
