use super::ManifestError;

/// The longest identifier that every supported database keeps whole (Postgres: `NAMEDATALEN` - 1).
pub(crate) const MAX_LENGTH: usize = 63;

/// Whether a name needs no escaping in any database, quoted or not.
///
/// Lower case only: Postgres folds unquoted names and SQLite ignores their case, so that two spellings of
/// one table cannot be told apart there.
pub(crate) fn is_plain(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|b| b.is_ascii_lowercase() || b == b'_')
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && name.len() <= MAX_LENGTH
}

/// Refuses an identifier in the declaration of `of`, a table or a search.
pub(super) fn check(of: &str, identifier: &str) -> Result<(), ManifestError> {
    if is_plain(identifier) {
        Ok(())
    } else {
        Err(ManifestError::InvalidIdentifier {
            table: of.into(),
            identifier: identifier.into(),
        })
    }
}
