//! What may become of an order. Pure.

use std::fmt;

/// Where an order is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OrderState {
    /// Stock is held, and the payment is being made or its outcome is not known.
    Pending,
    /// Paid for, and waiting to be handed over.
    Paid,
    /// The payment was declined.
    Declined,
    /// It was never paid in time.
    Expired,
    /// The shop called it off before it was paid.
    Cancelled,
    /// Handed over.
    Fulfilled,
    /// All of the money was given back.
    Refunded,
}

/// What happens to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OrderEvent {
    /// The provider took the money.
    Pay,
    /// The provider declined.
    Decline,
    /// Its time is over, and the provider says that it will never be paid.
    Expire,
    /// The shop calls it off, and the provider says that it will never be paid.
    Cancel,
    /// It is handed over.
    Fulfil,
    /// The last of the money was given back.
    RefundAll,
}

/// The state after an event; `None` when it cannot happen there.
#[must_use]
pub const fn next(state: OrderState, event: OrderEvent) -> Option<OrderState> {
    use OrderState::{Cancelled, Declined, Expired, Fulfilled, Paid, Pending, Refunded};
    match (state, event) {
        (Pending, OrderEvent::Pay) => Some(Paid),
        (Pending, OrderEvent::Decline) => Some(Declined),
        (Pending, OrderEvent::Expire) => Some(Expired),
        (Pending, OrderEvent::Cancel) => Some(Cancelled),
        (Paid, OrderEvent::Fulfil) => Some(Fulfilled),
        (Paid | Fulfilled, OrderEvent::RefundAll) => Some(Refunded),
        _ => None,
    }
}

impl OrderState {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Pending,
        Self::Paid,
        Self::Declined,
        Self::Expired,
        Self::Cancelled,
        Self::Fulfilled,
        Self::Refunded,
    ];

    /// Its name, in documents and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Paid => "paid",
            Self::Declined => "declined",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Fulfilled => "fulfilled",
            Self::Refunded => "refunded",
        }
    }

    /// The state of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// Whether the money was taken and not all of it given back.
    #[must_use]
    pub const fn is_paid(self) -> bool {
        matches!(self, Self::Paid | Self::Fulfilled)
    }
}

impl fmt::Display for OrderState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl OrderEvent {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Pay,
        Self::Decline,
        Self::Expire,
        Self::Cancel,
        Self::Fulfil,
        Self::RefundAll,
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_table() {
        use OrderEvent::{Cancel, Decline, Expire, Fulfil, Pay, RefundAll};
        use OrderState::{Cancelled, Declined, Expired, Fulfilled, Paid, Pending, Refunded};
        let legal = [
            (Pending, Pay, Paid),
            (Pending, Decline, Declined),
            (Pending, Expire, Expired),
            (Pending, Cancel, Cancelled),
            (Paid, Fulfil, Fulfilled),
            (Paid, RefundAll, Refunded),
            (Fulfilled, RefundAll, Refunded),
        ];
        for state in OrderState::ALL {
            for event in OrderEvent::ALL {
                let expect = legal
                    .iter()
                    .find(|(from, by, _)| (*from, *by) == (state, event))
                    .map(|(_, _, to)| *to);
                assert_eq!(
                    next(state, event),
                    expect,
                    "{event:?} of an order that is {state}"
                );
            }
        }
    }

    #[test]
    fn names_are_read_back() {
        for state in OrderState::ALL {
            assert_eq!(OrderState::from_name(state.as_str()), Some(state));
        }
    }
}
