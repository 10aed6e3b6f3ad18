//! A target becomes laxer only with a recorded decision.

use anyhow::{Result, bail};

use super::set_up::{self, Figure};
use crate::process::{output, program};
use crate::workspace;

const DECISIONS: &str = "docs/decisions/";

/// Compares the figures with the version before the last change to their file: that of HEAD when the
/// change is not committed yet, else that of the commit before it.
///
/// # Errors
///
/// Names the figures that ask less than before, when no new decision names them.
pub(super) fn check(text: &str, figures: &[Figure]) -> Result<()> {
    let Some(base) = base(text) else {
        return Ok(());
    };
    let Some(before) = show(&base, set_up::FILE) else {
        return Ok(());
    };
    let laxer = laxer(&set_up::parse(&before)?, figures);
    let decisions = new_decisions(&base)?;
    let undecided: Vec<String> = laxer
        .into_iter()
        .filter(|name| !decisions.iter().any(|text| text.contains(name)))
        .collect();
    if !undecided.is_empty() {
        bail!(
            "{} ask less of the code than before; a new file in {DECISIONS} must name them and say why: {}",
            set_up::FILE,
            undecided.join(", ")
        );
    }
    Ok(())
}

fn base(text: &str) -> Option<String> {
    if show("HEAD", set_up::FILE)? != text {
        return Some("HEAD".to_owned());
    }
    let changed = output(&mut program(
        "git",
        ["log", "--max-count=1", "--format=%H", "--", set_up::FILE],
    ))
    .ok()?;
    Some(format!("{}^", changed.trim()))
}

fn show(commit: &str, path: &str) -> Option<String> {
    output(&mut program("git", ["show", &format!("{commit}:{path}")])).ok()
}

/// The texts of the decisions that `base` did not have.
fn new_decisions(base: &str) -> Result<Vec<String>> {
    let old = output(&mut program(
        "git",
        ["ls-tree", "-r", "--name-only", base, DECISIONS],
    ))?;
    let now = workspace::files(&[".md"])?.into_iter();
    let new = now.filter(|file| {
        file.path.starts_with(DECISIONS) && !old.lines().any(|path| path == file.path)
    });
    Ok(new.map(|file| file.text).collect())
}

/// The names of the figures that are gone, or whose target is easier to reach.
fn laxer(before: &[Figure], now: &[Figure]) -> Vec<String> {
    let asks_less = |old: &&Figure| {
        now.iter()
            .find(|new| new.name == old.name)
            .is_none_or(|new| {
                let same_kind =
                    new.better == old.better && new.peer.is_some() == old.peer.is_some();
                !same_kind || !old.better.reaches(new.target, old.target)
            })
    };
    before
        .iter()
        .filter(asks_less)
        .map(|figure| figure.name.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::laxer;
    use crate::figures::set_up::Better;
    use crate::figures::set_up::tests::{absolute, figure};

    #[track_caller]
    fn check(before: (Better, f64), now: (Better, f64), expect: bool) {
        let with = |(better, target)| {
            let mut figure = figure();
            (figure.better, figure.target) = (better, target);
            [figure]
        };
        assert_eq!(
            !laxer(&with(before), &with(now)).is_empty(),
            expect,
            "{before:?} -> {now:?}"
        );
    }

    #[test]
    fn asking_less_is_noticed() {
        use Better::{Higher, Lower};
        check((Lower, 1.0), (Lower, 1.0), false);
        check((Lower, 1.0), (Lower, 0.9), false);
        check((Lower, 1.0), (Lower, 1.1), true);
        check((Higher, 2.0), (Higher, 2.1), false);
        check((Higher, 2.0), (Higher, 1.9), true);
        check((Lower, 1.0), (Higher, 1.0), true);
    }

    #[test]
    fn a_removed_figure_asks_less_and_a_new_one_does_not() {
        assert_eq!(laxer(&[figure()], &[]), ["check"]);
        assert_eq!(laxer(&[], &[figure()]), [""; 0]);
    }

    #[test]
    fn a_ratio_cannot_be_compared_with_a_value() {
        assert_eq!(laxer(&[figure()], &[absolute()]), ["check"]);
        assert_eq!(laxer(&[absolute()], &[figure()]), ["check"]);
        assert_eq!(laxer(&[absolute()], &[absolute()]), [""; 0]);
    }
}
