//! The program does what its first lines and the README say.
#![expect(
    clippy::unwrap_used,
    reason = "a test that goes wrong panics where it does"
)]

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

/// The running program; killed when the test ends.
struct Hello {
    process: Child,
    url: String,
}

impl Hello {
    fn start() -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_hello"))
            .arg("127.0.0.1:0")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let url = line.trim().strip_prefix("listening ").unwrap().to_owned();
        Self { process, url }
    }

    async fn get(&self, host: &str) -> (u16, String) {
        let request = reqwest::Client::new().get(&self.url).header("host", host);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }
}

impl Drop for Hello {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn each_host_sees_its_own_tenant_and_an_unknown_one_sees_nothing() {
    let hello = Hello::start();
    let page = |id| (200, format!("this is tenant {id}, served at epoch 0.2\n"));
    assert_eq!(hello.get("anna.example").await, page(1));
    assert_eq!(hello.get("BEN.example.:80").await, page(2));
    let (status, body) = hello.get("carl.example").await;
    assert_eq!(status, 404, "{body}");
    assert!(body.contains("\"code\":\"unknown_domain\""), "{body}");
}

#[test]
fn it_is_at_most_eighty_lines() {
    assert!(include_str!("../../src/main.rs").lines().count() <= 80);
}

#[test]
fn the_readme_shows_this_very_program() {
    let readme = include_str!("../../../../README.md");
    let program = include_str!("../../src/main.rs");
    let shown = program
        .split_once("/// The context is proof")
        .unwrap()
        .1
        .split_once("#[tokio::main]")
        .unwrap()
        .0;
    assert!(
        readme.contains(shown.trim()),
        "README.md shows another handler than the program's"
    );
}
