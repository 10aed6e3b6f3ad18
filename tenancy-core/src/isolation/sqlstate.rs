//! The error codes (`SQLSTATE`) that a cell's own functions raise. Class `TN` is none of Postgres's.

/// `tenancy.enter`: the seal is missing, or not made by a known key for this very entry. Also raised by any
/// access to tenants' rows when the transaction's setting was forged.
pub const SEAL_INVALID: &str = "TN001";

/// `tenancy.enter`: the seal was made for a time that is over.
pub const SEAL_EXPIRED: &str = "TN002";

/// `tenancy.enter`: a seal was presented after the message that began the transaction.
pub const SEAL_REPLAYED: &str = "TN003";

/// `tenancy.enter`: a transaction that may write was to be entered for reading.
pub const NOT_READ_ONLY: &str = "TN004";

/// A search was asked for another tenant than the transaction's.
pub const SEARCH_FOREIGN: &str = "TN005";

/// `tenancy.leave`: the transaction is not the tenant's, or not any more.
pub const NOT_OURS: &str = "TN010";

/// Something of others stands where the isolation's own objects go.
pub const STRANGERS: &str = "TN021";

/// The statements are of an older version than the cell.
pub const NEWER_VERSION: &str = "TN020";
