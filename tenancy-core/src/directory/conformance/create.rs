use futures_util::future::join_all;
use tenancy_types::{Epoch, Kind, Lifecycle, Placement, Problem, TenantId};

use super::{
    super::{Directory, DirectoryError, NewTenant},
    fixture::{all, cell, domain, log_after, make, plan, refused, request, slug, with_cell},
};
use tenancy_types::Revision;

/// A new tenant is being provisioned at its first epoch, and each of its names leads to it.
pub async fn a_tenant_is_found_by_each_of_its_names(directory: impl Directory) {
    let directory = with_cell(directory).await;
    let made = make(
        &directory,
        request("acme", &["b.example", "a.example", "b.example"]),
    )
    .await;
    let expected = Placement::new(cell(1), Lifecycle::Provisioning, Epoch::FIRST);
    assert_eq!(made.placement, expected);
    assert_eq!(made.domains, [domain("a.example"), domain("b.example")]);
    assert_eq!(made.slug, Some(slug("acme")));
    let found = Some(made.clone());
    assert_eq!(directory.tenant(made.id).await.expect("an answer"), found);
    let by_slug = directory.by_slug(&slug("acme")).await;
    assert_eq!(by_slug.expect("an answer"), found);
    for name in ["a.example", "b.example"] {
        let by_domain = directory.by_domain(&domain(name)).await;
        assert_eq!(by_domain.expect("an answer"), found, "{name}");
    }
    let unknown = directory.by_domain(&domain("c.example")).await;
    assert_eq!(unknown.expect("an answer"), None);
}

/// The same request under the same key makes one tenant, also when the planner now favours another cell.
pub async fn a_repeated_request_makes_one_tenant(directory: impl Directory) {
    let directory = with_cell(directory).await;
    let first = make(&directory, request("acme", &["b.example", "a.example"])).await;
    let again = NewTenant {
        cell: cell(7),
        ..request("acme", &["a.example", "b.example"])
    };
    assert_eq!(make(&directory, again).await, first);
    assert_eq!(all(&directory).await.len(), 1);
}

/// A key that made a tenant does not make, or name, a different one.
pub async fn a_key_serves_one_request(directory: impl Directory) {
    let directory = with_cell(directory).await;
    let first = request("acme", &["a.example"]);
    make(&directory, first.clone()).await;
    let others = [
        NewTenant {
            slug: slug("other"),
            ..first.clone()
        },
        NewTenant {
            plan: plan("professional"),
            ..first.clone()
        },
        NewTenant {
            region: None,
            ..first.clone()
        },
        NewTenant {
            domains: vec![],
            ..first
        },
    ];
    for other in others {
        let error = refused(directory.create(other).await);
        assert!(
            matches!(error, DirectoryError::RequestMismatch { .. }),
            "{error:?}"
        );
        assert_eq!(error.kind(), Kind::Unprocessable);
    }
}

/// Ids count from 1 without holes, refused requests notwithstanding.
pub async fn ids_are_dense(directory: impl Directory) {
    let directory = with_cell(directory).await;
    for n in 1..=5_u32 {
        let made = make(&directory, request(&format!("shop-{n}"), &[])).await;
        assert_eq!(made.id, TenantId::new(n).expect("not zero"));
        let twin = NewTenant {
            request: format!("twin {n}").parse().expect("a key"),
            ..request(&format!("shop-{n}"), &[])
        };
        refused(directory.create(twin).await);
    }
}

/// A second claim of a slug is refused without naming who has it, and changes nothing.
pub async fn a_slug_has_one_tenant(directory: impl Directory) {
    let directory = with_cell(directory).await;
    make(&directory, request("acme", &[])).await;
    let twin = NewTenant {
        request: "another key".parse().expect("a key"),
        ..request("acme", &["free.example"])
    };
    let error = refused(directory.create(twin).await);
    assert!(matches!(&error, DirectoryError::SlugTaken { slug: s } if *s == slug("acme")));
    assert_eq!(error.code().as_str(), "slug_taken");
    assert_eq!(error.kind(), Kind::Conflict);
    let free = directory.by_domain(&domain("free.example")).await;
    assert_eq!(free.expect("an answer"), None);
}

/// A second claim of a domain is refused, and the request's other domain stays free.
pub async fn a_domain_has_one_tenant(directory: impl Directory) {
    let directory = with_cell(directory).await;
    make(&directory, request("acme", &["taken.example"])).await;
    let log = log_after(&directory, Revision::ZERO).await;
    let error = refused(
        directory
            .create(request("other", &["free.example", "taken.example"]))
            .await,
    );
    assert!(
        matches!(&error, DirectoryError::DomainTaken { domain: d } if *d == domain("taken.example"))
    );
    assert_eq!(error.code().as_str(), "domain_taken");
    assert!(!error.client_text().contains("acme"));
    assert_eq!(log_after(&directory, Revision::ZERO).await, log);
    make(&directory, request("other", &["free.example"])).await;
}

/// Of 50 tenants that claim one domain at once, exactly one gets it, and it leads there.
pub async fn of_many_claims_one_wins(directory: impl Directory) {
    let directory = with_cell(directory).await;
    let claims = (0..50).map(|n| directory.create(request(&format!("shop-{n}"), &["one.example"])));
    let mut winners = Vec::new();
    for result in join_all(claims).await {
        match result {
            Ok(tenant) => winners.push(tenant),
            Err(DirectoryError::DomainTaken { .. }) => {}
            Err(other) => panic!("a claim ended with {other:?}"),
        }
    }
    assert_eq!(winners.len(), 1);
    let owner = directory.by_domain(&domain("one.example")).await;
    assert_eq!(owner.expect("an answer").as_ref(), winners.first());
    assert_eq!(all(&directory).await, winners);
}

/// Pages in the order of ids hold each tenant once, whatever the last page's length.
pub async fn pages_hold_every_tenant_once(directory: impl Directory) {
    let directory = with_cell(directory).await;
    let mut made = Vec::new();
    for n in 0..7 {
        assert_eq!(all(&directory).await, made);
        made.push(
            make(
                &directory,
                request(
                    &format!("shop-{n}"),
                    &["a", "b"]
                        .map(|l| format!("{l}-{n}.example"))
                        .each_ref()
                        .map(String::as_str),
                ),
            )
            .await,
        );
    }
}
