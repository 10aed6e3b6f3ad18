use tenancy_core::{
    Access,
    db::{CellStmt, CellTx},
};
use tenancy_types::TenantId;

use super::{Cursor, Facets, Query, Value, facets, price, sql, words};
use crate::{
    money::Currency,
    shop::{ProductCard, ShopError, catalog::CardRow},
};

/// One page of a listing, and what the whole listing holds.
#[derive(Clone, Debug)]
pub struct Listing {
    /// The products of this page.
    pub products: Vec<ProductCard>,
    /// Where the next page begins, if there is one.
    pub next: Option<Cursor>,
    /// Counts over the whole result, not only this page.
    pub facets: Facets,
}

/// What a listing is made from.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// The shop's tenant.
    pub tenant: TenantId,
    /// The shop's currency.
    pub currency: Currency,
    /// Only products of this collection.
    pub collection: Option<i64>,
    /// What was asked for.
    pub query: &'a Query,
    /// Products of a page, when the query does not say.
    pub page: usize,
}

impl Scope<'_> {
    /// The listing: six statements.
    ///
    /// # Errors
    /// [`ShopError::Database`].
    pub async fn list<A: Access>(&self, tx: &mut CellTx<A>) -> Result<Listing, ShopError> {
        let limit = self.query.limit.unwrap_or(self.page);
        let mut rows = self.page(tx, limit + 1).await?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(RankedRow::cursor);
        let card = |row: RankedRow| row.card.into_card(self.currency);
        Ok(Listing {
            products: rows.into_iter().map(card).collect(),
            next,
            facets: self.facets(tx).await?,
        })
    }

    async fn page<A: Access>(
        &self,
        tx: &mut CellTx<A>,
        limit: usize,
    ) -> Result<Vec<RankedRow>, ShopError> {
        let start = Cursor::start();
        let after = self.query.after.as_ref().unwrap_or(&start);
        let statement = self
            .statement(tx, sql::PAGE)
            .bind(self.query.order().word())
            .bind(after.rank)
            .bind(after.title.clone())
            .bind(after.product)
            .bind(limit as i64);
        Ok(statement.all().await?)
    }

    async fn facets<A: Access>(&self, tx: &mut CellTx<A>) -> Result<Facets, ShopError> {
        let summary: Vec<SummaryRow> = self.statement(tx, sql::SUMMARY).all().await?;
        let summary = summary.into_iter().next().unwrap_or_default();
        let mut facets = Facets {
            total: summary.total,
            in_stock: summary.in_stock,
            vendors: self.values(tx, sql::VENDORS).await?,
            types: self.values(tx, sql::TYPES).await?,
            tags: self.values(tx, sql::TAGS).await?,
            prices: Vec::new(),
        };
        if let (Some(lowest), Some(highest)) = (summary.lowest, summary.highest) {
            let bounds = price::bounds(lowest, highest);
            let mut statement = self.statement(tx, sql::PRICES);
            for bound in facets::padded(&bounds) {
                statement = statement.bind(bound);
            }
            let counts: Vec<(i64, i64)> = statement.all().await?;
            facets.prices = facets::ranges(&bounds, &counts, self.currency);
        }
        Ok(facets)
    }

    async fn values<A: Access>(
        &self,
        tx: &mut CellTx<A>,
        sql: sql::Sql,
    ) -> Result<Vec<Value>, ShopError> {
        let values: Vec<(String, i64)> = self.statement(tx, sql).all().await?;
        let value = |(value, count)| Value { value, count };
        Ok(values.into_iter().map(value).collect())
    }

    /// The statement with tenant, filters and words bound; those of its end follow.
    fn statement<'t, A: Access>(&self, tx: &'t mut CellTx<A>, sql: sql::Sql) -> CellStmt<'t, A> {
        let query = self.query;
        let text = match query.words {
            Some(_) => sql.searched,
            None => sql.browsed,
        };
        let minor =
            |price: Option<crate::money::Money>| price.map_or(-1, crate::money::Money::minor);
        let available = match query.availability {
            None => -1,
            Some(super::Availability::InStock) => 1,
            Some(super::Availability::SoldOut) => 0,
        };
        let statement = tx
            .sql(text)
            .bind(self.tenant.as_i64())
            .bind(query.vendor.clone().unwrap_or_default())
            .bind(query.product_type.clone().unwrap_or_default())
            .bind(query.tag.clone().unwrap_or_default())
            .bind(minor(query.price_min))
            .bind(minor(query.price_max))
            .bind(available)
            .bind(self.collection.unwrap_or(0));
        match &query.words {
            Some(words) => bind_words(statement, words),
            None => statement,
        }
    }
}

fn bind_words<'t, A: Access>(statement: CellStmt<'t, A>, words: &words::Words) -> CellStmt<'t, A> {
    let beginning = words.beginning.clone();
    let mut statement = statement
        .bind(beginning.clone())
        .bind(words::head(&beginning).to_owned())
        .bind(beginning.chars().count() as i64)
        .bind(words.whole.len() as i64);
    // No word is empty, so the empty text stands for "no word".
    for index in 0..words::ASKED - 1 {
        statement = statement.bind(words.whole.get(index).cloned().unwrap_or_default());
    }
    statement
}

#[derive(sqlx::FromRow)]
struct RankedRow {
    #[sqlx(flatten)]
    card: CardRow,
    sort_title: String,
    rank: i64,
}

impl RankedRow {
    fn cursor(&self) -> Cursor {
        Cursor {
            rank: self.rank,
            product: self.card.product_id,
            title: self.sort_title.clone(),
        }
    }
}

#[derive(Default, sqlx::FromRow)]
struct SummaryRow {
    total: i64,
    in_stock: i64,
    lowest: Option<i64>,
    highest: Option<i64>,
}
