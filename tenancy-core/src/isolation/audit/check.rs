use std::fmt;

/// How bad it is. Ordered: what is worse is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// A second line of defence is missing, or something is slower than it need be. Tenants are apart.
    Warning,
    /// Tenants are not apart, or one more mistake would mix them. A cell is not opened with it.
    Error,
}

impl Severity {
    /// `warning` or `error`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

macro_rules! checks {
    ($($id:ident $severity:ident, $what:literal, $fix:literal;)+) => {
        /// What the audit looks for. Its name is its identity in reports and baselines, and does not change.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Check {
            $(#[doc = concat!("The audit finds that ", $what, ".")] $id,)+
        }

        impl Check {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$id),+];

            /// Such as `T3`.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $(Self::$id => stringify!($id),)+ }
            }

            /// The check of this name.
            #[must_use]
            pub fn from_id(id: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|check| check.id() == id)
            }

            /// How bad it is.
            #[must_use]
            pub const fn severity(self) -> Severity {
                match self { $(Self::$id => Severity::$severity,)+ }
            }

            /// What is wrong when it is found, as half a sentence.
            #[must_use]
            pub const fn what(self) -> &'static str {
                match self { $(Self::$id => $what,)+ }
            }

            /// What to do about it, as half a sentence.
            #[must_use]
            pub const fn how_to_fix(self) -> &'static str {
                match self { $(Self::$id => $fix,)+ }
            }
        }
    };
}

checks! {
    A1 Error, "the application may truncate a table, refer to it or hang triggers on it",
        "revoke TRUNCATE, REFERENCES and TRIGGER, which no policy is asked about";
    A2 Error, "the application has more rights on a table than its kind gives",
        "install again: shared tables are read, and the control plane's are not touched";
    A3 Error, "the application may make objects in a schema or the database",
        "revoke CREATE and TEMPORARY: an object that it makes hides another of the same name";
    A4 Error, "the application reaches the tables of the schema tenancy",
        "revoke all: fences and keys are the owner's, and the functions speak for it";
    A5 Error, "the application has a right that a new cluster gives to nobody",
        "revoke it: Postgres's own tables and functions, and other servers, know no tenants";
    A6 Warning, "the application may use large objects, which know no tenants",
        "install again as a superuser, or let one revoke EXECUTE on these functions from PUBLIC";
    B1 Error, "the application saw or changed another tenant's row",
        "see what the catalog's findings say of the table; if there are none, report a bug";
    B2 Warning, "a connection carries what another one left in its session",
        "keep all state in transactions, as this crate does: the pooler gives sessions to others";
    B3 Error, "a connection has a tenant before it has entered a transaction",
        "take app.tenant_id out of the connection's options, and set it nowhere but in transactions";
    B4 Warning, "a tenants' table could not be tried out",
        "see the reason: a check, a trigger or a type that a canary's row does not pass, or missing rights";
    F1 Error, "the application may execute a function that runs with another role's rights",
        "revoke EXECUTE from PUBLIC and the application, or make it SECURITY INVOKER";
    F2 Error, "a policy calls a function that is not STABLE, or that is LEAKPROOF",
        "make it STABLE: the planner computes an IMMUTABLE one once, for all later tenants";
    F3 Error, "a function with another role's rights has no search path of its own that ends in pg_temp",
        "ALTER FUNCTION … SET search_path = pg_catalog, pg_temp";
    F4 Error, "a function of the guard is missing, or of another kind than it must be",
        "install again: a STABLE guard reads a fence that is older than its lock";
    F5 Error, "a function of the schema tenancy is not the one that was installed",
        "install again, and find out who changed it";
    F6 Error, "a function is LEAKPROOF that Postgres does not come with",
        "ALTER FUNCTION … NOT LEAKPROOF: the planner may call it with rows before the policy is asked";
    F7 Error, "the application may execute a function in a language that is not trusted",
        "revoke EXECUTE from PUBLIC and the application: it reads files and memory past all policies";
    F8 Error, "the application may not execute a function of the guard",
        "install again: every request would be refused";
    G1 Error, "a trigger that the application fires runs with another role's rights",
        "make its function SECURITY INVOKER, so that it sees what the transaction sees";
    G2 Error, "a rule rewrites statements of the application",
        "drop the rule: what it does is done with the rights of the relation's owner";
    I1 Warning, "row security keeps queries from an index, and no search function uses it",
        "declare a search over its columns in the manifest, or drop the index";
    K1 Error, "the cell does not know the key that seals are made with",
        "install the key, or seal with one that is installed and not retired";
    K2 Error, "the cell takes seals of a key that is not the program's",
        "retire the key, unless keys are being changed";
    L1 Warning, "a publication sends a tenants' table to whoever subscribes",
        "drop it when no move needs it: row security does not hold there";
    M1 Error, "the cell is of the other mode",
        "install the isolation of the mode that the program opens it with";
    N1 Warning, "the net for tables made by hand is missing or off",
        "install as a superuser, or declare the isolation without a net";
    N2 Error, "the net is not the one that was installed",
        "install again, and find out who changed it";
    P1 Error, "the application reaches a partition past its table's policies",
        "revoke all on the partition: rows are reached through the parent";
    P2 Error, "a partition has no forced row security",
        "ALTER TABLE … ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY";
    R1 Error, "the application's role is above row security, or can make itself so",
        "ALTER ROLE … NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOREPLICATION";
    R2 Error, "the application's role can become a role that has rights or attributes",
        "revoke its memberships";
    R3 Error, "the connection is not the application's",
        "connect as the application's role";
    R4 Error, "somebody can log in as an owner",
        "ALTER ROLE … NOLOGIN: an administrator acts as it with SET ROLE";
    R5 Error, "an object of the isolation is owned by another role",
        "install again: an owner can take the policies away";
    R6 Error, "a role of the cell is missing, or has attributes that it must not have",
        "install again";
    R7 Error, "a tenant is preset for a role or the database",
        "ALTER ROLE … RESET app.tenant_id: it would be everybody's";
    S1 Error, "tables that are made later would be the application's at once",
        "ALTER DEFAULT PRIVILEGES … REVOKE ALL: rights are given when a table is declared";
    S2 Warning, "tenants draw their numbers from one sequence",
        "number for each tenant, or use random keys: gaps tell a tenant how much the others sell";
    T1 Error, "the application reaches a table that the manifest does not declare",
        "declare it, or revoke the application's rights";
    T2 Error, "a declared table is missing, or its tenant's column is not as declared",
        "make the column NOT NULL and of the declared type, or correct the manifest";
    T3 Error, "a tenants' table has no forced row security",
        "ALTER TABLE … ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY";
    T4 Error, "a tenants' table lacks one of its two policies, or it was changed",
        "install again, and find out who changed it";
    T5 Warning, "a tenants' table has a further permissive policy for the application",
        "drop it: only the floor keeps tenants apart below it";
    T6 Warning, "no index of a tenants' table starts with the tenant",
        "make the primary key start with it: each query reads all tenants' rows otherwise";
    T7 Warning, "a unique index of a tenants' table does not contain the tenant",
        "add the tenant's column: a duplicate tells that another tenant has the value";
    T8 Warning, "a foreign key between tenants' tables does not contain the tenant",
        "make it composite: a row may refer to another tenant's, since no policy is asked";
    T9 Error, "a foreign key without the tenant changes or deletes rows",
        "make it composite: its action reaches other tenants' rows";
    T10 Warning, "a table in a declared schema, or with a tenant's column, is not in the manifest",
        "declare it: whatever walks the manifest, such as an export, leaves it out";
    T11 Error, "a table that does not ask for its tenant shows a tenants' table's rows",
        "ALTER TABLE … NO INHERIT, or DETACH PARTITION";
    T12 Error, "a table that is declared as shared has a tenant's column",
        "declare it as the tenants', or rename the column";
    T13 Error, "a tenants' table has a permissive policy for others than the application",
        "drop it: the floor is below the application's policies alone";
    T14 Error, "a table of the schema tenancy is not as installed",
        "undo the change: fences and keys are found by these columns and constraints";
    V1 Error, "the application reads a view with the rights of the view's owner",
        "ALTER VIEW … SET (security_invoker = true)";
    V2 Error, "the application reads a materialized view",
        "revoke it: its rows have no policy";
    V3 Error, "the application reads a foreign table",
        "revoke it: its rows are asked for as another role, elsewhere";
    X1 Warning, "a prepared transaction was left behind",
        "COMMIT PREPARED or ROLLBACK PREPARED: it keeps its tenant's lock, so that no fence can change";
}
