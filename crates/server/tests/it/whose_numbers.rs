//! Numbers that a certificate does not list: those of a list by reference, and those that only a number authority knows.
//!
//! ```text
//!   caller ── INVITE ──► Switch ── INVITE, verstat ──► called
//!                          ├── GET /1234.pem   the chain: provider 1234, or a URL instead of numbers
//!                          ├── GET /numbers    the list that the URL leads to
//!                          └── records.csv     whose number is whose, on one day
//! ```

use crate::repository::{Reaction, Repository, answer};
use crate::revocation::{Calls, status};
use crate::switch::{House, Party, Switch, fetching_from, trunk};
use countersign::certificate::{TnAuthList, TnListUrl};
use countersign::crypto::SigningKey;
use countersign_ca::{Profile, Request, ScopeReference};
use countersign_server::clock::Clock;
use countersign_server::reload::Outcome;
use countersign_testkit::lab::{Signer, chain, new_key, numbers, subject, validity};

fn list(start: &str) -> TnAuthList {
    TnAuthList::new(vec![numbers(start, 50)]).unwrap()
}

fn served(list: &TnAuthList) -> Vec<u8> {
    let der = list.to_der();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/tnauthlist\r\nContent-Length: {}\r\n\r\n",
        der.len()
    );
    [head.as_bytes(), &der].concat()
}

/// A script: `/numbers` is this, everything else the chain of this signer.
fn serving(signer: &Signer, numbers: Vec<u8>) -> impl Fn(&str) -> Reaction + Send + Sync + use<> {
    let chain = answer(&signer.chain.to_pem(), &[]);
    move |request| match request.starts_with("GET /numbers ") {
        true => Reaction::Bytes(numbers.clone()),
        false => Reaction::Bytes(chain.clone()),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_of_a_list_by_reference() {
    let house = House::new();
    let repository = Repository::saying(status("404 Not Found")).await;
    let (key, ca) = (new_key(), house.lab.intermediate());
    let reference = ScopeReference {
        url: TnListUrl::new(&format!("{}/numbers", repository.origin())).unwrap(),
        list: list("12025550100"),
    };
    let request = Request::new(
        Profile::EndEntity,
        subject("SHAKEN by reference"),
        key.public_key(),
    );
    let request = request.with_reference(reference);
    let issued = ca.issue(&request, house.lab.next_serial(), validity());
    let signer = Signer {
        key,
        chain: chain(&[&issued.unwrap(), ca.certificate()]),
    };
    repository.change(serving(&signer, status("404 Not Found")));
    let called = Party::at(1).await;
    let settings = trunk(2, "verify", &called, "") + &fetching_from(&repository);
    let switch = house.start("", &settings).await;
    let calls = Calls::at(&house, &switch, &called, &repository);
    calls
        .fail("by-reference-1", &signer, "tn-auth-list-unavailable")
        .await;
    repository.change(serving(&signer, served(&list("12025550100"))));
    house.clock.advance(11);
    calls.pass("by-reference-2", &signer).await;
    calls.pass("by-reference-3", &signer).await;
    assert_eq!(
        switch.metrics.list_fetches.count(["ok"]),
        1,
        "kept for the next call"
    );
    // The numbers are somebody else's now.
    repository.change(serving(&signer, served(&list("12025550200"))));
    house.clock.advance(61);
    calls.fail("by-reference-4", &signer, "not-covered").await;
    switch.stop().await;
}

const HEAD: &str = "as_of,2026-11-05T00:00:00Z\n";

async fn asking(house: &House, records: &str, called: &Party, repository: &Repository) -> Switch {
    house.write("records.csv", format!("{HEAD}{records}"));
    let settings = trunk(2, "verify", called, "")
        + &fetching_from(repository)
        + "[verification]\nprovider_numbers = \"require-authority\"\nnumber_authority_file = \"records.csv\"\n";
    house.start("", &settings).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_is_a_providers_if_the_records_say_so() {
    let house = House::new();
    let signer = house.lab.provider("1234");
    let repository = Repository::start(serving(&signer, Vec::new())).await;
    let called = Party::at(1).await;
    let switch = asking(
        &house,
        "1234,12025550100-12025550199\n",
        &called,
        &repository,
    )
    .await;
    let calls = Calls::at(&house, &switch, &called, &repository);
    calls.pass("records-1", &signer).await;
    // Ported to somebody else; then nobody knows it.
    for (call_id, records, fault) in [
        (
            "records-2",
            "1234,12025550100-12025550199\n5678,12025550100\n",
            "not-covered",
        ),
        (
            "records-3",
            "1234,12025550150-12025550199\n",
            "number-authority-unknown",
        ),
    ] {
        house.write("records.csv", format!("{HEAD}{records}"));
        let outcome = switch.reload().await;
        assert!(matches!(*outcome, Outcome::Done(_)), "{outcome:?}");
        calls.fail(call_id, &signer, fault).await;
    }
    // What cannot be read changes nothing.
    house.write("records.csv", "1234,12025550100\n");
    let outcome = switch.reload().await;
    let Outcome::Refused(mistakes) = &*outcome else {
        panic!("{outcome:?}")
    };
    let told = mistakes[0].to_string();
    assert!(
        told.contains("verification.number_authority_file"),
        "{told}"
    );
    assert!(
        told.contains("line 1: the first line says when all of it was true"),
        "{told}"
    );
    calls
        .fail("records-4", &signer, "number-authority-unknown")
        .await;
    switch.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_that_are_too_old_prove_nothing() {
    let house = House::new();
    let signer = house.lab.provider("1234");
    let repository = Repository::start(serving(&signer, Vec::new())).await;
    let called = Party::at(1).await;
    let switch = asking(
        &house,
        "1234,12025550100-12025550199\n",
        &called,
        &repository,
    )
    .await;
    let calls = Calls::at(&house, &switch, &called, &repository);
    calls.pass("too-old-1", &signer).await;
    let as_of = switch.metrics.trust.number_authority.get([]).unwrap();
    let age = house.clock.now().unix.as_secs() - as_of;
    assert!((0..600).contains(&age), "{age}");
    house.clock.advance(2 * 86_400 + 60);
    calls
        .fail("too-old-2", &signer, "number-authority-stale")
        .await;
    switch.stop().await;
}
