//! What is asked of a repository: its URL, its answer, and what stands in the file that it serves. One rule, one file.
//!
//! The names are of the same style as the public lints of certificates: `e_` for what verifiers refuse or documents forbid,
//! `w_` for what they put up with. Rules about URLs are asked of URLs only, rules about contents of files, too, as far as a file
//! is meant to be served: a private key beside certificates, a chain that is out of order.

mod cache_control;
mod chain_order;
mod contents;
mod media_type;
mod private_key;
mod redirect;
mod status;
mod url_character;
mod url_fragment;
mod url_host;
mod url_length;
mod url_path_parameters;
mod url_port;
mod url_query;
mod url_scheme;
mod url_userinfo;

use super::super::pieces::{self, Piece};
use crate::fetch::Visit;
use countersign::certificate::lint::{Finding, Severity};
use countersign::certificate::repository_url::{RepositoryUrl, UrlFault};
use countersign::certificate::{Certificate, DistinguishedName};

/// ATIS-1000074: what verifiers do with an x5u. Its text is not public; public verifiers and lints cite it.
const ATIS_1000074: &str = "ATIS-1000074";

/// Every rule, by name.
pub(super) static RULES: &[Rule] = &[
    chain_order::RULE,
    contents::RULE,
    media_type::RULE,
    private_key::RULE,
    redirect::RULE,
    status::RULE,
    url_character::RULE,
    url_fragment::RULE,
    url_host::RULE,
    url_path_parameters::RULE,
    url_port::RULE,
    url_query::RULE,
    url_scheme::RULE,
    url_userinfo::RULE,
    cache_control::RULE,
    url_length::RULE,
];

/// One rule.
pub(super) struct Rule {
    /// `e_repository_…` or `w_repository_…`.
    pub(super) name: &'static str,
    /// The document it comes from.
    pub(super) document: &'static str,
    /// Where in that document.
    pub(super) clause: &'static str,
    /// What it asks, in a sentence: `docs/repository-lints.md` lists them for people.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "for the page, which a test compares")
    )]
    meaning: &'static str,
    /// How it is broken, if it is.
    check: fn(&Offer<'_>) -> Option<String>,
}

/// What is offered to whoever follows an x5u, or a file that may be.
pub(super) struct Offer<'a> {
    /// Where, if it is a URL.
    pub(super) url: Option<&'a str>,
    /// What the repository answered, if it did.
    pub(super) visit: Option<&'a Visit>,
    /// What stands in the file or in the answer.
    pub(super) contents: &'a Contents,
}

impl Offer<'_> {
    /// That the URL breaks this rule first.
    fn breaks(&self, fault: UrlFault) -> Option<String> {
        let found = RepositoryUrl::judge(self.url?, &[]).err()?;
        (found == fault).then(|| fault.to_string())
    }
}

/// What stands in a file, as far as rules look at it.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// Whether it is DER; else PEM, or nothing.
    is_der: bool,
    has_private_key: bool,
    /// Labels of what is neither a certificate nor a key; a certificate that cannot be read counts as one.
    strangers: Vec<String>,
    links: Vec<Link>,
    unreadable: usize,
}

/// A certificate as a link of a chain.
#[derive(Debug)]
struct Link {
    subject: DistinguishedName,
    issuer: DistinguishedName,
    is_ca: bool,
}

impl Contents {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut contents = Self {
            is_der: pieces::is_der(bytes),
            ..Self::default()
        };
        for piece in pieces::pieces(bytes) {
            match piece {
                Piece::BrokenPem => contents.unreadable += 1,
                Piece::Other(label) => contents.strangers.push(label.to_owned()),
                Piece::PrivateKey => contents.has_private_key = true,
                Piece::Certificate(der) => match Certificate::parse(der.bytes()) {
                    Ok(certificate) => contents.links.push(Link::of(&certificate)),
                    Err(_) => contents.unreadable += 1,
                },
            }
        }
        contents
    }

    /// Certificates, good or bad.
    pub(super) fn certificates(&self) -> usize {
        self.links.len() + self.unreadable
    }
}

impl Link {
    fn of(certificate: &Certificate) -> Self {
        Self {
            subject: certificate.subject().clone(),
            issuer: certificate.issuer().clone(),
            is_ca: certificate.is_ca(),
        }
    }
}

/// Asks every rule.
pub(super) fn run(offer: &Offer<'_>) -> Vec<Finding> {
    let findings = RULES.iter().filter_map(|rule| {
        Some(Finding {
            name: rule.name,
            severity: match rule.name.starts_with("w_") {
                true => Severity::Warning,
                false => Severity::Error,
            },
            detail: (rule.check)(offer)?,
        })
    });
    findings.collect()
}

#[cfg(test)]
mod tests;
