//! What `tenancy.enter` and `tenancy.leave` do, in both modes.

use tenancy_core::isolation::{IsolationMode, SealAccess};

use super::{
    SCHEMA, manifest,
    world::{MODES, Outcome, World, answer, code, outcome, refused, rows, run},
};

async fn setting(world: &World, name: &str, tenant: u32) -> String {
    let mut app = world.app().await;
    world.write(&mut app, tenant).await;
    sqlx::query_scalar("select current_setting($1)")
        .bind(name)
        .fetch_one(&mut app)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_transaction_is_the_tenants_until_it_ends() {
    for mode in MODES {
        let world = World::new(SCHEMA, &manifest(), mode).await;
        let mut app = world.app().await;
        let own = "select 1 where tenancy.current_tenant() = 1
            and tenancy.current_external() = '00000000-0000-4000-8000-000000000001'";
        world.write(&mut app, 1).await;
        assert_eq!(outcome(&mut app, own).await, Outcome::Rows(1));
        run(&mut app, "savepoint s; release s").await;
        assert_eq!(outcome(&mut app, own).await, Outcome::Rows(1));
        run(&mut app, "select tenancy.leave(1); commit").await;
        let nobody = "select 1 where tenancy.current_tenant() is null
            and tenancy.current_external() is null";
        assert_eq!(outcome(&mut app, nobody).await, Outcome::Rows(1));
        assert_eq!(setting(&world, "statement_timeout", 1).await, "5s");
    }
}

#[tokio::test]
async fn leaving_says_whether_the_transaction_is_still_the_tenants() {
    for mode in MODES {
        let world = World::new(SCHEMA, &manifest(), mode).await;
        let mut app = world.app().await;
        for (between, leave, expect) in [
            ("", "1", "ok"),
            ("", "2", "TN010"),
            ("", "null", "TN010"),
            // The caller's own end, and what begins after it.
            ("commit;", "1", "TN010"),
            ("rollback;", "1", "TN010"),
            ("commit; begin;", "1", "TN010"),
            // The caller's own tenant; a released savepoint leaves it behind.
            (
                "select set_config('app.tenant_id', '2', true);",
                "1",
                "TN010",
            ),
            (
                "savepoint s; select set_config('app.tenant_id', '2', true); release s;",
                "1",
                "TN010",
            ),
            (
                "savepoint s; select set_config('app.tenant_id', '2', true); rollback to s;",
                "1",
                "ok",
            ),
        ] {
            world.write(&mut app, 1).await;
            run(&mut app, between).await;
            let end = format!("select tenancy.leave({leave}); commit");
            let ended = match rows(&mut app, &end).await {
                Ok(_) => "ok".to_owned(),
                Err(error) => code(&error),
            };
            assert_eq!(ended, expect, "{mode:?}: {between} leave({leave})");
            run(&mut app, "rollback").await;
        }
        // A statement that failed: a plain commit answers that all is well, and was a rollback.
        world.write(&mut app, 1).await;
        assert_eq!(outcome(&mut app, "select 1 / 0").await, refused("22012"));
        assert_eq!(
            outcome(&mut app, "commit").await,
            Outcome::Rows(0),
            "control"
        );
        world.write(&mut app, 1).await;
        assert_eq!(outcome(&mut app, "select 1 / 0").await, refused("22012"));
        let end = outcome(&mut app, "select tenancy.leave(1); commit").await;
        assert_eq!(end, refused("25P02"));
    }
}

#[tokio::test]
async fn a_cell_without_a_fence_answers_with_null_and_sets_no_tenant() {
    for mode in MODES {
        let world = World::new(SCHEMA, &manifest(), mode).await;
        let mut app = world.app().await;
        let begin = format!("begin; {}", world.enter(9, SealAccess::Write));
        assert_eq!(answer(&rows(&mut app, &begin).await.unwrap()), None);
        let nobody = "select 1 where tenancy.current_tenant() is null";
        assert_eq!(outcome(&mut app, nobody).await, Outcome::Rows(1));
    }
}

#[tokio::test]
async fn the_fence_is_answered_as_it_is() {
    let world = World::new(SCHEMA, &manifest(), IsolationMode::Plain).await;
    let change = "update tenancy.fence set state = 'fenced', lifecycle = 'suspended', epoch = 8,
        deadline = 77 where tenant_id = 1";
    run(&mut world.mover().await, change).await;
    let mut app = world.app().await;
    for access in [SealAccess::Read, SealAccess::Write] {
        let mode = match access {
            SealAccess::Read => "read only",
            SealAccess::Write => "read write",
        };
        let begin = format!("begin {mode}; {}; rollback", world.enter(1, access));
        let found = answer(&rows(&mut app, &begin).await.unwrap());
        assert_eq!(
            found,
            Some((true, "fenced".into(), "suspended".into(), 8, 77)),
            "{mode}"
        );
    }
}

/// Whoever changes the fence holds the lock alone. Writers do not queue behind it, and readers go on.
#[tokio::test]
async fn a_writer_does_not_wait_for_the_mover_and_a_reader_does_not_care() {
    for mode in MODES {
        let world = World::new(SCHEMA, &manifest(), mode).await;
        let (mut app, mut mover) = (world.app().await, world.mover().await);
        let alone = "select 1 where pg_try_advisory_xact_lock((1414415193::bigint << 32) | 1)";
        world.write(&mut app, 1).await;
        let mut sibling = world.app().await;
        world.write(&mut sibling, 1).await;
        assert_eq!(outcome(&mut mover, alone).await, Outcome::Rows(0));
        run(&mut app, "commit").await;
        run(&mut sibling, "rollback").await;
        run(&mut mover, "begin").await;
        assert_eq!(outcome(&mut mover, alone).await, Outcome::Rows(1));

        let begin = format!("begin; {}", world.enter(1, SealAccess::Write));
        let found = answer(&rows(&mut app, &begin).await.unwrap());
        let (entered, ..) = found.expect("tenant 1 has a fence");
        assert!(!entered, "{mode:?}");
        let nobody = "select 1 where tenancy.current_tenant() is null";
        assert_eq!(outcome(&mut app, nobody).await, Outcome::Rows(1));
        run(&mut app, "rollback").await;

        world.read(&mut app, 1).await;
        run(&mut app, "commit").await;
        // The other tenants are not concerned.
        world.write(&mut app, 2).await;
    }
}

/// Who enters for reading takes no lock, so it must not be able to write.
#[tokio::test]
async fn a_transaction_that_may_write_does_not_enter_for_reading() {
    for mode in MODES {
        let world = World::new(SCHEMA, &manifest(), mode).await;
        let mut app = world.app().await;
        let enter = world.enter(1, SealAccess::Read);
        let writing = format!("begin; {enter}");
        assert_eq!(outcome(&mut app, &writing).await, refused("TN004"));
        run(&mut app, "rollback").await;
        world.read(&mut app, 1).await;
        let insert = "insert into product values (1, 9, '')";
        assert_eq!(outcome(&mut app, insert).await, refused("25006"));
        run(&mut app, "rollback").await;
        world.read(&mut app, 1).await;
        let wider = outcome(&mut app, "set transaction read write").await;
        assert_eq!(wider, refused("25001"));
    }
}

#[tokio::test]
async fn only_the_application_and_the_mover_enter() {
    let world = World::new(SCHEMA, &manifest(), IsolationMode::Plain).await;
    let mut auditor = world.connect(&world.isolation.roles().auditor()).await;
    let enter = format!("begin; {}", world.enter(1, SealAccess::Write));
    assert_eq!(outcome(&mut auditor, &enter).await, refused("42501"));
    world.write(&mut world.mover().await, 1).await;
}
