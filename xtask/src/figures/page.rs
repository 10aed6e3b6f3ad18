//! The generated section of `docs/benchmarks.md`: a part for each group, with the machine it was measured on.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context as _, Result};

use crate::workspace;

const PAGE: &str = "docs/benchmarks.md";
const BEGIN: &str = "<!-- figures: written by `cargo xtask figures --write` -->\n";
const END: &str = "<!-- end of figures -->\n";
/// What a group's part begins with.
const HEADING: &str = "### ";

/// Puts the groups' parts in place of those that the page has. Other groups keep theirs: measuring all takes hours.
/// They stand in the order of `groups`, and one that is not there any more leaves the page.
pub(super) fn write(parts: &BTreeMap<String, String>, groups: &[String]) -> Result<()> {
    let path = workspace::root().join(PAGE);
    let page = fs::read_to_string(&path).with_context(|| format!("read {PAGE}"))?;
    let page = replace(&page, parts, groups)?;
    fs::write(&path, page).with_context(|| format!("write {PAGE}"))
}

fn replace(page: &str, parts: &BTreeMap<String, String>, groups: &[String]) -> Result<String> {
    let marks = || {
        format!(
            "{PAGE} needs the lines `{}` and `{}`",
            BEGIN.trim(),
            END.trim()
        )
    };
    let (head, rest) = page.split_once(BEGIN).with_context(marks)?;
    let (old, tail) = rest.split_once(END).with_context(marks)?;
    let mut present = read(old);
    present.extend(parts.clone());
    let texts: Vec<&str> = groups
        .iter()
        .filter_map(|group| present.get(group))
        .map(String::as_str)
        .collect();
    Ok(format!("{head}{BEGIN}\n{}\n{END}{tail}", texts.join("\n")))
}

/// The parts by their groups.
fn read(generated: &str) -> BTreeMap<String, String> {
    let mut parts = BTreeMap::new();
    for part in format!("\n{generated}")
        .split(&format!("\n{HEADING}"))
        .skip(1)
    {
        let group = part.lines().next().unwrap_or_default();
        parts.insert(group.to_owned(), format!("{HEADING}{}\n", part.trim_end()));
    }
    parts
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{BEGIN, END, replace};

    fn page(generated: &str) -> String {
        format!("before\n{BEGIN}{generated}{END}after\n")
    }

    #[track_caller]
    fn check(old: &str, new: &[&str], expect: &str) {
        let part = |group: &&str| (group.to_string(), format!("### {group}\n\nnew\n"));
        let parts: BTreeMap<_, _> = new.iter().map(part).collect();
        let groups = ["limits", "shops"].map(str::to_owned);
        let replaced = replace(&page(old), &parts, &groups).unwrap();
        assert_eq!(replaced, page(expect));
    }

    #[test]
    fn only_what_was_measured_is_replaced() {
        let (limits, shops) = ("### limits\n\nnew\n", "### shops\n\nnew\n");
        let both = format!("\n{limits}\n{shops}\n");
        check("", &["shops", "limits"], &both);
        check("old\n", &["limits"], &format!("\n{limits}\n"));
        check(
            "\n### shops\n\nold\n\n### limits\n\nold\n\n",
            &["shops", "limits"],
            &both,
        );
        let kept = format!("\n### limits\n\nold\n\nrow\n\n{shops}\n");
        check(
            "\n### limits\n\nold\n\nrow\n\n### shops\n\nold\n",
            &["shops"],
            &kept,
        );
        check("\n### gone\n\nold\n", &["limits"], &format!("\n{limits}\n"));
    }

    #[test]
    fn a_page_without_marks_is_refused() {
        assert!(replace("no marks", &BTreeMap::new(), &[]).is_err());
    }
}
