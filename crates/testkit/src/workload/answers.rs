//! Answers of a responder of OCSP: signed fresh, one for each question, with the number that was asked about.

use crate::lab::{Lab, NOW, numbers};
use countersign::certificate::ocsp::{Asked, CertId, HashForm, OcspRequest};
use countersign::certificate::{CertificateChain, TnAuthList};
use countersign::number::TelephoneNumber;
use countersign_ca::ocsp::{Responder, Status, Statuses};

/// Seconds for which an answer counts.
const LIFETIME: u32 = 3_600;
/// The first of the numbers that are asked about.
const FIRST: u64 = 12_025_550_100;
/// How many there are.
const COUNT: u64 = 50;

/// A responder, and the questions that it is asked.
pub struct Answers {
    responder: Responder,
    known: Known,
    questions: Vec<Vec<u8>>,
}

/// What the authority knows: everything is good, for the numbers of the list.
struct Known(TnAuthList);

impl Statuses for Known {
    fn status(&self, _: &[u8]) -> Status {
        Status::Good
    }

    fn speaks_for(&self, _: &[u8], number: TelephoneNumber) -> bool {
        self.0.authorizes(number)
    }
}

#[allow(
    clippy::expect_used,
    reason = "a measurement that cannot be set up has nothing to measure"
)]
impl Answers {
    /// Makes certificate and questions.
    pub fn new() -> Self {
        let lab = Lab::new();
        let chain: CertificateChain = lab.numbers(&FIRST.to_string(), COUNT).chain;
        let issuing = lab.intermediate();
        let issuer = issuing.certificate().clone();
        let question = |number: u64| {
            let certificate = CertId::of(HashForm::Sha256Cut, chain.end_entity(), &issuer);
            let asked = vec![Asked {
                certificate: certificate.expect("a key of P-256"),
                number: Some(number.to_string().parse().expect("a number")),
            }];
            OcspRequest { asked, nonce: None }.to_der()
        };
        let list = TnAuthList::new(vec![numbers(&FIRST.to_string(), COUNT)]);
        Self {
            questions: (FIRST..FIRST + COUNT).map(question).collect(),
            known: Known(list.expect("list")),
            responder: Responder::of_issuer(issuer.clone(), issuing.shared_key(), LIFETIME)
                .expect("responder"),
        }
    }

    /// Reads a question and signs the answer.
    pub fn answer(&self, index: usize) -> Vec<u8> {
        let question = self.questions.get(index % self.questions.len());
        let question = question.map(Vec::as_slice).unwrap_or_default();
        self.responder.answer(question, &self.known, NOW)
    }
}

impl Default for Answers {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign::certificate::ocsp::{CertStatus, OcspResponse};

    /// This test verifies that what is measured is what it is called: good, and the number of the question.
    #[test]
    fn the_work_is_what_it_is_called() {
        let answers = Answers::new();
        for index in [0, 7, 49, 50] {
            let response = OcspResponse::parse(&answers.answer(index));
            let Ok(OcspResponse::Answered(answer)) = response else {
                panic!("an answer");
            };
            assert_eq!(answer.singles[0].status, CertStatus::Good);
            let number = (FIRST + index as u64 % COUNT).to_string();
            assert_eq!(answer.singles[0].number, Some(number.parse().unwrap()));
        }
    }
}
