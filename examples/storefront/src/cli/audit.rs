use clap::Args;
use tenancy_types::UnixMicros;

use super::{
    client::Client,
    error::CliError,
    exit::Exit,
    output::Output,
    pages,
    remote::Task,
    shop_arg,
    table::{Align, Table},
    values::TenantName,
};
use crate::{
    ops::{AuditEntries, AuditEntry},
    pages::rfc3339,
};

/// List what operators did, the first act first
///
/// The log outlives the shops that it tells of: one that is gone is named by its number. An act without a status was
/// begun, and the server ended before it was known what came of it.
#[derive(Debug, Args)]
#[command(after_help = help!("
  storefront audit
  storefront audit --tenant nord
  storefront audit --tenant 7 --json | jq '.entries[].action'"))]
pub(super) struct AuditTask {
    /// Only what was done to this shop: its number or slug
    #[arg(long, value_name = "SHOP")]
    tenant: Option<TenantName>,
}

impl Task for AuditTask {
    async fn run(self, client: &Client, output: &mut Output) -> Result<Exit, CliError> {
        let filter = match &self.tenant {
            Some(name) => format!("tenant={}", shop_arg::number(name, client).await?),
            None => String::new(),
        };
        let mut list = List::new();
        let render = |page: &AuditEntries| list.part(&page.entries);
        pages::print_all(client, output, ("/v1/audit", &filter), render).await?;
        Ok(Exit::Ok)
    }
}

/// Entries that are printed page by page.
struct List(Table<7>);

impl List {
    fn new() -> Self {
        Self(Table::new([
            ("ACT", Align::Right),
            ("AT", Align::Left),
            ("BY", Align::Left),
            ("SHOP", Align::Right),
            ("STATUS", Align::Right),
            ("ACTION", Align::Left),
            ("DETAIL", Align::Left),
        ]))
    }

    fn part(&mut self, entries: &[AuditEntry]) -> String {
        let rows: Vec<_> = entries.iter().map(row).collect();
        self.0.part(&rows)
    }
}

fn row(entry: &AuditEntry) -> [String; 7] {
    let number = |number: Option<i64>| number.map_or_else(|| "-".to_owned(), |n| n.to_string());
    [
        entry.seq.to_string(),
        rfc3339(UnixMicros::new(entry.at)),
        entry.operator.clone(),
        number(entry.tenant_id),
        number(entry.status),
        entry.action.clone(),
        entry.detail.clone(),
    ]
}

#[cfg(test)]
mod tests {
    use super::{AuditEntry, List};

    #[test]
    fn acts_stand_below_each_other() {
        let act = |seq, tenant_id, status, detail: &str| AuditEntry {
            seq,
            at: 1_795_352_709_000_000,
            operator: "operator-12345678".to_owned(),
            action: "POST /v1/tenants".to_owned(),
            tenant_id,
            detail: detail.to_owned(),
            status,
        };
        let expect = "\
ACT  AT                    BY                 SHOP  STATUS  ACTION            DETAIL
  1  2026-11-22T13:05:09Z  operator-12345678     7     201  POST /v1/tenants  plan=basic
  2  2026-11-22T13:05:09Z  operator-12345678     -       -  POST /v1/tenants
";
        let acts = [
            act(1, Some(7), Some(201), "plan=basic"),
            act(2, None, None, ""),
        ];
        assert_eq!(List::new().part(&acts), expect);
    }
}
