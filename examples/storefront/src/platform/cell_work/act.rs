use serde::{Deserialize, Serialize};
use tenancy_migrate::TableCounts;

/// Something that a cell does for a workflow.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::platform) enum CellAct {
    /// Makes the fence of a shop that is being made.
    Fence,
    /// Gives a new shop its first rows.
    SetUp {
        /// The shop's name.
        name: String,
        /// The code of its currency.
        currency: String,
    },
    /// Brings the fence to what the directory says.
    Follow,
    /// Removes what a shop that was given up has, and brings the fence to what the directory says.
    Clear,
    /// Ends what the shop has open with the payment provider.
    Settle,
    /// Counts the shop's rows.
    Count,
    /// Deletes the shop's rows.
    Empty,
    /// Overwrites what was deleted.
    Scrub,
}

/// What came of it.
#[derive(Clone, Debug)]
pub(in crate::platform) enum Acted {
    /// It is done.
    Done,
    /// These are the rows.
    Counted(TableCounts),
}
