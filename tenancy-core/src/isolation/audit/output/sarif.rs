use serde_json::{Value, json};

use super::super::{Check, Finding, Judged};

/// For collectors of findings: SARIF 2.1.0 (OASIS, 2020) with one run. An object of the database is a logical
/// location, what the baseline knows is suppressed, and what could not be tried out is a notification.
///
/// Collectors that show findings in files get one: the manifest, by its path in the repository.
#[must_use]
pub fn sarif(judged: &Judged, manifest: &str) -> String {
    let new = judged
        .new
        .iter()
        .map(|finding| result(finding, manifest, None));
    let known = judged
        .known
        .iter()
        .map(|(finding, reason)| result(finding, manifest, Some(reason)));
    let failed = judged.failed.iter().map(|one| {
        let text = format!("{} failed: {}", one.part, one.why);
        json!({ "level": "error", "message": { "text": text } })
    });
    let unprobed = judged.unprobed.iter().map(|one| {
        let text = format!("{} was not probed: {}", one.relation, one.why);
        json!({ "level": "note", "message": { "text": text } })
    });
    let outdated = judged.outdated.iter().map(|entry| {
        let (id, object) = (entry.check.id(), &entry.object);
        let text = format!("the baseline knows {id} at {object}, and it is gone");
        json!({ "level": "warning", "message": { "text": text } })
    });
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "tenancy-audit",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": Check::ALL.iter().copied().map(rule).collect::<Vec<_>>(),
            } },
            "invocations": [{
                "executionSuccessful": judged.failed.is_empty(),
                "toolExecutionNotifications": failed.chain(unprobed).collect::<Vec<_>>(),
                "toolConfigurationNotifications": outdated.collect::<Vec<_>>(),
            }],
            "results": new.chain(known).collect::<Vec<_>>(),
        }],
    });
    format!("{log:#}")
}

fn rule(check: Check) -> Value {
    json!({
        "id": check.id(),
        "shortDescription": { "text": check.what() },
        "help": { "text": check.how_to_fix() },
        "defaultConfiguration": { "level": check.severity().as_str() },
    })
}

fn result(finding: &Finding, manifest: &str, known: Option<&str>) -> Value {
    let suppressions: Vec<Value> = known
        .map(|reason| json!({ "kind": "external", "justification": reason }))
        .into_iter()
        .collect();
    json!({
        "ruleId": finding.check.id(),
        "ruleIndex": Check::ALL.iter().position(|check| *check == finding.check),
        "level": finding.severity().as_str(),
        "message": { "text": format!("{}: {}", finding.object, finding.what) },
        "locations": [{
            "physicalLocation": {
                "artifactLocation": { "uri": manifest },
                "region": { "startLine": 1 },
            },
            "logicalLocations": [{ "fullyQualifiedName": finding.object }],
        }],
        "partialFingerprints": {
            "checkAndObject/v1": format!("{} {}", finding.check.id(), finding.object),
        },
        "suppressions": suppressions,
    })
}
