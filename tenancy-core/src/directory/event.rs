//! The change log as rows: a kind, the tenant, and either a placement's word or a name.

use tenancy_types::{DirectoryEvent, LogEntry};

use super::{DirectoryError, error::corrupt, row};

const PLACED: i64 = 1;
const PLAN_CHANGED: i64 = 2;
const SLUG_ADDED: i64 = 3;
const SLUG_REMOVED: i64 = 4;
const DOMAIN_ADDED: i64 = 5;
const DOMAIN_REMOVED: i64 = 6;

pub(super) fn encode(event: &DirectoryEvent) -> (i64, Option<i64>, Option<&str>) {
    match event {
        DirectoryEvent::Placed { placement, .. } => {
            (PLACED, Some(placement.to_word().cast_signed()), None)
        }
        DirectoryEvent::PlanChanged { plan, .. } => (PLAN_CHANGED, None, Some(plan.as_str())),
        DirectoryEvent::SlugAdded { slug, .. } => (SLUG_ADDED, None, Some(slug.as_str())),
        DirectoryEvent::SlugRemoved { slug, .. } => (SLUG_REMOVED, None, Some(slug.as_str())),
        DirectoryEvent::DomainAdded { domain, .. } => (DOMAIN_ADDED, None, Some(domain.as_str())),
        DirectoryEvent::DomainRemoved { domain, .. } => {
            (DOMAIN_REMOVED, None, Some(domain.as_str()))
        }
    }
}

/// Revision, kind, tenant, word, name.
pub(super) type EventRow = (i64, i64, i64, Option<i64>, Option<String>);

pub(super) fn decode(
    (revision, kind, tenant, word, name): EventRow,
) -> Result<LogEntry, DirectoryError> {
    let tenant = row::tenant_id(tenant)?;
    // An absent value is no valid one of any kind, so it needs no case of its own.
    let name = name.unwrap_or_default();
    let event = match kind {
        PLACED => DirectoryEvent::Placed {
            tenant,
            placement: row::placement(word.unwrap_or_default())?,
        },
        PLAN_CHANGED => DirectoryEvent::PlanChanged {
            tenant,
            plan: name.parse().map_err(corrupt("plan"))?,
        },
        SLUG_ADDED => DirectoryEvent::SlugAdded {
            slug: name.parse().map_err(corrupt("slug"))?,
            tenant,
        },
        SLUG_REMOVED => DirectoryEvent::SlugRemoved {
            slug: name.parse().map_err(corrupt("slug"))?,
            tenant,
        },
        DOMAIN_ADDED => DirectoryEvent::DomainAdded {
            domain: row::domain(&name)?,
            tenant,
        },
        DOMAIN_REMOVED => DirectoryEvent::DomainRemoved {
            domain: row::domain(&name)?,
            tenant,
        },
        kind => return Err(corrupt("kind of log entry")(format!("{kind} is none"))),
    };
    Ok(LogEntry {
        revision: row::revision(revision)?,
        event,
    })
}
