//! A diversion with its original inside, in an INVITE.
//!
//! ```text
//!   INVITE 110, To 101, Identity: div-o (101 → 110; opt: shaken, 100 → 101) ──► Switch, verifies ──► the same, verstat
//! ```
//!
//! RFC 8946 §5 does not expect it there, and whoever gets one all the same judges it. These tests verify that it is judged with what is
//! inside, as a chain of headers is, and leaves byte for byte as it came.

use crate::passports::{flipped, number};
use crate::repository::Repository;
use crate::switch::{CALL, Heard, House, Invite, Party, fetching_from, line_of, trunk};
use countersign::identity::Dest;
use countersign::passport::{Claims, Div, DivO, Extension, HeaderCache, Passport};

const FORWARDED: &str = "12025550110";

/// The value of the header: diverted by our provider, with this Identity inside.
fn div_o(house: &House, x5u: &str, inside: &str) -> String {
    let (opt, _) = inside.split_once(';').unwrap();
    let claims = Claims {
        orig: number(CALL.0),
        dest: Dest::one(number(FORWARDED)),
        iat: house.identity_time(),
        extension: Extension::DivO(Box::new(DivO {
            div: Div::new(number(CALL.1), None),
            opt: opt.into(),
        })),
        rich: None,
        media_keys: None,
        staple: None,
    };
    let headers = HeaderCache::new(x5u).unwrap();
    let key = &*house.signer.key;
    let signed = Passport::new(claims).unwrap().sign(&headers, key).unwrap();
    format!("{};info=<{x5u}>;alg=ES256;ppt=div-o", signed.token())
}

/// What the called side hears of a call to `called`, whose original is made by `change`; and the header that it had.
async fn heard(id: &str, to: &str, change: fn(&str) -> String) -> (Heard, String) {
    let house = House::new();
    let repository = Repository::saying(house.chain()).await;
    let (caller, called) = (Party::at(2).await, Party::at(3).await);
    let rest = "[verification]\ndeadline_ms = 30000\n";
    let trunk = trunk(2, "verify", &called, "");
    let settings = format!("{trunk}{rest}{}", fetching_from(&repository));
    let switch = house.start("", &settings).await;
    let x5u = format!("{}/p.pem", repository.origin());
    let identity = div_o(&house, &x5u, &change(&house.identity(&x5u)));
    let call = Invite::new(id).header("Identity", &identity);
    let call = call.uri(&format!("sip:{to}@b.example"));
    let heard = caller.calls(&call, &switch, &called).await;
    switch.stop().await;
    (heard, identity)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_judged_with_what_is_inside_and_carried_as_it_came() {
    let (heard, identity) = heard("div-o-whole", FORWARDED, str::to_owned).await;
    assert_eq!(heard.verstat(), Some("TN-Validation-Passed"));
    assert_eq!(heard.values("Identity"), [&*identity]);
    let line = line_of("div-o-whole").await;
    assert_eq!(
        (&line["verdict"], &line["attest"]),
        (&"passed".into(), &"A".into())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_worth_no_more_than_what_is_inside() {
    let (altered, identity) = heard("div-o-altered", FORWARDED, flipped).await;
    assert_eq!(altered.verstat(), Some("TN-Validation-Failed"));
    assert_eq!(altered.values("Identity"), [&*identity]);
    let (elsewhere, _) = heard("div-o-elsewhere", "12025550111", str::to_owned).await;
    assert_eq!(elsewhere.verstat(), Some("No-TN-Validation"));
    let line = line_of("div-o-elsewhere").await;
    assert_eq!(
        (&line["verdict"], &line["fault"]),
        (&"failed".into(), &"chain-broken".into())
    );
}
