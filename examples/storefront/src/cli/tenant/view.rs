//! Shops as text.

use tenancy_types::UnixMicros;

use crate::{
    cli::table::{self, Align, Table},
    ops::{Receipt, Shop},
    pages::rfc3339,
};

/// A list of shops that is printed page by page.
pub(super) struct List(Table<6>);

impl List {
    pub(super) fn new() -> Self {
        Self(Table::new([
            ("ID", Align::Right),
            ("SLUG", Align::Left),
            ("PLAN", Align::Left),
            ("STATE", Align::Left),
            ("CELL", Align::Left),
            ("DOMAINS", Align::Left),
        ]))
    }

    pub(super) fn part(&mut self, shops: &[Shop]) -> String {
        let rows: Vec<_> = shops.iter().map(row).collect();
        self.0.part(&rows)
    }
}

fn row(shop: &Shop) -> [String; 6] {
    [
        shop.tenant_id.to_string(),
        shop.slug.clone().unwrap_or_else(|| "-".to_owned()),
        shop.plan.clone(),
        shop.lifecycle.clone(),
        shop.cell.clone(),
        shop.domains.join(" "),
    ]
}

/// Everything about a shop.
pub(super) fn card(shop: &Shop) -> String {
    let mut urls = shop.urls.iter();
    let mut lines = vec![
        ("id", shop.tenant_id.to_string()),
        ("slug", shop.slug.clone().unwrap_or_default()),
        ("plan", shop.plan.clone()),
        ("state", shop.lifecycle.clone()),
        ("cell", shop.cell.clone()),
        ("epoch", shop.epoch.clone()),
        ("region", shop.region.clone().unwrap_or_default()),
        ("urls", urls.next().cloned().unwrap_or_default()),
    ];
    lines.extend(urls.map(|url| ("", url.clone())));
    let purge_after = shop.purge_after.map(UnixMicros::new);
    lines.extend(purge_after.map(|at| ("undo until", rfc3339(at))));
    lines.extend(
        shop.provisioned_ms
            .map(|took| ("made in", format!("{took} ms"))),
    );
    table::card(&lines)
}

/// What is left of a purged shop.
pub(super) fn receipt(receipt: &Receipt) -> String {
    let card = table::card(&[
        ("id", receipt.tenant_id.to_string()),
        ("epoch", receipt.epoch.clone()),
        ("began", rfc3339(UnixMicros::new(receipt.began))),
        ("ended", rfc3339(UnixMicros::new(receipt.ended))),
        ("blake3", receipt.blake3.clone()),
    ]);
    let mut table = Table::new([("ROWS", Align::Right), ("DELETED FROM", Align::Left)]);
    let rows: Vec<_> = receipt
        .rows
        .iter()
        .map(|(table, rows)| [rows.to_string(), table.clone()])
        .collect();
    format!("{card}\n{}", table.part(&rows))
}

#[cfg(test)]
mod tests {
    use super::{List, card, receipt};
    use crate::ops::{Receipt, Shop};

    fn shop(id: u32, slug: &str) -> Shop {
        Shop {
            tenant_id: id,
            slug: Some(slug.to_owned()),
            plan: "basic".to_owned(),
            cell: "cell-1".to_owned(),
            epoch: "0.7".to_owned(),
            lifecycle: "active".to_owned(),
            region: None,
            domains: Vec::new(),
            urls: vec![format!("http://{slug}.localhost:8080")],
            provisioned_ms: None,
            purge_after: None,
        }
    }

    #[test]
    fn shops_stand_below_each_other() {
        let own = ["a.example", "b.example"].map(str::to_owned).to_vec();
        let sud = Shop {
            domains: own,
            lifecycle: "suspended".to_owned(),
            ..shop(12, "sud")
        };
        let gone = Shop {
            slug: None,
            ..shop(13, "x")
        };
        let expect = "\
ID  SLUG  PLAN   STATE      CELL    DOMAINS
 1  nord  basic  active     cell-1
12  sud   basic  suspended  cell-1  a.example b.example
13  -     basic  active     cell-1
";
        assert_eq!(List::new().part(&[shop(1, "nord"), sud, gone]), expect);
    }

    #[test]
    fn a_card_tells_all() {
        let expect = "\
id        1
slug      nord
plan      basic
state     active
cell      cell-1
epoch     0.7
urls      http://nord.localhost:8080
";
        assert_eq!(card(&shop(1, "nord")), expect);
        let mut made = Shop {
            region: Some("eu".to_owned()),
            provisioned_ms: Some(9),
            ..shop(1, "nord")
        };
        made.urls.push("http://nord.example:8080".to_owned());
        let expect = "\
id        1
slug      nord
plan      basic
state     active
cell      cell-1
epoch     0.7
region    eu
urls      http://nord.localhost:8080
          http://nord.example:8080
made in   9 ms
";
        assert_eq!(card(&made), expect);
    }

    #[test]
    fn a_leaving_shop_has_a_time() {
        let leaving = Shop {
            lifecycle: "offboarding".to_owned(),
            purge_after: Some(1_795_352_709_000_000),
            ..shop(1, "nord")
        };
        let told = card(&leaving);
        assert!(
            told.ends_with("\nundo until 2026-11-22T13:05:09Z\n"),
            "{told}"
        );
    }

    #[test]
    fn a_receipt_tells_what_was_deleted() {
        let rows = [("cart", 0), ("product", 12)];
        let left = Receipt {
            tenant_id: 7,
            epoch: "0.9".to_owned(),
            began: 1_795_352_709_000_000,
            ended: 1_795_352_710_000_000,
            rows: rows.map(|(table, n)| (table.to_owned(), n)).into(),
            blake3: "f00d".to_owned(),
            text: "a text".to_owned(),
        };
        let expect = "\
id        7
epoch     0.9
began     2026-11-22T13:05:09Z
ended     2026-11-22T13:05:10Z
blake3    f00d

ROWS  DELETED FROM
   0  cart
  12  product
";
        assert_eq!(receipt(&left), expect);
    }
}
