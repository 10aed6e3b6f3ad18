//! Lists that come in pages.

use std::cmp::Ordering;

use serde::de::DeserializeOwned;

use super::{client::Client, error::CliError, output::Output};
use crate::ops::{AuditEntries, Orders, Shops, StockEvents, StockLines};

/// How many entries a page has.
const LENGTH: u16 = 500;

/// A page of a list.
pub(super) trait Page: DeserializeOwned {
    /// What the next page is asked for by; none on the last.
    fn next(&self) -> Option<String>;
}

impl Page for Shops {
    fn next(&self) -> Option<String> {
        self.next.map(|next| next.to_string())
    }
}

impl Page for Orders {
    fn next(&self) -> Option<String> {
        self.next.clone()
    }
}

impl Page for StockLines {
    fn next(&self) -> Option<String> {
        self.next.clone()
    }
}

impl Page for StockEvents {
    fn next(&self) -> Option<String> {
        self.next.map(|next| next.to_string())
    }
}

impl Page for AuditEntries {
    fn next(&self) -> Option<String> {
        self.next.map(|next| next.to_string())
    }
}

/// Prints all pages of a list, each as soon as it came. The filter is `name=value` pairs joined by `&`.
pub(super) async fn print_all<P: Page>(
    client: &Client,
    output: &mut Output,
    (path, filter): (&str, &str),
    mut render: impl FnMut(&P) -> String,
) -> Result<(), CliError> {
    let first = match filter {
        "" => format!("{path}?limit={LENGTH}"),
        filter => format!("{path}?{filter}&limit={LENGTH}"),
    };
    let mut way = Way::default();
    let mut page_path = first.clone();
    loop {
        let answer = client.get(&page_path).await?;
        let Some(next) = output.answer(&answer, &mut render)?.next() else {
            return Ok(());
        };
        match next.parse().ok().filter(|next| way.goes_on(*next)) {
            Some(next) => page_path = format!("{first}&after={next}"),
            // Following it would never end.
            None => return Err(answer.wrong_page().into()),
        }
    }
}

/// The way of a list through its numbers: it goes up all the time, or down all the time.
#[derive(Debug, Default)]
struct Way {
    last: Option<i64>,
    direction: Option<Ordering>,
}

impl Way {
    /// Takes the next step, unless that would lead to where the list has been.
    fn goes_on(&mut self, next: i64) -> bool {
        let step = self.last.map(|last| next.cmp(&last));
        let is_on =
            step != Some(Ordering::Equal) && (self.direction.is_none() || step == self.direction);
        self.last = Some(next);
        self.direction = self.direction.or(step);
        is_on
    }
}

#[cfg(test)]
mod tests {
    use super::Way;

    #[track_caller]
    fn check(numbers: &[i64], expect: bool) {
        let mut way = Way::default();
        let found = numbers.iter().all(|number| way.goes_on(*number));
        assert_eq!(found, expect, "{numbers:?}");
    }

    #[test]
    fn a_list_never_comes_back() {
        check(&[2], true);
        check(&[2, 3, 9], true);
        check(&[9, 3, 2], true);
        check(&[2, 2], false);
        check(&[2, 3, 2], false);
        check(&[9, 3, 9], false);
        check(&[2, 3, 3], false);
    }
}
