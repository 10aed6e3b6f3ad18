//! The statements of a listing. What matches is written once ([`browsed`], [`searched`]); page and facets are
//! different ends of the same statement, so they cannot disagree.
//!
//! Parameters 1 to 8 are the tenant and the filters, and when there are words to search for, 9 to 27 are
//! those. The end's own follow, so it is written for both numbers.

/// Products that pass the filters. Nothing may be bought: no price, and then every price filter excludes it.
macro_rules! filtered {
    () => {
        "p.tenant_id = $1 and p.listed = 1
            and ($2 = '' or p.vendor = $2)
            and ($3 = '' or p.product_type = $3)
            and ($4 = '' or exists (select 1 from product_tag t
                where t.tenant_id = $1 and t.product_id = p.product_id and t.tag = $4))
            and ($5 < 0 or p.lowest_price >= $5)
            and ($6 < 0 or p.lowest_price <= $6)
            and ($7 < 0 or p.available = $7)
            and ($8 = 0 or exists (select 1 from collection_product c
                where c.tenant_id = $1 and c.collection_id = $8 and c.product_id = p.product_id))"
    };
}

/// Everything that passes the filters.
macro_rules! browsed {
    ($end:expr) => {
        concat!(
            "with found as (select p.product_id, p.handle, p.title, p.sort_title, p.vendor, p.product_type,
                p.lowest_price, p.highest_price, p.available, p.image_src, p.image_alt,
                cast(0 as bigint) as score
            from product p where ",
            filtered!(),
            ") ",
            $end
        )
    };
}

/// What also has all words. A word that is there as it was typed counts a little more than one that only
/// begins so, and never as much as the next better field.
///
/// The `+` keeps SQLite from reading all words of the shop by the index that has them in the order of the
/// grouping (26 ms instead of 0.6 with 2,000 products); Postgres takes no notice of it.
macro_rules! searched {
    ($end:expr) => {
        concat!(
            "with whole as (select +w.product_id as product_id, cast(sum(w.weight) * 2 as bigint) as score
            from search_word w
            where w.tenant_id = $1 and w.word in
                ($13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27)
            group by +w.product_id having count(*) = $12),
            beginning as (select +b.product_id as product_id,
                max(b.weight * 2 + case when b.word = $9 then 1 else 0 end) as score
            from search_word b
            where b.tenant_id = $1 and b.head = $10 and substr(b.word, 1, cast($11 as integer)) = $9
            group by +b.product_id),
            hit as (select b.product_id, b.score + coalesce(w.score, 0) as score
            from beginning b left join whole w on w.product_id = b.product_id
            where $12 = 0 or w.product_id is not null),
            found as (select p.product_id, p.handle, p.title, p.sort_title, p.vendor, p.product_type,
                p.lowest_price, p.highest_price, p.available, p.image_src, p.image_alt, h.score
            from hit h join product p on p.product_id = h.product_id where ",
            filtered!(),
            ") ",
            $end
        )
    };
}

/// One page. Keyset: everything after (rank, title, id).
macro_rules! page {
    ($sort:literal, $rank:literal, $title:literal, $id:literal, $limit:literal) => {
        concat!(
            ", ranked as (select f.product_id, f.handle, f.title, f.sort_title, f.vendor, f.product_type,
                f.lowest_price, f.highest_price, f.available, f.image_src, f.image_alt,
                case ", $sort, "
                    when 'relevance' then -f.score
                    when 'price-asc' then coalesce(f.lowest_price, 9223372036854775807)
                    when 'price-desc' then coalesce(-f.lowest_price, 9223372036854775807)
                    when 'newest' then -f.product_id
                    else 0 end as rank
            from found f)
            select product_id, handle, title, sort_title, vendor, product_type,
                lowest_price, highest_price, available, image_src, image_alt, rank
            from ranked
            where rank > ", $rank, " or (rank = ", $rank, " and (sort_title > ", $title,
                " or (sort_title = ", $title, " and product_id > ", $id, ")))
            order by rank, sort_title, product_id
            limit ", $limit
        )
    };
}

/// How many products there are from each bound to the next. Bounds that are not needed are the greatest
/// number.
macro_rules! prices {
    ($b1:literal, $b2:literal, $b3:literal, $b4:literal, $b5:literal, $b6:literal, $b7:literal) => {
        concat!(
            "select bucket, count(*) as products from (select cast(case
                when lowest_price < ",
            $b1,
            " then 0
                when lowest_price < ",
            $b2,
            " then 1
                when lowest_price < ",
            $b3,
            " then 2
                when lowest_price < ",
            $b4,
            " then 3
                when lowest_price < ",
            $b5,
            " then 4
                when lowest_price < ",
            $b6,
            " then 5
                when lowest_price < ",
            $b7,
            " then 6
                else 7 end as bigint) as bucket
            from found where lowest_price is not null) priced
            group by bucket order by bucket"
        )
    };
}

/// One statement, with and without words to search for.
#[derive(Clone, Copy)]
pub(super) struct Sql {
    pub(super) browsed: &'static str,
    pub(super) searched: &'static str,
}

macro_rules! both {
    ($end:expr) => {
        both!($end, $end)
    };
    ($browsed:expr, $searched:expr) => {
        Sql {
            browsed: browsed!($browsed),
            searched: searched!($searched),
        }
    };
}

pub(super) const PAGE: Sql = both!(
    page!("$9", "$10", "$11", "$12", "$13"),
    page!("$28", "$29", "$30", "$31", "$32")
);

pub(super) const PRICES: Sql = both!(
    prices!("$9", "$10", "$11", "$12", "$13", "$14", "$15"),
    prices!("$28", "$29", "$30", "$31", "$32", "$33", "$34")
);

pub(super) const SUMMARY: Sql = both!(
    "select count(*) as total, cast(coalesce(sum(available), 0) as bigint) as in_stock,
        min(lowest_price) as lowest, max(lowest_price) as highest
    from found"
);

pub(super) const VENDORS: Sql = both!(
    "select vendor as value, count(*) as products from found where vendor <> ''
    group by vendor order by count(*) desc, vendor limit 100"
);

pub(super) const TYPES: Sql = both!(
    "select product_type as value, count(*) as products from found where product_type <> ''
    group by product_type order by count(*) desc, product_type limit 100"
);

pub(super) const TAGS: Sql = both!(
    "select g.tag as value, count(*) as products
    from found f join product_tag g on g.tenant_id = $1 and g.product_id = f.product_id
    group by g.tag order by count(*) desc, g.tag limit 100"
);
