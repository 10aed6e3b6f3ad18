/// Why a connection may not serve tenants.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The database could not be asked.
    #[error("audit the cell's isolation")]
    Database {
        /// What the driver said.
        #[from]
        source: sqlx::Error,
    },
    /// The isolation is sealed and no key was given, or the other way round.
    #[error("a sealed cell is opened with its key, and a plain one without")]
    Key,
    /// The database does not isolate.
    #[error("the cell does not isolate: {}", findings.join("; "))]
    Unsafe {
        /// Everything that was found.
        findings: Vec<String>,
    },
}
