//! The stand-in for a provider keeps its word, also after a crash.

use storefront::{
    money::Money,
    shop::payment::{
        AnyPaymentGateway, Charge, PaymentGateway, PaymentKey, PaymentToken, Refund, RefundKey,
        TestGateway, Voided,
    },
};

use crate::shop_world::{eur, tenant};

fn token(text: &str) -> PaymentToken {
    PaymentToken::new(text).unwrap()
}

fn money(minor: i64) -> Money {
    Money::new(minor, eur())
}

#[tokio::test]
async fn what_it_answered_once_it_answers_always() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("payments.db");
    let keys: Vec<PaymentKey> = (1..=4)
        .map(|order| PaymentKey::of_order(tenant(1), order))
        .collect();
    for opened in 0..2 {
        // Opened anew, as after a crash.
        let gateway = AnyPaymentGateway::new(TestGateway::open(&path).await.unwrap());
        for _ in 0..2 {
            let pays = gateway.charge(&keys[0], money(500), &token("test")).await;
            assert_eq!(pays.unwrap(), Charge::Charged);
            let declines = gateway
                .charge(&keys[1], money(500), &token("test-decline"))
                .await;
            assert_eq!(declines.unwrap(), Charge::Declined);
            let other = gateway.charge(&keys[2], money(500), &token("4242")).await;
            assert_eq!(other.unwrap(), Charge::Declined);
            assert_eq!(gateway.void(&keys[3]).await.unwrap(), Voided::Never);
        }
        for key in &keys[..2] {
            let other = gateway.charge(key, money(501), &token("test")).await;
            assert!(other.is_err(), "another amount: {other:?}");
        }
        // The first answer stands, whatever is asked later.
        let late = gateway.charge(&keys[3], money(500), &token("test")).await;
        assert_eq!(late.unwrap(), Charge::Declined, "opened {opened}");
        let second_thought = gateway.charge(&keys[1], money(500), &token("test")).await;
        assert_eq!(second_thought.unwrap(), Charge::Declined);
        assert_eq!(gateway.void(&keys[0]).await.unwrap(), Voided::Charged);
        assert_eq!(gateway.void(&keys[1]).await.unwrap(), Voided::Never);
    }
}

#[tokio::test]
async fn it_gives_back_no_more_than_it_took() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = TestGateway::open(&folder.path().join("payments.db"))
        .await
        .unwrap();
    let payment = PaymentKey::of_order(tenant(1), 1);
    let never = PaymentKey::of_order(tenant(2), 1);
    gateway
        .charge(&payment, money(500), &token("test"))
        .await
        .unwrap();
    for (of, refund, amount, expect) in [
        (&payment, 1, 300, Refund::Refunded),
        (&payment, 1, 300, Refund::Refunded),
        (&payment, 2, 201, Refund::Refused),
        (&payment, 2, 201, Refund::Refused),
        (&payment, 3, 200, Refund::Refunded),
        (&payment, 4, 1, Refund::Refused),
        (&never, 5, 1, Refund::Refused),
    ] {
        let key = RefundKey::of_refund(of, refund);
        let answer = gateway.refund(of, &key, money(amount)).await.unwrap();
        assert_eq!(answer, expect, "refund {refund} of {amount}");
    }
}

#[tokio::test]
async fn questions_at_once_have_one_answer() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = TestGateway::open(&folder.path().join("payments.db"))
        .await
        .unwrap();
    let key = PaymentKey::of_order(tenant(1), 1);
    let charges = (0..10).map(|number| {
        let token = token(if number % 2 == 0 { "test" } else { "no" });
        let (gateway, key) = (gateway.clone(), key.clone());
        async move { gateway.charge(&key, money(1), &token).await.unwrap() }
    });
    let answers = futures_util::future::join_all(charges).await;
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "{answers:?}"
    );
}
