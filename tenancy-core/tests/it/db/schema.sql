create table product (
    tenant_id bigint not null,
    id bigint not null,
    handle text not null,
    title text not null,
    price_minor bigint,
    score double precision not null,
    primary key (tenant_id, id),
    unique (tenant_id, handle)
);
create table variant (
    tenant_id bigint not null,
    product_id bigint not null,
    id bigint not null,
    sku text not null,
    primary key (tenant_id, product_id, id),
    foreign key (tenant_id, product_id) references product (tenant_id, id) on delete cascade
);
create table slug (
    shop bigint not null,
    slug text not null unique,
    primary key (shop, slug)
);
create table note (
    tenant_id bigint not null,
    shelf text not null,
    seq bigint not null,
    "Desc" text,
    weight double precision,
    amount bigint,
    primary key (tenant_id, shelf, seq)
);
create table profile (tenant_id bigint not null primary key, motto text);
create table mark (tenant_id bigint not null primary key);
create table picture (tenant_id bigint not null, id bigint not null, width integer, primary key (tenant_id, id));
create table currency (code text primary key, exponent bigint not null);
create table journal (id bigint primary key, entry text not null);
insert into currency values ('EUR', 2), ('JPY', 0);
insert into journal values (1, 'schema 1');
