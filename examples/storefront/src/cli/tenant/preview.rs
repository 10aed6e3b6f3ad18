//! What commands that take something away would do, in words that follow "this would".

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
}
