//! Stock as text.

use tenancy_types::UnixMicros;

use crate::{
    cli::table::{self, Align, Table},
    ops::{StockCheck, StockDifference, StockEvent, StockLine, StockNumbers, StockRebuilt},
    pages::rfc3339,
};

/// A list of stock that is printed page by page.
pub(super) struct List(Table<8>);

impl List {
    pub(super) fn new() -> Self {
        Self(Table::new([
            ("VARIANT", Align::Right),
            ("SKU", Align::Left),
            ("ON HAND", Align::Right),
            ("RESERVED", Align::Right),
            ("ALLOCATED", Align::Right),
            ("SOLD", Align::Right),
            ("REORDER AT", Align::Right),
            ("TITLE", Align::Left),
        ]))
    }

    pub(super) fn part(&mut self, lines: &[StockLine]) -> String {
        let rows: Vec<_> = lines.iter().map(row).collect();
        self.0.part(&rows)
    }
}

fn row(line: &StockLine) -> [String; 8] {
    let numbers = &line.numbers;
    let title = match line.options.as_str() {
        "" => line.title.clone(),
        options => format!("{}, {options}", line.title),
    };
    [
        numbers.variant_id.clone(),
        line.sku.clone(),
        numbers.on_hand.to_string(),
        numbers.reserved.to_string(),
        numbers.allocated.to_string(),
        numbers.sold.to_string(),
        line.reorder_at.map_or_else(none, |at| at.to_string()),
        title,
    ]
}

/// Where a variant's pieces are.
pub(super) fn card(numbers: &StockNumbers) -> String {
    table::card(&[
        ("variant", numbers.variant_id.clone()),
        ("on hand", numbers.on_hand.to_string()),
        ("reserved", numbers.reserved.to_string()),
        ("allocated", numbers.allocated.to_string()),
        ("sold", numbers.sold.to_string()),
        ("received", numbers.received.to_string()),
    ])
}

/// Events that are printed page by page.
pub(super) struct Events(Table<6>);

impl Events {
    pub(super) fn new() -> Self {
        Self(Table::new([
            ("EVENT", Align::Right),
            ("AT", Align::Left),
            ("KIND", Align::Left),
            ("PIECES", Align::Right),
            ("ORDER", Align::Right),
            ("NOTE", Align::Left),
        ]))
    }

    pub(super) fn part(&mut self, events: &[StockEvent]) -> String {
        let rows: Vec<_> = events.iter().map(event).collect();
        self.0.part(&rows)
    }
}

fn event(event: &StockEvent) -> [String; 6] {
    [
        event.seq.to_string(),
        rfc3339(UnixMicros::new(event.at)),
        event.kind.clone(),
        event.quantity.to_string(),
        event.order_id.clone().unwrap_or_else(none),
        event.note.clone(),
    ]
}

/// What differs between stock and log.
pub(super) fn check(check: &StockCheck) -> String {
    match check.differences.as_slice() {
        [] => NO_DIFFERENCE.to_owned(),
        differences => sides(differences),
    }
}

/// What a rebuild corrected, as it was before, and what it left alone.
pub(super) fn rebuilt(rebuilt: &StockRebuilt) -> String {
    let StockRebuilt {
        corrected,
        left_alone,
    } = rebuilt;
    if corrected.is_empty() && left_alone.is_empty() {
        return NO_DIFFERENCE.to_owned();
    }
    let all = [corrected.as_slice(), left_alone.as_slice()].concat();
    let (corrected, left_alone) = (corrected.len(), left_alone.len());
    format!(
        "{}corrected {corrected}, left alone {left_alone} whose log cannot be true\n",
        sides(&all)
    )
}

/// What a rebuild would do, in words that follow "this would".
pub(super) fn would_rebuild(check: &StockCheck) -> String {
    let believed = check.differences.iter();
    let believed = believed.filter(|difference| difference.logged.is_some());
    match believed.count() {
        0 => "change nothing".to_owned(),
        1 => "make the stock of 1 variant what its log says".to_owned(),
        count => format!("make the stock of {count} variants what their logs say"),
    }
}

const NO_DIFFERENCE: &str = "the stock is what the log says\n";

fn sides(differences: &[StockDifference]) -> String {
    let mut table = Table::new([
        ("VARIANT", Align::Right),
        ("SAYS", Align::Left),
        ("ON HAND", Align::Right),
        ("RESERVED", Align::Right),
        ("ALLOCATED", Align::Right),
        ("SOLD", Align::Right),
        ("RECEIVED", Align::Right),
        ("EVENTS", Align::Right),
    ]);
    let rows: Vec<_> = differences.iter().flat_map(two_sides).collect();
    table.part(&rows)
}

fn two_sides(difference: &StockDifference) -> [[String; 8]; 2] {
    let variant = &difference.projected.variant_id;
    [
        side(variant, "stock", Some(&difference.projected)),
        side(variant, "log", difference.logged.as_ref()),
    ]
}

/// A log that tells of something impossible has no numbers.
fn side(variant: &str, says: &str, numbers: Option<&StockNumbers>) -> [String; 8] {
    let number = |part: fn(&StockNumbers) -> i64| {
        numbers.map_or_else(|| "?".to_owned(), |numbers| part(numbers).to_string())
    };
    [
        variant.to_owned(),
        says.to_owned(),
        number(|numbers| numbers.on_hand),
        number(|numbers| numbers.reserved),
        number(|numbers| numbers.allocated),
        number(|numbers| numbers.sold),
        number(|numbers| numbers.received),
        number(|numbers| numbers.seq),
    ]
}

fn none() -> String {
    "-".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(variant: &str, on_hand: i64) -> StockNumbers {
        StockNumbers {
            variant_id: variant.to_owned(),
            received: on_hand + 6,
            on_hand,
            reserved: 1,
            allocated: 2,
            sold: 3,
            seq: 9,
        }
    }

    #[test]
    fn stock_stands_below_each_other() {
        let line = |variant: &str, options: &str, reorder_at| StockLine {
            numbers: numbers(variant, 40),
            handle: "mug".to_owned(),
            title: "Mug".to_owned(),
            options: options.to_owned(),
            sku: "MUG-1".to_owned(),
            reorder_at,
        };
        let expect = "\
VARIANT  SKU    ON HAND  RESERVED  ALLOCATED  SOLD  REORDER AT  TITLE
      7  MUG-1       40         1          2     3           5  Mug
     12  MUG-1       40         1          2     3           -  Mug, Oat
";
        let lines = [line("7", "", Some(5)), line("12", "Oat", None)];
        assert_eq!(List::new().part(&lines), expect);
    }

    #[test]
    fn a_card_says_where_the_pieces_are() {
        let expect = "\
variant   7
on hand   40
reserved  1
allocated 2
sold      3
received  46
";
        assert_eq!(card(&numbers("7", 40)), expect);
    }

    #[test]
    fn events_stand_below_each_other() {
        let event = |seq, order: Option<&str>, note: &str| StockEvent {
            seq,
            kind: "adjusted".to_owned(),
            quantity: -1,
            order_id: order.map(str::to_owned),
            note: note.to_owned(),
            at: 1_795_352_709_000_000,
        };
        let expect = "\
EVENT  AT                    KIND      PIECES  ORDER  NOTE
    1  2026-11-22T13:05:09Z  adjusted      -1      -  broken
    2  2026-11-22T13:05:09Z  adjusted      -1    711
";
        let events = [event(1, None, "broken"), event(2, Some("711"), "")];
        assert_eq!(Events::new().part(&events), expect);
    }

    #[test]
    fn what_differs_is_told_by_both_sides() {
        let difference = |logged| StockCheck {
            differences: vec![StockDifference {
                projected: numbers("7", 40),
                logged,
            }],
        };
        let expect = "\
VARIANT  SAYS   ON HAND  RESERVED  ALLOCATED  SOLD  RECEIVED  EVENTS
      7  stock       40         1          2     3        46       9
      7  log         39         1          2     3        45       9
";
        assert_eq!(check(&difference(Some(numbers("7", 39)))), expect);
        assert!(check(&difference(None)).ends_with("?         ?       ?\n"));
        let clean = StockCheck {
            differences: Vec::new(),
        };
        assert_eq!(check(&clean), "the stock is what the log says\n");
    }
}
