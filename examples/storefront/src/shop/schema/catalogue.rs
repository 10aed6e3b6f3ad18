//! What a shop shows.

pub(super) const STATEMENTS: &[&str] = &[
    // The shop itself, one row a tenant.
    "create table shop (
        tenant_id bigint not null,
        name text not null,
        currency text not null,
        created_at bigint not null,
        primary key (tenant_id)
    )",
    // `lowest_price`, `highest_price`, `available` and the image repeat what the variants and images say, so
    // that a page with a hundred products reads one table. Prices are null when nothing can be bought.
    "create table product (
        tenant_id bigint not null,
        product_id bigint not null,
        handle text not null,
        title text not null,
        sort_title text not null,
        body_html text not null,
        vendor text not null,
        product_type text not null,
        category text not null,
        seo_title text not null,
        seo_description text not null,
        listed bigint not null,
        status text not null,
        lowest_price bigint,
        highest_price bigint,
        available bigint not null,
        image_src text,
        image_alt text,
        content_hash text not null,
        created_at bigint not null,
        updated_at bigint not null,
        primary key (tenant_id, product_id),
        unique (tenant_id, handle)
    )",
    "create index product_by_type on product (tenant_id, product_type, product_id)",
    "create table product_option (
        tenant_id bigint not null,
        product_id bigint not null,
        position bigint not null,
        name text not null,
        primary key (tenant_id, product_id, position),
        foreign key (tenant_id, product_id) references product (tenant_id, product_id) on delete cascade
    )",
    "create table product_variant (
        tenant_id bigint not null,
        variant_id bigint not null,
        product_id bigint not null,
        position bigint not null,
        option1 text,
        option2 text,
        option3 text,
        sku text not null,
        barcode text not null,
        price bigint not null,
        compare_at bigint,
        grams bigint not null,
        quantity bigint,
        sold_without_stock bigint not null,
        available bigint not null,
        image_src text,
        primary key (tenant_id, variant_id),
        foreign key (tenant_id, product_id) references product (tenant_id, product_id) on delete cascade
    )",
    "create index product_variant_of_product on product_variant (tenant_id, product_id, position)",
    "create table product_image (
        tenant_id bigint not null,
        product_id bigint not null,
        position bigint not null,
        src text not null,
        alt text not null,
        primary key (tenant_id, product_id, position),
        foreign key (tenant_id, product_id) references product (tenant_id, product_id) on delete cascade
    )",
    "create table product_tag (
        tenant_id bigint not null,
        product_id bigint not null,
        position bigint not null,
        tag text not null,
        primary key (tenant_id, product_id, tag),
        foreign key (tenant_id, product_id) references product (tenant_id, product_id) on delete cascade
    )",
    "create table collection (
        tenant_id bigint not null,
        collection_id bigint not null,
        handle text not null,
        title text not null,
        created_at bigint not null,
        primary key (tenant_id, collection_id),
        unique (tenant_id, handle)
    )",
    "create table collection_product (
        tenant_id bigint not null,
        collection_id bigint not null,
        product_id bigint not null,
        primary key (tenant_id, collection_id, product_id),
        foreign key (tenant_id, collection_id) references collection (tenant_id, collection_id) on delete cascade,
        foreign key (tenant_id, product_id) references product (tenant_id, product_id) on delete cascade
    )",
    "create index collection_product_of_product on collection_product (tenant_id, product_id)",
    // The words by which products are found. `head` is the beginning of the word, see `search::words`: what a
    // visitor types is matched by equality alone, so that no collation and no leaking operator matters.
    "create table search_word (
        tenant_id bigint not null,
        word text not null,
        product_id bigint not null,
        head text not null,
        weight bigint not null,
        primary key (tenant_id, word, product_id),
        foreign key (tenant_id, product_id) references product (tenant_id, product_id) on delete cascade
    )",
    "create index search_word_by_head on search_word (tenant_id, head)",
    "create index search_word_of_product on search_word (tenant_id, product_id)",
];
