//! A cell knows the version of its isolation, and an older program leaves it alone.

use crate::isolation::{Isolation, Statement, sqlstate::NEWER_VERSION};

pub(super) fn refuse_newer(_: &Isolation) -> Vec<Statement> {
    let (ours, fence) = (Isolation::VERSION, Isolation::FENCE_VERSION);
    let sql = format!(
        "DO $tenancy$
BEGIN
    IF to_regclass('tenancy.format') IS NULL THEN
        RETURN;
    END IF;
    IF EXISTS (
        SELECT FROM tenancy.format
        WHERE (part = 'isolation' AND version > {ours}) OR (part = 'fence' AND version > {fence})
    ) THEN
        RAISE EXCEPTION USING ERRCODE = '{NEWER_VERSION}',
            MESSAGE = 'tenancy: this cell is of a newer version than these statements';
    END IF;
END
$tenancy$;"
    );
    vec![Statement::new("no newer version", sql)]
}

pub(super) fn record(_: &Isolation) -> Vec<Statement> {
    let (ours, fence) = (Isolation::VERSION, Isolation::FENCE_VERSION);
    let sql = format!(
        "INSERT INTO tenancy.format AS f (part, version)
    VALUES ('fence', {fence}), ('isolation', {ours})
    ON CONFLICT (part) DO UPDATE SET version = excluded.version
        WHERE f.version IS DISTINCT FROM excluded.version;"
    );
    vec![Statement::new("version", sql)]
}
