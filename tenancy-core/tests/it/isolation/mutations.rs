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
}

macro_rules! mutations {
    ($($check:ident $mode:ident $change:expr;)+) => {
        pub(crate) const ALL: &[Mutation] = &[$(Mutation {
            check: Check::$check,
            mode: $mode,
            change: $change,
        }),+];
    };
}

use Change::{ConnectAsMover, OtherMode, Pooler, PresetInOptions, Sql};

mutations! {
    A1 Sealed Sql("grant truncate on product to $app");
    A1 Plain Sql("grant references on product to $app");
    A1 Plain Sql("grant trigger on currency to public");
    A2 Sealed Sql("grant select on journal to $app");
    A2 Plain Sql("grant update (code) on currency to $app");
    A3 Sealed Sql("grant create on schema public to public");
    A3 Plain Sql("grant temporary on database $database to $app");
    A4 Sealed Sql("grant select on tenancy.seal_key to $app");
    A4 Plain Sql("grant update (epoch) on tenancy.fence to public");
    B1 Sealed Sql("alter table product disable row level security");
    B1 Plain Sql("create view titles as select * from product; grant select on titles to $app");
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
    F1 Sealed Sql("create function products() returns setof product language sql stable security definer
        set search_path = pg_catalog, pg_temp as 'select * from public.product'");
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
    G1 Sealed Sql("create function note() returns trigger language plpgsql security definer
            set search_path = pg_catalog, pg_temp as 'begin return new; end';
        revoke all on function note() from public;
        create trigger note before insert on product for each row execute function note()");
    G2 Plain Sql("create rule copy as on insert to product
        do also insert into journal values (new.title)");
    I1 Sealed Sql("create index product_title on product (tenant_id, title text_pattern_ops)");
    I1 Plain Sql("create index product_words on product using gin (to_tsvector('simple', title))");
    K1 Sealed Sql("delete from tenancy.seal_key");
    K1 Sealed Sql("revoke execute on function tenancy.enter(bigint, bigint, boolean, bigint, text)
        from $app");
    K1 Sealed Sql("update tenancy.seal_key set not_after = clock_timestamp()");
    L1 Sealed Sql("create publication product for table product");
    L1 Plain Sql("create publication everything for all tables");
    M1 Sealed OtherMode;
    N1 Plain Sql("drop event trigger tenancy_net");
    N1 Sealed Sql("alter event trigger tenancy_net disable");
    P1 Sealed Sql("do $do$ begin execute format('grant select on %s to $app',
        (select min(inhrelid)::regclass from pg_inherits where inhparent = 'event'::regclass)); end $do$");
    P2 Plain Sql("drop event trigger tenancy_net;
        do $do$ begin execute format('alter table %s no force row level security',
        (select min(inhrelid)::regclass from pg_inherits where inhparent = 'event'::regclass)); end $do$");
    R1 Sealed Sql("alter role $app superuser");
    R1 Sealed Sql("alter role $app bypassrls");
    R1 Plain Sql("alter role $app createrole");
    R2 Sealed Sql("grant $owner to $app");
    R2 Plain Sql("grant pg_read_all_data to $app");
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
    S1 Sealed Sql("alter default privileges grant select on tables to $app");
    S1 Plain Sql("alter default privileges for role $owner in schema public grant insert on tables to public");
    S2 Sealed Sql("alter table product add column number bigint generated always as identity");
    S2 Plain Sql("create sequence numbers; grant usage on sequence numbers to $app");
    T1 Sealed Sql("create table note (body text); grant select on note to public");
    T1 Plain Sql("create table note (body text); grant insert (body) on note to $app");
    T2 Sealed Sql("alter table variant drop constraint variant_pkey, alter tenant_id drop not null");
    T2 Plain Sql("drop table journal");
    T3 Sealed Sql("alter table product disable row level security");
    T3 Plain Sql("alter table product no force row level security");
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
    T5 Sealed Sql("create policy open on product using (true)");
    T6 Plain Sql("alter table product drop constraint product_pkey cascade");
    T7 Sealed Sql("create unique index product_title on product (title)");
    T8 Sealed Sql("alter table product add column code uuid unique default gen_random_uuid();
        alter table variant add column code uuid references product (code)");
    T9 Plain Sql("alter table product add column code uuid unique default gen_random_uuid();
        alter table variant add column code uuid references product (code) on delete cascade");
    T10 Sealed Sql("create table note (body text)");
    V1 Sealed Sql("create view titles as select * from product; grant select on titles to $app");
    V2 Plain Sql("create materialized view titles as select * from product; grant select on titles to $app");
    V3 Sealed Sql("create foreign data wrapper elsewhere; create server elsewhere
            foreign data wrapper elsewhere;
        create foreign table remote (id bigint) server elsewhere; grant select on remote to $app");
    X1 Sealed Sql("begin; insert into journal values ('left behind'); prepare transaction '$database'");
}
