//! What a shop sells: stock and its events, orders, the answers to checkouts, carts.
//!
//! Stock and order lines do not refer to variants: a variant can vanish from the catalogue, what was sold of
//! it cannot.

pub(super) const STATEMENTS: &[&str] = &[
    // The projection of `stock_event`: where each piece that ever came in is now.
    "create table stock (
        tenant_id bigint not null,
        variant_id bigint not null,
        received bigint not null,
        on_hand bigint not null check (on_hand >= 0),
        reserved bigint not null check (reserved >= 0),
        allocated bigint not null check (allocated >= 0),
        sold bigint not null check (sold >= 0),
        seq bigint not null,
        reorder_at bigint,
        primary key (tenant_id, variant_id),
        check (on_hand + reserved + allocated + sold = received)
    )",
    "create table stock_event (
        tenant_id bigint not null,
        variant_id bigint not null,
        seq bigint not null,
        kind text not null,
        quantity bigint not null,
        order_id bigint,
        note text not null,
        at bigint not null,
        primary key (tenant_id, variant_id, seq),
        foreign key (tenant_id, variant_id) references stock (tenant_id, variant_id) on delete cascade
    )",
    // `payment_key` is stored although it is made from tenant and order: the provider knows the payment by it
    // for ever, also when the shop has been imported under another tenant. `refunded` counts what has been
    // promised, the refunds that the provider has not confirmed included. The worker asks the provider about an
    // order, or a refund, no more before `next_try`.
    "create table shop_order (
        tenant_id bigint not null,
        order_id bigint not null,
        token text not null,
        payment_key text not null,
        state text not null,
        email text not null,
        currency text not null,
        items_total bigint not null,
        shipping bigint not null,
        tax bigint not null,
        total bigint not null,
        refunded bigint not null check (refunded >= 0 and refunded <= total),
        created_at bigint not null,
        updated_at bigint not null,
        expires_at bigint not null,
        next_try bigint not null default 0,
        primary key (tenant_id, order_id),
        unique (tenant_id, token)
    )",
    "create index shop_order_pending on shop_order (expires_at, tenant_id) where state = 'pending'",
    "create index shop_order_overdue on shop_order (tenant_id, expires_at) where state = 'pending'",
    "create table order_line (
        tenant_id bigint not null,
        order_id bigint not null,
        position bigint not null,
        variant_id bigint not null,
        title text not null,
        options text not null,
        sku text not null,
        unit_price bigint not null,
        quantity bigint not null,
        from_stock bigint not null,
        primary key (tenant_id, order_id, position),
        foreign key (tenant_id, order_id) references shop_order (tenant_id, order_id) on delete cascade
    )",
    "create table order_refund (
        tenant_id bigint not null,
        refund_id bigint not null,
        order_id bigint not null,
        key text not null,
        amount bigint not null,
        reason text not null,
        restock bigint not null,
        state text not null,
        created_at bigint not null,
        updated_at bigint not null,
        next_try bigint not null default 0,
        primary key (tenant_id, refund_id),
        unique (tenant_id, key),
        foreign key (tenant_id, order_id) references shop_order (tenant_id, order_id) on delete cascade
    )",
    "create index order_refund_of_order on order_refund (tenant_id, order_id)",
    "create index order_refund_pending on order_refund (tenant_id, refund_id) where state = 'pending'",
    "create index order_refund_next_try on order_refund (next_try, tenant_id) where state = 'pending'",
    // What was asked with an idempotency key, and the answer once there is one. A key without an answer has a
    // pending order.
    "create table checkout_key (
        tenant_id bigint not null,
        key text not null,
        fingerprint text not null,
        order_id bigint,
        status bigint,
        answer text,
        created_at bigint not null,
        primary key (tenant_id, key)
    )",
    "create index checkout_key_of_order on checkout_key (tenant_id, order_id)",
    "create index checkout_key_by_age on checkout_key (created_at, tenant_id) where status is not null",
    // `cart_id` is the hash of the secret in the visitor's cookie. The purchase is the one that has been sent
    // from the cart's page and is not finished: its key, and the version that the cart had then.
    "create table cart (
        tenant_id bigint not null,
        cart_id text not null,
        created_at bigint not null,
        updated_at bigint not null,
        purchase_key text,
        purchase_version bigint,
        primary key (tenant_id, cart_id)
    )",
    "create index cart_by_age on cart (updated_at, tenant_id)",
    "create table cart_item (
        tenant_id bigint not null,
        cart_id text not null,
        variant_id bigint not null,
        quantity bigint not null,
        unit_price bigint not null,
        added_at bigint not null,
        primary key (tenant_id, cart_id, variant_id),
        foreign key (tenant_id, cart_id) references cart (tenant_id, cart_id) on delete cascade
    )",
    // What earlier imports counted becomes the opening stock.
    "insert into stock (tenant_id, variant_id, received, on_hand, reserved, allocated, sold, seq)
        select tenant_id, variant_id, quantity, quantity, 0, 0, 0, 1
        from product_variant where quantity >= 0",
    "insert into stock_event (tenant_id, variant_id, seq, kind, quantity, note, at)
        select v.tenant_id, v.variant_id, 1, 'received', v.quantity, 'opening stock', p.updated_at
        from product_variant v
        join product p on p.tenant_id = v.tenant_id and p.product_id = v.product_id
        where v.quantity >= 0",
];
