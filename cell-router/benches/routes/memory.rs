//! What memory the process has, and how much of it in huge pages.

use std::{fs, hint::black_box};

use crate::{Failure, Measured, hosts::Hosts, table, writer};

/// Says how much of the memory is in huge pages.
#[expect(clippy::print_stderr, reason = "for whoever watches")]
pub(crate) fn report() -> Result<(), Failure> {
    let (huge, all) = (kilobytes("AnonHugePages:")?, kilobytes("Anonymous:")?);
    eprintln!("{} of {} MiB are in huge pages", huge / 1024, all / 1024);
    Ok(())
}

fn kilobytes(field: &str) -> Result<u64, Failure> {
    let text = fs::read_to_string("/proc/self/smaps_rollup")?;
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.ok_or_else(|| format!("no {field}"))?.parse()?)
}

/// Bytes a domain, after every tenant has changed: what the process has more than before, everything included.
#[expect(clippy::print_stderr, reason = "for whoever watches")]
pub(crate) fn measure(hosts: Hosts) -> Result<Measured, Failure> {
    let before = kilobytes("Anonymous:")?;
    let (table, _) = table::build(hosts)?;
    writer::move_all(&table, hosts);
    let grown = (kilobytes("Anonymous:")? - before) * 1024;
    let counted = table.memory();
    eprintln!("{grown} bytes more, {counted} of them known to the table");
    black_box(&table);
    Ok(Measured::alone(grown as f64 / f64::from(hosts.count)))
}
