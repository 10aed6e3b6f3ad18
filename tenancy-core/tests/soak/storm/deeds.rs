//! What a storm has done, and what it must have done before it proves something.

use std::collections::BTreeMap;

use super::Line;

pub(super) type Counts = BTreeMap<&'static str, u64>;

/// How often a storm does each thing at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Enough {
    pub(crate) requests: u64,
    pub(crate) faults: u64,
}

/// How requests were made, and how they ended.
const REQUESTS: [&str; 10] = [
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
];

/// Trouble, and that requests met it.
const FAULTS: [&str; 9] = [
    "cut",
    "hang",
    "terminated connection",
    "lifecycle",
    "fence",
    "Unreachable",
    "StaleEpoch",
    "Fenced",
    "NotWritable",
];

/// Not through the pooler.
const CRASH: &str = "crash";

/// What a storm through this line has not done often enough.
pub(super) fn lacking(line: Line, enough: Enough, counts: &Counts) -> Vec<String> {
    let requests = REQUESTS.map(|name| (name, enough.requests));
    let faults = FAULTS.map(|name| (name, enough.faults));
    let crash = (line == Line::Direct).then_some((CRASH, 1));
    let all = requests.into_iter().chain(faults).chain(crash);
    all.filter_map(|(name, enough)| {
        let done = counts.get(name).copied().unwrap_or_default();
        (done < enough).then(|| format!("{name}: {done} of {enough}"))
    })
    .collect()
}

#[test]
fn each_deed_is_required() {
    let enough = Enough {
        requests: 7,
        faults: 3,
    };
    let requests = REQUESTS.map(|name| (name, 7));
    let faults = FAULTS.map(|name| (name, 3));
    let all: Counts = requests
        .into_iter()
        .chain(faults)
        .chain([(CRASH, 1)])
        .collect();
    assert_eq!(all.len(), 20);
    assert!(lacking(Line::Direct, enough, &all).is_empty());
    for (name, done) in &all {
        let mut fewer = all.clone();
        fewer.insert(name, done - 1);
        let expect = vec![format!("{name}: {} of {done}", done - 1)];
        assert_eq!(lacking(Line::Direct, enough, &fewer), expect);
        let pooled = lacking(Line::Pooled, enough, &fewer);
        assert_eq!(pooled.is_empty(), *name == CRASH);
    }
    assert_eq!(lacking(Line::Pooled, enough, &Counts::new()).len(), 19);
}
