use futures_core::stream::BoxStream;
use tenancy_types::{Lifecycle, Position};

use super::{DirectoryError, NewTenant};

/// A tenant that comes from elsewhere with all that it has, to be [loaded](super::Directory::load).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// What would make it.
    pub tenant: NewTenant,
    /// Where in its life it is.
    pub lifecycle: Lifecycle,
}

/// Tenants to be loaded, in the order of the ids they are to have. An error ends the load, and nothing of it remains: see
/// [`DirectoryError::unreadable`].
pub type Imports = BoxStream<'static, Result<Import, DirectoryError>>;

/// What was loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// How many tenants; their ids are the last of the directory, in the order in which they came.
    pub tenants: u64,
    /// How many domains they have.
    pub domains: u64,
    /// Where the log ends now. A follower's snapshot from here on contains them.
    pub position: Position,
}
