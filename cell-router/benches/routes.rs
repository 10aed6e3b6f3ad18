//! The figures of the route table: what a lookup, a change, a build and a domain cost.
//!
//! ```sh
//! cargo bench -p tenancy-cell-router --bench routes -- --work lookup --against floor --hosts 2000000 --pages huge
//! cargo bench -p tenancy-cell-router --bench routes -- --work build --hosts 2000000
//! ```
//!
//! The last line is the answer: `{"value": 210.0, "peer": 190.0}`, without a peer where there is none. With
//! `FIGURES_QUICK=1` in the environment the tables are small.
//!
//! To be fair:
//!
//! - Hosts are as long as real ones (31 bytes in the middle), drawn uniformly; of 2 million each leads to a tenant of
//!   its own, of 10 million five lead to the same.
//! - Both sides are measured in one process by turns, so that what else the machine does meets both.
//! - A lookup is isolated: a fenced reading of the clock before and behind it, its host in the cache, everything else
//!   as cold as uniform draws leave it. What an empty reading takes is subtracted. The value is the middle one.
//! - Every peer goes on to the placement, by the same array as ours, and has the tables' keys as boxed texts.
//! - Huge pages are asked for by glibc's own tunable, for everything in the process; how much memory has them is said.

#[path = "routes/clock.rs"]
mod clock;
#[path = "routes/hosts.rs"]
mod hosts;
#[path = "routes/isolated.rs"]
mod isolated;
#[path = "routes/memory.rs"]
mod memory;
#[path = "routes/pages.rs"]
mod pages;
#[path = "routes/peers.rs"]
mod peers;
#[path = "routes/processor.rs"]
mod processor;
#[path = "routes/table.rs"]
mod table;
#[path = "routes/writer.rs"]
mod writer;

use std::{env, error::Error, process::ExitCode};

use peers::Against;

type Failure = Box<dyn Error + Send + Sync>;

/// What was measured.
struct Measured {
    value: f64,
    peer: Option<f64>,
}

impl Measured {
    fn alone(value: f64) -> Self {
        Self { value, peer: None }
    }
}

#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the answer and the complaint of a command"
)]
fn main() -> ExitCode {
    match Setting::from_args(env::args().skip(1)).and_then(|setting| measure(&setting)) {
        Ok(Measured { value, peer: None }) => println!("{{\"value\": {value:.3}}}"),
        Ok(Measured {
            value,
            peer: Some(peer),
        }) => println!("{{\"value\": {value:.3}, \"peer\": {peer:.3}}}"),
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

enum Work {
    Lookup,
    Memory,
    Build,
    Move,
    Changes,
}

struct Setting {
    work: Work,
    against: Against,
    hosts: u32,
    huge: bool,
}

/// Whether it is only to be seen that everything works.
fn is_quick() -> bool {
    env::var_os("FIGURES_QUICK").is_some_and(|value| value == "1")
}

impl Setting {
    fn from_args(mut args: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut setting = Self {
            work: Work::Lookup,
            against: Against::Floor,
            hosts: 2_000_000,
            huge: false,
        };
        while let Some(arg) = args.next() {
            // Cargo says this to every benchmark.
            if arg == "--bench" {
                continue;
            }
            let value = args.next().ok_or_else(|| format!("{arg} needs a value"))?;
            match (arg.as_str(), value.as_str()) {
                ("--work", "lookup") => setting.work = Work::Lookup,
                ("--work", "memory") => setting.work = Work::Memory,
                ("--work", "build") => setting.work = Work::Build,
                ("--work", "move") => setting.work = Work::Move,
                ("--work", "changes") => setting.work = Work::Changes,
                ("--against", "floor") => setting.against = Against::Floor,
                ("--against", "papaya") => setting.against = Against::Papaya,
                ("--against", "hashbrown") => setting.against = Against::Hashbrown,
                ("--against", "keys") => setting.against = Against::Keys,
                ("--hosts", n) => setting.hosts = n.parse()?,
                ("--pages", "small") => setting.huge = false,
                ("--pages", "huge") => setting.huge = true,
                _ => return Err(format!("{arg} {value} is not known here").into()),
            }
        }
        if is_quick() {
            setting.hosts = setting.hosts.min(50_000);
        }
        Ok(setting)
    }
}

fn measure(setting: &Setting) -> Result<Measured, Failure> {
    if setting.huge {
        pages::ask_for_huge()?;
    }
    let hosts = hosts::Hosts::new(setting.hosts);
    match setting.work {
        Work::Lookup => peers::measure(hosts, setting.against),
        Work::Memory => memory::measure(hosts),
        Work::Build => table::build(hosts).map(|(_, seconds)| Measured::alone(seconds)),
        Work::Move => writer::one_move(hosts),
        Work::Changes => writer::many_changes(hosts),
    }
}
