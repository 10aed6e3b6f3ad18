//! The keys that a cell knows.

use sqlx::PgConnection;
use tenancy_types::UnixMicros;

use super::{InstallError, SealKey};

/// Tells a cell of a key, for ever, or until it is [retired](retire_key). Doing it twice does it once. A cell
/// that is isolated later, sealed, is told of its key by [`install_with_key`](super::install_with_key).
///
/// # Errors
/// [`InstallError::KeyDiffers`] when the cell knows another secret of the id, [`InstallError::KeyEnded`] when the
/// key was retired: a new key has a new id. [`InstallError::Database`], also when the cell has no isolation yet.
///
/// # Cancel safety
/// When the future is dropped, the key may be known or not; do it again.
pub async fn install_key(connection: &mut PgConnection, key: &SealKey) -> Result<(), InstallError> {
    let [inner_pad, outer_pad] = key.pads();
    sqlx::query(
        "INSERT INTO tenancy.seal_key (id, inner_pad, outer_pad, not_after) VALUES ($1, $2, $3, NULL)
         ON CONFLICT (id) DO NOTHING",
    )
    .bind(key.id())
    .bind(inner_pad)
    .bind(outer_pad)
    .execute(&mut *connection)
    .await?;
    let (same, lasts): (bool, bool) = sqlx::query_as(
        "SELECT inner_pad = $2 AND outer_pad = $3, not_after IS NULL FROM tenancy.seal_key WHERE id = $1",
    )
    .bind(key.id())
    .bind(inner_pad)
    .bind(outer_pad)
    .fetch_one(connection)
    .await?;
    let id = key.id().into();
    match (same, lasts) {
        (true, true) => Ok(()),
        (true, false) => Err(InstallError::KeyEnded { id }),
        (false, _) => Err(InstallError::KeyDiffers { id }),
    }
}

/// Ends a key at a moment of the database's clock: from then on its seals are not valid. A key that is gone
/// already, or was never there, stays so.
///
/// To change keys, install the new one, let all processes seal with it, and retire the old one a seal's
/// lifetime later.
///
/// # Errors
/// [`InstallError::Database`].
///
/// # Cancel safety
/// When the future is dropped, the key may have been retired or not; do it again.
pub async fn retire_key(
    connection: &mut PgConnection,
    id: &str,
    not_after: UnixMicros,
) -> Result<(), InstallError> {
    sqlx::query(
        "UPDATE tenancy.seal_key SET not_after = 'epoch'::timestamptz + $2 * interval '1 microsecond'
         WHERE id = $1",
    )
    .bind(id)
    .bind(not_after.get())
    .execute(connection)
    .await?;
    Ok(())
}
