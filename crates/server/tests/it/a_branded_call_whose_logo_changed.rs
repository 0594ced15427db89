//! A branded call whose logo was changed on the web since it was signed.
//!
//! ```text
//!                     ┌────────── brand.example/logo.png ◄───────┐
//!                     │ 1: made, once       2: changed           │ 3: fetched while the call waits
//!     SIPp ──► serve, signs rcd, rcdi ──► serve, verifies and shows what is proven ──► SIPp
//! ```
//!
//! This test verifies that a called side is shown the name, the reason and the picture of a caller that were signed; that a picture which
//! is another one by now is not shown, while the rest is; and that what the caller itself says in Call-Info never gets there.

use crate::fetch_resources::{PNG, drawn, served};
use crate::peers::{Called, Caller, Sipp, Workspace};
use crate::provider::{Provider, udp};
use crate::repository::{Pki, Reaction, Repository};

const SHOWN_BY_CALLER: &str = "<https://evil.example/logo.png>;purpose=icon";

/// One call: the INVITE that the called side gets. `between` happens after the brand was made.
fn called_side(web: &Repository, between: impl FnOnce()) -> (String, Vec<String>, String) {
    let provider = Provider::new();
    let folder = Workspace::new("brand");
    let root = folder.write("web.pem", Pki::get().read("root.pem"));
    let exception = format!(
        "[[fetch.exceptions]]\norigin = \"{}\"\naddresses = [\"127.0.0.1\"]\nweb_ca_file = {root:?}\n",
        web.origin()
    );
    let brand = format!(
        "[[brands]]\nname = \"q\"\ntenant = \"provider\"\nnumbers = [\"12025550100\"]\ncaller_name = \"Q Branch\"\n\
         icon = \"{}/logo.png\"\nreasons = [\"For your ears only\"]\n",
        web.origin()
    );
    let called = Sipp::called(Called::Answers);
    let mut verifies = provider
        .is_verified(&udp(called.address()))
        .settings(&exception)
        .environment("COUNTERSIGN_VERIFICATION__RICH_FETCH", "shown")
        .start();
    let mut signs = provider
        .signs(&udp(verifies.sip()))
        .settings(&format!("{brand}{exception}"))
        .start();
    signs.until_metric("countersign_brands_ready", 1);
    between();

    Sipp::call(Caller::Answered, signs.sip())
        .header("Call-Info", SHOWN_BY_CALLER)
        .place();

    let called = called.finish();
    let invite = called.invite();
    assert_eq!(invite.verstat(), "TN-Validation-Passed");
    assert_eq!(signs.call()["attest"], "A");
    assert_eq!(verifies.call()["verdict"], "passed");
    let info = invite.headers("Call-Info").into_iter();
    (
        invite.header("From").to_owned(),
        info.map(str::to_owned).collect(),
        format!("{}/logo.png", web.origin()),
    )
}

const REST: [&str; 2] = [
    "<data:>;purpose=jcard;call-reason=\"For your ears only\";verified=\"true\"",
    "<data:>;purpose=jcard;verified=\"true\"",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_signed_is_shown() {
    let logo = drawn(64, 1);
    let web = Repository::saying(served(PNG, &logo, "")).await;
    let (from, info, url) = tokio::task::block_in_place(|| called_side(&web, || {}));
    assert!(from.starts_with("\"Q Branch\" <sip:"), "{from}");
    assert_eq!(info.len(), 3, "{info:?}");
    let icon = format!("<{url}>;purpose=icon;verified=\"true\";integrity=\"sha256-");
    assert!(info[0].starts_with(&icon), "{info:?}");
    assert_eq!(info[1..], REST);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_logo_is_not() {
    let web = Repository::saying(served(PNG, &drawn(64, 1), "")).await;
    let change = || {
        let other = served(PNG, &drawn(64, 2), "");
        web.change(move |_| Reaction::Bytes(other.clone()));
    };
    let (from, info, _) = tokio::task::block_in_place(|| called_side(&web, change));
    assert!(from.starts_with("\"Q Branch\" <sip:"), "{from}");
    assert_eq!(info, REST);
}
