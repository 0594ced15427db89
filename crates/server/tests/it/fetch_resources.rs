//! What rich call data refers to: jCards and pictures, fetched as certificates are, and only as what they are.
//!
//! ```text
//!   PASSporT ── rcd ─┬─ icn ──► https://brand.example/logo.png    image/png or image/jpeg, decoded once, never shown as it came
//!                    └─ jcl ──► https://brand.example/card.json   application/json
//! ```

use crate::repository::{Bench, Reaction, Repository};
use countersign::verification::{Refresh, ResourceKind, Source, Unavailable};
use countersign_server::clock::Clock;
use countersign_server::fetch::Cached;

pub(crate) const PNG: &str = "image/png";

pub(crate) fn drawn(edge: u32, grey: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, edge, edge);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().unwrap();
    let pixels = vec![grey; (edge * edge) as usize];
    writer.write_image_data(&pixels).unwrap();
    writer.finish().unwrap();
    bytes
}

pub(crate) fn served(media_type: &str, bytes: &[u8], lines: &str) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\n{lines}\r\n",
        bytes.len()
    );
    [head.as_bytes(), bytes].concat()
}

#[tokio::test]
async fn a_logo_is_fetched_once_and_asked_for_again_within_the_hour() {
    let logo = drawn(64, 1);
    let answer = served(PNG, &logo, "Cache-Control: max-age=900000\r\n");
    let repository = Repository::saying(answer).await;
    let bench = Bench::reaching(&[&repository]);
    let (pictures, url) = (bench.fetcher.for_pictures(), repository.url("/logo.png"));
    let (first, second) = tokio::join!(
        pictures.fetch(&url, Refresh::No),
        pictures.fetch(&url, Refresh::No)
    );
    let first = first.unwrap().item;
    assert_eq!((&*first.0.media_type, &*first.0.bytes), (PNG, &*logo));
    assert_eq!(second.unwrap().item.0.bytes, first.0.bytes);
    assert_eq!(repository.requests(), 1, "one flight for both");
    let other = drawn(64, 2);
    repository.change(move |_| Reaction::Bytes(served(PNG, &other, "Cache-Control: no-store\r\n")));
    bench.clock.advance(3_599);
    let kept = pictures.fetch(&url, Refresh::No).await.unwrap();
    assert_eq!((&*kept.item.0.bytes, kept.source), (&*logo, Source::Cache));
    bench.clock.advance(1);
    let new = pictures.fetch(&url, Refresh::No).await.unwrap();
    assert_eq!(&*new.item.0.bytes, &*drawn(64, 2));
    bench.clock.advance(59);
    let known = pictures.peek(&url, bench.clock.now());
    assert!(matches!(known, Some(Cached::Fresh(_))));
    assert_eq!(bench.metrics.resource_fetches.count(["ok"]), 2);
    assert!(bench.fetcher.is_empty(), "kept apart from chains");
}

#[tokio::test]
async fn what_lies_about_itself_is_no_picture() {
    let logo = drawn(64, 1);
    let huge = vec![0; ResourceKind::Picture.limit() + 1];
    let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>";
    for (answer, why) in [
        (served("image/jpeg", &logo, ""), Unavailable::BadPicture),
        (served("image/svg+xml", svg, ""), Unavailable::MediaType),
        (served(PNG, svg, ""), Unavailable::BadPicture),
        (served("text/html", &logo, ""), Unavailable::MediaType),
        (served("", &logo, ""), Unavailable::MediaType),
        (served(PNG, &huge, ""), Unavailable::TooLarge),
        (served(PNG, &drawn(1_025, 1), ""), Unavailable::BadPicture),
        (
            served(PNG, &logo[..logo.len() - 20], ""),
            Unavailable::BadPicture,
        ),
        (
            b"HTTP/1.1 302 Found\r\nLocation: /other.png\r\nContent-Length: 0\r\n\r\n".to_vec(),
            Unavailable::Redirect,
        ),
        (
            b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec(),
            Unavailable::BadStatus(404),
        ),
    ] {
        let repository = Repository::saying(answer).await;
        let bench = Bench::reaching(&[&repository]);
        let pictures = bench.fetcher.for_pictures();
        let outcome = pictures.fetch(&repository.url("/logo.png"), Refresh::No);
        assert_eq!(outcome.await.unwrap_err(), why);
    }
    let bench = Bench::reaching(&[]);
    for url in [
        "https://127.0.0.1/logo.png",
        "https://169.254.169.254/logo.png",
    ] {
        let outcome = bench.fetcher.for_pictures().fetch(url, Refresh::No).await;
        assert_eq!(outcome.unwrap_err(), Unavailable::ForbiddenAddress);
    }
    let plain = bench
        .fetcher
        .for_pictures()
        .fetch("http://brand.example/logo.png", Refresh::No);
    assert_eq!(plain.await.unwrap_err(), Unavailable::BadUrl);
}

#[tokio::test]
async fn a_card_is_json() {
    let card = br#"["vcard",[["version",{},"text","4.0"],["fn",{},"text","Q Branch"]]]"#;
    for (media_type, bytes, expected) in [
        ("application/json", card.as_slice(), Ok(())),
        ("Application/JSON; charset=utf-8", card, Ok(())),
        ("text/plain", card, Err(Unavailable::MediaType)),
        (
            "application/json",
            b"[\"\xff\"]",
            Err(Unavailable::MediaType),
        ),
    ] {
        let repository = Repository::saying(served(media_type, bytes, "")).await;
        let bench = Bench::reaching(&[&repository]);
        let cards = bench.fetcher.for_cards();
        let outcome = cards
            .fetch(&repository.url("/card.json"), Refresh::No)
            .await;
        let outcome = outcome.map(|card| assert_eq!(&*card.item.0.bytes, bytes));
        assert_eq!(outcome, expected);
    }
}
