//! Where and when something was measured.

use std::fmt;
use std::fs;
use std::thread;

use anyhow::{Context as _, Result};

use crate::process::{output, program};

/// What a reader needs to know before comparing a figure with one of another machine.
#[derive(Debug)]
pub(crate) struct Machine {
    date: String,
    processor: String,
    cores: usize,
    memory_gib: u64,
    kernel: String,
    /// Average over one minute.
    load: String,
}

impl Machine {
    pub(crate) fn here() -> Result<Self> {
        let date = output(&mut program("date", ["-u", "+%Y-%m-%d"]))?
            .trim()
            .to_owned();
        let kernel = output(&mut program("uname", ["-sr"]))?.trim().to_owned();
        let field = |file: &str, name: &str| -> Option<String> {
            let text = fs::read_to_string(file).ok()?;
            let line = text.lines().find_map(|line| line.strip_prefix(name))?;
            Some(line.trim_start_matches([' ', '\t', ':']).to_owned())
        };
        let kib = field("/proc/meminfo", "MemTotal")
            .and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        Ok(Self {
            date,
            processor: field("/proc/cpuinfo", "model name")
                .unwrap_or_else(|| "unknown processor".to_owned()),
            cores: thread::available_parallelism()
                .context("count the cores")?
                .get(),
            memory_gib: kib.unwrap_or_default() >> 20,
            kernel,
            load: load.split(' ').next().unwrap_or_default().to_owned(),
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            date,
            processor,
            cores,
            memory_gib,
            kernel,
            load,
        } = self;
        write!(
            out,
            "{date}, {processor}, {cores} cores, {memory_gib} GiB, {kernel}, load {load}"
        )
    }
}
