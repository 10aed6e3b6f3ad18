//! From files to facts.

use std::{
    io::{self, Read},
    ops::RangeBounds,
};

use tenancy_types::{LogEntry, Position};

use super::{
    Damage, Guards,
    base::BaseReader,
    disk::Disk,
    format::{HEADER, Header, Kind},
    frames::Piece,
    overlay::Overlay,
    record::Records,
    scan::scan,
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
    /// Empty: no log behind it continues a base before it.
    End,
}

impl FileName {
    pub(super) fn parse(name: &str) -> Option<Self> {
        let (number, role) = name.strip_prefix("routes-")?.split_once('.')?;
        let role = match role {
            "base" => Role::Base,
            "log" => Role::Log,
            "draft" => Role::Draft,
            "end" => Role::End,
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
            Role::End => "end",
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

/// A base, and the logs that continue it. Of the base only the beginning was looked at.
#[derive(Debug)]
pub(super) struct Chosen {
    pub(super) base: FileName,
    pub(super) logs: Vec<Part>,
    pub(super) overlay: Overlay,
    /// Whether the history ended there.
    pub(super) is_ended: bool,
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

/// The newest base among these, with its logs.
pub(super) fn choose(
    disk: &impl Disk,
    guards: &Guards,
    numbers: impl RangeBounds<u64>,
    skipped: &mut Vec<Skipped>,
) -> io::Result<Option<Chosen>> {
    let files = files(disk)?;
    let bases = files.iter().rev().filter(|file| file.role == Role::Base);
    for &name in bases.filter(|file| numbers.contains(&file.number)) {
        match read_header(disk, name) {
            Ok(position) => {
                let mut chosen = Chosen {
                    base: name,
                    logs: Vec::new(),
                    overlay: Overlay::new(position),
                    is_ended: false,
                };
                let later = files.iter().filter(|file| file.number > name.number);
                for &file in later {
                    match file.role {
                        Role::Log => chosen.read_log(disk, guards, file, skipped),
                        Role::End => {
                            chosen.is_ended = true;
                            break;
                        }
                        Role::Base | Role::Draft => {}
                    }
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

fn read_header(disk: &impl Disk, name: FileName) -> Result<Position, Error> {
    let mut header = [0; HEADER];
    let read = disk.open(&name.to_string())?.read_exact(&mut header);
    read.map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => Damage::Truncated.into(),
        _ => Error::from(error),
    })?;
    let (header, _) = Header::read(&header)?;
    Ok(of_kind(Kind::Base, header)?)
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
                Piece::Block(records) => self.take_entries(guards, records),
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

    fn take_entries(&mut self, guards: &Guards, records: &[u8]) -> Result<(), Error> {
        self.overlay.count(records.len())?;
        // All or nothing, as it was written.
        let entries: Vec<LogEntry> = Records::new(records).collect::<Result<_, _>>()?;
        for entry in &entries {
            guards.judge_tenant(entry.event.tenant())?;
        }
        for entry in entries {
            self.overlay.apply(entry)?;
        }
        Ok(())
    }

    /// Hands on every fact as it is at the end of the logs, in batches, and says how many bytes the base has. What was
    /// handed on counts only when all is well to the end.
    pub(super) fn read(
        self,
        disk: &impl Disk,
        guards: &Guards,
        mut take: impl FnMut(Vec<LogEntry>) -> Result<(), Error>,
    ) -> Result<u64, Error> {
        let mut base = BaseReader::new(self.overlay);
        let mut counted = None;
        let mut batch = Vec::new();
        let (bytes, end) = scan(disk.open(&self.base.to_string())?, guards, |piece| {
            match piece {
                Piece::Header(_) => {}
                Piece::Block(records) => {
                    base.block(records, &mut batch)?;
                    guards.judge_growth(None, base.size())?;
                    for fact in &batch {
                        guards.judge_tenant(fact.event.tenant())?;
                    }
                    // Blocks have about as many facts.
                    let next = Vec::with_capacity(batch.len());
                    take(std::mem::replace(&mut batch, next))?;
                }
                Piece::End(totals) => counted = Some(totals),
            }
            Ok(())
        });
        end?;
        base.end(counted.ok_or(Damage::Truncated)?, &mut batch)?;
        take(batch)?;
        Ok(bytes)
    }
}
