//! Text in columns.

/// How a column's cells stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Align {
    /// For words.
    Left,
    /// For numbers.
    Right,
}

/// A table that is printed part by part: columns never get narrower, so later parts stand below earlier ones
/// unless a longer text comes.
#[derive(Debug)]
pub(super) struct Table<const COLUMNS: usize> {
    columns: [(&'static str, Align); COLUMNS],
    widths: [usize; COLUMNS],
    has_begun: bool,
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    /// An empty table with these titles.
    pub(super) fn new(columns: [(&'static str, Align); COLUMNS]) -> Self {
        let widths = columns.map(|(title, _)| title.len());
        Self {
            columns,
            widths,
            has_begun: false,
        }
    }

    /// The next rows, behind the titles when they are the first ones.
    pub(super) fn part(&mut self, rows: &[[String; COLUMNS]]) -> String {
        for row in rows {
            for (width, cell) in self.widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let mut text = String::new();
        if !self.has_begun {
            self.has_begun = true;
            text.push_str(&self.line(&self.columns.map(|(title, _)| title.to_owned())));
        }
        text.extend(rows.iter().map(|row| self.line(row)));
        text
    }

    fn line(&self, cells: &[String; COLUMNS]) -> String {
        let columns = self.columns.iter().zip(&self.widths).zip(cells);
        let cells = columns.map(|(((_, align), &width), cell)| match align {
            Align::Left => format!("{cell:<width$}"),
            Align::Right => format!("{cell:>width$}"),
        });
        let line = cells.collect::<Vec<_>>().join("  ");
        format!("{}\n", line.trim_end())
    }
}

/// Names and values, one a line; a name without a value is left out.
pub(super) fn card(lines: &[(&str, String)]) -> String {
    let lines = lines.iter().filter(|(_, value)| !value.is_empty());
    let width = lines
        .clone()
        .map(|(name, _)| name.len())
        .fold(9, usize::max);
    lines
        .map(|(name, value)| format!("{name:<width$} {value}\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Align, Table, card};

    fn row(number: &str, word: &str, last: &str) -> [String; 3] {
        [number, word, last].map(str::to_owned)
    }

    #[test]
    fn columns_are_aligned_and_only_grow() {
        let mut table = Table::new([
            ("ID", Align::Right),
            ("WORD", Align::Left),
            ("LAST", Align::Left),
        ]);
        let first = table.part(&[row("1", "a", "x"), row("100", "blåbær", "")]);
        assert_eq!(first, " ID  WORD    LAST\n  1  a       x\n100  blåbær\n");
        assert_eq!(table.part(&[row("2000", "b", "y")]), "2000  b       y\n");
        assert_eq!(table.part(&[]), "");
    }

    #[test]
    fn an_empty_table_has_titles() {
        assert_eq!(Table::new([("A", Align::Left)]).part(&[]), "A\n");
    }

    #[test]
    fn a_card_leaves_out_what_is_not_there() {
        let lines = [("slug", "nord".to_owned()), ("region", String::new())];
        assert_eq!(card(&lines), "slug      nord\n");
    }
}
