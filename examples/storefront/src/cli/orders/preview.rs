//! What commands would do to an order, in words that follow "this would".

use crate::{cli::amount::amount, ops::OrderView};

pub(super) fn cancel(order: &OrderView) -> String {
    let OrderView {
        order_id: id,
        state,
        email,
        ..
    } = order;
    if state != "pending" {
        return format!("change nothing: order {id} is {state}");
    }
    let pieces: i64 = order.lines.iter().map(|line| line.from_stock).sum();
    format!("cancel order {id} of {email}: {pieces} reserved pieces could be bought by others")
}

/// Refunding this amount, or all that is left.
pub(super) fn refund(order: &OrderView, minor: Option<i64>) -> String {
    let OrderView {
        order_id: id,
        state,
        email,
        currency,
        ..
    } = order;
    let left = order.total_minor - order.refunded_minor;
    if !matches!(state.as_str(), "paid" | "fulfilled") || left == 0 {
        return format!("give nothing back: order {id} is {state}");
    }
    let given = amount(minor.unwrap_or(left), currency);
    let left = amount(left, currency);
    format!("give {given} of the {left} left of order {id} back to {email}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::orders::view::tests::order;

    #[test]
    fn it_is_said_what_would_happen() {
        let in_state = |state: &str| OrderView {
            state: state.to_owned(),
            ..order()
        };
        assert_eq!(
            cancel(&in_state("pending")),
            "cancel order 7 of ada@example.com: 2 reserved pieces could be bought by others"
        );
        assert_eq!(cancel(&in_state("paid")), "change nothing: order 7 is paid");
        assert_eq!(
            refund(&in_state("paid"), None),
            "give 20.00 EUR of the 20.00 EUR left of order 7 back to ada@example.com"
        );
        assert_eq!(
            refund(&in_state("fulfilled"), Some(500)),
            "give 5.00 EUR of the 20.00 EUR left of order 7 back to ada@example.com"
        );
        assert_eq!(
            refund(&in_state("refunded"), None),
            "give nothing back: order 7 is refunded"
        );
    }
}
