//! Rich call data: what is shown of a caller, and what is not.
//!
//! ```text
//!    Alice's provider ── Identity: shaken, rcd ──► Bob's provider ──► Bob's phone: name, picture, card, reason
//!          │                                          │   what was proven, and nothing else
//!          └── https://brand.example/… ◄──── needs ───┘
//!    Zorin Industries ── Identity: rcd, iss ─────►    only beside a first-party PASSporT, only if it is on the list
//! ```
//!
//! This test verifies that digests decide about content and never about the call, that what refers elsewhere is fetched only to be shown
//! and no deeper than once, and that nobody speaks of a caller that is not proven.

mod constrained;
mod elsewhere;
mod in_the_claims;
mod third_parties;
mod traps;

use countersign::jose::json::parse_str;
use countersign::passport::Presented;
use countersign::passport::rcd::digest::{Algorithm, Digest};
use countersign::verification::policy::RichFetch;
use countersign::verification::{
    Consequences, Content, PassportReport, ProvenCaller, Report, RichReport,
};
use countersign_testkit::scene::{Forgery, Scene, call};

/// A picture, as far as anybody here looks.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and the rest";
const ICON: &str = "https://brand.example/q-256x256.png";
const CARD: &str = "https://brand.example/qbranch.json";
const PHOTO: &str = "https://brand.example/photo.png";
const LOGO: &str = "https://brand.example/logo.jpg";

/// A scene in which what is referred to is fetched.
fn showing() -> Scene {
    Scene::new().with_policy(|policy| policy.rich.fetch = RichFetch::Shown)
}

/// A token of rich call data with these claims beside those of the call.
fn rcd(claims: &str) -> Forgery {
    let forgery = Forgery::new().header(r#""shaken""#, r#""rcd""#);
    let attest = Forgery::payload(forgery, r#""attest":"A","#, "");
    let origid = format!(r#","origid":"{}""#, countersign_testkit::scene::ORIGID);
    attest.payload(&format!("{origid}}}"), &format!(",{claims}}}"))
}

/// A `shaken` token with these claims beside its own.
fn shaken_and(claims: &str) -> Forgery {
    Forgery::new().payload(r#""origid":"#, &format!(r#"{claims},"origid":"#))
}

/// The token between its parameters.
fn presented(scene: &Scene, forgery: &Forgery) -> Presented {
    let ppt = match forgery.header.contains(r#""rcd""#) {
        true => "rcd",
        false => "shaken",
    };
    Presented {
        ppt: Some(ppt.into()),
        ..scene.forge(forgery)
    }
}

fn verify(scene: &Scene, forgery: &Forgery) -> Report {
    scene.verify(&call(), presented(scene, forgery))
}

/// What the report of the only PASSporT knows.
fn known(report: &Report) -> &RichReport {
    let passport: &PassportReport = &report.passports[0];
    passport.rich.as_deref().unwrap()
}

fn entry(report: &Report, pointer: &str) -> Content {
    let mut entries = known(report).entries.iter();
    let found = entries.find(|entry| *entry.pointer == *pointer);
    found.unwrap().content
}

/// What may be shown.
fn shown(report: &Report) -> Option<ProvenCaller> {
    let consequences: Consequences = *report.consequences()?;
    consequences.caller.map(|caller| *caller)
}

fn sha256(content: &[u8]) -> String {
    Digest::of(Algorithm::Sha256, content).to_string()
}

/// The digest of some JSON, whatever its white space.
fn json_digest(text: &str) -> String {
    Digest::of_json(Algorithm::Sha256, &parse_str(text).unwrap().value).to_string()
}

/// A card with these properties behind its name.
fn card(properties: &[&str]) -> String {
    let mut text =
        r#"["vcard",[["version",{},"text","4.0"],["fn",{},"text","Q Branch"]"#.to_owned();
    for property in properties {
        text.push(',');
        text.push_str(property);
    }
    text + "]]"
}

/// The card of RFC 9795 §6.1.3, with a photo and a logo elsewhere.
fn q_branch() -> String {
    let photo = format!(r#"["photo",{{}},"uri","{PHOTO}"]"#);
    let logo = format!(r#"["logo",{{}},"uri","{LOGO}"]"#);
    card(&[&photo, &logo])
}
