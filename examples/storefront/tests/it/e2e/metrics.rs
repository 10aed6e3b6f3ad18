//! `docs/metrics.md` and the process name the same metrics.

use std::collections::BTreeSet;

use super::platform::Platform;

#[tokio::test]
async fn the_documented_metrics_are_those_there_are() {
    let platform = Platform::with_demo();
    let listed = platform
        .operator()
        .get("/v1/tenants")
        .await
        .expect_status(200);
    let host = format!(
        "{}.localhost",
        listed["tenants"][0]["slug"].as_str().unwrap()
    );
    platform.visitor(&host).get("/").await;
    platform.visitor("nobody.localhost").get("/").await;
    let text = platform.operator().get("/metrics").await.body;
    let found: BTreeSet<(&str, &str)> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '))
        .collect();
    let documented = include_str!("../../../../../docs/metrics.md");
    let rows = documented.lines().filter_map(|line| {
        let mut cells = line.trim_matches('|').split('|').map(str::trim);
        Some((
            cells.next()?.strip_prefix('`')?.strip_suffix('`')?,
            cells.next()?,
        ))
    });
    let documented: BTreeSet<(&str, &str)> = rows.collect();
    let missing: Vec<_> = found.difference(&documented).collect();
    assert_eq!(
        missing,
        Vec::<&(&str, &str)>::new(),
        "not in docs/metrics.md"
    );
    // Counters of what has not happened are not there yet.
    let unknown: Vec<_> = documented
        .difference(&found)
        .filter(|(name, _)| !name.contains("denied") && !name.contains("rejected"))
        .collect();
    assert_eq!(
        unknown,
        Vec::<&(&str, &str)>::new(),
        "in docs/metrics.md alone"
    );
    assert!(!text.contains("tenant_id"), "a tenant is never a label");
}
