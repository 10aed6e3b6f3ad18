//! What every [`Directory`](super::Directory) must do, as cases to run against an empty one.
//!
//! ```
//! # #[cfg(feature = "memory")]
//! mod memory {
//!     use tenancy_core::{directory::MemoryDirectory, types::ManualClock};
//!
//!     // Makes the directory, and a guard that lives as long as the test.
//!     async fn make() -> (MemoryDirectory, ()) {
//!         (MemoryDirectory::new(ManualClock::default()), ())
//!     }
//!
//!     // One `#[tokio::test]` for each case.
//!     tenancy_core::directory_conformance!(make());
//! }
//! ```

mod cells;
mod change;
mod compact;
mod create;
mod fixture;
mod forget;
mod history;
mod load;
mod log;

pub use cells::{a_cell_takes_no_more_than_its_capacity, cells_count_the_living};
pub use change::{
    a_change_expects_the_present_revision, a_change_happens_wholly_or_not_at_all,
    a_change_that_changes_nothing_leaves_the_revision, a_purge_goes_on_to_its_end,
    a_tenant_that_is_gone_gives_its_names_back, domains_come_and_go,
    every_change_of_lifecycle_has_an_epoch_of_its_own, what_the_table_does_not_list_is_rejected,
};
pub use compact::{
    a_compacted_log_leads_on_from_its_floor, a_follower_beside_a_compaction_goes_on,
    lag_counts_what_a_follower_has_not_seen,
    who_is_forgotten_behind_a_compaction_stays_with_nobody,
};
pub use create::{
    a_domain_has_one_tenant, a_key_serves_one_request, a_repeated_request_makes_one_tenant,
    a_slug_has_one_tenant, a_tenant_is_found_by_each_of_its_names, ids_are_dense,
    of_many_claims_one_wins, pages_hold_every_tenant_once,
};
pub use forget::{
    a_forgotten_tenant_leaves_its_numbers, a_tenant_that_is_not_gone_is_not_forgotten,
    who_follows_the_log_converges_after_a_tenant_is_forgotten,
};
pub use history::{
    a_follower_of_another_history_is_told, a_pattern_has_one_tenant, an_incarnation_is_raised_once,
    epochs_behind_a_restore_are_newer,
};
pub use load::{
    what_cannot_be_loaded_wholly_is_not_loaded, what_is_loaded_is_there,
    who_follows_a_load_takes_a_snapshot,
};
pub use log::{
    a_follower_ahead_of_the_log_is_told, a_snapshot_and_the_log_behind_it_are_the_directory,
    a_snapshot_is_of_one_moment, every_effect_is_one_entry, the_log_can_be_followed_from_anywhere,
    the_log_is_live,
};

/// Makes a `#[tokio::test]` of each case of the directory's conformance suite.
///
/// Takes an expression for a future of `(directory, guard)`, evaluated once for each test: an empty
/// directory, and whatever must live as long, such as its folder. The calling crate needs tokio with `macros` and `rt`.
#[macro_export]
macro_rules! directory_conformance {
    ($make:expr) => {
        $crate::directory_conformance! {
            @cases $make;
            a_cell_takes_no_more_than_its_capacity,
            a_change_expects_the_present_revision,
            a_change_happens_wholly_or_not_at_all,
            a_change_that_changes_nothing_leaves_the_revision,
            a_compacted_log_leads_on_from_its_floor,
            a_domain_has_one_tenant,
            a_follower_ahead_of_the_log_is_told,
            a_follower_beside_a_compaction_goes_on,
            a_follower_of_another_history_is_told,
            a_forgotten_tenant_leaves_its_numbers,
            a_key_serves_one_request,
            a_pattern_has_one_tenant,
            a_purge_goes_on_to_its_end,
            a_repeated_request_makes_one_tenant,
            a_slug_has_one_tenant,
            a_snapshot_and_the_log_behind_it_are_the_directory,
            a_snapshot_is_of_one_moment,
            a_tenant_is_found_by_each_of_its_names,
            a_tenant_that_is_gone_gives_its_names_back,
            a_tenant_that_is_not_gone_is_not_forgotten,
            an_incarnation_is_raised_once,
            cells_count_the_living,
            domains_come_and_go,
            epochs_behind_a_restore_are_newer,
            every_change_of_lifecycle_has_an_epoch_of_its_own,
            every_effect_is_one_entry,
            ids_are_dense,
            lag_counts_what_a_follower_has_not_seen,
            of_many_claims_one_wins,
            pages_hold_every_tenant_once,
            the_log_can_be_followed_from_anywhere,
            the_log_is_live,
            what_cannot_be_loaded_wholly_is_not_loaded,
            what_is_loaded_is_there,
            what_the_table_does_not_list_is_rejected,
            who_follows_a_load_takes_a_snapshot,
            who_follows_the_log_converges_after_a_tenant_is_forgotten,
            who_is_forgotten_behind_a_compaction_stays_with_nobody,
        }
    };
    (@cases $make:expr; $($case:ident),* $(,)?) => {
        $(
            #[tokio::test]
            async fn $case() {
                let (directory, _guard) = $make.await;
                $crate::directory::conformance::$case(directory).await;
            }
        )*
    };
}
