use std::error::Error;

use super::Finding;

/// What the whole audit says of a cell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// What is wrong, in order of check and object.
    pub findings: Vec<Finding>,
    /// What could not be tried out, in order of name. The catalogs' checks hold for these, too.
    pub unprobed: Vec<Unprobed>,
    /// What could not be looked at.
    pub failed: Vec<Failed>,
}

/// A relation that the application reaches and that could not be tried out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Unprobed {
    /// With its schema.
    pub relation: Box<str>,
    /// As half a sentence.
    pub why: Box<str>,
}

/// A part of the audit that could not be done.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failed {
    /// Such as `the probe`.
    pub part: Box<str>,
    /// The error with its sources.
    pub why: Box<str>,
}

impl Failed {
    pub(super) fn new(part: &str, error: &(dyn Error + 'static)) -> Self {
        Self {
            part: part.into(),
            why: chain(error).into(),
        }
    }
}

/// An error with its sources, on one line.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
