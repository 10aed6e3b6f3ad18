//! What memory the process has, and in which pages.

use std::{env, fs, hint::black_box, os::unix::process::CommandExt as _, process::Command};

use crate::{Failure, Measured, hosts::Hosts, table, writer};

const TUNABLES: &str = "GLIBC_TUNABLES";
const HUGE: &str = "glibc.malloc.hugetlb=1";

/// Starts this command anew if it is to have huge pages: glibc reads its tunables only then.
pub(crate) fn ask_for_pages(huge: bool) -> Result<(), Failure> {
    if !huge || env::var(TUNABLES).is_ok_and(|tunables| tunables == HUGE) {
        return Ok(());
    }
    let program = env::current_exe()?;
    let error = Command::new(program)
        .args(env::args_os().skip(1))
        .env(TUNABLES, HUGE)
        .exec();
    Err(error.into())
}

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
