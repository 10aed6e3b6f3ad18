//! The JSON of stock.

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    ops::OpsError,
    shop::inventory::{
        Difference, LoggedEvent, MAX_PIECES, Stock, StockChange, StockEntry, StockStep,
    },
};

/// The longest note, in characters.
const LONGEST_NOTE: usize = 255;

/// Which page of a shop's stock.
#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StockQuery {
    /// How many at most: 1 to 1000, without it 100.
    pub limit: Option<u16>,
    /// Only variants with a greater number.
    pub after: Option<i64>,
    /// Whether only what should be ordered, or has run out.
    #[serde(default)]
    pub low: bool,
}

/// Which page of a variant's events.
#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventsQuery {
    /// How many at most: 1 to 1000, without it 100.
    pub limit: Option<u16>,
    /// Only events with a greater number.
    pub after: Option<i64>,
}

/// What to do to a variant's stock: at most one of `received`, `adjust` and `count`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PatchStock {
    /// So many came in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received: Option<i64>,
    /// So many more are there than thought; fewer, when it is negative.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adjust: Option<i64>,
    /// So many are on hand, whatever was thought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<i64>,
    /// Why, in a few words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// From when on more should be ordered; null is never. What is left out stays.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<i64>)]
    pub reorder_at: Option<Option<i64>>,
}

/// A field that is there, also when it is null.
fn present<'de, D: Deserializer<'de>>(field: D) -> Result<Option<Option<i64>>, D::Error> {
    Option::deserialize(field).map(Some)
}

impl PatchStock {
    /// The change of this variant.
    pub(super) fn change(self, variant: i64) -> Result<StockChange, OpsError> {
        let step = match (self.received, self.adjust, self.count) {
            (None, None, None) => None,
            (Some(n), None, None) => Some(StockStep::Receive(bounded("received", n, 1)?)),
            (None, Some(n), None) => Some(StockStep::Adjust(bounded("adjust", n, -MAX_PIECES)?)),
            (None, None, Some(n)) => Some(StockStep::Count(bounded("count", n, 0)?)),
            _ => return Err(OpsError::invalid("say one of received, adjust and count")),
        };
        if step.is_none() && self.reorder_at.is_none() {
            let message = "say received, adjust, count or reorder_at";
            return Err(OpsError::invalid(message));
        }
        let note = self.note.unwrap_or_default();
        if note.chars().count() > LONGEST_NOTE || note.chars().any(char::is_control) {
            let message = format!("note is one line of at most {LONGEST_NOTE} characters");
            return Err(OpsError::invalid(message));
        }
        let reorder_at = self
            .reorder_at
            .map(|at| at.map(|at| bounded("reorder_at", at, 0)).transpose());
        Ok(StockChange {
            variant,
            step,
            note,
            reorder_at: reorder_at.transpose()?,
        })
    }

    /// The change in the words of the audit log, without the note.
    pub(super) fn detail(&self) -> String {
        let steps = [
            ("received", self.received),
            ("adjust", self.adjust),
            ("count", self.count),
            ("reorder_at", self.reorder_at.flatten()),
        ];
        let steps = steps
            .iter()
            .filter_map(|(name, number)| number.map(|number| format!("{name}={number}")));
        steps.collect::<Vec<_>>().join(" ")
    }
}

fn bounded(name: &str, number: i64, least: i64) -> Result<i64, OpsError> {
    if (least..=MAX_PIECES).contains(&number) {
        return Ok(number);
    }
    Err(OpsError::invalid(format!(
        "{name} is a number from {least} to {MAX_PIECES}"
    )))
}

/// Where the pieces of a variant are: `on_hand + reserved + allocated + sold = received`.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct StockNumbers {
    /// The variant: a text, since it has 63 bits.
    pub variant_id: String,
    /// All that came in, corrections included.
    pub received: i64,
    /// Free to be bought.
    pub on_hand: i64,
    /// Held for orders that are not paid yet.
    pub reserved: i64,
    /// Paid for, and still here.
    pub allocated: i64,
    /// Handed over.
    pub sold: i64,
    /// How many events made it so.
    pub seq: i64,
}

impl StockNumbers {
    pub(super) fn new(variant: i64, stock: Stock) -> Self {
        Self {
            variant_id: variant.to_string(),
            received: stock.received,
            on_hand: stock.on_hand,
            reserved: stock.reserved,
            allocated: stock.allocated,
            sold: stock.sold,
            seq: stock.seq,
        }
    }
}

/// A variant's stock in a list.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct StockLine {
    /// Where its pieces are.
    #[serde(flatten)]
    pub numbers: StockNumbers,
    /// The product's part of the address.
    pub handle: String,
    /// The product's title.
    pub title: String,
    /// The variant's option values, joined by ` / `.
    pub options: String,
    /// The merchant's number; may be empty.
    pub sku: String,
    /// From when on more should be ordered.
    pub reorder_at: Option<i64>,
}

impl From<StockEntry> for StockLine {
    fn from(entry: StockEntry) -> Self {
        Self {
            numbers: StockNumbers::new(entry.variant, entry.stock),
            handle: entry.handle,
            title: entry.title,
            options: entry.options,
            sku: entry.sku,
            reorder_at: entry.reorder_at,
        }
    }
}

/// A page of a shop's stock in the order of variants' numbers.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct StockLines {
    /// The stock.
    pub stock: Vec<StockLine>,
    /// Pass it as `after` for the next page; none on the last.
    pub next: Option<String>,
}

impl StockLines {
    pub(super) fn new(entries: Vec<StockEntry>, limit: usize) -> Self {
        let full = entries.len() == limit;
        let last = entries.last().filter(|_| full);
        Self {
            next: last.map(|entry| entry.variant.to_string()),
            stock: entries.into_iter().map(StockLine::from).collect(),
        }
    }
}

/// Something that happened to a variant's stock.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct StockEvent {
    /// Its number among the variant's events, from 1.
    pub seq: i64,
    /// `received`, `adjusted`, `reserved`, `released`, `allocated`, `deallocated`, `sold`, `returned`.
    pub kind: String,
    /// How many pieces.
    pub quantity: i64,
    /// The order because of which it happened: a text, since it has 63 bits.
    pub order_id: Option<String>,
    /// Why; may be empty.
    pub note: String,
    /// When: microseconds since 1970 UTC.
    pub at: i64,
}

/// A page of a variant's events, oldest first.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct StockEvents {
    /// The events.
    pub events: Vec<StockEvent>,
    /// Pass it as `after` for the next page; none on the last.
    pub next: Option<i64>,
}

impl StockEvents {
    pub(super) fn new(events: Vec<LoggedEvent>, limit: usize) -> Self {
        let full = events.len() == limit;
        Self {
            next: events.last().filter(|_| full).map(|event| event.seq),
            events: events
                .into_iter()
                .map(|event| StockEvent {
                    seq: event.seq,
                    kind: event.kind,
                    quantity: event.quantity,
                    order_id: event.order_id.map(|id| id.to_string()),
                    note: event.note,
                    at: event.at,
                })
                .collect(),
        }
    }
}

/// Whether a shop's stock is what the log says: it is when there are no differences.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct StockCheck {
    /// The variants whose numbers are not the sum of their events.
    pub differences: Vec<StockDifference>,
}

/// What a rebuild of a shop's stock found: nothing when the stock was what the log says.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct StockRebuilt {
    /// The variants whose numbers were not the sum of their events and are now.
    pub corrected: Vec<StockDifference>,
    /// The variants whose numbers stayed as they were, because their log cannot be true.
    pub left_alone: Vec<StockDifference>,
}

impl StockRebuilt {
    /// What was done in the words of the audit log.
    pub(super) fn detail(&self) -> String {
        let (corrected, left_alone) = (self.corrected.len(), self.left_alone.len());
        format!("corrected={corrected} left_alone={left_alone}")
    }
}

impl From<Vec<Difference>> for StockRebuilt {
    fn from(differences: Vec<Difference>) -> Self {
        let (corrected, left_alone) = differences
            .into_iter()
            .map(StockDifference::from)
            .partition(|difference| difference.logged.is_some());
        Self {
            corrected,
            left_alone,
        }
    }
}

/// A variant whose numbers are not the sum of its events.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct StockDifference {
    /// The numbers.
    pub projected: StockNumbers,
    /// What the log says; null when it tells of something that cannot have happened.
    pub logged: Option<StockNumbers>,
}

impl From<Difference> for StockDifference {
    fn from(difference: Difference) -> Self {
        let numbers = |stock| StockNumbers::new(difference.variant, stock);
        Self {
            projected: numbers(difference.projected),
            logged: difference.logged.map(numbers),
        }
    }
}
