//! Rich call data in compact form, with the card that the call itself shows.
//!
//! ```text
//!   INVITE, From "Q Branch", Call-Info: <data:application/json,card>, Identity: ..signature ──► Switch, verifies ──► called
//! ```
//!
//! RFC 9795 §12.2. These tests verify that the card is read out of Call-Info and proven with the signature, and that one that was
//! changed on the way is not shown, and the call is told as failed.

use crate::passports::number;
use crate::repository::Repository;
use crate::switch::{CALL, Heard, House, Invite, Party, fetching_from, trunk};
use countersign::identity::Dest;
use countersign::passport::{
    Card, Claims, Extension, HeaderCache, Passport, RichCallData, RichClaims,
};
use countersign_sip::header::sip_date_text;

/// The card, and as it stands in a URL.
const CARD: &str = r#"["vcard",[["version",{},"text","4.0"],["fn",{},"text","Q"]]]"#;
const ESCAPED: &str = "%5B%22vcard%22%2C%5B%5B%22version%22%2C%7B%7D%2C%22text%22%2C%224.0%22%5D%2C%5B%22fn%22%2C%7B%7D%2C%22text%22%2C%22Q%22%5D%5D%5D";

/// What the called side hears of a call that was signed with the card and shows this one.
async fn heard(id: &str, shown: &str) -> Heard {
    let house = House::new();
    let repository = Repository::saying(house.chain()).await;
    let (caller, called) = (Party::at(2).await, Party::at(3).await);
    let rest = "[verification]\ndeadline_ms = 30000\n";
    let trunk = trunk(2, "verify", &called, "");
    let settings = format!("{trunk}{rest}{}", fetching_from(&repository));
    let switch = house.start("", &settings).await;
    let x5u = format!("{}/p.pem", repository.origin());
    let iat = house.identity_time();
    let card = Card::Inline(CARD.into());
    let claims = Claims {
        orig: number(CALL.0),
        dest: Dest::one(number(CALL.1)),
        iat,
        extension: Extension::Rcd,
        rich: Some(Box::new(RichClaims {
            data: Some(RichCallData::new("Q Branch", None, None, Some(card)).unwrap()),
            ..RichClaims::default()
        })),
        media_keys: None,
        staple: None,
    };
    let headers = HeaderCache::new(&x5u).unwrap();
    let key = &*house.signer.key;
    let signed = Passport::new(claims).unwrap().sign(&headers, key).unwrap();
    let compact = signed.compact().token();
    let call = Invite::new(id)
        .from(&format!("\"Q Branch\" <sip:{}@a.example>", CALL.0))
        .header("Date", &sip_date_text(iat))
        .header(
            "Identity",
            &format!("{compact};info=<{x5u}>;alg=ES256;ppt=rcd"),
        )
        .header(
            "Call-Info",
            &format!("<data:application/json,{shown}>;purpose=jcard"),
        );
    let heard = caller.calls(&call, &switch, &called).await;
    switch.stop().await;
    heard
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_card_that_was_signed_leaves_verified() {
    let heard = heard("compact-card-right", ESCAPED).await;
    assert_eq!(heard.verstat(), Some("TN-Validation-Passed"));
    let card = format!("<data:application/json,{ESCAPED}>;purpose=jcard;verified=\"true\"");
    let shown = heard.values("Call-Info");
    assert!(shown.contains(&&*card), "{shown:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_card_is_a_bad_signature_and_is_not_shown() {
    let another = ESCAPED.replace("Q%22", "R%22");
    let heard = heard("compact-card-wrong", &another).await;
    assert_eq!(heard.verstat(), Some("TN-Validation-Failed"));
    assert!(heard.values("Call-Info").is_empty(), "{}", heard.text);
}
