use serde::Serialize;

use super::super::{Finding, Judged};

/// The version of the format: it is another one when a field goes or changes its meaning.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct JudgedView<'a> {
    version: u32,
    clean: bool,
    findings: Vec<FindingView<'a>>,
    outdated: Vec<OutdatedView<'a>>,
    unprobed: Vec<UnprobedView<'a>>,
    failed: Vec<FailedView<'a>>,
}

#[derive(Serialize)]
struct FindingView<'a> {
    id: &'static str,
    severity: &'static str,
    object: &'a str,
    what: &'a str,
    how_to_fix: &'static str,
    /// The baseline's reason; null for what is new.
    known: Option<&'a str>,
}

#[derive(Serialize)]
struct OutdatedView<'a> {
    id: &'static str,
    object: &'a str,
    reason: &'a str,
}

#[derive(Serialize)]
struct FailedView<'a> {
    part: &'a str,
    why: &'a str,
}

#[derive(Serialize)]
struct UnprobedView<'a> {
    relation: &'a str,
    why: &'a str,
}

/// For programs: one object, in the same order as the report.
#[must_use]
pub fn json(judged: &Judged) -> String {
    let new = judged.new.iter().map(|finding| view(finding, None));
    let known = judged
        .known
        .iter()
        .map(|(finding, reason)| view(finding, Some(reason)));
    let outdated = judged.outdated.iter().map(|entry| OutdatedView {
        id: entry.check.id(),
        object: &entry.object,
        reason: &entry.reason,
    });
    let unprobed = judged.unprobed.iter().map(|one| UnprobedView {
        relation: &one.relation,
        why: &one.why,
    });
    let failed = judged.failed.iter().map(|one| FailedView {
        part: &one.part,
        why: &one.why,
    });
    let view = JudgedView {
        version: VERSION,
        clean: judged.is_clean(),
        findings: new.chain(known).collect(),
        outdated: outdated.collect(),
        unprobed: unprobed.collect(),
        failed: failed.collect(),
    };
    serde_json::to_string_pretty(&view).expect("texts, numbers and lists are JSON")
}

fn view<'a>(finding: &'a Finding, known: Option<&'a str>) -> FindingView<'a> {
    FindingView {
        id: finding.check.id(),
        severity: finding.severity().as_str(),
        object: &finding.object,
        what: &finding.what,
        how_to_fix: finding.how_to_fix(),
        known,
    }
}
