use tenancy_core::{
    Authority, Evidence, Finding, HostEvidence, Refusal, Resolved, Resolver, Source,
    SubdomainEvidence,
    types::{DomainName, Lifecycle, Lookup},
};

use crate::routes::{Routes, placed, tenant};

fn routes() -> Routes {
    let active = placed(Lifecycle::Active);
    Routes::default()
        .tenant(1, active)
        .tenant(2, active)
        .slug("anna", 1)
        .slug("ben", 2)
        .domain("anna.example", 1)
        .domain("anna.platform.example", 2)
}

fn chain() -> Resolver {
    let platform = DomainName::from_normalised("platform.example").unwrap();
    Resolver::new()
        .with(HostEvidence)
        .with(SubdomainEvidence::below(platform))
}

#[track_caller]
fn check(host: &str, expect: &Result<(u32, Source), Refusal>) {
    let authority: Authority = host.parse().unwrap();
    let found = chain().resolve(&authority, &routes());
    assert_eq!(
        &found.map(|found| (found.tenant.get(), found.source)),
        expect,
        "{host}"
    );
}

#[test]
fn a_tenant_is_found_by_its_domain_or_its_label_below_the_platform() {
    check("anna.example", &Ok((1, Source::Host)));
    check("Anna.Example.:8080", &Ok((1, Source::Host)));
    check("ben.platform.example", &Ok((2, Source::Subdomain)));
}

#[test]
fn nothing_found_is_an_unknown_domain_and_never_a_default() {
    for host in [
        "platform.example",
        "www.anna.example",
        "a.ben.platform.example",
        "xplatform.example",
        "nobody.platform.example",
        "127.0.0.1",
        "[::1]",
    ] {
        check(host, &Err(Refusal::UnknownDomain));
    }
}

#[test]
fn evidence_that_disagrees_is_refused() {
    // The whole name was registered by tenant 2 as its own domain, the label is the slug of tenant 1.
    check("anna.platform.example", &Err(Refusal::EvidenceDisagrees));
}

#[test]
fn not_found_out_is_not_the_same_as_not_found() {
    let authority: Authority = "anna.example".parse().unwrap();
    let found = chain().resolve(&authority, &Routes::not_ready());
    assert_eq!(found, Err(Refusal::DirectoryUnavailable));
}

#[test]
fn an_error_of_later_evidence_is_not_hidden_by_an_earlier_find() {
    struct Broken;
    impl Evidence for Broken {
        fn source(&self) -> Source {
            Source::Internal
        }
        fn find(&self, _: &Authority, _: &dyn Lookup) -> Result<Finding, Refusal> {
            Err(Refusal::DirectoryUnavailable)
        }
    }
    let authority: Authority = "anna.example".parse().unwrap();
    let found = Resolver::new()
        .with(HostEvidence)
        .with(Broken)
        .resolve(&authority, &routes());
    assert_eq!(found, Err(Refusal::DirectoryUnavailable));
}

#[test]
fn the_platform_enters_a_tenant_by_its_id() {
    let resolved = Resolved::by_id(&routes(), tenant(2)).unwrap();
    assert_eq!(
        (resolved.tenant, resolved.source),
        (tenant(2), Source::Internal)
    );
    assert_eq!(
        Resolved::by_id(&routes(), tenant(9)),
        Err(Refusal::UnknownDomain)
    );
}
