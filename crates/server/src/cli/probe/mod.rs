//! `countersign probe`: who would answer? Asked without ringing (RFC 9970 §8), and with `--call` held against who then does.
//!
//! The rules of asking are `countersign_sip::inquiry`'s, those of proof `countersign::verification`'s. What lives here is what the command
//! line says about both, the socket ([`line`]), the conversation ([`conversation`]), and how it is told: to people ([`layout`]) and to
//! programs ([`record`]).

mod line;
mod conversation;
mod layout;
mod record;

use self::conversation::{Asked, Bench, Conversation, Heard, hold};
use self::line::{Hop, Line};
use super::Outcome;
use super::console::Console;
use super::sign::{self, keys::KeyArguments};
use super::trouble::Trouble;
use super::trust::{self, TrustFlags};
use super::verify::chains::Chains;
use super::web::{WebFlags, web_roots};
use crate::clock::{Clock, SystemClock};
use crate::files;
use crate::tls::{self, TlsFault, client};
use clap::Args;
use countersign::authentication::{
    AuthenticationService, Credential, Form, Inventory, Origination, Refusal, Unlisted,
};
use countersign::call::{Call, DateHeader, DestSource, OrigSource};
use countersign::crypto::system_random;
use countersign::identity::{Identity, IdentityPolicy, Role};
use countersign::passport::SignedPassport;
use countersign::time::UnixTime;
use countersign::verification::VerificationPolicy;
use countersign::verification::answer::{AnswerPolicy, DivertedAnswer};
use countersign::verification::policy::{Replay, Thoroughness};
use countersign_sip::flow::Transport;
use countersign_sip::inquiry::asker::{Delivery, Purpose, Question, Word};
use countersign_sip::trunk::SentBy;
use rustls::ClientConfig;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Longest wait for the certificates of one answer, in milliseconds.
const DEADLINE_MILLIS: u32 = 10_000;

/// How long a telephone may ring.
const LONGEST_RINGING: Duration = Duration::from_secs(60);

/// Flags of `probe`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  With `countersign up` running here (its verifier on port 5070 answers probes):
    countersign probe sip:+12025550160@127.0.0.1:5070 --from 12025550100
  The same without saying who asks:
    countersign probe sip:+12025550160@127.0.0.1:5070 --anonymous
  And then the call, which is ended as soon as it is answered:
    countersign probe sip:+12025550160@127.0.0.1:5070 --from 12025550100 --call
  With a key of your own, by your provider:
    countersign probe +12025550160 --via udp:sbc.example.net:5060 --from 12025550100 \\
      --key sp.key --certificate sp.pem --x5u https://cert.example.org/sp.pem --trust anchors.pem
  The same over TLS, to a host that proves its name to your anchors and asks for your proof:
    countersign probe +12025550160 --via tls:sbc.example.net:5061 --ca peers.pem --tls-certificate us.pem --tls-key us.key ...
  For a script: one JSON object, and the exit code:
    countersign probe sip:+12025550160@127.0.0.1:5070 --from 12025550100 --json && echo \"it is the right one\"

A probe is an INVITE without media that asks for a reliable answer (RFC 9970 §8). Who knows what it is answers 183 with a \
PASSporT of who was reached, and nobody's telephone rings; if one does, the probe ends at once.

Exit codes: 0 whoever would answer is proven (with --call: and did answer), 1 somebody else, or a proof that is not good, \
3 an answer without proof, 4 a proof that could not be checked, or no answer, 2 wrong use or could not run.")]
pub(super) struct Arguments {
    /// Whom to ask about: a sip: URI, or a number with --via
    #[arg(value_name = "SIP-URI|TN")]
    uri: String,
    /// Who asks: a telephone number, or a sip: URI
    #[arg(long, value_name = "TN", required_unless_present = "anonymous")]
    from: Option<String>,
    /// Do not say who asks: signed as anonymous, of the first domain that the certificate names
    #[arg(long, conflicts_with = "from")]
    anonymous: bool,
    /// Where to send it: udp:HOST:PORT, tcp:HOST:PORT or tls:HOST:PORT [default: where the URI leads]
    #[arg(long, value_name = "TRANSPORT:HOST:PORT")]
    via: Option<String>,
    /// Whom TLS on the way there trusts (PEM), instead of the system's anchors
    #[arg(long, value_name = "FILE")]
    ca: Vec<PathBuf>,
    /// Certificate chain (PEM) that we prove ourselves with to a next hop over TLS that asks
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// Its private key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    /// After a good answer place the call; whoever answers must be proven to be the same, and is hung up on
    #[arg(long)]
    call: bool,
    /// Trust anchors (PEM) for whoever answers [default: the lab's]
    #[arg(long, value_name = "ANCHORS.pem")]
    trust: Vec<PathBuf>,
    /// An answer of whoever the call was diverted to is none
    #[arg(long)]
    undiverted: bool,
    /// How long to wait for an answer
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=300))]
    wait: u64,
    #[command(flatten)]
    keys: KeyArguments,
    #[command(flatten)]
    belief: TrustFlags,
    #[command(flatten)]
    web: WebFlags,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Outcome {
    match probe(arguments, console) {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(refusal)) => {
            let fix = sign::fix(refusal);
            console.error(format_args!("not signed: {refusal}{fix}"));
            Outcome::Unable
        }
        Err(trouble) => {
            console.error(trouble);
            Outcome::Unable
        }
    }
}

fn probe(
    arguments: &Arguments,
    console: &mut Console,
) -> Result<Result<Outcome, Refusal>, Trouble> {
    let clock = SystemClock::start();
    let (uri, hop) = arguments.place()?;
    let service = AuthenticationService::new(
        Arc::new(arguments.keys.signer(console)?),
        Arc::new(Inventory::operator()),
    );
    let domain = arguments.keys.domain_signer()?;
    let domain = domain.map(|signer| {
        AuthenticationService::new(Arc::new(signer), Arc::new(Inventory::operator()))
    });
    let service = service.with_ring(domain);
    let mut bench = arguments.bench(clock)?;
    let mut line = Line::open(&hop, arguments.secure(&hop)?)?;
    let mut asking = Asking {
        arguments,
        service,
        clock,
        uri,
        hop,
        word: |heard: &Heard| match layout::is_proven(&heard.report) {
            true => Word::Enough,
            false => Word::GoOn,
        },
    };
    let probe = match asking.ask(Purpose::Inquiry, &mut line, &mut bench)? {
        Ok(probe) => probe,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let mut outcome = layout::outcome(&probe);
    let mut call = None;
    if arguments.call && outcome == Outcome::Done {
        asking.word = |heard: &Heard| {
            let goes_on = heard.answer.delivery != Delivery::Final
                && (layout::is_proven(&heard.report) || layout::is_absent(&heard.report));
            if goes_on { Word::GoOn } else { Word::Enough }
        };
        match asking.ask(Purpose::Call, &mut line, &mut bench)? {
            Ok(made) => {
                outcome = layout::same(&probe, &made);
                call = Some(made);
            }
            Err(refusal) => return Ok(Err(refusal)),
        }
    }
    if arguments.json {
        console.line(record::Record::of(&asking.uri, &probe, call.as_ref(), outcome).to_json());
    } else {
        layout::print(&asking.uri, &probe, call.as_ref(), outcome, console);
    }
    Ok(Ok(outcome))
}

impl Arguments {
    /// Whom to ask about, and where.
    fn place(&self) -> Result<(String, Hop), Trouble> {
        let not_askable = || Trouble::NotAskable(self.uri.as_str().into());
        let via = self.via.as_deref().map(Hop::read).transpose()?;
        if self.uri.contains(':') {
            let hop = via.or_else(|| Hop::of(&self.uri)).ok_or_else(not_askable)?;
            return Ok((self.uri.clone(), hop));
        }
        let number = IdentityPolicy::default().plan.canonical(&self.uri);
        let (number, hop) = number.ok().zip(via).ok_or_else(not_askable)?;
        Ok((format!("sip:+{number}@{};user=phone", hop.address), hop))
    }

    /// How a connection over TLS is secured, where one is wanted: as those of the server to its next hops.
    fn secure(&self, hop: &Hop) -> Result<Option<Arc<ClientConfig>>, Trouble> {
        if hop.transport != Transport::Tls {
            return Ok(None);
        }
        let files = self.tls_certificate.as_deref().zip(self.tls_key.as_deref());
        let own = files.map(|(certificate, key)| {
            tls::Credential::read(certificate, key).map_err(|fault| match fault {
                TlsFault::Certificate(fault) => Trouble::File(certificate.into(), fault),
                TlsFault::Key(fault) => Trouble::File(key.into(), fault),
            })
        });
        let config = client::config(web_roots(&self.ca)?, own.transpose()?.as_ref());
        config.map(Some).map_err(Trouble::Tls)
    }

    /// Whom to believe, and where certificates are fetched from.
    fn bench(&self, clock: SystemClock) -> Result<Bench, Trouble> {
        let (mut web, mut anchors) = (self.web.clone(), self.trust.clone());
        if let Some(lab) = self.keys.lab().filter(|_| anchors.is_empty()) {
            anchors.push(lab.anchor());
            let x5u = files::read_text(&lab.x5u()).unwrap_or_default();
            web = web.and_lab(x5u.trim(), lab.web_anchor());
        }
        let at = clock.now().unix;
        let trust = self.belief.trust(trust::read_anchors(&anchors)?, at)?;
        Ok(Bench {
            clock,
            chains: Chains::fetched(&web, clock)?,
            trust: Arc::new(trust),
            policy: VerificationPolicy {
                deadline: DEADLINE_MILLIS,
                thoroughness: Thoroughness::EveryCheck,
                port_exceptions: web.port_exceptions()?,
                replay: Replay::Off,
                ..VerificationPolicy::default()
            },
            answers: AnswerPolicy {
                diverted: match self.undiverted {
                    true => DivertedAnswer::Refused,
                    false => DivertedAnswer::Accepted,
                },
            },
        })
    }
}

/// What all INVITEs of one run have in common.
struct Asking<'a> {
    arguments: &'a Arguments,
    service: AuthenticationService,
    clock: SystemClock,
    uri: String,
    hop: Hop,
    word: fn(&Heard) -> Word,
}

/// What is signed for one INVITE.
struct Proof {
    passport: SignedPassport,
    identity: String,
    date: UnixTime,
}

impl Asking<'_> {
    /// Asks once, or calls.
    fn ask(
        &self,
        purpose: Purpose,
        line: &mut Line,
        bench: &mut Bench,
    ) -> Result<Result<Conversation, Refusal>, Trouble> {
        let (from, orig) = self.caller(line)?;
        let bad = || Trouble::NotAskable(self.uri.as_str().into());
        let policy = IdentityPolicy::default();
        let called = Identity::from_uri(&self.uri, Role::Dest, policy).map_err(|_| bad())?;
        let proof = match self.sign(orig, called.clone())? {
            Ok(proof) => proof,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let mut unique = [0; 16];
        system_random(&mut unique).map_err(|_| Trouble::NoRandomness)?;
        let question = Question {
            uri: self.uri.as_str().into(),
            from: from.into(),
            identities: vec![proof.identity.into()],
            date: proof.date,
            next_hop: self.hop.target(),
            sent_by: SentBy::from(line.local()),
            unique,
            purpose,
            patience: match purpose {
                Purpose::Call => LONGEST_RINGING,
                Purpose::Inquiry => Duration::from_secs(self.arguments.wait),
            },
            timing: Default::default(),
        };
        let asked = Asked {
            passport: proof.passport,
            called,
            sent: self.clock.now().unix,
        };
        hold(question, asked, line, bench, self.word).map(Ok)
    }

    /// The URI of From, and whom it names.
    // RFC 8862 §4.2 has an anonymous caller signed for as `anonymous` of a domain that has a certificate: RFC 8224 signs for nobody at
    // anonymous.invalid.
    fn caller(&self, line: &Line) -> Result<(String, Identity), Trouble> {
        let uri = match &self.arguments.from {
            Some(from) if from.contains(':') => from.clone(),
            Some(from) => {
                let number = IdentityPolicy::default().plan.canonical(from);
                let number = number.map_err(|_| Trouble::NotAskable(from.as_str().into()))?;
                format!("sip:+{number}@{};user=phone", SentBy::from(line.local()))
            }
            None => {
                let domain = self.service.domain().ok_or(Trouble::NoDomain)?;
                format!("sip:anonymous@{domain}")
            }
        };
        let orig = Identity::from_uri(&uri, Role::Orig, IdentityPolicy::default());
        let orig = orig.map_err(|_| Trouble::NotAskable(uri.as_str().into()))?;
        Ok((uri, orig))
    }

    fn sign(&self, orig: Identity, called: Identity) -> Result<Result<Proof, Refusal>, Trouble> {
        let is_number = matches!(orig, Identity::Number(_));
        let call = Call {
            orig: Some(orig),
            orig_from: OrigSource::Given,
            dest: vec![(called, DestSource::Given)],
            date: DateHeader::Absent,
            presentation: Default::default(),
            priority: Default::default(),
            media_keys: None,
            reference: None,
        };
        let now = self.clock.now().unix;
        if !is_number {
            let signed = self.service.authenticate_base(&call, Form::Full, now);
            return Ok(signed.map(|signed| Proof {
                passport: signed.passport,
                identity: signed.identity,
                date: signed.add_date.unwrap_or(now),
            }));
        }
        let origination = Origination {
            asked: None,
            credential: Credential::Strong,
            unlisted: Unlisted::Unsigned,
            origid: sign::origid(None)?,
            rich: None,
        };
        let signed = self.service.authenticate(&call, &origination, now);
        Ok(signed.map(|signed| Proof {
            passport: signed.passport,
            identity: signed.identity,
            date: signed.add_date.unwrap_or(now),
        }))
    }
}
