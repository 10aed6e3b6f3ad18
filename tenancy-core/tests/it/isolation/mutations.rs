//! Ways in which a database stops to isolate, each found by the check that is named: what the audit is worth.
//!
//! `$app` and the other roles stand for their names in the database.

use tenancy_core::isolation::{
    IsolationMode::{self, Plain, Sealed},
    audit::Check,
};

/// One of them, in one mode.
pub(crate) struct Mutation {
    pub(crate) check: Check,
    pub(crate) mode: IsolationMode,
    pub(crate) change: Change,
    /// How another tenant's rows are seen then, where the mutation alone is enough for it.
    pub(crate) leak: Option<Leak>,
}

impl Mutation {
    /// What tells it from the others, in a line.
    pub(crate) fn name(&self) -> String {
        let change = match self.change {
            Change::Sql(sql) => sql.split_whitespace().collect::<Vec<_>>().join(" "),
            other => format!("{other:?}"),
        };
        format!("{} {:?} {change}", self.check.id(), self.mode)
    }
}

/// What the application does in tenant 1's transaction, and what comes of it only after the mutation.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Leak {
    /// Rows.
    Rows(&'static str),
    /// An error that tells of a row, by its code.
    Error(&'static str, &'static str),
}

/// What is other than it should be. Exhaustive, as whatever applies it must know all.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Change {
    /// What an administrator did.
    Sql(&'static str),
    /// The program opens the cell as the mover.
    ConnectAsMover,
    /// The program opens it in the other mode.
    OtherMode,
    /// The program's connection sets a tenant when it starts.
    PresetInOptions,
    /// A pooler is between, with one connection for everybody.
    Pooler,
    /// The cell knows the key of somebody else, who enters with it.
    ForeignKey,
}

macro_rules! mutations {
    ($($check:ident $mode:ident $change:expr $(=> $leak:expr)?;)+) => {
        pub(crate) const ALL: &[Mutation] = &[$(Mutation {
            check: Check::$check,
            mode: $mode,
            change: $change,
            leak: leak!($($leak)?),
        }),+];
    };
}

macro_rules! leak {
    () => {
        None
    };
    ($leak:expr) => {
        Some($leak)
    };
}

use Change::{ConnectAsMover, ForeignKey, OtherMode, Pooler, PresetInOptions, Sql};
use Leak::{Error, Rows};

/// What only tenant 2 has, of which none is seen as it should be.
const PRODUCTS: Leak = Rows("select * from product where tenant_id = 2");
const TITLES: Leak = Rows("select * from titles where tenant_id = 2");

mutations! {
    A1 Sealed Sql("grant truncate on product to $app");
    A1 Plain Sql("grant references on product to $app");
    A1 Plain Sql("grant trigger on currency to public");
    A2 Sealed Sql("grant select on journal to $app") => Rows("select * from journal");
    A2 Plain Sql("grant update (code) on currency to $app");
    A3 Sealed Sql("grant create on schema public to public");
    A3 Plain Sql("grant temporary on database $database to $app");
    A4 Sealed Sql("grant select on tenancy.seal_key to $app");
    A4 Plain Sql("grant update (epoch) on tenancy.fence to public");
    A5 Sealed Sql("grant select on pg_catalog.pg_statistic to $app; analyze product")
        => Rows("select * from pg_catalog.pg_statistic where starelid = 'product'::regclass");
    A5 Plain Sql("grant execute on function pg_catalog.pg_read_binary_file(text) to $app")
        => Rows("select pg_catalog.pg_read_binary_file(pg_relation_filepath('product'))");
    A5 Sealed Sql("grant set on parameter session_replication_role to $app");
    A5 Plain Sql("create foreign data wrapper elsewhere;
        create server elsewhere foreign data wrapper elsewhere;
        grant usage on foreign server elsewhere to $app");
    A6 Sealed Sql("grant execute on function pg_catalog.lo_from_bytea(oid, bytea), pg_catalog.lo_get(oid) to public;
        set role $app; select lo_from_bytea(4711, 'of 2'); reset role")
        => Rows("select 1 where lo_get(4711) = 'of 2'");
    A6 Plain Sql("grant execute on function pg_catalog.lo_unlink(oid) to $app");
    B1 Sealed Sql("alter table product disable row level security") => PRODUCTS;
    B1 Plain Sql("create view titles as select * from product; grant select on titles to $app") => TITLES;
    B1 Sealed Sql("drop event trigger tenancy_net;
        do $do$ declare one regclass; begin
            for one in select inhrelid from pg_inherits where inhparent = 'event'::regclass loop
                execute format('grant select on %s to $app', one);
                execute format('alter table %s disable row level security', one);
            end loop;
        end $do$");
    B1 Plain Sql("do $do$ declare one name; begin
        for one in select polname from pg_policy where polrelid = 'product'::regclass loop
            execute format('alter policy %I on product with check (true)', one);
        end loop; end $do$");
    B2 Sealed Pooler;
    B2 Plain Pooler;
    B3 Plain PresetInOptions;
    B4 Sealed Sql("alter table product add check (tenant_id < 4294967296)");
    B4 Plain Sql("create function note() returns trigger language plpgsql as 'begin return new; end';
        create trigger note before insert on product for each row execute function note();
        alter table product enable always trigger note");
    F1 Plain Sql("create function others(bigint, bigint) returns bigint language sql security definer
            set search_path = pg_catalog, pg_temp
            as 'select count(*) from public.product where tenant_id = 2';
        revoke all on function others(bigint, bigint) from public;
        create aggregate leak(bigint) (sfunc = others, stype = bigint, initcond = '0')")
        => Rows("select 1 where (select leak(1)) > 0");
    F1 Sealed Sql("create schema hidden;
        create function hidden.products() returns setof product language sql stable security definer
            set search_path = pg_catalog, pg_temp as 'select * from public.product';
        create view titles with (security_invoker) as select * from hidden.products();
        grant select on titles to $app") => TITLES;
    F1 Sealed Sql("create function products() returns setof product language sql stable security definer
        set search_path = pg_catalog, pg_temp as 'select * from public.product'") => Rows("select * from products() where tenant_id = 2");
    F2 Plain Sql("create function own() returns bigint language sql immutable
            as $$ select nullif(current_setting('app.tenant_id', true), '')::bigint $$;
        create policy own on product as restrictive to $app using (tenant_id = own())");
    F3 Sealed Sql("create function products() returns bigint language sql stable security definer
        as 'select count(*) from public.product'");
    F3 Plain Sql("create or replace function tenancy.current_external() returns uuid language plpgsql
        stable parallel restricted security definer as 'begin return null; end'");
    F4 Sealed Sql("alter function tenancy.enter(bigint, bigint, boolean, bigint, text) stable");
    F4 Plain Sql("alter function tenancy.enter(bigint, bigint, boolean, bigint, text)
        security invoker");
    F4 Plain Sql("drop function tenancy.leave(bigint)");
    F4 Sealed Sql("alter function tenancy.current_tenant() immutable");
    F5 Sealed Sql("create or replace function tenancy.leave(tenant bigint) returns void language plpgsql
        set search_path = pg_catalog, pg_temp as 'begin end'");
    F5 Plain Sql("create function tenancy.enter(bigint) returns bigint language sql as 'select $1'");
    F6 Plain Sql("create function same(text, text) returns boolean language sql leakproof
        as 'select $1 = $2'");
    F6 Plain Sql("insert into product values (2, 12, 'the twelfth');
        alter function pg_catalog.int8div(bigint, bigint) leakproof;
        alter function pg_catalog.int8mi(bigint, bigint) leakproof")
        => Error("set local enable_indexscan = off; set local enable_bitmapscan = off;
            select * from product where 1::bigint / (id - 12::bigint) > 99", "22012");
    F7 Plain Sql("create function file(text) returns bytea language internal strict
        as 'pg_read_binary_file_all'") => Rows("select file(pg_relation_filepath('product'))");
    F8 Sealed Sql("revoke execute on function tenancy.leave(bigint) from $app");
    F8 Plain Sql("revoke execute on function tenancy.current_tenant() from $app");
    G1 Sealed Sql("create function note() returns trigger language plpgsql security definer
            set search_path = pg_catalog, pg_temp as 'begin return new; end';
        revoke all on function note() from public;
        create trigger note before insert on product for each row execute function note()");
    G1 Plain Sql("create view titles with (security_invoker) as select * from product;
        create function others() returns trigger language plpgsql security definer
            set search_path = pg_catalog, pg_temp as $$ begin
                select title into new.title from public.product where tenant_id <> old.tenant_id limit 1;
                return new;
            end $$;
        revoke all on function others() from public;
        create trigger others instead of update on titles for each row execute function others();
        grant select, update on titles to $app")
        => Rows("with changed as (update titles set title = title returning title)
            select * from changed where title like '% of 2'");
    G1 Sealed Sql("create function note() returns trigger language plpgsql security definer
            set search_path = pg_catalog, pg_temp as 'begin return new; end';
        revoke all on function note() from public;
        do $do$ begin execute format('create trigger note before insert on %s
            for each row execute function note()',
            (select min(inhrelid)::regclass from pg_inherits where inhparent = 'event'::regclass)); end $do$");
    G1 Plain Sql("create function note() returns trigger language plpgsql security definer
            set search_path = pg_catalog, pg_temp as 'begin return new; end';
        revoke all on function note() from public;
        create trigger note before insert on tenancy.fence for each row execute function note()");
    G2 Sealed Sql("create view titles with (security_invoker) as select * from product;
        create rule others as on delete to titles
            do instead delete from product where id > old.id returning product.*;
        grant select, delete on titles to $app")
        => Rows("with gone as (delete from titles returning *) select * from gone where tenant_id = 2");
    G2 Plain Sql("create rule copy as on insert to product
        do also insert into journal values (new.title)");
    I1 Sealed Sql("create index product_title on product (tenant_id, title text_pattern_ops)");
    I1 Plain Sql("create index product_words on product using gin (to_tsvector('simple', title))");
    I1 Sealed Sql("alter table product add column price numeric;
        create index product_price on product (tenant_id, price)");
    I1 Plain Sql("create index product_words on product using gin (to_tsvector('simple', title));
        alter function pg_catalog.ts_match_vq(tsvector, tsquery) leakproof");
    K1 Sealed Sql("delete from tenancy.seal_key");
    K1 Sealed Sql("update tenancy.seal_key set not_after = clock_timestamp()");
    K2 Sealed ForeignKey;
    L1 Sealed Sql("create publication product for table product");
    L1 Plain Sql("create publication everything for all tables");
    M1 Sealed OtherMode;
    M1 Plain OtherMode;
    N1 Plain Sql("drop event trigger tenancy_net");
    N1 Sealed Sql("alter event trigger tenancy_net disable");
    N2 Plain Sql("drop event trigger tenancy_net; create event trigger tenancy_net on ddl_command_end
        when tag in ('CREATE TABLE AS') execute function tenancy.net()");
    N2 Sealed Sql("alter function tenancy.net() owner to $owner");
    P1 Sealed Sql("do $do$ begin execute format('grant select on %s to $app',
        (select min(inhrelid)::regclass from pg_inherits where inhparent = 'event'::regclass)); end $do$");
    P2 Plain Sql("drop event trigger tenancy_net;
        do $do$ begin execute format('alter table %s no force row level security',
        (select min(inhrelid)::regclass from pg_inherits where inhparent = 'event'::regclass)); end $do$");
    R1 Sealed Sql("alter role $app superuser") => PRODUCTS;
    R1 Sealed Sql("alter role $app bypassrls") => PRODUCTS;
    R1 Plain Sql("alter role $app createrole");
    R2 Sealed Sql("grant $owner to $app");
    R2 Plain Sql("grant pg_read_all_data to $app") => Rows("select * from journal");
    R3 Plain ConnectAsMover;
    R4 Sealed Sql("alter role $owner login");
    R4 Plain Sql("alter role $search login");
    R5 Sealed Sql("alter table product owner to $app");
    R5 Plain Sql("alter function tenancy.enter(bigint, bigint, boolean, bigint, text)
        owner to $mover");
    R6 Sealed Sql("drop owned by $auditor; drop role $auditor");
    R6 Plain Sql("alter role $auditor bypassrls");
    R7 Plain Sql("alter role $app set app.tenant_id = '1'");
    R7 Plain Sql("alter database $database set app.tenant_id = '1'");
    R7 Plain Sql("alter role $app set \"APP.TENANT_ID\" = '1'");
    S1 Sealed Sql("alter default privileges grant select on tables to $app");
    S1 Plain Sql("alter default privileges for role $owner in schema public grant insert on tables to public");
    S1 Sealed Sql("alter default privileges grant create on schemas to $app");
    S2 Sealed Sql("alter table product add column number bigint generated always as identity");
    S2 Plain Sql("create sequence numbers; grant usage on sequence numbers to $app");
    T1 Sealed Sql("create table note (body text); grant select on note to public");
    T1 Plain Sql("create table note (body text); grant insert (body) on note to $app");
    T2 Sealed Sql("alter table variant drop constraint variant_pkey, alter tenant_id drop not null");
    T2 Plain Sql("drop table journal");
    T3 Sealed Sql("alter table product disable row level security") => PRODUCTS;
    T3 Plain Sql("alter table product no force row level security");
    T3 Plain Sql("alter extension plpgsql add table product;
        alter table product disable row level security") => PRODUCTS;
    T4 Sealed Sql("do $do$ begin execute format('drop policy %I on product', (select polname from pg_policy
        where polrelid = 'product'::regclass and not polpermissive)); end $do$");
    T4 Plain Sql("do $do$ begin execute format('alter policy %I on product using (true)', (select polname
        from pg_policy where polrelid = 'product'::regclass and not polpermissive)); end $do$");
    T4 Sealed Sql("do $do$ begin execute format('alter policy %I on product to $mover', (select polname
        from pg_policy where polrelid = 'product'::regclass and not polpermissive)); end $do$");
    T4 Plain Sql("do $do$ begin execute format(
        'alter policy %I on product with check (tenant_id > 0)', (select polname
        from pg_policy where polrelid = 'product'::regclass and not polpermissive)); end $do$");
    T4 Plain Sql("do $do$ begin execute format('alter policy %I on product using (
            tenant_id::text = (select current_setting(''app.tenant_id'', true)))', (select polname
        from pg_policy where polrelid = 'product'::regclass and polpermissive)); end $do$");
    T5 Sealed Sql("create policy open on product to $app using (true)");
    T6 Plain Sql("alter table product drop constraint product_pkey cascade");
    T7 Sealed Sql("create unique index product_title on product (title)");
    T7 Plain Sql("alter table product add column during int4range;
        alter table product add constraint once exclude using gist (during with &&)");
    T8 Sealed Sql("alter table product add column code uuid unique default gen_random_uuid();
        alter table variant add column code uuid references product (code)");
    T9 Plain Sql("alter table product add column code uuid unique default gen_random_uuid();
        alter table variant add column code uuid references product (code) on delete cascade");
    T10 Sealed Sql("create table note (body text)");
    T10 Plain Sql("create schema other; create table other.note (tenant_id bigint, body text)");
    T11 Sealed Sql("alter table product add column code text not null default 'a code';
        alter table product inherit currency") => Rows("select * from currency where code = 'a code' offset 2");
    T11 Plain Sql("create table note (code text primary key, tenant_id bigint) inherits (currency);
        insert into note values ('of 2', 2)") => Rows("select * from currency where code = 'of 2'");
    T12 Plain Sql("drop event trigger tenancy_net; alter table currency add column tenant_id bigint; insert into currency values ('of 2', 2)")
        => Rows("select * from currency where tenant_id = 2");
    T13 Sealed Sql("create role $database_reporting;
        grant select on product to $database_reporting;
        create policy open on product to $database_reporting using (true);
        do $do$ begin
            set local role $database_reporting;
            assert (select count(distinct tenant_id) from public.product) = 2, 'it leaks';
            reset role;
        end $do$");
    T13 Plain Sql("create policy open on product using (true)");
    T14 Sealed Sql("alter table tenancy.transaction_key drop constraint transaction_key_singleton_check");
    T14 Plain Sql("alter table tenancy.fence drop constraint fence_external_key");
    T14 Plain Sql("alter table tenancy.fence add column note text");
    V1 Sealed Sql("create view titles as select * from product; grant select on titles to $app") => TITLES;
    V2 Plain Sql("create materialized view titles as select * from product; grant select on titles to $app") => TITLES;
    V3 Sealed Sql("create foreign data wrapper elsewhere; create server elsewhere
            foreign data wrapper elsewhere;
        create foreign table remote (id bigint) server elsewhere; grant select on remote to $app");
    X1 Sealed Sql("begin; insert into journal values ('left behind'); prepare transaction '$database'");
}
