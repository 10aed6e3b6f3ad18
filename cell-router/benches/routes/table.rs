//! Our table, filled like a follower fills it.

use std::time::Duration;

use tenancy_cell_router::{LineDraft, LineTable, RouteTable};
use tenancy_types::{
    CellId, DirectoryEvent, DirectoryId, DomainName, Epoch, History, Lifecycle, LogEntry,
    Placement, Position, Revision, TenantId,
};

use crate::{Failure, hosts::Hosts, processor::processor_time};

const BATCH: u32 = 1_024;

pub(crate) fn home(tenant: TenantId, seq: u32) -> Placement {
    let cell = CellId::new((tenant.get() % 200 + 1) as u16).expect("it is one of 200");
    Placement::new(cell, Lifecycle::Active, Epoch::new(0, seq))
}

/// The facts of some hosts, the placement of a tenant before its first one.
fn facts(hosts: Hosts, numbers: std::ops::Range<u32>) -> Vec<LogEntry> {
    let mut text = String::new();
    let mut facts = Vec::with_capacity(2 * numbers.len());
    for n in numbers {
        let tenant = hosts.tenant(n);
        let revision = Revision::new(1);
        if n < hosts.tenants {
            let placement = home(tenant, 1);
            let event = DirectoryEvent::Placed { tenant, placement };
            facts.push(LogEntry { revision, event });
        }
        hosts.write(n, &mut text);
        let domain = DomainName::from_normalised(&text).expect("they are like that");
        let event = DirectoryEvent::DomainAdded { domain, tenant };
        facts.push(LogEntry { revision, event });
    }
    facts
}

/// The table, and the seconds of processor time that filling it took. Making the entries is not counted, giving them
/// up is.
pub(crate) fn build(hosts: Hosts) -> Result<(LineTable, f64), Failure> {
    let table = LineTable::new();
    let mut draft = LineDraft::default();
    let mut spent = Duration::ZERO;
    for begin in (0..hosts.count).step_by(BATCH as usize) {
        let facts = facts(hosts, begin..(begin + BATCH).min(hosts.count));
        let start = processor_time()?;
        draft.extend(facts);
        spent += processor_time()? - start;
    }
    let history = History {
        directory: DirectoryId::from_u128(1),
        incarnation: 0,
    };
    let revision = Revision::new(1);
    let start = processor_time()?;
    table.replace(draft, Position { history, revision });
    spent += processor_time()? - start;
    Ok((table, spent.as_secs_f64()))
}
