/// What the isolation is to withstand. Exhaustive and without a default on purpose: it is the first question
/// about a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IsolationMode {
    /// Stops mistakes: a forgotten predicate, a wrong identifier, a connection that was not cleaned. SQL that
    /// an attacker injects can name another tenant.
    Plain,
    /// Also stops injected SQL from becoming another tenant: a transaction enters by a seal that only the
    /// holders of a [`SealKey`](super::SealKey) can make, and its tenant cannot be set in another way.
    Sealed,
}

/// Whether the database closes tables that are made by hand, by an event trigger.
///
/// Only a superuser may make one. Managed servers often give out none; there, the audit is what finds such
/// tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Net {
    /// With the event trigger.
    Yes,
    /// Without.
    No,
}
