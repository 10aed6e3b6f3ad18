use super::Finding;

/// What the whole audit says of a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What is wrong, in order of check and object.
    pub findings: Vec<Finding>,
    /// What could not be tried out, in order of name. The catalogs' checks hold for these, too.
    pub unprobed: Vec<Unprobed>,
}

/// A relation that the application reaches and that could not be tried out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unprobed {
    /// With its schema.
    pub relation: Box<str>,
    /// As half a sentence.
    pub why: Box<str>,
}
