use std::fs;

use tempfile::TempDir;

use super::{Endpoint, EndpointError, Exit, OpsUrl};

#[track_caller]
fn check_url(text: &str, expect: Result<&str, &str>) {
    let found = text
        .parse::<OpsUrl>()
        .map(|url| url.to_string())
        .map_err(|error| error.to_string());
    let found = found.as_ref().map(String::as_str);
    match expect {
        Ok(url) => assert_eq!(found, Ok(url)),
        Err(part) => assert!(found.unwrap_err().contains(part), "{found:?}"),
    }
}

#[test]
fn urls_are_plain_and_bare() {
    check_url("http://127.0.0.1:8081", Ok("http://127.0.0.1:8081"));
    check_url("http://[::1]:8081/", Ok("http://[::1]:8081"));
    check_url("https://ops.example", Err("has no https"));
    check_url("http://ops.example/v1", Err("only scheme, host and port"));
    check_url(
        "http://me:secret@ops.example",
        Err("only scheme, host and port"),
    );
    check_url("http://ops.example/?x", Err("only scheme, host and port"));
    check_url("127.0.0.1:8081", Err("write it like http://"));
    check_url("ftp://ops.example", Err("not an http URL"));
    check_url("http://", Err("write it like http://"));
    let url: OpsUrl = "http://127.0.0.1:8081/".parse().unwrap();
    assert_eq!(
        url.to("/v1/cells").as_str(),
        "http://127.0.0.1:8081/v1/cells"
    );
}

/// A data folder with these files.
fn folder(ops: Option<&str>, token: Option<&[u8]>) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    if let Some(text) = ops {
        fs::write(folder.path().join("ops.json"), text).unwrap();
    }
    if let Some(bytes) = token {
        fs::write(folder.path().join("operator.token"), bytes).unwrap();
    }
    folder
}

const URL: &str = r#"{"url":"http://127.0.0.1:8081"}"#;

#[test]
fn a_folder_tells_where_its_server_is() {
    for ops in [URL, r#"{"pid":7,"url":"http://127.0.0.1:8081"}"#] {
        let folder = folder(Some(ops), Some(b"secret\n"));
        let endpoint = Endpoint::of_folder(folder.path()).unwrap();
        assert_eq!(endpoint.url.to_string(), "http://127.0.0.1:8081");
        assert_eq!(endpoint.authorization, "Bearer secret");
        assert!(
            !format!("{endpoint:?}").contains("secret"),
            "a log would show the token"
        );
    }
}

#[track_caller]
fn refuse(ops: Option<&str>, token: Option<&[u8]>, text: &str, exit: Exit) {
    let folder = folder(ops, token);
    let error: EndpointError = Endpoint::of_folder(folder.path()).unwrap_err();
    assert!(error.to_string().contains(text), "{error}");
    assert_eq!(error.exit(), exit);
}

#[test]
fn what_is_missing_or_wrong_is_named() {
    refuse(
        None,
        None,
        "there is no ops.json; start one with `storefront serve --data",
        Exit::Unavailable,
    );
    refuse(Some(URL), None, "operator.token", Exit::Unavailable);
    refuse(
        Some("{"),
        None,
        "ops.json is not what `storefront serve` writes",
        Exit::Failed,
    );
    refuse(Some("{}"), None, "missing field `url`", Exit::Failed);
    refuse(
        Some(r#"{"url":"https://x"}"#),
        None,
        "has no https",
        Exit::Failed,
    );
    refuse(Some(URL), Some(b""), "a token is one line", Exit::Failed);
    refuse(
        Some(URL),
        Some(b"two\nlines"),
        "a token is one line",
        Exit::Failed,
    );
    refuse(Some(URL), Some(b"\xff\xfe"), "operator.token", Exit::Failed);
}
