//! What commands that take something away would do, in words that follow "this would".

use std::path::Path;

use tenancy_types::DomainName;

use crate::ops::Shop;

pub(super) fn suspend(shop: &Shop) -> String {
    let name = name(shop);
    match shop.lifecycle.as_str() {
        "suspended" => format!("leave {name} suspended, as it is"),
        _ => format!(
            "suspend {name}: {} would answer that it is closed",
            shop.urls.join(", ")
        ),
    }
}

pub(super) fn remove_domain(shop: &Shop, domain: &DomainName) -> String {
    let name = name(shop);
    if shop.domains.iter().any(|own| own == domain.as_str()) {
        format!("take {domain} from {name}: it would lead nowhere")
    } else {
        format!("change nothing: {name} has no domain {domain}")
    }
}

pub(super) fn offboard(shop: &Shop) -> String {
    let name = name(shop);
    match shop.lifecycle.as_str() {
        "offboarding" => format!("let {name} leave, as it does already"),
        state @ ("purging" | "gone") => format!("change nothing: {name} is {state}"),
        _ => format!(
            "let {name} leave: {} would answer that it is gone, and after the time of grace everything it has \
             would be deleted, unless `tenant undo` comes first",
            shop.urls.join(", ")
        ),
    }
}

pub(super) fn purge(shop: &Shop) -> String {
    let name = name(shop);
    match (shop.lifecycle.as_str(), &shop.slug) {
        ("offboarding" | "purging", Some(slug)) => format!(
            "delete everything of {name} in {} for good: products, stock, orders, carts; there is no undo, and \
             `--confirm {slug}` must say that this shop is meant",
            shop.cell
        ),
        (state, _) => {
            format!("delete nothing: {name} is {state}, only a shop that is leaving is purged")
        }
    }
}

pub(super) fn replace(shop: &Shop, file: &Path) -> String {
    let name = name(shop);
    let file = match file.to_str() {
        Some("-") => "standard input".to_owned(),
        _ => file.display().to_string(),
    };
    match shop.lifecycle.as_str() {
        "suspended" | "offboarding" => format!(
            "delete everything of {name} in {} for good, products, stock, orders, carts, give it what is in {file}, \
             and serve it again",
            shop.cell
        ),
        state => format!(
            "change nothing: {name} is {state}, only a shop that is suspended or leaving is replaced"
        ),
    }
}

fn name(shop: &Shop) -> String {
    match &shop.slug {
        Some(slug) => format!("{slug} (tenant {})", shop.tenant_id),
        None => format!("tenant {}", shop.tenant_id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shop(lifecycle: &str) -> Shop {
        Shop {
            tenant_id: 7,
            slug: Some("nord".to_owned()),
            plan: "basic".to_owned(),
            cell: "cell-1".to_owned(),
            epoch: "0.7".to_owned(),
            lifecycle: lifecycle.to_owned(),
            region: None,
            domains: vec!["nord.example".to_owned()],
            urls: vec![
                "http://nord.localhost".to_owned(),
                "http://nord.example".to_owned(),
            ],
            provisioned_ms: None,
            purge_after: None,
        }
    }

    #[test]
    fn it_is_said_what_would_happen() {
        assert_eq!(
            suspend(&shop("active")),
            "suspend nord (tenant 7): http://nord.localhost, http://nord.example would answer that it is closed"
        );
        assert_eq!(
            suspend(&shop("suspended")),
            "leave nord (tenant 7) suspended, as it is"
        );
        let domain = |name| DomainName::from_normalised(name).unwrap();
        assert_eq!(
            remove_domain(&shop("active"), &domain("nord.example")),
            "take nord.example from nord (tenant 7): it would lead nowhere"
        );
        assert_eq!(
            remove_domain(&shop("active"), &domain("sud.example")),
            "change nothing: nord (tenant 7) has no domain sud.example"
        );
    }

    #[test]
    fn it_is_said_what_a_leaving_shop_would_lose() {
        let offboarding = offboard(&shop("active"));
        for part in ["let nord (tenant 7) leave", "http://nord.example", "undo"] {
            assert!(offboarding.contains(part), "{offboarding}");
        }
        assert_eq!(
            offboard(&shop("offboarding")),
            "let nord (tenant 7) leave, as it does already"
        );
        assert_eq!(
            offboard(&shop("gone")),
            "change nothing: nord (tenant 7) is gone"
        );
        for state in ["offboarding", "purging"] {
            let purging = purge(&shop(state));
            for part in ["everything of nord (tenant 7) in cell-1", "--confirm nord"] {
                assert!(purging.contains(part), "{purging}");
            }
        }
        for state in ["active", "gone"] {
            let purging = purge(&shop(state));
            let expect = format!("delete nothing: nord (tenant 7) is {state}");
            assert!(purging.starts_with(&expect), "{purging}");
        }
        for (file, told) in [("nord.tar", "nord.tar"), ("-", "standard input")] {
            let replacing = replace(&shop("suspended"), Path::new(file));
            let parts = [
                "everything of nord (tenant 7) in cell-1".to_owned(),
                format!("what is in {told},"),
            ];
            assert!(
                parts.iter().all(|part| replacing.contains(part)),
                "{replacing}"
            );
        }
        let replacing = replace(&shop("active"), Path::new("-"));
        assert!(
            replacing.starts_with("change nothing: nord (tenant 7) is active"),
            "{replacing}"
        );
    }
}
