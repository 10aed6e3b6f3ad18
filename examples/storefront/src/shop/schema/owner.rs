//! Whose the cell is.

pub(super) const STATEMENTS: &[&str] = &[
    // One row, from the first time that the cell is served: the identity of the directory that numbers its tenants,
    // and the cell's number there.
    "create table cell_owner (
        one bigint not null check (one = 1),
        directory text not null,
        cell bigint not null,
        since bigint not null,
        primary key (one)
    )",
];
