use std::fmt;

use tenancy_types::{Answer, Position, Route, TenantId};

use super::{fingerprint::Fingerprint, generation::Generation, lines::State, shared::Writer};
use crate::TableSize;

/// How a table came to its answer.
///
/// [`Display`](fmt::Display) is for operators: a line for each name that was asked for, then the table's state.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Explained {
    /// What a lookup answers.
    pub answer: Answer,
    /// The names that were asked for, in this order. The last one is the one that counted.
    pub probes: Vec<NameProbe>,
    /// Up to where the table has followed the directory.
    pub position: Option<Position>,
    /// How much it holds.
    pub size: TableSize,
    /// How many generations of lines or pages the table has shown.
    pub generation: u64,
    /// The part of the slots that is in use, between 0 and 1.
    pub load: f64,
}

/// One name that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NameProbe {
    /// The host or a pattern above it, or the slug.
    pub name: Box<str>,
    /// How many neighbouring lines were read.
    pub lines: usize,
    /// What was there.
    pub finding: Finding,
}

/// What there is of a name. Exhaustive on purpose: there is nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The tenant has it.
    Tenant(TenantId),
    /// A tenant had it until it was removed.
    Removed,
    /// Nothing.
    Unknown,
}

impl Explained {
    pub(super) fn host(host: &str, writer: &Writer) -> Self {
        Self::of(writer, |generation| {
            (generation.host(host), probes(host, generation))
        })
    }

    pub(super) fn slug(slug: &str, writer: &Writer) -> Self {
        Self::of(writer, |generation| {
            let name = generation.keys.slug(slug);
            let probe = probe(slug.into(), name, generation);
            (generation.slug(slug), vec![probe])
        })
    }

    fn of(
        writer: &Writer,
        ask: impl FnOnce(&Generation) -> (Option<Route>, Vec<NameProbe>),
    ) -> Self {
        let Some(books) = &writer.books else {
            return Self::not_ready();
        };
        let (route, probes) = ask(&books.generation);
        Self {
            answer: route.map_or(Answer::Absent, Answer::Hit),
            probes,
            position: Some(books.position()),
            size: books.size(),
            generation: writer.generation,
            load: books.load(),
        }
    }

    fn not_ready() -> Self {
        Self {
            answer: Answer::NotReady,
            probes: Vec::new(),
            position: None,
            size: TableSize::default(),
            generation: 0,
            load: 0.0,
        }
    }
}

/// The same as a lookup does, with notes.
fn probes(host: &str, generation: &Generation) -> Vec<NameProbe> {
    let exact = (Box::from(host), generation.keys.domain(host));
    let suffixes = generation.depths.suffixes(host);
    let patterns = suffixes.map(|suffix| {
        let name = generation.keys.pattern(suffix);
        (format!("*.{suffix}").into(), name)
    });
    let mut probes = Vec::new();
    for (text, name) in [exact].into_iter().chain(patterns) {
        let probe = probe(text, name, generation);
        let is_found = matches!(probe.finding, Finding::Tenant(_));
        probes.push(probe);
        if is_found {
            break;
        }
    }
    probes
}

fn probe(text: Box<str>, name: Fingerprint, generation: &Generation) -> NameProbe {
    let lines = &generation.lines;
    let seat = lines.seek(name);
    NameProbe {
        name: text,
        lines: seat.map_or(lines.count(), |seat| lines.read_until(name, seat)),
        finding: match seat.map(|seat| seat.state) {
            Some(State::Taken(Some(tenant))) => Finding::Tenant(tenant),
            Some(State::Taken(None)) => Finding::Removed,
            Some(State::Free) | None => Finding::Unknown,
        },
    }
}

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for probe in &self.probes {
            writeln!(f, "{probe}")?;
        }
        match self.answer {
            Answer::Hit(route) => writeln!(f, "answer: {:?}, {:?}", route.tenant, route.placement)?,
            Answer::Absent => writeln!(f, "answer: absent")?,
            Answer::NotReady => return writeln!(f, "answer: the table has not been filled yet"),
        }
        if let Some(Position { history, revision }) = self.position {
            writeln!(f, "position: revision {revision} of {history:?}")?;
        }
        let TableSize { tenants, names } = self.size;
        writeln!(
            f,
            "table: {names} names, {tenants} tenants, generation {}, load {:.2}",
            self.generation, self.load
        )
    }
}

impl fmt::Display for NameProbe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, lines, .. } = self;
        write!(f, "{name}: ")?;
        match self.finding {
            Finding::Tenant(tenant) => write!(f, "{tenant:?}")?,
            Finding::Removed => f.write_str("removed")?,
            Finding::Unknown => f.write_str("unknown")?,
        }
        write!(
            f,
            " ({lines} {})",
            if *lines == 1 { "line" } else { "lines" }
        )
    }
}
