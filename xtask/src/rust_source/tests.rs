use super::{Kind, pieces, without_tests};

#[track_caller]
fn check(source: &str, expect: &[(Kind, usize, &str)]) {
    let found: Vec<_> = pieces(source)
        .into_iter()
        .map(|piece| (piece.kind, piece.line, piece.text))
        .collect();
    assert_eq!(found, expect, "{source}");
}

#[test]
fn strings_comments_and_code_are_told_apart() {
    use Kind::{Code, Comment, Text};
    check("", &[]);
    check(
        "a // b\nc",
        &[(Code, 1, "a "), (Comment, 1, "// b"), (Code, 1, "\nc")],
    );
    check(
        "a /* b /* c */ d */ e",
        &[
            (Code, 1, "a "),
            (Comment, 1, "/* b /* c */ d */"),
            (Code, 1, " e"),
        ],
    );
    check(
        "f(\"x // y\")",
        &[(Code, 1, "f("), (Text, 1, "x // y"), (Code, 1, ")")],
    );
    check(
        r#"f("a\"b")"#,
        &[(Code, 1, "f("), (Text, 1, r#"a\"b"#), (Code, 1, ")")],
    );
    check(
        "\n\nr#\"a\"b\"#;",
        &[(Code, 1, "\n\n"), (Text, 3, "a\"b"), (Code, 3, ";")],
    );
    check("br\"x\"", &[(Code, 1, "b"), (Text, 1, "x")]);
    check("var\"x\"", &[(Code, 1, "var"), (Text, 1, "x")]);
    check(
        "let r#type = '\"';",
        &[(Code, 1, "let r#type = "), (Text, 1, "\""), (Code, 1, ";")],
    );
    check("fn f<'a>(x: &'a str)", &[(Code, 1, "fn f<'a>(x: &'a str)")]);
    check(
        r"['\'', 'é']",
        &[
            (Code, 1, "["),
            (Text, 1, r"\'"),
            (Code, 1, ", "),
            (Text, 1, "é"),
            (Code, 1, "]"),
        ],
    );
}

#[test]
fn broken_source_ends_instead_of_hanging() {
    use Kind::{Code, Comment, Text};
    check("/* open", &[(Comment, 1, "/* open")]);
    check("r\"open", &[(Text, 1, "open")]);
    check("a '", &[(Code, 1, "a '")]);
    check("\"", &[]);
}

#[test]
fn test_modules_leave_empty_lines() {
    let source = "fn a() {\n}\n\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\nfn c() {}\n";
    assert_eq!(without_tests(source), "fn a() {\n}\n\n\n\n\n\nfn c() {}\n");
    let apart = "fn a() {}\n#[cfg(test)]\nmod tests;\nfn c() {}\n";
    assert_eq!(without_tests(apart), apart);
}
