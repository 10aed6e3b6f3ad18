//! What changes cost, and what they cost the readers.

use std::{
    hint::black_box,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::Duration,
};

use tenancy_cell_router::{LineTable, RouteTable};
use tenancy_types::{DirectoryEvent, DomainName, LogEntry, Lookup, Revision};

use crate::{
    Failure, Measured, clock::now, hosts::Hosts, is_quick, processor::processor_time, table,
};

const A_SECOND: u64 = 10_000;

/// Every tenant is placed anew.
pub(crate) fn move_all(table: &LineTable, hosts: Hosts) {
    for n in 0..hosts.tenants {
        table.apply(&moved(hosts, n, 2));
    }
}

fn moved(hosts: Hosts, n: u32, revision: u64) -> LogEntry {
    let tenant = hosts.tenant(n);
    let placement = table::home(
        tenant,
        u32::try_from(revision).expect("there are not so many"),
    );
    LogEntry {
        revision: Revision::new(revision),
        event: DirectoryEvent::Placed { tenant, placement },
    }
}

/// Microseconds of one change of the placement of a tenant that is not in the cache.
pub(crate) fn one_move(hosts: Hosts) -> Result<Measured, Failure> {
    let (table, _) = table::build(hosts)?;
    let mut random = fastrand::Rng::with_seed(7);
    let count = if is_quick() { 10_000 } else { 1_000_000 };
    let entries: Vec<_> = (2..count + 2)
        .map(|revision| moved(hosts, random.u32(..hosts.tenants), revision))
        .collect();
    let start = processor_time()?;
    for entry in &entries {
        black_box(table.apply(entry));
    }
    let spent = processor_time()? - start;
    Ok(Measured::alone(spent.as_secs_f64() * 1e6 / count as f64))
}

/// Nanoseconds of a lookup in a loop of lookups, while ten thousand changes a second are made, and while none is.
pub(crate) fn many_changes(hosts: Hosts) -> Result<Measured, Failure> {
    let (table, _) = table::build(hosts)?;
    let turns = if is_quick() { 4 } else { 20 };
    let revision = AtomicU64::new(2);
    let [mut with, mut without] = [const { Vec::new() }; 2];
    for _ in 0..turns {
        without.push(read(&table, hosts)?);
        let enough = AtomicBool::new(false);
        let value = thread::scope(|scope| {
            let writer = scope.spawn(|| write(&table, hosts, &revision, &enough));
            let value = read(&table, hosts);
            enough.store(true, Ordering::Relaxed);
            writer.join().expect("the writer does not panic")?;
            value
        })?;
        with.push(value);
    }
    Ok(Measured {
        value: middle(&mut with),
        peer: Some(middle(&mut without)),
    })
}

fn middle(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Nanoseconds a lookup, of this thread's own time.
fn read(table: &LineTable, hosts: Hosts) -> Result<f64, Failure> {
    let mut random = fastrand::Rng::with_seed(7);
    let count = if is_quick() { 10_000 } else { 400_000 };
    let mut text = String::new();
    let start = processor_time()?;
    for _ in 0..count {
        hosts.write(random.u32(..hosts.count), &mut text);
        black_box(table.lookup_host(&text));
    }
    Ok((processor_time()? - start).as_secs_f64() * 1e9 / f64::from(count))
}

/// Makes as many changes as are due by the clock, until it is enough.
fn write(
    table: &LineTable,
    hosts: Hosts,
    revision: &AtomicU64,
    enough: &AtomicBool,
) -> Result<(), Failure> {
    let begin = now()?;
    let mut made = 0;
    while !enough.load(Ordering::Relaxed) {
        let due = u64::try_from(now()? - begin)? * A_SECOND / 1_000_000_000;
        for _ in made..due {
            let entry = change(hosts, revision.fetch_add(1, Ordering::Relaxed));
            black_box(table.apply(&entry));
        }
        made = due.max(made);
        thread::sleep(Duration::from_micros(200));
    }
    Ok(())
}

/// Moves, and new domains that are removed again.
fn change(hosts: Hosts, revision: u64) -> LogEntry {
    let n = u32::try_from(revision).expect("there are not so many");
    let domain = |n: u32| {
        let name = format!("new-{n}.shops.example");
        DomainName::from_normalised(&name).expect("it is one")
    };
    let event = match n % 4 {
        0 => DirectoryEvent::DomainAdded {
            domain: domain(n),
            tenant: hosts.tenant(n),
        },
        2 => DirectoryEvent::DomainRemoved {
            domain: domain(n - 2),
            tenant: hosts.tenant(n - 2),
        },
        // A stride without a common factor, so that these are tenants from everywhere.
        _ => return moved(hosts, n.wrapping_mul(7_919) % hosts.tenants, revision),
    };
    LogEntry {
        revision: Revision::new(revision),
        event,
    }
}
