//! From files to facts.

use std::{io, ops::RangeBounds};

use tenancy_types::{LogEntry, Position};

use super::{
    Damage, Guards,
    disk::Disk,
    format::{Header, Kind},
    frames::Piece,
    overlay::Overlay,
    record::Records,
    scan::scan,
    size::Totals,
};
use crate::Error;

/// What a file is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FileName {
    /// Files are numbered in the order in which they were made; no number is used twice.
    pub(super) number: u64,
    pub(super) role: Role,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    Base,
    Log,
    /// A base in the making.
    Draft,
}

impl FileName {
    pub(super) fn parse(name: &str) -> Option<Self> {
        let (number, role) = name.strip_prefix("routes-")?.split_once('.')?;
        let role = match role {
            "base" => Role::Base,
            "log" => Role::Log,
            "draft" => Role::Draft,
            _ => return None,
        };
        let number = number.parse().ok()?;
        let parsed = Self { number, role };
        // `routes-1.base` is none of ours.
        (parsed.to_string() == name).then_some(parsed)
    }
}

impl std::fmt::Display for FileName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let role = match self.role {
            Role::Base => "base",
            Role::Log => "log",
            Role::Draft => "draft",
        };
        write!(f, "routes-{:010}.{role}", self.number)
    }
}

/// A file of which so much is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(super) name: FileName,
    pub(crate) bytes: u64,
}

/// A base that was checked to its end, and the logs that continue it.
#[derive(Debug)]
pub(super) struct Chosen {
    pub(super) base: Part,
    pub(super) logs: Vec<Part>,
    pub(super) overlay: Overlay,
    totals: Totals,
}

/// A file that was not used, and why.
#[derive(Debug)]
pub(crate) struct Skipped {
    pub(crate) file: String,
    pub(crate) why: Error,
}

/// All of our files, in the order of their numbers.
pub(super) fn files(disk: &impl Disk) -> io::Result<Vec<FileName>> {
    let names = disk.names()?;
    let mut files: Vec<_> = names
        .iter()
        .filter_map(|name| FileName::parse(name))
        .collect();
    files.sort_unstable();
    Ok(files)
}

/// The newest base among these that is whole, with its logs.
pub(super) fn choose(
    disk: &impl Disk,
    guards: &Guards,
    numbers: impl RangeBounds<u64>,
    skipped: &mut Vec<Skipped>,
) -> io::Result<Option<Chosen>> {
    let files = files(disk)?;
    let bases = files.iter().rev().filter(|file| file.role == Role::Base);
    for &name in bases.filter(|file| numbers.contains(&file.number)) {
        match check_base(disk, guards, name) {
            Ok((base, position, totals)) => {
                let mut chosen = Chosen {
                    base,
                    logs: Vec::new(),
                    overlay: Overlay::new(position),
                    totals,
                };
                let later = files.iter().filter(|file| file.number > name.number);
                for &log in later.filter(|file| file.role == Role::Log) {
                    chosen.read_log(disk, guards, log, skipped);
                }
                return Ok(Some(chosen));
            }
            Err(why) => skipped.push(Skipped {
                file: name.to_string(),
                why,
            }),
        }
    }
    Ok(None)
}

fn check_base(
    disk: &impl Disk,
    guards: &Guards,
    name: FileName,
) -> Result<(Part, Position, Totals), Error> {
    let (mut position, mut totals) = (None, None);
    let (bytes, end) = scan(disk.open(&name.to_string())?, guards, |piece| {
        match piece {
            Piece::Header(header) => position = Some(of_kind(Kind::Base, header)?),
            Piece::Block(_) => {}
            Piece::End(counts) => {
                guards.judge_growth(None, counts.size())?;
                totals = Some(counts);
            }
        }
        Ok(())
    });
    end?;
    let (position, totals) = position.zip(totals).ok_or(Damage::Truncated)?;
    Ok((Part { name, bytes }, position, totals))
}

fn of_kind(kind: Kind, header: Header) -> Result<Position, Damage> {
    if header.kind != kind {
        return Err(Damage::WrongKind);
    }
    Ok(header.position)
}

impl Chosen {
    /// Takes from a log what fits; its tail may be torn.
    fn read_log(
        &mut self,
        disk: &impl Disk,
        guards: &Guards,
        name: FileName,
        skipped: &mut Vec<Skipped>,
    ) {
        let file = name.to_string();
        let mut has_begun = false;
        let result = disk.open(&file).map_err(Error::from).and_then(|log| {
            let (bytes, end) = scan(log, guards, |piece| match piece {
                Piece::Header(header) if !has_begun => {
                    self.overlay.begin(of_kind(Kind::Log, header)?)?;
                    has_begun = true;
                    Ok(())
                }
                Piece::Block(records) => self.take_entries(records),
                Piece::Header(_) | Piece::End(_) => Err(Damage::WrongKind.into()),
            });
            if has_begun {
                self.logs.push(Part { name, bytes });
            }
            end
        });
        if let Err(why) = result {
            skipped.push(Skipped { file, why });
        }
    }

    fn take_entries(&mut self, records: &[u8]) -> Result<(), Error> {
        // All or nothing, as it was written.
        let entries: Vec<LogEntry> = Records::new(records).collect::<Result<_, _>>()?;
        for entry in entries {
            self.overlay.apply(entry)?;
        }
        Ok(())
    }

    /// Hands on every fact as it is at the end of the logs, in batches.
    pub(super) fn read(
        self,
        disk: &impl Disk,
        guards: &Guards,
        mut take: impl FnMut(&mut Vec<LogEntry>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let Self {
            base,
            mut overlay,
            totals,
            ..
        } = self;
        let mut batch = Vec::new();
        let mut read = Totals::default();
        let (_, end) = scan(disk.open(&base.name.to_string())?, guards, |piece| {
            if let Piece::Block(records) = piece {
                for fact in Records::new(records) {
                    let fact = fact?;
                    read.count(&fact);
                    overlay.merge(fact, &mut batch);
                }
                take(&mut batch)?;
                batch.clear();
            }
            Ok(())
        });
        end?;
        if read != totals {
            return Err(Damage::Counts.into());
        }
        overlay.finish(&mut batch);
        take(&mut batch)
    }
}
