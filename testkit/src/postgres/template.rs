use super::Database;

/// A prepared database that is copied instead of used: see [`Postgres::template`](super::Postgres::template).
#[derive(Clone, Debug)]
pub struct Template {
    name: String,
}

impl Template {
    pub(super) fn of(database: &Database) -> Self {
        Self {
            name: database.name().to_owned(),
        }
    }

    /// Closes the database for good: nobody else may be connected while it is copied.
    pub(super) fn sql(&self) -> String {
        let name = &self.name;
        format!(
            "alter database {name} with is_template true allow_connections false;
            select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = '{name}';"
        )
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }
}
