use std::path::PathBuf;

use clap::Args;

use super::{
    client::{Client, File},
    error::CliError,
    exit::Exit,
    output::Output,
    remote::Task,
    upload::Upload,
    values::{IdempotencyKey, TenantName},
};
use crate::import::Report;

/// How many findings of each sort people are shown; `--json` has more.
const SHOWN: usize = 20;

/// Import a file of products into a shop
///
/// Reads the columns of Shopify's product CSV. Each product is imported wholly or not at all; a product that
/// has a wrong row is left out and the report names the row's line and column, the others are imported.
/// Importing a file again changes nothing. The file is sent as it is read, whatever its size.
///
/// The exit code is 1 when anything was rejected or the file was not read to its end, although the rest was
/// imported.
#[derive(Debug, Args)]
#[command(after_help = help!("
  storefront import --tenant nord products.csv
  storefront import --tenant nord products.csv --dry-run
  zcat products.csv.gz | storefront import --tenant nord -
  storefront import --tenant nord products.csv --json | jq '.rejected'"))]
pub(super) struct ImportTask {
    /// Number or slug of the shop
    #[arg(long, value_name = "SHOP")]
    tenant: TenantName,
    /// The file; `-` is standard input
    file: PathBuf,
    /// Only report what would happen
    #[arg(long)]
    dry_run: bool,
    /// Key of the request: repeating it with the same key gives the same report; without it, a random one
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<IdempotencyKey>,
}

impl Task for ImportTask {
    async fn run(self, client: &Client, output: &mut Output) -> Result<Exit, CliError> {
        let upload = Upload::open(&self.file).await?;
        let shop = format!("/v1/tenants/{}", self.tenant);
        // Asked first: a wrong name or token is told before anything is sent.
        client.get(&shop).await?;
        let path = if self.dry_run {
            format!("{shop}/import?dry_run=true")
        } else {
            format!("{shop}/import")
        };
        let key = self.idempotency_key.unwrap_or_else(IdempotencyKey::random);
        let answer = upload
            .send(async |body| {
                let file = File {
                    media_type: "text/csv",
                    body,
                };
                client.post_file(&path, &key, file).await
            })
            .await?;
        let head = if self.dry_run {
            "dry run, nothing was changed\n"
        } else {
            ""
        };
        let report = output.answer(&answer, |report: &Report| {
            format!("{head}{}", shown(report))
        })?;
        Ok(if report.is_clean() {
            Exit::Ok
        } else {
            Exit::Failed
        })
    }
}

/// The report with its first findings.
fn shown(report: &Report) -> Report {
    let mut report = report.clone();
    report.rejected.truncate(SHOWN);
    report.warnings.truncate(SHOWN);
    report
}

#[cfg(test)]
mod tests {
    use super::{Report, SHOWN, shown};

    /// A report as the API gives it, with so many rejected rows of which 30 are named.
    fn report(rejected_count: u64) -> Report {
        let finding = serde_json::json!({
            "line": 7, "character": 3, "column": "Variant Price", "handle": "mug", "code": "bad_price",
            "message": "it is no price",
        });
        let rejected = vec![finding; 30.min(rejected_count) as usize];
        let json = serde_json::json!({
            "rows": 50, "products_seen": 40, "created": 10, "updated": 0, "unchanged": 0,
            "products_rejected": 30, "rejected": rejected, "rejected_count": rejected_count, "warnings": [],
            "warnings_count": 0, "unknown_columns": [], "ignored_columns": [], "stopped": null,
        });
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn people_see_the_first_findings_and_how_many_there_are() {
        let text = shown(&report(70)).to_string();
        let finding = "  line 7, character 3, Variant Price (mug): it is no price\n";
        assert_eq!(text.matches(finding).count(), SHOWN);
        assert!(
            text.starts_with("50 rows, 40 products: 10 created,"),
            "{text}"
        );
        assert!(text.contains("rejected: 70\n"), "{text}");
        assert!(text.ends_with("  and 50 more\n"), "{text}");
        assert!(!shown(&report(3)).to_string().contains("more"));
    }
}
