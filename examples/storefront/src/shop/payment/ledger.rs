use std::path::Path;

use sqlx::{
    SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tenancy_types::{Clock, SystemClock};

use super::{
    Charge, PaymentGateway, PaymentKey, PaymentToken, PaymentUnknown, Refund, RefundKey, Voided,
};
use crate::money::Money;

/// Pays.
const PAYS: &str = "test";

/// A stand-in for an outside provider, for trying the shop: no money moves.
///
/// The token `test` pays, every other is declined. It remembers in a file of its own what it was asked, and
/// answers only when that is on the disk, as a provider does: after a crash of the shop it still knows.
#[derive(Clone, Debug)]
pub struct TestGateway {
    pool: SqlitePool,
}

/// The ledger of the test provider could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("open the ledger of test payments")]
pub struct LedgerError {
    #[from]
    source: sqlx::Error,
}

impl TestGateway {
    /// Opens its ledger, and makes it when there is none.
    ///
    /// # Errors
    /// [`LedgerError`] when the file cannot be opened or written.
    pub async fn open(path: &Path) -> Result<Self, LedgerError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options)
            .await?;
        sqlx::raw_sql(TABLES).execute(&pool).await?;
        Ok(Self { pool })
    }

    /// Writes the outcome of a payment unless it has one, and returns the one it has. A known key with another
    /// amount is another payment, of which nothing is known.
    async fn settle(
        &self,
        key: &PaymentKey,
        amount: Money,
        outcome: &'static str,
    ) -> Result<String, PaymentUnknown> {
        let (minor, currency) = (amount.minor(), amount.currency().code());
        let settled = sqlx::query_as(SETTLE)
            .bind(key.as_str())
            .bind(minor)
            .bind(currency)
            .bind(outcome)
            .bind(SystemClock.unix().get())
            .fetch_one(&self.pool)
            .await;
        let (outcome, known, known_currency): (String, i64, String) =
            settled.map_err(PaymentUnknown::new)?;
        let same = (known, known_currency.as_str()) == (minor, currency);
        if same || outcome == VOIDED {
            Ok(outcome)
        } else {
            Err(PaymentUnknown::new("the key stands for another amount"))
        }
    }
}

impl PaymentGateway for TestGateway {
    async fn charge(
        &self,
        key: &PaymentKey,
        amount: Money,
        token: &PaymentToken,
    ) -> Result<Charge, PaymentUnknown> {
        let outcome = if token.as_str() == PAYS {
            CHARGED
        } else {
            DECLINED
        };
        Ok(match self.settle(key, amount, outcome).await?.as_str() {
            CHARGED => Charge::Charged,
            _ => Charge::Declined,
        })
    }

    async fn void(&self, key: &PaymentKey) -> Result<Voided, PaymentUnknown> {
        let outcome: String = sqlx::query_scalar(VOID)
            .bind(key.as_str())
            .bind(SystemClock.unix().get())
            .fetch_one(&self.pool)
            .await
            .map_err(PaymentUnknown::new)?;
        Ok(match outcome.as_str() {
            CHARGED => Voided::Charged,
            _ => Voided::Never,
        })
    }

    async fn refund(
        &self,
        payment: &PaymentKey,
        refund: &RefundKey,
        amount: Money,
    ) -> Result<Refund, PaymentUnknown> {
        let done: i64 = sqlx::query_scalar(REFUND)
            .bind(refund.as_str())
            .bind(payment.as_str())
            .bind(amount.minor())
            .bind(SystemClock.unix().get())
            .fetch_one(&self.pool)
            .await
            .map_err(PaymentUnknown::new)?;
        Ok(if done == 1 {
            Refund::Refunded
        } else {
            Refund::Refused
        })
    }
}

const CHARGED: &str = "charged";
const DECLINED: &str = "declined";
const VOIDED: &str = "voided";

const TABLES: &str = "create table if not exists payments (
    key text primary key,
    amount integer not null,
    currency text not null,
    outcome text not null check (outcome in ('charged', 'declined', 'voided')),
    at integer not null
) strict, without rowid;
create table if not exists refunds (
    key text primary key,
    payment text not null,
    amount integer not null,
    done integer not null,
    at integer not null
) strict, without rowid;
create index if not exists refunds_of_payment on refunds (payment)";

/// The update changes nothing; it is there for its `returning`.
const SETTLE: &str =
    "insert into payments (key, amount, currency, outcome, at) values ($1, $2, $3, $4, $5)
    on conflict (key) do update set outcome = payments.outcome
    returning outcome, amount, currency";

const VOID: &str =
    "insert into payments (key, amount, currency, outcome, at) values ($1, 0, '', 'voided', $2)
    on conflict (key) do update set outcome = payments.outcome
    returning outcome";

/// Done when a charge is there and the refunds so far leave that much of it.
const REFUND: &str = "insert into refunds (key, payment, amount, done, at)
    select $1, $2, $3, coalesce((select p.amount from payments p where p.key = $2 and p.outcome = 'charged'), -1)
        >= $3 + coalesce((select sum(r.amount) from refunds r where r.payment = $2 and r.done = 1), 0), $4
    where true
    on conflict (key) do update set done = refunds.done
    returning done";
