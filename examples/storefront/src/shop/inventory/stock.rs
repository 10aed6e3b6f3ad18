//! What may happen to stock. Pure.

use std::fmt;

/// The most pieces that one event moves: far from where sums would leave their type.
pub const MAX_PIECES: i64 = u32::MAX as i64;

/// Where the pieces of a variant are. Each that ever came in is at one of four places:
/// `on_hand + reserved + allocated + sold = received`, and none of them is negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stock {
    /// All pieces that came in, corrections included.
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

/// Something that happened to a variant's stock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StockEvent {
    /// What.
    pub kind: StockKind,
    /// How many pieces; only [`Adjusted`](StockKind::Adjusted) may be negative.
    pub quantity: i64,
}

/// What may happen to stock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StockKind {
    /// Pieces came in.
    Received,
    /// Somebody counted, and found more or fewer.
    Adjusted,
    /// A checkout holds them.
    Reserved,
    /// The checkout came to nothing.
    Released,
    /// The order was paid.
    Allocated,
    /// The paid order was given back before it was handed over.
    Deallocated,
    /// The order was handed over.
    Sold,
    /// What was handed over came back.
    Returned,
}

/// An event that cannot have happened to this stock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{quantity} pieces cannot be {kind}")]
pub struct Impossible {
    /// The event's kind.
    pub kind: StockKind,
    /// Its quantity.
    pub quantity: i64,
}

/// How an event changes each of the numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Deltas {
    pub(super) received: i64,
    pub(super) on_hand: i64,
    pub(super) reserved: i64,
    pub(super) allocated: i64,
    pub(super) sold: i64,
}

impl Stock {
    /// The stock after an event.
    ///
    /// # Errors
    /// [`Impossible`] when a number would become negative or leave its type, or the quantity is negative
    /// where it cannot be, or more than [`MAX_PIECES`].
    pub fn apply(self, event: StockEvent) -> Result<Self, Impossible> {
        let deltas = event.deltas()?;
        let moved = || {
            Some(Self {
                received: sum(self.received, deltas.received)?,
                on_hand: sum(self.on_hand, deltas.on_hand)?,
                reserved: sum(self.reserved, deltas.reserved)?,
                allocated: sum(self.allocated, deltas.allocated)?,
                sold: sum(self.sold, deltas.sold)?,
                seq: sum(self.seq, 1)?,
            })
        };
        moved().ok_or_else(|| event.impossible())
    }

    /// Whether every piece that came in is at one place.
    #[must_use]
    pub fn is_conserved(&self) -> bool {
        let places = [self.on_hand, self.reserved, self.allocated, self.sold];
        let total: i128 = places.into_iter().map(i128::from).sum();
        total == i128::from(self.received) && places.into_iter().all(|count| count >= 0)
    }
}

/// `None` when it would be negative or too large.
fn sum(count: i64, delta: i64) -> Option<i64> {
    count.checked_add(delta).filter(|count| *count >= 0)
}

impl StockEvent {
    pub(super) fn deltas(self) -> Result<Deltas, Impossible> {
        let n = self.quantity;
        // A negative quantity would turn an event into its opposite; only a correction has none.
        let least = match self.kind {
            StockKind::Adjusted => -MAX_PIECES,
            _ => 0,
        };
        if !(least..=MAX_PIECES).contains(&n) {
            return Err(self.impossible());
        }
        let none = Deltas::default();
        Ok(match self.kind {
            StockKind::Received | StockKind::Adjusted => Deltas {
                received: n,
                on_hand: n,
                ..none
            },
            StockKind::Reserved => Deltas {
                on_hand: -n,
                reserved: n,
                ..none
            },
            StockKind::Released => Deltas {
                reserved: -n,
                on_hand: n,
                ..none
            },
            StockKind::Allocated => Deltas {
                reserved: -n,
                allocated: n,
                ..none
            },
            StockKind::Deallocated => Deltas {
                allocated: -n,
                on_hand: n,
                ..none
            },
            StockKind::Sold => Deltas {
                allocated: -n,
                sold: n,
                ..none
            },
            StockKind::Returned => Deltas {
                sold: -n,
                on_hand: n,
                ..none
            },
        })
    }

    fn impossible(self) -> Impossible {
        Impossible {
            kind: self.kind,
            quantity: self.quantity,
        }
    }
}

impl StockKind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Received,
        Self::Adjusted,
        Self::Reserved,
        Self::Released,
        Self::Allocated,
        Self::Deallocated,
        Self::Sold,
        Self::Returned,
    ];

    /// Its name in the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Adjusted => "adjusted",
            Self::Reserved => "reserved",
            Self::Released => "released",
            Self::Allocated => "allocated",
            Self::Deallocated => "deallocated",
            Self::Sold => "sold",
            Self::Returned => "returned",
        }
    }

    pub(super) fn from_log(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

impl fmt::Display for StockKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(events: &[(StockKind, i64)], expect: [i64; 5]) {
        let stock = events
            .iter()
            .fold(Stock::default(), |stock, &(kind, quantity)| {
                stock.apply(StockEvent { kind, quantity }).unwrap()
            });
        let found = [
            stock.received,
            stock.on_hand,
            stock.reserved,
            stock.allocated,
            stock.sold,
        ];
        assert_eq!(found, expect, "{events:?}");
    }

    #[test]
    fn pieces_go_from_place_to_place() {
        use StockKind::{
            Adjusted, Allocated, Deallocated, Received, Released, Reserved, Returned, Sold,
        };
        check(&[(Received, 10)], [10, 10, 0, 0, 0]);
        check(&[(Received, 10), (Reserved, 3)], [10, 7, 3, 0, 0]);
        check(
            &[(Received, 10), (Reserved, 3), (Released, 3)],
            [10, 10, 0, 0, 0],
        );
        check(
            &[(Received, 10), (Reserved, 3), (Allocated, 3), (Sold, 3)],
            [10, 7, 0, 0, 3],
        );
        check(
            &[
                (Received, 3),
                (Reserved, 3),
                (Allocated, 3),
                (Deallocated, 2),
            ],
            [3, 2, 0, 1, 0],
        );
        check(
            &[
                (Received, 3),
                (Reserved, 3),
                (Allocated, 3),
                (Sold, 3),
                (Returned, 1),
            ],
            [3, 1, 0, 0, 2],
        );
        check(&[(Received, 10), (Adjusted, -4)], [6, 6, 0, 0, 0]);
    }

    #[test]
    fn the_names_of_kinds_are_read_back() {
        for kind in StockKind::ALL {
            assert_eq!(StockKind::from_log(kind.as_str()), Some(kind));
        }
        assert_eq!(StockKind::from_log("stolen"), None);
    }

    fn events() -> impl Strategy<Value = Vec<StockEvent>> {
        let quantity = prop_oneof![9 => -3_i64..20, 1 => any::<i64>()];
        let event = (prop::sample::select(StockKind::ALL.to_vec()), quantity)
            .prop_map(|(kind, quantity)| StockEvent { kind, quantity });
        prop::collection::vec(event, 0..60)
    }

    proptest! {
        #[test]
        fn stock_is_conserved_whatever_happens(events in events()) {
            let mut stock = Stock::default();
            let mut applied = 0;
            for event in events {
                if let Ok(after) = stock.apply(event) {
                    stock = after;
                    applied += 1;
                }
                prop_assert!(stock.is_conserved(), "{stock:?} after {event:?}");
                prop_assert_eq!(stock.seq, applied);
            }
        }
    }
}
