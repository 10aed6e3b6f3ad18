//! Reports as text for people, as JSON for programs, and as SARIF 2.1.0 for what collects the findings of
//! such programs.

mod json;
mod sarif;
mod text;

pub use json::json;
pub use sarif::sarif;
pub use text::text;

use std::error::Error;

use super::{Judged, report};

/// An error with its sources, on one line, as a report gives it.
#[must_use]
pub fn chain(error: &(dyn Error + 'static)) -> String {
    report::chain(error)
}

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
#[non_exhaustive]
pub enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// For what collects the findings of programs.
    Sarif,
}

/// Writes a report, with a last line feed. SARIF names a file with each finding: `manifest`, relative to wherever its
/// reader looks.
#[must_use]
pub fn write(judged: &Judged, format: Format, manifest: &str) -> String {
    match format {
        Format::Text => text(judged),
        Format::Json => json(judged) + "\n",
        Format::Sarif => sarif(judged, manifest) + "\n",
    }
}
