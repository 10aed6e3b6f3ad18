use super::*;

#[track_caller]
fn check(sql: &str, expect: Result<usize, &str>) {
    let found = parameters(sql).map_err(|refused| refused.to_string());
    let found = found.as_ref().map(|n| *n).map_err(String::as_str);
    assert_eq!(found, expect, "{sql}");
}

#[test]
fn parameters_are_counted_outside_texts_and_comments() {
    check("select 1", Ok(0));
    check("select 1 -- the end\r\n, $1", Ok(1));
    check(" -- $9\n Select $2, $1 ;  -- the end", Ok(2));
    check(
        "select '$3', \"$4\", 'it''s $5' /* $6 */ where x = $1",
        Ok(1),
    );
    check("with a as (values ($1)) select main, temp from a", Ok(1));
    check("select 1e5, $12+$3, 'über', größe from t", Ok(12));
    check("update t set a = b::text where c @> $1", Ok(1));
}

#[test]
fn what_reads_or_changes_rows_runs_in_whatever_brackets() {
    check("(select $1) union ((select 2) limit $2)", Ok(2));
    check("( /* the first */ values (1))", Ok(0));
    check(
        "merge into t using s on t.id = s.id when matched then update set a = $1",
        Ok(1),
    );
    let not = |found: &str| {
        format!("a statement reads or changes rows, and does not begin with {found:?}")
    };
    check("(commit)", Err(&not("commit")));
    check("((", Err(&not("")));
    check("('select')", Err(&not("select")));
}

#[test]
fn what_ends_a_transaction_or_goes_behind_the_views_is_refused() {
    let reach = |name: &str| format!("the name {name:?} is out of a tenant's reach");
    let verb =
        |word: &str| format!("a statement reads or changes rows, and does not begin with {word:?}");
    for word in [
        "commit", "ROLLBACK", "begin", "set", "pragma", "attach", "create", "replace",
    ] {
        check(&format!("{word} x"), Err(&verb(word)));
        check(&format!("/* select */ {word} x"), Err(&verb(word)));
    }
    check("", Err(&verb("")));
    check("-- select", Err(&verb("")));
    check("select 1; commit", Err("one text holds one statement"));
    check("select 1;;", Err("one text holds one statement"));
    for name in ["main", "MAIN", "temp", "tenancy"] {
        check(&format!("select * from {name}.product"), Err(&reach(name)));
        check(
            &format!("select * from {name} /* */ . product"),
            Err(&reach(name)),
        );
        check(
            &format!("select * from \"{name}\".product"),
            Err(&reach(name)),
        );
    }
    for name in [
        "tenancy_fence",
        "Sqlite_master",
        "pragma_table_info",
        "set_config",
        "pg_settings",
        "pg_advisory_lock",
        "pg_try_advisory_lock_shared",
        "pg_terminate_backend",
    ] {
        check(&format!("select * from {name}"), Err(&reach(name)));
        check(&format!("select * from \"{name}\""), Err(&reach(name)));
        // SQLite takes a text where a name is due.
        check(&format!("select * from '{name}'"), Err(&reach(name)));
    }
    // A text is no name on Postgres, and on SQLite there is no such schema.
    check(
        "select 'tenancy'.search_title(1, 'a')",
        Err(&reach("tenancy")),
    );
    for behind in [
        "fence",
        "enter(2)",
        "leave(1)",
        "\"search_title\"",
        ".",
        "'search_title'",
        "",
    ] {
        check(&format!("select tenancy.{behind}"), Err(&reach("tenancy")));
    }
    let switched = "update 'tenancy_current' set tenant_id = 2 returning tenant_id";
    check(switched, Err(&reach("tenancy_current")));
}

#[test]
fn searches_and_the_tenant_can_be_asked_for() {
    check("select id from tenancy.search_title($1, $2)", Ok(2));
    check("select * from TENANCY . /* */ SEARCH_title(1, 'a')", Ok(0));
    check(
        "select tenancy.current_tenant(), tenancy.current_external()",
        Ok(0),
    );
    // What follows is looked at as before.
    let after = "select tenancy.current_tenant() from tenancy.fence";
    check(
        after,
        Err("the name \"tenancy\" is out of a tenant's reach"),
    );
}

#[test]
fn what_the_databases_read_differently_is_refused() {
    for (sql, found) in [
        ("select ?", "?"),
        ("select :name", ":n"),
        ("select @name", "@n"),
        ("select $name", "$n"),
        ("select $$ text $$", "$$"),
        ("select $1$ text $1$", "$1"),
        ("select * from [main].product", "["),
        ("select * from `main`.product", "`"),
        (r"select E'\'; commit --'", "E"),
        ("select x'00'", "x"),
        ("select * from \u{feff}main.product", "\u{feff}"),
        ("select /* /* */ 1", "/*"),
        (
            "select 1 --\r, set_config('app.tenant_id', '2', true)",
            "\r",
        ),
        (
            "select U&\"set\\005fconfig\"('app.tenant_id', '2', true)",
            "U",
        ),
        ("select * from u&'\\0074enancy'.fence", "u"),
        ("select * from tenancy\u{b}.fence", "\u{b}"),
    ] {
        let expect = format!("{found:?} is not understood alike by all databases");
        check(sql, Err(&expect));
    }
    for sql in [
        "select 'text",
        "select \"name",
        "select /* comment",
        "select 'it''s",
    ] {
        check(sql, Err("a quotation or comment has no end"));
    }
}
