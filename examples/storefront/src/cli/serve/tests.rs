use clap::Parser;
use tenancy_types::PlanSet;

use super::{Config, Demo, LogFormat, ServeArgs};
use crate::cli::{Cli, Command};

/// What `storefront ARGUMENTS` serves.
#[track_caller]
fn serve(arguments: &str) -> ServeArgs {
    let arguments = ["storefront"]
        .into_iter()
        .chain(arguments.split_whitespace());
    match Cli::try_parse_from(arguments).unwrap().command() {
        Command::Serve(args) => args,
        other => panic!("{other:?}"),
    }
}

#[test]
fn no_command_is_serve_without_options() {
    for arguments in ["", "serve"] {
        let args = serve(arguments);
        assert_eq!(args.log_format, LogFormat::Text);
        let config = Config::try_from(args).unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(config.ops_listen.to_string(), "127.0.0.1:8081");
        assert_eq!(config.data.to_str(), Some("./storefront-data"));
        let front = config.front;
        assert_eq!((front.scheme(), front.balancers), ("http", None));
        assert_eq!((front.certificates, front.handover), (None, None));
        assert_eq!(config.cells, "3".parse().unwrap());
        assert_eq!(config.platform_domain.as_str(), "localhost");
        assert_eq!(config.plans, PlanSet::standard());
        assert_eq!(config.demo, Demo::WhenEmpty);
        assert_eq!(config.grace.as_secs(), 30 * 24 * 3600);
        assert_eq!(config.rest.as_secs(), 5);
        assert_eq!(config.payment_limit.as_secs(), 10);
    }
}

#[test]
fn every_option_counts() {
    let args = serve(
        "serve --listen 0.0.0.0:80 --ops-listen [::1]:0 --data /d --cells eu:2,us:1 \
         --platform-domain Shops.Example --no-demo --log-format json --grace-days 0 --rest-seconds 60 --payment-seconds 3 \
         --tls-certs /c --proxy-protocol-from 10.0.0.0/8 --handover /h",
    );
    assert_eq!(args.log_format, LogFormat::Json);
    let config = Config::try_from(args).unwrap();
    assert_eq!(config.listen.to_string(), "0.0.0.0:80");
    assert_eq!(config.ops_listen.to_string(), "[::1]:0");
    assert_eq!(config.data.to_str(), Some("/d"));
    assert_eq!(config.cells, "eu:2,us:1".parse().unwrap());
    let front = config.front;
    assert_eq!(front.scheme(), "https");
    assert_eq!(front.certificates.unwrap().to_str(), Some("/c"));
    assert!(front.balancers.unwrap().trusts([10, 1, 2, 3].into()));
    assert_eq!(front.handover.unwrap().to_str(), Some("/h"));
    assert_eq!(config.platform_domain.as_str(), "shops.example");
    assert_eq!(config.demo, Demo::Never);
    let seconds = [config.grace, config.rest, config.payment_limit].map(|time| time.as_secs());
    assert_eq!(seconds, [0, 60, 3]);
}

#[test]
fn plans_come_from_their_file() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let plan = "[[plan]]\nname = \"tiny\"\nrate = 1\nburst = 1\nconcurrency = 1\nconnections = 1\n\
                statement_timeout_ms = 100\n";
    std::fs::write(file.path(), plan).unwrap();
    let option = format!("serve --plans {}", file.path().display());
    let config = Config::try_from(serve(&option)).unwrap();
    let names: Vec<_> = config
        .plans
        .iter()
        .map(|(_, plan)| plan.name.to_string())
        .collect();
    assert_eq!(names, ["tiny"]);
    assert!(Config::try_from(serve("serve --plans /no/such/file")).is_err());
}
