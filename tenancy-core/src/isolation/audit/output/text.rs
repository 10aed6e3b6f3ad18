use std::fmt::Write as _;

use super::super::{Finding, Judged, Severity};

/// For people: what is worst first, each with what to do, and a last line that counts.
#[must_use]
pub fn text(judged: &Judged) -> String {
    let mut text = String::new();
    let mut line = |line: std::fmt::Arguments<'_>| {
        writeln!(text, "{line}").expect("writing to a String cannot fail");
    };
    for severity in [Severity::Error, Severity::Warning] {
        for finding in of(judged, severity) {
            line(format_args!("{severity:8}{finding}"));
            line(format_args!("        fix: {}", finding.how_to_fix()));
        }
    }
    for (finding, reason) in &judged.known {
        line(format_args!("known   {finding} ({reason})"));
    }
    for entry in &judged.outdated {
        let (id, object) = (entry.check.id(), &entry.object);
        line(format_args!(
            "outdated {id} {object}: the baseline knows it, and it is gone"
        ));
    }
    for unprobed in &judged.unprobed {
        line(format_args!(
            "unprobed {}: {}",
            unprobed.relation, unprobed.why
        ));
    }
    for failed in &judged.failed {
        line(format_args!("failed  {}: {}", failed.part, failed.why));
    }
    line(format_args!(
        "{} errors, {} warnings, {} known, {} outdated, {} unprobed",
        of(judged, Severity::Error).count(),
        of(judged, Severity::Warning).count(),
        judged.known.len(),
        judged.outdated.len(),
        judged.unprobed.len()
    ));
    text
}

fn of(judged: &Judged, severity: Severity) -> impl Iterator<Item = &Finding> {
    judged
        .new
        .iter()
        .filter(move |finding| finding.severity() == severity)
}
