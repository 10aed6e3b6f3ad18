//! `docs/metrics.md` and the process name the same metrics, types and labels.

use std::collections::{BTreeMap, BTreeSet};

use super::platform::Platform;

/// A metric's type and the names of its labels.
type Metrics = BTreeMap<String, (String, BTreeSet<String>)>;

#[tokio::test]
async fn the_documented_metrics_are_those_there_are() {
    let platform = Platform::empty();
    platform.make_shop("acme").await;
    platform
        .import("acme", "Handle,Title,Variant Price\na,A,1\nb,B,-1\n")
        .await;
    platform.visitor("acme.localhost").get("/").await;
    platform.visitor("nobody.localhost").get("/").await;
    let text = platform.operator().get("/metrics").await.body;
    assert!(text.contains("listener=\"ops\"") && text.contains("listener=\"shops\""));
    let documented = documented(include_str!("../../../../../docs/metrics.md"));
    assert!(documented.len() > 5, "{documented:?}");
    assert_eq!(found(&text), documented);
}

/// The rows `| `name` | type | `label` (values), … | meaning |`.
fn documented(page: &str) -> Metrics {
    let rows = page.lines().filter_map(|line| {
        let cells: Vec<_> = line.strip_prefix("| `")?.split(" | ").collect();
        let labels = cells[2].split('`').skip(1).step_by(2).map(str::to_owned);
        let name = cells[0].trim_end_matches('`').to_owned();
        Some((name, (cells[1].to_owned(), labels.collect())))
    });
    rows.collect()
}

/// What the process tells in the Prometheus text format.
fn found(text: &str) -> Metrics {
    let mut found = Metrics::new();
    for line in text.lines() {
        if let Some(described) = line.strip_prefix("# TYPE ") {
            let (name, kind) = described.split_once(' ').unwrap();
            found.insert(name.to_owned(), (kind.to_owned(), BTreeSet::new()));
        } else if let Some((name, labels)) = line.split_once('{') {
            let (labels, _) = labels.split_once('}').unwrap();
            let names = labels.split(',').filter_map(|label| label.split_once('='));
            let names = names
                .map(|(name, _)| name.to_owned())
                .filter(|name| name != "le");
            let metric = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|suffix| found.get_key_value(name.strip_suffix(suffix)?))
                .map_or(name, |(metric, _)| metric)
                .to_owned();
            found.get_mut(&metric).unwrap().1.extend(names);
        }
    }
    found
}
