//! What becomes of an attempt that had no answer, and that it is nobody's but its buyer's.

use http::StatusCode;
use serde_json::Value;
use storefront::shop::{
    cart::{self, Purchase},
    checkout::CheckoutRequest,
};

use super::{
    Filled, basket, behind_a_provider, buy, leads_to_an_order, mugs, on_hand, refused, worlds,
};
use crate::{
    shop_checkout::provider::{Fault, Provider},
    shop_visitor::{EMAIL, Visitor, outcome_fields},
    shop_world::{Answer, World, product, tenant, variant, writer},
};

/// A shop with two mugs, whose provider can be told to fail.
async fn last_two(world: &mut World) -> (Provider, String) {
    let (provider, _) = behind_a_provider(world).await;
    (provider, mugs(world, 1, Some(2)).await)
}

/// Sends the page's form that finds out what became of an attempt.
async fn find_out(visitor: &mut Visitor<'_>, page: &str) -> Answer {
    let fields = outcome_fields(page).unwrap_or_else(|| panic!("nothing to find out: {page}"));
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    visitor.post("/checkout/outcome", &fields).await
}

/// Takes the mug, of which there are two, off the shop's pages.
async fn unlist(world: &World) {
    let mut mug = product("mug", "Mug of shop 1");
    mug.options = vec!["Size".into()];
    mug.variants = vec![variant(&["Large"], 1_250)];
    mug.variants[0].quantity = Some(2);
    mug.published = false;
    world.put(1, &mug).await;
}

/// What a form could name, it could also end: the order of whoever chose the same key.
#[tokio::test]
async fn no_form_reaches_the_checkout_of_a_program() {
    for mut world in worlds().await {
        let (provider, mug) = behind_a_provider(&mut world).await;
        let program = Visitor::new(&world, 1);
        let paid = buy(&program, "paid", &basket(&mug, 1)).await;
        provider.fail([Fault::Refused]);
        let pending = buy(&program, "pending", &basket(&mug, 1)).await;
        refused(&pending, StatusCode::SERVICE_UNAVAILABLE, "payment_unknown");
        let placed: Value = serde_json::from_str(&paid.body).unwrap();
        let theirs = format!("/orders/{}", placed["order_token"].as_str().unwrap());
        for key in ["paid", "pending", "unused"] {
            let mut visitor = Visitor::new(&world, 1);
            visitor.add(&mug, "2").await;
            let form = Filled::from(&visitor).await;
            let token = visitor.token().await;
            let foreign = form.clone().and("key", key);
            let fields = [("csrf_token", &*token), ("version", "1"), ("key", key)];
            let found = visitor.post("/checkout/outcome", &fields).await;
            assert_eq!(found.status, StatusCode::CONFLICT, "{key}: {}", found.body);
            let own = leads_to_an_order(&foreign.send(&mut visitor).await);
            assert_ne!(own, theirs, "{key}");
            for again in [&foreign, &form] {
                assert_eq!(leads_to_an_order(&again.send(&mut visitor).await), own);
            }
        }
        // All three keys are as their programs left them.
        assert_eq!(
            buy(&program, "paid", &basket(&mug, 1)).await.body,
            paid.body
        );
        for key in ["pending", "unused"] {
            let answer = buy(&program, key, &basket(&mug, 1)).await;
            assert_eq!(answer.status, StatusCode::CREATED, "{key}: {}", answer.body);
        }
        assert_eq!(on_hand(&world, 1, &mug).await, 1);
    }
}

#[tokio::test]
async fn the_buyer_of_the_last_pieces_goes_on_after_an_unknown_payment() {
    for mut world in worlds().await {
        for fault in [Fault::Refused, Fault::AnswerLost] {
            let (provider, mug) = last_two(&mut world).await;
            let mut visitor = Visitor::new(&world, 1);
            visitor.add(&mug, "2").await;
            provider.fail([fault]);
            let unknown = Filled::from(&visitor).await.send(&mut visitor).await;
            assert_eq!(unknown.status, StatusCode::SERVICE_UNAVAILABLE);
            assert!(
                unknown.body.contains("Press the button again"),
                "{}",
                unknown.body
            );
            let cart = visitor.get("/cart").await;
            for page in [&unknown.body, &cart.body] {
                assert!(page.contains("Pay €25.00"), "{page}");
                assert!(!page.contains("Sold out"), "{page}");
                assert!(outcome_fields(page).is_some(), "{page}");
            }
            // For all others they are gone.
            let mut other = Visitor::new(&world, 1);
            other.add(&mug, "1").await;
            assert!(other.get("/cart").await.body.contains("Sold out"));
            leads_to_an_order(&Filled::read(&cart.body).send(&mut visitor).await);
            assert_eq!(provider.charges().len(), 1);
            assert_eq!(on_hand(&world, 1, &mug).await, 0);
            mugs(&world, 1, Some(1)).await;
        }
    }
}

/// The process died after the order of the last pieces was paid, and before the cart was emptied.
#[tokio::test]
async fn the_buyer_of_the_last_pieces_finds_the_order_after_a_crash() {
    for mut world in worlds().await {
        let (provider, mug) = last_two(&mut world).await;
        let mut visitor = Visitor::new(&world, 1);
        visitor.add(&mug, "2").await;
        let form = Filled::from(&visitor).await;
        let version = form.get("version").parse().unwrap();
        let attempt = Purchase::of(&visitor.secret(), tenant(1), version);
        let mut tx = world.db.begin(&writer(1));
        let earlier = cart::note(&mut tx, &visitor.secret(), &attempt)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        assert_eq!(earlier, None);
        let request = CheckoutRequest::new([(mug.parse().unwrap(), 2)], EMAIL, "test").unwrap();
        let paid = world
            .checkout
            .place(&writer(1), &attempt.key, &request)
            .await;
        assert_eq!(paid.unwrap().status(), 201);
        let cart = visitor.get("/cart").await;
        let order = leads_to_an_order(&Filled::read(&cart.body).send(&mut visitor).await);
        assert_eq!(visitor.quantities().await, Vec::<i64>::new());
        // The page is still open in another window.
        assert_eq!(
            leads_to_an_order(&find_out(&mut visitor, &cart.body).await),
            order
        );
        assert_eq!(provider.charges().len(), 1);
    }
}

#[tokio::test]
async fn what_became_of_a_payment_is_found_out_whatever_the_cart_and_the_shop_have_by_now() {
    for mut world in worlds().await {
        for fault in [Fault::AnswerLost, Fault::Refused] {
            for meanwhile in ["unlisted", "emptied", "grown"] {
                let (provider, mug) = last_two(&mut world).await;
                let mut visitor = Visitor::new(&world, 1);
                visitor.add(&mug, "2").await;
                provider.fail([fault]);
                let unknown = Filled::from(&visitor).await.send(&mut visitor).await;
                assert_eq!(unknown.status, StatusCode::SERVICE_UNAVAILABLE);
                match meanwhile {
                    "unlisted" => unlist(&world).await,
                    "emptied" => drop(visitor.change("remove", &mug, "0").await),
                    _ => visitor.add(&mug, "1").await,
                }
                let cart = visitor.get("/cart").await;
                assert!(!cart.body.contains("Pay €"), "{meanwhile}: {}", cart.body);
                provider.fail([Fault::Refused]);
                let unknown = find_out(&mut visitor, &cart.body).await;
                assert_eq!(
                    unknown.status,
                    StatusCode::SERVICE_UNAVAILABLE,
                    "{meanwhile}"
                );
                assert!(
                    unknown.body.contains("Ask again in a moment"),
                    "{}",
                    unknown.body
                );
                let found = find_out(&mut visitor, &unknown.body).await;
                match fault {
                    Fault::AnswerLost => drop(leads_to_an_order(&found)),
                    _ => {
                        assert_eq!(found.status, StatusCode::CONFLICT, "{meanwhile}");
                        assert!(
                            found.body.contains("That attempt was called off"),
                            "{}",
                            found.body
                        );
                        assert_eq!(on_hand(&world, 1, &mug).await, 2, "{meanwhile}");
                    }
                }
                let cart = visitor.get("/cart").await;
                assert_eq!(outcome_fields(&cart.body), None, "{meanwhile}");
                let paid = usize::from(fault == Fault::AnswerLost);
                assert_eq!(provider.charges().len(), paid, "{meanwhile}");
                // As many as there were, for the next one.
                mugs(&world, 1, Some(3)).await;
            }
        }
    }
}

#[tokio::test]
async fn only_the_page_of_the_cart_finds_out() {
    for mut world in worlds().await {
        let (provider, mug) = last_two(&mut world).await;
        let mut visitor = Visitor::new(&world, 1);
        visitor.add(&mug, "2").await;
        provider.fail([Fault::AnswerLost]);
        let unknown = Filled::from(&visitor).await.send(&mut visitor).await;
        let fields = outcome_fields(&unknown.body).unwrap();
        let version = fields[1].1.as_str();
        for token in ["", "x"] {
            let fields = [("csrf_token", token), ("version", version)];
            let answer = visitor.post("/checkout/outcome", &fields).await;
            refused(&answer, StatusCode::FORBIDDEN, "csrf_rejected");
        }
        let token = fields[0].1.as_str();
        for version in ["", "x"] {
            let fields = [("csrf_token", token), ("version", version)];
            let answer = visitor.post("/checkout/outcome", &fields).await;
            refused(&answer, StatusCode::BAD_REQUEST, "invalid_request");
        }
        // The same version of another cart is another attempt, and the same cart at another shop is none.
        let mut other = Visitor::new(&world, 1);
        other.add(&mug, "1").await;
        let theirs = other.token().await;
        let fields = [("csrf_token", theirs.as_str()), ("version", version)];
        let answer = other.post("/checkout/outcome", &fields).await;
        assert_eq!(answer.status, StatusCode::CONFLICT, "{}", answer.body);
        let mut elsewhere = visitor.elsewhere(2);
        let answer = find_out(&mut elsewhere, &unknown.body).await;
        refused(&answer, StatusCode::FORBIDDEN, "csrf_rejected");
        // The control: where it belongs it leads to the order.
        leads_to_an_order(&find_out(&mut visitor, &unknown.body).await);
    }
}
