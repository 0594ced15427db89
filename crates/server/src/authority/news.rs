//! What is said in the log of what was kept: certificates that come, and those that go, whoever has asked for it in which process.

use countersign::certificate::Certificate;
use countersign_ca::ledger::{Event, Ledger};
use countersign_ca::register::{self, CertificateName};
use tracing::info;

/// Says what these events have made true in `ledger`.
pub(super) fn tell(ledger: &Ledger, events: &[Event]) {
    for event in events {
        let Event::Certificate(event) = event else {
            continue;
        };
        match event {
            register::Event::ApprovalAsked(asked) => {
                info!(approval = %asked.id, by = %asked.by, "a second person has to approve a certificate");
            }
            register::Event::ApprovalGiven(given) => {
                info!(approval = %given.id, by = %given.by, "a certificate was approved");
            }
            register::Event::Issued(issued) => {
                let certificate = Certificate::parse(issued.certificate.as_bytes());
                let subject = certificate.map(|one| one.subject().to_string());
                let subject = subject.unwrap_or_default();
                let (serial, by) = (&issued.name.serial, by(ledger, &issued.name));
                info!(%serial, subject, by, "a certificate was issued");
            }
            register::Event::Revoked(revoked) => {
                let (serial, reason) = (&revoked.name.serial, revoked.reason);
                info!(%serial, %reason, by = %revoked.by, "a certificate was revoked");
            }
            register::Event::Abandoned(_)
            | register::Event::CrlNumbered(_)
            | register::Event::KeyBlocked(_)
            | register::Event::Prepared(_) => {}
        }
    }
}

/// Who has asked for a certificate: the account of its order, or who did it by hand.
fn by(ledger: &Ledger, name: &CertificateName) -> String {
    let order = ledger.acme.order_of_certificate(name);
    let account = order.map(|order| format!("ACME account {}", order.asked.account));
    let by_hand = || ledger.register.find(name)?.by.as_deref().map(str::to_owned);
    account.or_else(by_hand).unwrap_or_default()
}
