//! The audit: silent over what was installed, and not over what was changed since.

use std::num::NonZeroU32;

use expect_test::expect_file;
use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};
use tenancy_core::{
    Manifest, Table,
    isolation::{
        AuditError, AuditReceipt, Isolation, IsolationMode, SealAccess, SealKey,
        audit::{self, Baseline, Check, Enforcement, Finding, Known, Report, Severity, Ways},
        install_key,
    },
    types::Problem as _,
};
use tenancy_testkit::{PgBouncer, Postgres};

use super::{
    ROWS, SCHEMA, manifest,
    mutations::{self, Change, Leak, Mutation},
    world::{MODES, Outcome, World, outcome, refused, rows, run},
};

async fn world(mode: IsolationMode) -> World {
    let world = World::new(SCHEMA, &manifest(), mode).await;
    run(&mut world.admin().await, ROWS).await;
    world.make_prober().await;
    world
}

fn options(world: &World, role: &str) -> PgConnectOptions {
    let options: PgConnectOptions = world.database.url().parse().unwrap();
    options.username(role)
}

fn key(isolation: &Isolation, world: &World) -> Option<SealKey> {
    (isolation.mode() == IsolationMode::Sealed).then(|| world.key.clone())
}

async fn report(world: &World, app: PgConnectOptions, isolation: &Isolation) -> Vec<Finding> {
    let key = key(isolation, world);
    audit::boot_with(app, isolation, key, Enforcement::ReportOnly)
        .await
        .unwrap()
        .findings()
        .to_vec()
}

async fn app_report(world: &World) -> Vec<Finding> {
    let app = options(world, &world.isolation.roles().app());
    report(world, app, &world.isolation).await
}

#[tokio::test]
async fn what_was_installed_has_no_findings() {
    for mode in MODES {
        let world = world(mode).await;
        assert_eq!(app_report(&world).await, [], "{mode:?}");
        let mut auditor = world.connect(&world.isolation.roles().auditor()).await;
        let found = audit::catalog(&mut auditor, &world.isolation).await;
        assert_eq!(found.unwrap(), [], "{mode:?}, as the auditor");
    }
}

#[tokio::test]
async fn a_cell_of_another_version_is_not_opened() {
    let world = world(IsolationMode::Plain).await;
    let app = options(&world, &world.isolation.roles().app());
    for (part, found, code) in [
        ("isolation", 1, "isolation_older"),
        ("isolation", 99, "isolation_newer"),
        ("fence", 1, "isolation_older"),
        ("fence", 99, "isolation_newer"),
    ] {
        let change = format!("update tenancy.format set version = {found} where part = '{part}'");
        run(
            &mut world.admin().await,
            &format!("begin; {change}; commit"),
        )
        .await;
        let opened = audit::boot(app.clone(), &world.isolation, None).await;
        let error = opened.unwrap_err();
        assert_eq!(error.code().as_str(), code, "{part} {found}: {error}");
        let known = if part == "fence" {
            Isolation::FENCE_VERSION
        } else {
            Isolation::VERSION
        };
        let back = format!("update tenancy.format set version = {known} where part = '{part}'");
        run(&mut world.admin().await, &back).await;
    }
    audit::boot(app, &world.isolation, None).await.unwrap();
}

/// Everything, with the probe.
async fn full(world: &World) -> Report {
    let app = options(world, &world.isolation.roles().app());
    let key = key(&world.isolation, world);
    let prober = options(world, &world.isolation.roles().prober());
    let ways = Ways {
        catalogs: None,
        app: Some(app),
        prober: Some(prober),
    };
    let report = audit::everything(ways, &world.isolation, key).await;
    assert_eq!(report.failed, []);
    report
}

#[tokio::test]
async fn the_probe_tries_every_table_and_leaves_nothing() {
    for mode in MODES {
        let world = world(mode).await;
        let before = rows(&mut world.admin().await, "select * from product").await;
        let report = full(&world).await;
        assert_eq!(report.findings, [], "{mode:?}");
        // Shared rows are nobody's.
        let unprobed: Vec<_> = report.unprobed.iter().map(|one| &*one.relation).collect();
        assert_eq!(unprobed, ["public.currency"], "{mode:?}: {report:?}");
        let mut admin = world.admin().await;
        let after = rows(&mut admin, "select * from product").await;
        assert_eq!(after.unwrap().len(), before.unwrap().len());
        let fences = rows(
            &mut admin,
            "select * from tenancy.fence where tenant_id > 3",
        )
        .await;
        assert!(fences.unwrap().is_empty());
    }
}

/// Applies a mutation to a fresh database and says what the audit finds. That it leaks is shown before.
async fn found_after(mutation: &Mutation) -> Vec<String> {
    let world = world(mutation.mode).await;
    if let Some(leak) = mutation.leak {
        assert!(
            !leaks(&world, leak).await,
            "{:?} leaks already",
            mutation.change
        );
    }
    let roles = world.isolation.roles();
    let app = options(&world, &roles.app());
    let found = match mutation.change {
        Change::Sql(sql) => {
            run(&mut world.admin().await, &named(&world, sql)).await;
            if let Some(leak) = mutation.leak {
                assert!(leaks(&world, leak).await, "{sql} does not leak");
            }
            full(&world).await.findings
        }
        Change::ConnectAsMover => {
            report(&world, options(&world, &roles.mover()), &world.isolation).await
        }
        Change::OtherMode => {
            let other = MODES.into_iter().find(|mode| *mode != mutation.mode);
            let isolation = Isolation::new(&manifest(), roles.clone(), other.unwrap());
            report(&world, app, &isolation).await
        }
        Change::PresetInOptions => {
            let app = app.options([("app.tenant_id", "1")]);
            report(&world, app, &world.isolation).await
        }
        Change::Pooler => {
            let pooler = PgBouncer::start(Postgres::shared(), NonZeroU32::new(1).unwrap()).unwrap();
            let url = pooler.database(&world.database).url();
            let options: PgConnectOptions = url.parse().unwrap();
            let app = options.username(&roles.app()).statement_cache_capacity(0);
            report(&world, app, &world.isolation).await
        }
        Change::ForeignKey => {
            foreign_key(&world).await;
            full(&world).await.findings
        }
    };
    let mut lines: Vec<String> = found.iter().map(|finding| line(&world, finding)).collect();
    lines.dedup();
    lines
}

/// The name of a role or of the database in a mutation, in this world.
fn named(world: &World, sql: &str) -> String {
    let cell = world.database.name();
    ["app", "owner", "mover", "auditor", "search"]
        .iter()
        .fold(sql.replace("$database", cell), |sql, role| {
            sql.replace(&format!("${role}"), &format!("{cell}_{role}"))
        })
}

/// A finding as it is the same in each run.
fn line(world: &World, finding: &Finding) -> String {
    let object = finding.object.replace(world.database.name(), "cell");
    let mut parts = object.split("tenancy_");
    let first = parts.next().unwrap_or_default().to_owned();
    // The names of our policies end in the hash of their bodies, which name the role.
    let object = parts.fold(first, |object, part| {
        let hash = ["rows_", "floor_"].iter().find_map(|kind| {
            let (hash, rest) = part.strip_prefix(kind)?.split_at_checked(12)?;
            hash.bytes()
                .all(|byte| byte.is_ascii_hexdigit())
                .then(|| format!("{kind}…{rest}"))
        });
        format!("{object}tenancy_{}", hash.as_deref().unwrap_or(part))
    });
    format!("{} {object}", finding.check.id())
}

async fn leaks(world: &World, leak: Leak) -> bool {
    let (sql, expected) = match leak {
        Leak::Rows(sql) => (sql, None),
        Leak::Error(sql, code) => (sql, Some(refused(code))),
    };
    match (world.attempt(Some(1), sql).await, expected) {
        (Outcome::Rows(rows), None) => rows > 0,
        (outcome, expected) => Some(outcome) == expected,
    }
}

/// Somebody's own key is one of the cell's, and opens tenant 2.
async fn foreign_key(world: &World) {
    let key = SealKey::new("foreign", [9; 32]).unwrap();
    let enters = async || {
        let begin = world.enter_with(&key, 2, SealAccess::Write);
        let mut app = world.app().await;
        outcome(&mut app, &format!("begin; {begin}; select * from product")).await
    };
    assert_eq!(enters().await, refused("TN001"));
    install_key(&mut world.admin().await, &key).await.unwrap();
    assert_eq!(
        enters().await,
        Outcome::Rows(3),
        "the guard's answer and two products"
    );
}

/// The mutations of the checks whose names begin so: each is found, and with everything else that it is.
#[expect(clippy::print_stdout, reason = "`cargo xtask guards` counts the lines")]
async fn check(group: &str) {
    let mutations = mutations::ALL
        .iter()
        .filter(|mutation| mutation.check.id().starts_with(group));
    let mut report = String::new();
    let mut missed = Vec::new();
    for mutation in mutations {
        let found = found_after(mutation).await;
        let name = mutation.name();
        let start = format!("{} ", mutation.check.id());
        let is_caught = found.iter().any(|finding| finding.starts_with(&start));
        println!(
            "guard {}: {name}",
            if is_caught { "caught" } else { "missed" }
        );
        let found = on_any_version(&found);
        report.push_str(&format!("{name}\n    {}\n", found.join("\n    ")));
        if !is_caught {
            missed.push(name);
        }
    }
    assert!(missed.is_empty(), "{report}");
    let golden = format!(
        "{}/tests/it/isolation/golden/audit/{group}.txt",
        env!("CARGO_MANIFEST_DIR")
    );
    expect_file![golden].assert_eq(&report);
}

/// Without the right that Postgres has since 17, which owners and superusers have with the others.
fn on_any_version(found: &[String]) -> Vec<String> {
    let others = found.iter().filter(|one| !one.ends_with(" (MAINTAIN)"));
    others.map(|one| one.replace(", MAINTAIN)", ")")).collect()
}

macro_rules! groups {
    ($($test:ident $group:literal;)+) => {
        $(#[tokio::test]
        async fn $test() {
            check($group).await;
        })+

        #[test]
        fn every_mutation_is_in_one_group() {
            for mutation in mutations::ALL {
                let id = mutation.check.id();
                let groups = [$($group),+].iter().filter(|group| id.starts_with(**group)).count();
                assert_eq!(groups, 1, "{id}");
            }
        }
    };
}

groups! {
    rights_that_no_policy_is_asked_about_are_found "A1";
    rights_beyond_a_tables_kind_are_found "A2";
    rights_to_make_objects_are_found "A3";
    rights_on_fences_and_keys_are_found "A4";
    rights_on_postgres_itself_are_found "A5";
    large_objects_that_are_everybodys_are_found "A6";
    connections_that_are_not_ones_own_are_found "B";
    functions_with_others_rights_are_found "F1";
    policies_computed_once_are_found "F2";
    functions_without_a_search_path_are_found "F3";
    functions_of_another_kind_are_found "F4";
    altered_functions_are_found "F5";
    leakproof_functions_are_found "F6";
    untrusted_functions_are_found "F7";
    functions_that_the_application_lacks_are_found "F8";
    triggers_and_rules_are_found "G";
    indexes_that_nobody_can_use_are_found "I";
    unknown_keys_are_found "K";
    publications_are_found "L";
    the_other_mode_is_found "M";
    missing_and_other_nets_are_found "N";
    open_partitions_are_found "P";
    roles_above_row_security_are_found "R1";
    memberships_are_found "R2";
    the_connection_of_another_role_is_found "R3";
    owners_that_log_in_are_found "R4";
    other_owners_are_found "R5";
    missing_and_mighty_roles_are_found "R6";
    preset_tenants_are_found "R7";
    shared_numbers_and_defaults_are_found "S";
    undeclared_and_changed_tables_are_found "T1";
    open_tables_are_found "T3";
    changed_columns_are_found "T2";
    changed_policies_are_found "T4";
    further_policies_are_found "T5";
    missing_indexes_are_found "T6";
    indexes_of_all_tenants_are_found "T7";
    references_to_other_tenants_are_found "T8";
    actions_on_other_tenants_are_found "T9";
    views_are_found "V";
    what_was_left_behind_is_found "X";
}

#[test]
fn every_check_has_a_mutation() {
    for mutation in mutations::ALL {
        println!("guard listed: {}", mutation.name());
    }
    let without: Vec<&str> = Check::ALL
        .iter()
        .filter(|check| {
            !mutations::ALL
                .iter()
                .any(|mutation| mutation.check == **check)
        })
        .map(|check| check.id())
        .collect();
    assert_eq!(without, [""; 0]);
    assert!(mutations::ALL.len() >= 30);
}

/// The page has a row for each check, in the same order and the same words.
#[test]
fn every_check_is_documented() {
    let page = include_str!("../../../../docs/operations/isolation-audit.md");
    let (_, page) = page.split_once("## What is looked for").unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let documented: Vec<Vec<&str>> = rows
        .map(|row| {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            assert_eq!(cells.len(), 7, "{row}");
            assert!(!cells[4].is_empty(), "{row} says why");
            vec![cells[1], cells[2], cells[3], cells[5]]
        })
        .collect();
    let ids: Vec<String> = Check::ALL
        .iter()
        .map(|check| format!("`{}`", check.id()))
        .collect();
    let checks: Vec<Vec<&str>> = Check::ALL
        .iter()
        .zip(&ids)
        .map(|(check, id)| {
            vec![
                &**id,
                check.severity().as_str(),
                check.what(),
                check.how_to_fix(),
            ]
        })
        .collect();
    assert_eq!(documented, checks);
}

async fn enforced(world: &World, key: Option<SealKey>) -> Result<AuditReceipt, AuditError> {
    let app = options(world, &world.isolation.roles().app());
    audit::boot(app, &world.isolation, key).await
}

#[tokio::test]
async fn an_error_refuses_the_cell_and_a_warning_does_not() {
    let world = world(IsolationMode::Sealed).await;
    let key = Some(world.key.clone());
    let mut admin = world.admin().await;
    let app = world.isolation.roles().app();
    let policy = format!("create policy open on product to {app} using (true)");
    run(&mut admin, &policy).await;
    let receipt = enforced(&world, key.clone()).await.unwrap();
    let found: Vec<_> = receipt.findings().iter().map(Finding::severity).collect();
    assert_eq!(found, [Severity::Warning]);
    run(
        &mut admin,
        "alter table product no force row level security",
    )
    .await;
    match enforced(&world, key).await {
        Err(AuditError::Unsafe { findings }) => {
            let found: Vec<_> = findings.iter().map(|finding| finding.check).collect();
            assert_eq!(found, [Check::T3, Check::T5]);
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_key_belongs_to_a_sealed_cell_alone() {
    for mode in MODES {
        let world = world(mode).await;
        let wrong = match mode {
            IsolationMode::Plain => Some(world.key.clone()),
            IsolationMode::Sealed => None,
        };
        let refused = enforced(&world, wrong).await;
        assert!(
            matches!(refused, Err(AuditError::Key)),
            "{mode:?}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn what_somebody_has_looked_at_is_let_in_until_it_changes() {
    let world = world(IsolationMode::Plain).await;
    let log_in =
        "create or replace function log_in() returns bigint language sql stable security definer
        set search_path = pg_catalog, pg_temp as";
    let mut admin = world.admin().await;
    run(&mut admin, &format!("{log_in} 'select 1::bigint'")).await;
    let found = match enforced(&world, None).await {
        Err(AuditError::Unsafe { findings }) => findings,
        other => panic!("{other:?}"),
    };
    let [finding] = &*found else {
        panic!("{found:?}")
    };
    let known = Known::new(finding.check, finding.object.clone(), "it finds an account");
    let accepting = || Enforcement::Accepting(Baseline::new([known.clone()]));
    let app = || options(&world, &world.isolation.roles().app());
    let receipt = audit::boot_with(app(), &world.isolation, None, accepting())
        .await
        .unwrap();
    assert_eq!(receipt.findings(), found);
    run(
        &mut admin,
        &format!("{log_in} 'select max(tenant_id) from public.product'"),
    )
    .await;
    let refused = audit::boot_with(app(), &world.isolation, None, accepting()).await;
    assert!(
        matches!(refused, Err(AuditError::Unsafe { .. })),
        "{refused:?}"
    );
}

/// What a view calls may undo `SET ROLE`: it becomes the prober and nobody else.
#[tokio::test]
async fn what_is_asked_by_the_probe_becomes_no_superuser() {
    let world = world(IsolationMode::Sealed).await;
    let mut admin = world.admin().await;
    run(
        &mut admin,
        "create sequence seen; grant usage on sequence seen to public;
         create function escaped() returns boolean language plpgsql as $$ begin
            perform set_config('role', 'none', true);
            if (select rolsuper from pg_roles where rolname = current_user) then
                perform setval('seen', 1000);
            else
                perform nextval('seen');
            end if;
            return true;
         end $$;
         create view titles with (security_invoker) as select * from product where escaped()",
    )
    .await;
    let app = world.isolation.roles().app();
    run(&mut admin, &format!("grant select on titles to {app}")).await;
    full(&world).await;
    let seen = rows(
        &mut admin,
        "select 1 from seen where is_called and last_value < 1000",
    )
    .await;
    assert_eq!(
        seen.unwrap().len(),
        1,
        "it was called, and never by a superuser"
    );
    // The superuser itself would have been seen.
    run(&mut admin, "select * from titles").await;
    let seen = rows(&mut admin, "select 1 from seen where last_value >= 1000").await;
    assert_eq!(seen.unwrap().len(), 1);
}

/// Keys that count from 1, values that are unique among all, and checks that a made-up row does not pass.
#[tokio::test]
async fn rows_of_a_table_that_was_there_before_get_canaries_beside_them() {
    let schema = "create table legacy (
            id int primary key, tenant_id bigint not null, email text unique not null,
            kind text not null check (kind in ('a', 'b')), unique (tenant_id, id)
        );
        create unique index legacy_lower on legacy (lower(email));
        insert into legacy select id, 1 + id % 2, id || '@example.com', 'a' from generate_series(1, 3) id";
    let manifest = Manifest::new([Table::tenant("legacy", ["id"]).keeps_primary_key()]).unwrap();
    let world = World::new(schema, &manifest, IsolationMode::Plain).await;
    world.make_prober().await;
    let prober = options(&world, &world.isolation.roles().prober());
    let report = audit::probe(prober, &world.isolation, None).await.unwrap();
    assert_eq!(report.unprobed, []);
    assert_eq!(report.findings, []);
    run(
        &mut world.admin().await,
        "alter table legacy disable row level security",
    )
    .await;
    let prober = options(&world, &world.isolation.roles().prober());
    let report = audit::probe(prober, &world.isolation, None).await.unwrap();
    assert!(
        report
            .findings
            .iter()
            .any(|finding| finding.check == Check::B1),
        "{report:?}"
    );
}

/// Behind a pooler that has several servers, and others who use them at the same time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_with_more_than_one_server_is_looked_at_under_load() {
    let world = world(IsolationMode::Sealed).await;
    let pooler = PgBouncer::start(Postgres::shared(), NonZeroU32::new(2).unwrap()).unwrap();
    let url = pooler.database(&world.database).url();
    let through: PgConnectOptions = url.parse().unwrap();
    let app = through
        .username(&world.isolation.roles().app())
        .statement_cache_capacity(0);
    let others: Vec<_> = (0..3)
        .map(|_| {
            let app = app.clone();
            tokio::spawn(async move {
                let mut connection = PgConnection::connect_with(&app).await.unwrap();
                loop {
                    run(&mut connection, "select 1").await;
                }
            })
        })
        .collect();
    for _ in 0..10 {
        let found = report(&world, app.clone(), &world.isolation).await;
        assert!(
            found.iter().all(|finding| finding.check == Check::B2),
            "{found:?}"
        );
    }
    for other in others {
        other.abort();
    }
}

/// Whoever changes a table does not keep a program from saying why it does not start.
#[tokio::test]
async fn a_table_that_somebody_keeps_ends_the_audit() {
    let world = world(IsolationMode::Plain).await;
    let mut admin = world.admin().await;
    run(
        &mut admin,
        "begin; lock table product in access exclusive mode",
    )
    .await;
    let refused = enforced(&world, None).await;
    assert!(
        matches!(refused, Err(AuditError::Database { .. })),
        "{refused:?}"
    );
    run(&mut admin, "rollback").await;
    enforced(&world, None).await.unwrap();
}
