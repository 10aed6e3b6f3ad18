//! A payment provider whose books can be read, and which fails on demand.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use storefront::{
    money::Money,
    shop::payment::{
        Charge, PaymentGateway, PaymentKey, PaymentToken, PaymentUnknown, Refund, RefundKey, Voided,
    },
};

/// What a question to the provider comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It never arrives, and no answer comes.
    Silent,
    /// It does not arrive, and the caller learns so little as that.
    Refused,
    /// It is done, and the answer is lost.
    AnswerLost,
    /// It is done, and no answer comes.
    DoneAndSilent,
    /// The provider's code panics, before anything is done.
    Panics,
    /// It is done twice, as by a proxy that repeats requests.
    Twice,
}

impl Fault {
    pub(crate) const ALL: [Self; 6] = [
        Self::Silent,
        Self::Refused,
        Self::AnswerLost,
        Self::DoneAndSilent,
        Self::Panics,
        Self::Twice,
    ];
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Payment {
    Charged(i64),
    Declined,
    Voided,
}

#[derive(Default)]
struct Books {
    payments: BTreeMap<String, Payment>,
    /// Payment and amount of each refund.
    refunds: BTreeMap<String, (String, i64)>,
    faults: VecDeque<Fault>,
    refuses_refunds: bool,
}

/// Clones share the books.
#[derive(Clone, Default)]
pub(crate) struct Provider(Arc<Mutex<Books>>);

impl Provider {
    fn books(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next questions come to this, in order; then all is well again.
    pub(crate) fn fail(&self, faults: impl IntoIterator<Item = Fault>) {
        self.books().faults.extend(faults);
    }

    /// No question fails any more.
    pub(crate) fn heal(&self) {
        self.books().faults.clear();
    }

    /// Every refund from now on is refused.
    pub(crate) fn refuse_refunds(&self) {
        self.books().refuses_refunds = true;
    }

    /// What was taken, by payment key.
    pub(crate) fn charges(&self) -> BTreeMap<String, i64> {
        let books = self.books();
        let charged = books
            .payments
            .iter()
            .filter_map(|(key, payment)| match payment {
                Payment::Charged(amount) => Some((key.clone(), *amount)),
                Payment::Declined | Payment::Voided => None,
            });
        charged.collect()
    }

    /// What was given back of a payment.
    pub(crate) fn refunded(&self, payment: &PaymentKey) -> i64 {
        let books = self.books();
        let refunds = books.refunds.values();
        refunds
            .filter(|(of, _)| of == payment.as_str())
            .map(|(_, amount)| amount)
            .sum()
    }

    /// Does it as often as the fault says, and answers or not.
    async fn answer<T>(&self, act: impl Fn(&mut Books) -> T) -> Result<T, PaymentUnknown> {
        let fault = self.books().faults.pop_front();
        let lost = || Err(PaymentUnknown::new("the line went dead"));
        match fault {
            None => Ok(act(&mut self.books())),
            Some(Fault::Twice) => {
                act(&mut self.books());
                Ok(act(&mut self.books()))
            }
            Some(Fault::Refused) => lost(),
            Some(Fault::AnswerLost) => {
                act(&mut self.books());
                lost()
            }
            Some(Fault::Silent) => std::future::pending().await,
            Some(Fault::DoneAndSilent) => {
                act(&mut self.books());
                std::future::pending().await
            }
            Some(Fault::Panics) => panic!("the provider's code panics"),
        }
    }
}

impl PaymentGateway for Provider {
    async fn charge(
        &self,
        key: &PaymentKey,
        amount: Money,
        token: &PaymentToken,
    ) -> Result<Charge, PaymentUnknown> {
        self.answer(|books| {
            let outcome = match token.as_str() {
                "test" => Payment::Charged(amount.minor()),
                _ => Payment::Declined,
            };
            match books.payments.entry(key.as_str().into()).or_insert(outcome) {
                Payment::Charged(taken) => {
                    assert_eq!(*taken, amount.minor(), "another amount under {key:?}");
                    Charge::Charged
                }
                Payment::Declined | Payment::Voided => Charge::Declined,
            }
        })
        .await
    }

    async fn void(&self, key: &PaymentKey) -> Result<Voided, PaymentUnknown> {
        self.answer(|books| {
            let payment = books.payments.entry(key.as_str().into());
            match payment.or_insert(Payment::Voided) {
                Payment::Charged(_) => Voided::Charged,
                Payment::Declined | Payment::Voided => Voided::Never,
            }
        })
        .await
    }

    async fn refund(
        &self,
        payment: &PaymentKey,
        refund: &RefundKey,
        amount: Money,
    ) -> Result<Refund, PaymentUnknown> {
        self.answer(|books| {
            if books.refuses_refunds {
                return Refund::Refused;
            }
            let of = (payment.as_str().to_owned(), amount.minor());
            if let Some(known) = books.refunds.get(refund.as_str()) {
                assert_eq!(*known, of, "another refund under {refund:?}");
                return Refund::Refunded;
            }
            let back = books.refunds.values().filter(|known| known.0 == of.0);
            let back: i64 = back.map(|known| known.1).sum();
            match books.payments.get(payment.as_str()) {
                Some(Payment::Charged(taken)) if back + of.1 <= *taken => {
                    books.refunds.insert(refund.as_str().into(), of);
                    Refund::Refunded
                }
                _ => Refund::Refused,
            }
        })
        .await
    }
}
