//! Variants keep their ids, because carts and orders refer to them.

use std::collections::{HashMap, HashSet};

use super::Write;
use crate::{
    import::{Policy, Variant},
    shop::ShopError,
};

/// A variant that is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Known {
    id: i64,
    position: i64,
    options: Vec<String>,
}

/// Which stored variant each of the new ones is: the one with the same option values; among the rest, when
/// options were renamed, the one at the same place. Linear.
fn matched(known: &[Known], new: &[Vec<String>]) -> Vec<Option<i64>> {
    let by_options: HashMap<&[String], i64> = known
        .iter()
        .map(|known| (known.options.as_slice(), known.id))
        .collect();
    let mut matches: Vec<Option<i64>> = new
        .iter()
        .map(|options| by_options.get(options.as_slice()).copied())
        .collect();
    let taken: HashSet<i64> = matches.iter().flatten().copied().collect();
    let free = known.iter().filter(|known| !taken.contains(&known.id));
    let by_place: HashMap<i64, i64> = free.map(|known| (known.position, known.id)).collect();
    for (position, id) in (0_i64..).zip(&mut matches) {
        *id = id.or_else(|| by_place.get(&position).copied());
    }
    matches
}

impl Write<'_> {
    pub(super) async fn variants(&mut self, variants: &[Variant]) -> Result<(), ShopError> {
        let known = self.known_variants().await?;
        let options: Vec<_> = variants
            .iter()
            .map(|variant| variant.options.clone())
            .collect();
        let matches = matched(&known, &options);
        let kept: HashSet<i64> = matches.iter().flatten().copied().collect();
        for gone in known.iter().filter(|known| !kept.contains(&known.id)) {
            self.tx
                .sql(GONE)
                .bind(self.tenant.as_i64())
                .bind(gone.id)
                .run()
                .await?;
        }
        for ((position, variant), id) in (0_i64..).zip(variants).zip(matches) {
            let id = id.unwrap_or_else(|| self.ids.next());
            self.variant(id, position, variant).await?;
        }
        Ok(())
    }

    async fn known_variants(&mut self) -> Result<Vec<Known>, ShopError> {
        let statement = self.tx.sql(
            "select variant_id, position, option1, option2, option3 from product_variant
            where tenant_id = $1 and product_id = $2 order by position",
        );
        let rows: Vec<KnownRow> = statement
            .bind(self.tenant.as_i64())
            .bind(self.id)
            .all()
            .await?;
        let known = |(id, position, one, two, three): KnownRow| Known {
            id,
            position,
            options: [one, two, three].into_iter().flatten().collect(),
        };
        Ok(rows.into_iter().map(known).collect())
    }

    async fn variant(
        &mut self,
        id: i64,
        position: i64,
        variant: &Variant,
    ) -> Result<(), ShopError> {
        let option = |index: usize| variant.options.get(index).cloned();
        let statement = self
            .tx
            .sql(VARIANT)
            .bind(self.tenant.as_i64())
            .bind(id)
            .bind(self.id)
            .bind(position)
            .bind(option(0))
            .bind(option(1))
            .bind(option(2))
            .bind(variant.sku.clone())
            .bind(variant.barcode.clone())
            .bind(variant.price.minor())
            .bind(variant.compare_at.map(crate::money::Money::minor))
            .bind(i64::from(variant.grams))
            .bind(variant.quantity.map(i64::from))
            .bind(i64::from(variant.policy == Policy::Continue))
            .bind(i64::from(variant.is_available()))
            .bind(variant.image.clone());
        statement.run().await?;
        Ok(())
    }
}

type KnownRow = (i64, i64, Option<String>, Option<String>, Option<String>);

const GONE: &str = "delete from product_variant where tenant_id = $1 and variant_id = $2";

const VARIANT: &str = "insert into product_variant (tenant_id, variant_id, product_id, position, option1, option2,
        option3, sku, barcode, price, compare_at, grams, quantity, sold_without_stock, available, image_src)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
    on conflict (tenant_id, variant_id) do update set position = excluded.position,
        option1 = excluded.option1, option2 = excluded.option2, option3 = excluded.option3,
        sku = excluded.sku, barcode = excluded.barcode, price = excluded.price,
        compare_at = excluded.compare_at, grams = excluded.grams, quantity = excluded.quantity,
        sold_without_stock = excluded.sold_without_stock, available = excluded.available,
        image_src = excluded.image_src";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn known(options: &[&str]) -> Vec<Known> {
        let known = |(position, value): (i64, &&str)| Known {
            id: 100 + position,
            position,
            options: vec![(*value).to_owned()],
        };
        (0..).zip(options).map(known).collect()
    }

    fn new(options: &[&str]) -> Vec<Vec<String>> {
        options
            .iter()
            .map(|value| vec![(*value).to_owned()])
            .collect()
    }

    #[test]
    fn variants_are_matched_by_options_then_by_place() {
        for (before, after, expect) in [
            (&[][..], &["s"][..], vec![None]),
            (&["s", "m"], &["s", "m"], vec![Some(100), Some(101)]),
            (&["s", "m"], &["m", "s"], vec![Some(101), Some(100)]),
            (
                &["s", "m"],
                &["small", "medium"],
                vec![Some(100), Some(101)],
            ),
            (&["s", "m"], &["m", "l"], vec![Some(101), None]),
            (
                &["s", "m"],
                &["s", "l", "xl"],
                vec![Some(100), Some(101), None],
            ),
            (&["s", "m", "l"], &["l"], vec![Some(102)]),
        ] {
            assert_eq!(
                matched(&known(before), &new(after)),
                expect,
                "{before:?} to {after:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_two_variants_are_matched_to_one(
            before in prop::collection::btree_set("[a-f]", 0..6),
            after in prop::collection::btree_set("[a-f]", 0..6),
        ) {
            let before: Vec<&str> = before.iter().map(String::as_str).collect();
            let after: Vec<&str> = after.iter().rev().map(String::as_str).collect();
            let known = known(&before);
            let matches = matched(&known, &new(&after));
            prop_assert_eq!(matches.len(), after.len());
            let ids: Vec<i64> = matches.iter().flatten().copied().collect();
            let distinct: HashSet<i64> = ids.iter().copied().collect();
            prop_assert_eq!(ids.len(), distinct.len());
            for (value, id) in after.iter().zip(&matches) {
                let same = known.iter().find(|known| known.options == [*value]);
                prop_assert!(same.is_none_or(|same| *id == Some(same.id)), "equal options keep their id");
            }
        }
    }
}
