//! Calls, responses and web pages that were made to hurt, against a running server.
//!
//! ```text
//!   INVITE, Identity × 100 ──► trunk that verifies ──► INVITE            no fetch, one Reason
//!   180, Reason: STIR;ppi="forged" ──► trunk that signs ──► 180          nobody's, and the signer's own is still taken out
//!   logo.png, 10 MB ──► who fetches pictures                             not read to its end
//! ```

use crate::fetch_resources::{PNG, drawn};
use crate::repository::{Bench, Repository};
use crate::switch::{Heard, House, Invite, Party, TENANT, fetching_from, line_of, trunk};
use countersign::verification::{Refresh, Unavailable};

const TEN_MEGABYTES: usize = 10 * 1024 * 1024;

/// The next response that is no 100.
async fn more_than_trying(caller: &Party) -> Heard {
    loop {
        let heard = caller.hears().await;
        if heard.status() != Some(100) {
            return heard;
        }
    }
}

/// This test verifies that a call with a hundred Identity headers goes on, as one of which nothing is known, and buys no fetch.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_identity_headers_are_one_error() {
    let house = House::new();
    let web = Repository::saying(house.chain()).await;
    let (caller, called) = (Party::at(2).await, Party::at(3).await);
    let settings = trunk(2, "verify", &called, "") + &fetching_from(&web);
    let switch = house.start("", &settings).await;
    let identity = house.identity(&format!("{}/chain.pem", web.origin()));
    let call = |id: &str, count: usize| {
        let call = Invite::new(id);
        (0..count).fold(call, |call, _| call.header("Identity", &identity))
    };

    let hundred = call("hundred-headers", 100).text(&caller);
    caller.says(hundred, switch.udp).await;
    let heard = called.hears().await;
    assert_eq!(heard.verstat(), Some("No-TN-Validation"));
    assert_eq!(heard.values("Identity").len(), 100, "nothing is taken away");
    called.answers(&heard, "180 Ringing").await;
    let ringing = more_than_trying(&caller).await;
    assert_eq!(
        ringing.values("Reason"),
        ["STIR;cause=438;text=\"Invalid Identity Header\""]
    );
    assert_eq!(web.requests(), 0);
    called.answers(&heard, "200 OK").await;
    assert_eq!(caller.hears_final().await.status(), Some(200));
    let line = line_of("hundred-headers").await;
    assert_eq!(line["fault"], "too-many-identity-headers", "{line}");

    let heard = caller
        .calls(&call("eight-headers", 8), &switch, &called)
        .await;
    assert_eq!(heard.verstat(), Some("TN-Validation-Passed"));
    assert_eq!(web.requests(), 1);
    switch.stop().await;
}

/// This test verifies that nobody's report but that of the own PASSporT is taken for one of it, on the wire.
#[tokio::test]
async fn forged_reports_are_nobodys() {
    let house = House::new();
    let (caller, called) = (Party::at(2).await, Party::at(3).await);
    let settings = trunk(2, "sign", &called, "tenant = \"provider\"\n") + TENANT;
    let switch = house.start("", &settings).await;
    let invite = Invite::new("forged-reports");
    caller.says(invite.text(&caller), switch.udp).await;
    let heard = called.hears().await;
    let own = heard.values("Identity")[0].split(';').next().unwrap();
    let (signed, signature) = own.rsplit_once('.').unwrap();
    let forged = [
        // Somebody else's; ours with other claims around another signature; ours cut, doubled, and as no token at all.
        "STIR;cause=438;ppi=\"..Zm9yZWlnbg\"".to_owned(),
        format!("STIR;cause=438;ppi=\"{signed}.Zm9yZWlnbg\""),
        format!("STIR;cause=438;ppi=\"..{}\"", &signature[..80]),
        format!("STIR;cause=438;ppi=\"..{signature}{signature}\""),
        format!("STIR;cause=438;ppi=\"{signature}\""),
    ];
    let lines: Vec<_> = forged.iter().map(|one| format!("Reason: {one}")).collect();
    let lines = lines.join("\r\n");
    let told = format!("180 Ringing\r\n{lines}\r\nReason: STIR;cause=403;ppi=\"..{signature}\"");
    called.answers(&heard, &told).await;
    let ringing = more_than_trying(&caller).await;
    assert_eq!(ringing.values("Reason"), forged);
    let noted = |about: &str, code: &str| {
        let page = switch.metrics.render();
        let series = format!("about=\"{about}\",code=\"{code}\"}} ");
        let count = page
            .split(&series)
            .nth(1)
            .map(|rest| rest.lines().next().unwrap().to_owned());
        count.unwrap_or_default()
    };
    assert_eq!(noted("ours", "403"), "1");
    assert_eq!(noted("ours", "438"), "", "none of the forged ones");
    called.answers(&heard, "486 Busy Here").await;
    assert_eq!(caller.hears_final().await.status(), Some(486));
    switch.stop().await;
}

/// The head of an answer with a picture, and these lines.
fn picture(lines: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Type: {PNG}\r\n{lines}\r\n").into_bytes()
}

/// This test verifies that ten megabytes of logo are no picture, whether their length is told or not, and however they begin.
#[tokio::test]
async fn ten_megabytes_of_logo_are_not_read_to_their_end() {
    let filler = vec![0; TEN_MEGABYTES];
    let announced = picture(&format!("Content-Length: {TEN_MEGABYTES}\r\n"));
    let chunked = picture("Transfer-Encoding: chunked\r\n");
    let chunk = [b"10000\r\n", vec![0; 65_536].as_slice(), b"\r\n"].concat();
    let chunks = [chunk.repeat(TEN_MEGABYTES / 65_536), b"0\r\n\r\n".to_vec()].concat();
    for answer in [
        [announced, filler.clone()].concat(),
        [picture(""), filler.clone()].concat(),
        [picture(""), drawn(64, 1), filler].concat(),
        [chunked, chunks].concat(),
    ] {
        let web = Repository::saying(answer).await;
        let bench = Bench::reaching(&[&web]);
        let pictures = bench.fetcher.for_pictures();
        let outcome = pictures.fetch(&web.url("/logo.png"), Refresh::No).await;
        assert_eq!(outcome.unwrap_err(), Unavailable::TooLarge);
    }
}
