//! The table of `admission.rs`, row by row.

use std::{num::NonZeroU16, time::Duration};

use tenancy_core::{
    Grant, Principal, Refusal, Resolved, Source, admit,
    types::{Lifecycle, Placement, WorkBudget},
};

use crate::routes::{moving, placed, tenant};

/// What the principal gets: reading and writing, reading and the reason it may not write, or a refusal.
type Outcome = Result<Result<(), Refusal>, Refusal>;

const BOTH: Outcome = Ok(Ok(()));

fn read(why_not_write: Refusal) -> Outcome {
    Ok(Err(why_not_write))
}

#[track_caller]
fn check(placement: Placement, principal: &Principal, grant: Grant, expect: &Outcome) {
    let resolved = Resolved {
        tenant: tenant(7),
        placement,
        source: Source::Host,
    };
    let found = admit(resolved, principal.clone(), grant, budget()).map(|admitted| {
        let reader = admitted.read_only();
        assert_eq!(
            (reader.tenant(), reader.placement()),
            (tenant(7), placement)
        );
        admitted
            .read_write()
            .map(|writer| assert_eq!(writer.epoch(), placement.epoch))
    });
    assert_eq!(&found, expect, "{placement:?}, {principal:?}, {grant:?}");
}

fn budget() -> WorkBudget {
    WorkBudget::new(NonZeroU16::MIN, Duration::from_secs(1))
}

#[test]
fn visitors_and_users_are_let_in_by_lifecycle_and_grant() {
    for who in [Principal::visitor(), Principal::user("anna")] {
        check(placed(Lifecycle::Active), &who, Grant::ReadWrite, &BOTH);
        check(
            placed(Lifecycle::Active),
            &who,
            Grant::ReadOnly,
            &read(Refusal::WriteNotGranted),
        );
        check(
            placed(Lifecycle::Active),
            &who,
            Grant::None,
            &Err(Refusal::NotMember),
        );
        check(
            moving(Lifecycle::Active),
            &who,
            Grant::ReadWrite,
            &read(Refusal::Moving),
        );
        check(
            placed(Lifecycle::ReadOnly),
            &who,
            Grant::ReadWrite,
            &read(Refusal::ReadOnly),
        );
        check(
            placed(Lifecycle::Provisioning),
            &who,
            Grant::ReadWrite,
            &Err(Refusal::Provisioning),
        );
        check(
            placed(Lifecycle::Suspended),
            &who,
            Grant::ReadWrite,
            &Err(Refusal::Suspended),
        );
        check(
            moving(Lifecycle::Suspended),
            &who,
            Grant::ReadWrite,
            &Err(Refusal::Suspended),
        );
        check(
            placed(Lifecycle::Offboarding),
            &who,
            Grant::ReadWrite,
            &Err(Refusal::Gone),
        );
        check(
            placed(Lifecycle::Purging),
            &who,
            Grant::ReadWrite,
            &Err(Refusal::Gone),
        );
        check(
            placed(Lifecycle::Gone),
            &who,
            Grant::ReadWrite,
            &Err(Refusal::Gone),
        );
    }
}

#[track_caller]
fn check_all(principal: &Principal, outcomes: &[(Placement, Outcome)]) {
    for (placement, expect) in outcomes {
        check(*placement, principal, Grant::ReadWrite, expect);
    }
}

#[test]
fn operators_enter_tenants_that_are_not_served_and_only_look() {
    let operator = Principal::operator("worker", "import");
    let outcomes = [
        (placed(Lifecycle::Provisioning), read(Refusal::Suspended)),
        (moving(Lifecycle::Provisioning), read(Refusal::Suspended)),
        (placed(Lifecycle::Active), BOTH),
        (moving(Lifecycle::Active), read(Refusal::Moving)),
        (placed(Lifecycle::ReadOnly), read(Refusal::ReadOnly)),
        (placed(Lifecycle::Suspended), read(Refusal::Suspended)),
        (placed(Lifecycle::Offboarding), read(Refusal::Suspended)),
        (placed(Lifecycle::Purging), read(Refusal::Suspended)),
        (placed(Lifecycle::Gone), Err(Refusal::Gone)),
    ];
    check_all(&operator, &outcomes);
}

#[test]
fn workflows_write_while_they_make_or_unmake_a_tenant() {
    let workflow = Principal::platform("purge", "delete what a shop left");
    let outcomes = [
        (placed(Lifecycle::Provisioning), BOTH),
        (moving(Lifecycle::Provisioning), read(Refusal::Moving)),
        (placed(Lifecycle::Active), BOTH),
        (moving(Lifecycle::Active), read(Refusal::Moving)),
        (placed(Lifecycle::ReadOnly), read(Refusal::ReadOnly)),
        (placed(Lifecycle::Suspended), read(Refusal::Suspended)),
        (placed(Lifecycle::Offboarding), read(Refusal::Suspended)),
        (placed(Lifecycle::Purging), BOTH),
        (placed(Lifecycle::Gone), Err(Refusal::Gone)),
    ];
    check_all(&workflow, &outcomes);
    check(
        placed(Lifecycle::Purging),
        &workflow,
        Grant::ReadOnly,
        &read(Refusal::WriteNotGranted),
    );
}
