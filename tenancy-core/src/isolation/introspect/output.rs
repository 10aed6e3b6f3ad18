//! What was found, for people and for programs.

use serde_json::json;

use super::{FoundTable, Introspected, Looks, refused::advice};
use crate::{
    TableKind,
    manifest::{Decided, Identity},
};

/// The version of the JSON: it is another one when a field goes or changes its meaning.
const VERSION: u32 = 1;

const HEAD: &str = "\
# The tables of a database, as they look. Whoever knows them replaces each \"undecided\" by
#   \"tenant\"         rows of tenants: as written, once the table has the column
#   \"shared_read\"    rows that all tenants read and none writes
#   \"control_plane\"  rows of the platform itself
# The last two have a name and parents, and no key, tenant_column, tenant_type or keeps_primary_key.
";

impl Introspected {
    /// A file that [`Manifest::from_toml`](crate::Manifest::from_toml) reads once a person has decided what is undecided. Reasons,
    /// findings and candidates for searches are comments in it.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut text = HEAD.to_owned();
        for found in &self.tables {
            let decided = match found.looks {
                Looks::Tenants if found.refused.is_none() => Decided::Yes,
                _ => Decided::No,
            };
            text.push('\n');
            text.extend(found.remarks().iter().map(|remark| commented(remark)));
            text.push_str(&found.table.to_toml(decided));
        }
        if !self.searches.is_empty() {
            text.push_str(
                "\n# Searches that would use indexes from which row security keeps queries:\n",
            );
            text.extend(
                self.searches
                    .iter()
                    .map(|search| commented(&search.to_toml())),
            );
        }
        if !self.findings.is_empty() {
            text.push_str("\n# What the audit will find as it is now:\n");
        }
        for finding in &self.findings {
            text.push_str(&commented(&in_one_line(&finding.to_string())));
            text.push_str(&format!("#     {}\n", finding.how_to_fix()));
        }
        text
    }

    /// One object: `version`, `decided`, `tables`, `searches` and `findings`.
    #[must_use]
    pub fn to_json(&self) -> String {
        let tables = self.tables.iter().map(|found| {
            json!({
                "schema": found.table.schema_name(),
                "name": found.table.name(),
                "looks": found.looks.as_str(),
                "reason": found.reason(),
                "needs_unique": found.needs_unique,
                "key": found.table.key(),
                "tenant_column": match found.table.kind() {
                    TableKind::Tenant { tenant_column, .. } => Some(tenant_column),
                    TableKind::SharedRead | TableKind::ControlPlane => None,
                },
                "tenant_type": found.table.tenant_type().as_str(),
                "partitions": found.table.partitions(),
                "keeps_primary_key": found.table.identity() == Identity::Unique,
                "parents": found.table.parents(),
                "below": found.below,
                "refused": found.refused.as_ref().map(ToString::to_string),
            })
        });
        let findings = self.findings.iter().map(|finding| {
            json!({
                "id": finding.check.id(),
                "severity": finding.severity().as_str(),
                "object": finding.object,
                "what": finding.what,
                "how_to_fix": finding.how_to_fix(),
            })
        });
        let searches = self
            .searches
            .iter()
            .map(|search| json!({ "name": search.name(), "table": search.table() }));
        let view = json!({
            "version": VERSION,
            "decided": self.manifest().is_ok(),
            "tables": tables.collect::<Vec<_>>(),
            "searches": searches.collect::<Vec<_>>(),
            "findings": findings.collect::<Vec<_>>(),
        });
        serde_json::to_string_pretty(&view).expect("texts, numbers and lists are JSON")
    }
}

impl FoundTable {
    /// Sentences for a person, each in one line.
    fn remarks(&self) -> Vec<String> {
        let mut remarks = vec![self.reason()];
        if let Some(columns) = &self.needs_unique {
            remarks.push(match self.looks {
                Looks::Tenants => format!("It still needs UNIQUE ({columns})."),
                _ => format!("As tenants' it needs UNIQUE ({columns})."),
            });
        }
        if !self.below.is_empty() {
            let below = self.below.join(", ");
            remarks.push(format!(
                "Its rows are in {below}, too, which are closed with it."
            ));
        }
        if let Some(refused) = &self.refused {
            remarks.push(format!(
                "No manifest takes it: {refused}; {}.",
                advice(refused)
            ));
        }
        remarks.iter().map(|remark| in_one_line(remark)).collect()
    }

    fn reason(&self) -> String {
        let name = self.full_name();
        match &self.looks {
            Looks::Tenants => format!("{name} has the tenant's column."),
            Looks::Keyless => {
                format!(
                    "{name} has the tenant's column, and no key without null by which a row could be named."
                )
            }
            Looks::OtherType {
                column,
                found,
                domain_over,
            } => {
                let over = domain_over
                    .as_ref()
                    .map(|over| format!(", a domain over {over}"));
                let (over, better) = (over.unwrap_or_default(), self.table.tenant_type().as_str());
                format!(
                    "{name} has the tenant's column, and {column} is {found}{over}: it has to be {better} to be compared."
                )
            }
            Looks::RefersToTenants { path } => {
                let (last, between) = path.split_last().expect("a path has an end");
                let by: String = between.iter().map(|table| format!(" by {table}")).collect();
                format!("{name} refers to {last}{by}, which is tenants': it lacks the column.")
            }
            Looks::Register { column } => {
                format!(
                    "{name} has a row for each tenant, named by {column}: does a tenant read its own?"
                )
            }
            Looks::ReferredTo { by } => {
                format!("{name} is what rows of {by} refer to: is it shared by all tenants?")
            }
            Looks::Unconnected => {
                format!("{name} has nothing to do with the tenant's column: is it the platform's?")
            }
        }
    }
}

impl Looks {
    /// The name in JSON.
    const fn as_str(&self) -> &'static str {
        match self {
            Self::Tenants => "tenants",
            Self::Keyless => "keyless",
            Self::OtherType { .. } => "other_type",
            Self::RefersToTenants { .. } => "refers_to_tenants",
            Self::Register { .. } => "register",
            Self::ReferredTo { .. } => "referred_to",
            Self::Unconnected => "unconnected",
        }
    }
}

/// Names may have anything in them. What ends a line would end the comment.
fn in_one_line(text: &str) -> String {
    let escaped = |c: char| match c {
        c if c.is_control() => c.escape_default().to_string(),
        c => c.to_string(),
    };
    text.chars().map(escaped).collect()
}

fn commented(text: &str) -> String {
    text.lines()
        .map(|line| format!("# {}\n", in_one_line(line)))
        .collect()
}
