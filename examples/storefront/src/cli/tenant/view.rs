//! Shops as text.

use crate::{
    cli::table::{self, Align, Table},
    ops::Shop,
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
    lines.extend(
        shop.provisioned_ms
            .map(|took| ("made in", format!("{took} ms"))),
    );
    table::card(&lines)
}

#[cfg(test)]
mod tests {
    use super::{List, card};
    use crate::ops::Shop;

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
}
