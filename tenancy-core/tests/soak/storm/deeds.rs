//! What a storm has done, and what it must have done before it proves something.

use std::collections::BTreeMap;

use super::Line;

pub(super) type Counts = BTreeMap<&'static str, u64>;

/// Of requests: how they were made, and how they ended.
const REQUESTS: (u64, &[&str]) = (
    16,
    &[
        "read committed",
        "read repeatably",
        "read serializably",
        "read dropped",
        "written",
        "write dropped",
        "rolled back",
        "forgotten",
        "mistaken",
        "panicked",
    ],
);

/// Of trouble.
const FAULTS: (u64, &[&str]) = (
    3,
    &["cut", "hang", "terminated connection", "lifecycle", "fence"],
);

/// That requests met it.
const ANSWERS: (u64, &[&str]) = (1, &["Unreachable", "StaleEpoch", "Fenced", "NotWritable"]);

/// Through the pooler the server does not die.
const CRASHES: (u64, &[&str]) = (1, &["crash"]);

/// What a storm through this line has not done often enough.
pub(super) fn lacking(line: Line, counts: &Counts) -> Vec<String> {
    let crashes = (line == Line::Direct).then_some(CRASHES);
    let all = [REQUESTS, FAULTS, ANSWERS].into_iter().chain(crashes);
    all.flat_map(|(enough, names)| names.iter().map(move |name| (*name, enough)))
        .filter_map(|(name, enough)| {
            let done = counts.get(name).copied().unwrap_or_default();
            (done < enough).then(|| format!("{name}: {done} of {enough}"))
        })
        .collect()
}

#[test]
fn each_deed_is_required() {
    let all: Counts = [REQUESTS, FAULTS, ANSWERS, CRASHES]
        .into_iter()
        .flat_map(|(enough, names)| names.iter().map(move |name| (*name, enough)))
        .collect();
    assert_eq!(all.len(), 20);
    assert!(lacking(Line::Direct, &all).is_empty());
    for (name, enough) in &all {
        let mut fewer = all.clone();
        fewer.insert(name, enough - 1);
        let expect = vec![format!("{name}: {} of {enough}", enough - 1)];
        assert_eq!(lacking(Line::Direct, &fewer), expect);
        let pooled = lacking(Line::Pooled, &fewer);
        assert_eq!(pooled.is_empty(), *name == "crash");
    }
    assert_eq!(lacking(Line::Pooled, &Counts::new()).len(), 19);
}
