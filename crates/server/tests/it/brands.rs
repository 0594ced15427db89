//! Brands: what a tenant says of its callers, made before the call and kept up.
//!
//! ```text
//!                                          ┌─ https ─► logo.png, which changes
//!   127.0.0.n ── INVITE ──► Switch, signs ─┤
//!                                          └─ INVITE, Identity with rcd, rcdi, crn ──► called
//! ```
//!
//! This test verifies that what is at a URL is signed with its digest, and with the new one after it has changed; that only callers
//! whose number it is bear a brand; and that a PASSporT of its own carries it where the operator wants that.

use crate::fetch_resources::{PNG, drawn, served};
use crate::repository::{Reaction, Repository};
use crate::switch::{House, Invite, Party, Switch, TENANT, fetching_from, trunk, until};
use countersign::passport::rcd::digest::{Algorithm, Digest};
use serde_json::{Value, json};

const TRUSTED: &str = "tenant = \"provider\"\nudp_source_is_trusted = true\n";

fn digest(bytes: &[u8]) -> String {
    Digest::of(Algorithm::Sha256, bytes).to_string()
}

fn brand(icon: &str, more: &str) -> String {
    format!(
        "[[brands]]\nname = \"q\"\ntenant = \"provider\"\nnumbers = [\"12025550100-12025550109\", \"12025550170\"]\n\
         caller_name = \"Q Branch\"\nicon = \"{icon}\"\n{more}"
    )
}

/// A server with two trunks: 127.0.0.2, which proves who it is, and 127.0.0.3, which does not.
async fn branding(house: &House, called: &Party, web: &Repository, brand: &str) -> Switch {
    let trunks =
        trunk(2, "sign", called, TRUSTED) + &trunk(3, "sign", called, "tenant = \"provider\"\n");
    let tenant = TENANT.replace("[fetch]\nweb_ca_file = \"web.pem\"\n", "");
    let switch = house
        .start("", &(trunks + &tenant + brand + &fetching_from(web)))
        .await;
    until("the brand is made", || {
        switch.metrics.brand_refreshes.count(["made"]) == 1
    })
    .await;
    switch
}

/// The claims of every PASSporT of a call.
async fn said(switch: &Switch, last: u8, called: &Party, call: Invite) -> Vec<Value> {
    let caller = Party::at(last).await;
    let heard = caller.calls(&call, switch, called).await;
    let payload = |identity: &&str| {
        let payload = identity.split('.').nth(1).unwrap();
        let bytes = countersign::jose::base64url::decode(payload).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    };
    heard.values("Identity").iter().map(payload).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_at_the_url_is_signed_and_what_comes_in_its_place() {
    let house = House::new();
    let (first, second) = (drawn(64, 1), drawn(64, 2));
    let web = Repository::saying(served(PNG, &first, "")).await;
    let called = Party::at(1).await;
    let brand = brand(
        &format!("{}/logo.png", web.origin()),
        "reasons = [\"For your ears only\"]\n",
    );
    let switch = branding(&house, &called, &web, &brand).await;
    let signed = said(&switch, 2, &called, Invite::new("brand-1")).await;
    assert_eq!(
        signed[0]["rcd"],
        json!({"icn": format!("{}/logo.png", web.origin()), "nam": "Q Branch"})
    );
    assert_eq!(signed[0]["rcdi"], json!({"/icn": digest(&first)}));
    assert_eq!(signed[0]["crn"], "For your ears only");
    assert_eq!(signed[0]["attest"], "A");

    // Another logo: signed as soon as somebody has looked.
    let answer = served(PNG, &second, "");
    web.change(move |_| Reaction::Bytes(answer.clone()));
    house.clock.advance(600);
    until("the change is seen", || {
        switch.metrics.brand_refreshes.count(["changed"]) == 1
    })
    .await;
    let signed = said(&switch, 2, &called, Invite::new("brand-2")).await;
    assert_eq!(signed[0]["rcdi"], json!({"/icn": digest(&second)}));

    // Nobody there: what was made stays.
    web.change(|_| {
        Reaction::Bytes(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec())
    });
    house.clock.advance(600);
    until("it is gone", || {
        switch.metrics.brand_refreshes.count(["bad-status"]) == 1
    })
    .await;
    let signed = said(&switch, 2, &called, Invite::new("brand-3")).await;
    assert_eq!(signed[0]["rcdi"], json!({"/icn": digest(&second)}));
    assert!(
        switch
            .metrics
            .render()
            .contains("\ncountersign_brands_ready 1\n")
    );
    switch.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_whose_number_it_is_bears_the_brand() {
    let house = House::new();
    let web = Repository::saying(served(PNG, &drawn(64, 1), "")).await;
    let called = Party::at(1).await;
    let brand = brand(&format!("{}/logo.png", web.origin()), "");
    let switch = branding(&house, &called, &web, &brand).await;
    let call = |id: &str, number: &str| Invite::new(id).from(&format!("<sip:{number}@a.example>"));
    for (id, last, number, is_branded) in [
        ("bears-1", 2, "12025550109", true),
        ("bears-2", 2, "12025550110", false),
        // Of the brand, and not in the tenant's inventory.
        ("bears-3", 2, "12025550170", false),
        // Anybody can write this source address.
        ("bears-4", 3, "12025550109", false),
    ] {
        let signed = said(&switch, last, &called, call(id, number)).await;
        assert_eq!(!signed[0]["rcd"].is_null(), is_branded, "{id}");
    }
    switch.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_passport_of_its_own_and_the_reason_that_is_asked_for() {
    let house = House::new();
    let web = Repository::saying(served(PNG, &drawn(64, 1), "")).await;
    let called = Party::at(1).await;
    let brand = brand(
        &format!("{}/logo.png", web.origin()),
        "passport = \"rcd\"\nreasons = [\"Your delivery\", \"Your return\"]\n",
    );
    let switch = branding(&house, &called, &web, &brand).await;
    let asks = |id: &str, reason: &str| {
        let value = format!("<data:>;purpose=jcard;call-reason=\"{reason}\"");
        Invite::new(id).header("Call-Info", &value)
    };
    for (id, asked, given) in [
        ("beside-1", "Your return", json!("Your return")),
        ("beside-2", "You have won", Value::Null),
    ] {
        let signed = said(&switch, 2, &called, asks(id, asked)).await;
        assert_eq!(signed.len(), 2);
        assert!(signed[0]["rcd"].is_null() && signed[0]["attest"] == "A");
        assert_eq!(signed[1]["rcd"]["nam"], "Q Branch");
        assert_eq!(signed[1]["crn"], given, "{id}");
    }
    switch.stop().await;
}

/// This test verifies that a logo which has become ten megabytes is not signed, and that what was made of the one before is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_brand_is_not_made_of_ten_megabytes() {
    let house = House::new();
    let first = drawn(64, 1);
    let web = Repository::saying(served(PNG, &first, "")).await;
    let called = Party::at(1).await;
    let brand = brand(&format!("{}/logo.png", web.origin()), "");
    let switch = branding(&house, &called, &web, &brand).await;
    let mut grown = drawn(64, 2);
    grown.resize(10 * 1024 * 1024, 0);
    web.change(move |_| Reaction::Bytes(served(PNG, &grown, "")));
    house.clock.advance(600);
    until("the logo is refused", || {
        switch.metrics.brand_refreshes.count(["too-large"]) == 1
    })
    .await;
    let signed = said(&switch, 2, &called, Invite::new("grown-1")).await;
    assert_eq!(signed[0]["rcdi"], json!({"/icn": digest(&first)}));
    switch.stop().await;
}
