use super::{
    super::super::{
        Check, Finding,
        facts::{Facts, ForeignKey, Index},
    },
    full_name, tenant_column,
};
use crate::{
    SearchDocument, SearchFunction, SearchKind, Table, TableKind, isolation::Isolation,
    manifest::Identity,
};

pub(super) fn findings(facts: &Facts, isolation: &Isolation) -> Vec<Finding> {
    let mut findings = Vec::new();
    for table in isolation.manifest().tables() {
        let TableKind::Tenant { tenant_column, .. } = table.kind() else {
            continue;
        };
        let name = full_name(table);
        let indexes: Vec<&Index> = facts
            .indexes
            .iter()
            .filter(|index| index.table == name)
            .collect();
        let exists = facts.columns.iter().any(|column| column.table == name);
        let leads = |index: &&Index| {
            !index.partial
                && index.columns.first().and_then(Option::as_deref) == Some(&**tenant_column)
        };
        if exists && !indexes.iter().any(leads) {
            findings.push(Finding::new(
                Check::T6,
                &*name,
                "no index starts with the tenant",
            ));
        }
        for index in indexes {
            let accepted = index.primary && table.identity() == Identity::Unique;
            findings.extend(unique(index, tenant_column).filter(|_| !accepted));
            findings.extend(blind(index, table, isolation));
        }
    }
    let keys = facts.foreign_keys.iter();
    findings.extend(keys.filter_map(|key| reference(key, isolation)));
    findings
}

fn unique(index: &Index, tenant_column: &str) -> Option<Finding> {
    let contains = index
        .columns
        .iter()
        .any(|column| column.as_deref() == Some(tenant_column));
    ((index.unique || index.excluding) && !contains).then(|| {
        let what = "it is unique among all tenants";
        Finding::new(Check::T7, object(index), what)
    })
}

fn blind(index: &Index, table: &Table, isolation: &Isolation) -> Option<Finding> {
    let mut searches = isolation
        .manifest()
        .searches()
        .iter()
        .filter(|search| search.table() == table.name());
    // What keeps rows apart is of use however it is read.
    let guards = index.unique || index.excluding;
    (index.blind && !guards && !searches.any(|search| uses(search, index))).then(|| {
        let what = "its operators are asked after the policy";
        Finding::new(Check::I1, object(index), what)
    })
}

fn object(index: &Index) -> String {
    format!("index {} on {}", index.name, index.table)
}

/// An expression's index serves the searches over expressions: which is which only Postgres can tell.
fn uses(search: &SearchFunction, index: &Index) -> bool {
    let compared = match search.kind() {
        SearchKind::FullText {
            document: SearchDocument::Column(column),
            ..
        }
        | SearchKind::Json { column }
        | SearchKind::Prefix { column } => Some(&**column),
        SearchKind::FullText {
            document: SearchDocument::Expression(_),
            ..
        } => None,
    };
    index
        .columns
        .iter()
        .any(|column| column.as_deref() == compared)
}

fn reference(key: &ForeignKey, isolation: &Isolation) -> Option<Finding> {
    let own = tenant_column(isolation, &key.table)?;
    let targets = tenant_column(isolation, &key.target)?;
    let mut pairs = key.columns.iter().zip(&key.target_columns);
    if pairs.any(|(column, target)| column == own && target == targets) {
        return None;
    }
    let (check, what) = if key.acts {
        (Check::T9, "changes and deletions")
    } else {
        (Check::T8, "references")
    };
    let object = format!("foreign key {} of {}", key.name, key.table);
    let what = format!("{what} cross from {} to other tenants", key.target);
    Some(Finding::new(check, object, what))
}
