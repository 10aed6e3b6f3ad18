//! An installation that is done again, over an older one, or beside another.

use tenancy_core::isolation::IsolationMode;

use crate::{
    isolation::{
        SCHEMA, manifest,
        world::{MODES, Outcome, World, outcome, run},
    },
    patience::until,
};

#[tokio::test]
async fn installing_twice_changes_nothing() {
    for mode in MODES {
        let world = World::new(SCHEMA, &manifest(), mode).await;
        let again = world.install().await;
        assert_eq!(again.changes(), [], "{mode:?}");
    }
}

#[tokio::test]
async fn policies_of_an_older_body_are_replaced() {
    let world = World::new(SCHEMA, &manifest(), IsolationMode::Plain).await;
    let product = world.isolation.manifest().table("product").unwrap();
    let [rows, floor] = world.isolation.policies_of(product).unwrap();
    run(
        &mut world.admin().await,
        &format!(
            "drop policy {rows} on product; drop policy {floor} on product;
             create policy tenancy_rows_0123456789ab on product using (true);
             create policy tenancy_floor_0123456789ab on product as restrictive using (true);
             create policy tenancy_rows on product using (true)"
        ),
    )
    .await;
    let all = world.attempt(Some(1), "select 1 from product").await;
    assert_eq!(all, Outcome::Rows(4), "control");
    let installed = world.install().await;
    let mut changes: Vec<String> = installed
        .changes()
        .iter()
        .map(ToString::to_string)
        .collect();
    // What is not ours stays, and opens nothing.
    changes.sort();
    assert_eq!(
        changes,
        [
            "dropped policy tenancy_floor_0123456789ab on public.product".to_owned(),
            "dropped policy tenancy_rows_0123456789ab on public.product".to_owned(),
            format!("made policy {floor} on public.product"),
            format!("made policy {rows} on public.product"),
        ]
    );
    let own = world.attempt(Some(1), "select 1 from product").await;
    assert_eq!(own, Outcome::Rows(2));
}

#[tokio::test]
async fn fences_of_the_first_version_move() {
    let world = World::bare(SCHEMA, &manifest(), IsolationMode::Plain).await;
    run(
        &mut world.admin().await,
        "create table tenancy_format (part text primary key, version bigint not null);
         create table tenancy_fence (tenant_id bigint primary key, state text not null,
            lifecycle text not null, epoch bigint not null, deadline bigint not null);
         insert into tenancy_format values ('fence', 1);
         insert into tenancy_fence values (7, 'fenced', 'active', 4, 99)",
    )
    .await;
    world.install().await;
    let moved = "select 1 from tenancy.fence where (tenant_id, state, lifecycle, epoch, deadline)
        = (7, 'fenced', 'active', 4, 99) and to_regclass('public.tenancy_fence') is null
        and to_regclass('public.tenancy_format') is null";
    assert_eq!(
        outcome(&mut world.mover().await, moved).await,
        Outcome::Rows(1)
    );
}

#[tokio::test]
async fn two_installations_at_once_do_it_once() {
    let world = World::bare(SCHEMA, &manifest(), IsolationMode::Plain).await;
    let (one, two) = tokio::join!(world.try_install(), world.try_install());
    let changes = [one.unwrap(), two.unwrap()].map(|installed| installed.changes().len());
    assert!(changes.contains(&0) && changes != [0, 0], "{changes:?}");
}

/// However long readers last, nothing that stands is touched. (Control: the next test's installation waits.)
#[tokio::test]
async fn a_repeated_installation_waits_for_nobody() {
    for mode in MODES {
        let world = World::new(SCHEMA, &manifest(), mode).await;
        let mut reader = world.admin().await;
        let tables = "select 1 from product; select 1 from variant; select 1 from files.file; select 1 from event;
            select 1 from currency; select 1 from journal; select 1 from tenancy.fence; select 1 from tenancy.format;
            select 1 from tenancy.seal_key; select 1 from tenancy.transaction_key";
        run(&mut reader, &format!("begin; {tables}")).await;
        assert_eq!(world.install().await.changes(), [], "{mode:?}");
    }
}

/// Two tables have to change, and somebody reads the second one: the first one is not kept for as long.
#[tokio::test]
async fn whoever_waits_keeps_nobody_waiting() {
    let world = World::new(SCHEMA, &manifest(), IsolationMode::Plain).await;
    let mut admin = world.admin().await;
    let open = "alter table product no force row level security; alter table variant no force row level security";
    run(&mut admin, open).await;
    let mut reader = world.admin().await;
    run(&mut reader, "begin; select 1 from variant").await;
    let (installed, ()) = tokio::join!(world.try_install(), async {
        let waits = "select count(*) > 0 from pg_locks where not granted and relation = 'variant'::regclass";
        until(&mut admin, waits).await;
        // It has the first one, and lets it go before the reader is done.
        let read = "set lock_timeout = '10s'; select 1 from product";
        assert_eq!(outcome(&mut admin, read).await, Outcome::Rows(4));
        run(&mut reader, "commit").await;
    });
    assert_eq!(installed.unwrap().changes().len(), 2);
}

/// Also what is written nearly as it was.
#[tokio::test]
async fn an_altered_policy_is_made_anew() {
    for mode in MODES {
        let world = World::new(SCHEMA, &manifest(), mode).await;
        let product = world.isolation.manifest().table("product").unwrap();
        let [rows, floor] = world.isolation.policies_of(product).unwrap();
        let own = "nullif((select current_setting('app.tenant_id', true)), ' ')::bigint";
        for altered in [
            format!("alter policy {rows} on product to public"),
            format!("alter policy {floor} on product using (true)"),
            format!("alter policy {floor} on product with check (true)"),
            format!("alter policy {rows} on product using (tenant_id = {own})"),
            format!(
                "alter policy {rows} on product using (tenant_id >= (select tenancy.current_tenant()))"
            ),
            format!(
                "drop policy {floor} on product; create policy {floor} on product as restrictive for select using (true)"
            ),
            format!("alter policy {floor} on product rename to tenancy_floor_0123456789ab"),
        ] {
            let before = policies(&world).await;
            run(&mut world.admin().await, &altered).await;
            assert_ne!(policies(&world).await, before, "{altered}");
            world.install().await;
            assert_eq!(policies(&world).await, before, "{altered}");
        }
    }
}

async fn policies(world: &World) -> Vec<String> {
    let all = "select format('%s', p) from pg_policies p order by 1";
    sqlx::query_scalar(all)
        .fetch_all(&mut world.admin().await)
        .await
        .unwrap()
}
