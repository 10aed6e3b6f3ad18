//! Variants keep their ids, because carts and orders refer to them.

use std::collections::{HashMap, HashSet};

use super::Write;
use crate::{
    import::{Policy, Variant},
    shop::{
        ShopError,
        inventory::{Cause, StockWrite},
    },
};

/// A variant that is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Known {
    id: i64,
    position: i64,
    options: Vec<String>,
    /// How many there were, as it was stated last.
    stated: Option<i64>,
    /// Whether there is stock of it, as there is when it was ever counted.
    has_stock: bool,
}

/// What becomes of a product's variants.
pub(super) struct Places<'p> {
    gone: Vec<i64>,
    /// In their order.
    kept: Vec<Place<'p>>,
}

/// A variant and its id.
struct Place<'p> {
    id: i64,
    variant: &'p Variant,
    counting: Counting,
}

/// What a stated quantity means for the stock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counting {
    /// Nothing: nobody counts, or it was stated before and orders have changed the stock since.
    Leave,
    /// There is no stock yet; it begins with this many.
    Open(i64),
    /// This many are on hand, whatever the numbers say.
    Anew(i64),
}

/// What the quantity of a variant means for the stock of the one that was there.
fn counting(known: Option<&Known>, quantity: Option<u32>) -> Counting {
    let Some(quantity) = quantity.map(i64::from) else {
        return Counting::Leave;
    };
    match known {
        Some(known) if known.has_stock && known.stated == Some(quantity) => Counting::Leave,
        Some(known) if known.has_stock => Counting::Anew(quantity),
        _ => Counting::Open(quantity),
    }
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
    /// Which variant goes where.
    pub(super) async fn places<'p>(
        &mut self,
        variants: &'p [Variant],
    ) -> Result<Places<'p>, ShopError> {
        let known = self.known_variants().await?;
        let options: Vec<_> = variants
            .iter()
            .map(|variant| variant.options.clone())
            .collect();
        let matches = matched(&known, &options);
        let kept: HashSet<i64> = matches.iter().flatten().copied().collect();
        let by_id: HashMap<i64, &Known> = known.iter().map(|known| (known.id, known)).collect();
        let place = |(variant, id): (&'p Variant, Option<i64>)| Place {
            id: id.unwrap_or_else(|| self.ids.next()),
            variant,
            counting: counting(id.and_then(|id| by_id.get(&id).copied()), variant.quantity),
        };
        let gone = known.iter().map(|known| known.id);
        Ok(Places {
            gone: gone.filter(|id| !kept.contains(id)).collect(),
            kept: variants.iter().zip(matches).map(place).collect(),
        })
    }

    async fn known_variants(&mut self) -> Result<Vec<Known>, ShopError> {
        let statement = self.tx.sql(
            "select v.variant_id, v.position, v.option1, v.option2, v.option3, v.quantity, s.seq
            from product_variant v
            left join stock s on s.tenant_id = $1 and s.variant_id = v.variant_id
            where v.tenant_id = $1 and v.product_id = $2 order by v.position",
        );
        let statement = statement.bind(self.tenant.as_i64()).bind(self.id);
        let rows: Vec<KnownRow> = statement.all().await?;
        let known = |(id, position, one, two, three, stated, seq): KnownRow| Known {
            id,
            position,
            options: [one, two, three].into_iter().flatten().collect(),
            stated,
            has_stock: seq.is_some(),
        };
        Ok(rows.into_iter().map(known).collect())
    }

    /// Corrects the stock of the variants whose quantity was stated anew.
    pub(super) async fn count_anew(&mut self, places: &Places<'_>) -> Result<(), ShopError> {
        let mut counts: Vec<(i64, i64)> = places
            .kept
            .iter()
            .filter_map(|place| match place.counting {
                Counting::Anew(quantity) => Some((place.id, quantity)),
                Counting::Leave | Counting::Open(_) => None,
            })
            .collect();
        counts.sort_unstable();
        let mut stock = self.stock();
        for (id, quantity) in counts {
            let counted = stock.count(id, quantity).await?;
            counted.ok_or(ShopError::StockBroken { variant: id })?;
        }
        let alerts = stock.into_alerts();
        self.alerts.extend(alerts);
        Ok(())
    }

    /// Writes the variants, and opens the stock of those that are counted from now on.
    pub(super) async fn variants(&mut self, places: Places<'_>) -> Result<(), ShopError> {
        for gone in places.gone {
            let statement = self.tx.sql(GONE).bind(self.tenant.as_i64());
            statement.bind(gone).run().await?;
        }
        for (position, place) in (0_i64..).zip(places.kept) {
            self.variant(place.id, position, place.variant).await?;
            if let Counting::Open(quantity) = place.counting {
                let mut stock = self.stock();
                stock.open(place.id, quantity).await?;
                let alerts = stock.into_alerts();
                self.alerts.extend(alerts);
            }
        }
        Ok(())
    }

    /// Stock as the product's quantities state it. The flags in the catalogue follow when all of the product
    /// is written.
    fn stock(&mut self) -> StockWrite<'_> {
        let cause = Cause {
            at: self.ids.now(),
            order: None,
            note: "stated with the product".into(),
        };
        StockWrite::new(self.tx, cause)
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

type KnownRow = (
    i64,
    i64,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<i64>,
    Option<i64>,
);

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
            stated: None,
            has_stock: false,
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

    #[test]
    fn a_quantity_counts_when_it_differs_from_the_one_before() {
        let known = |stated, has_stock| Known {
            id: 1,
            position: 0,
            options: Vec::new(),
            stated,
            has_stock,
        };
        for (before, quantity, expect) in [
            (None, None, Counting::Leave),
            (None, Some(0), Counting::Open(0)),
            (None, Some(5), Counting::Open(5)),
            (Some(known(None, false)), Some(5), Counting::Open(5)),
            (Some(known(Some(5), true)), Some(5), Counting::Leave),
            (Some(known(Some(5), true)), Some(6), Counting::Anew(6)),
            (Some(known(Some(5), true)), None, Counting::Leave),
            // It was counted once, then not, and now again.
            (Some(known(None, true)), Some(5), Counting::Anew(5)),
        ] {
            assert_eq!(
                counting(before.as_ref(), quantity),
                expect,
                "{before:?} {quantity:?}"
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
