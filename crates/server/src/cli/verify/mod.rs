//! `countersign verify`: every check that can be made of a call's proof, each with its verdict.
//!
//! The rules are those of `countersign::verification`; what lives here is what the command line says about the call
//! ([`super::parties`]), about the call that was answered ([`answered`]) or the message that was stored ([`stored`]), where certificates come from ([`chains`]), and what rich call
//! data refers to ([`resources`]), and how the report is told: to people ([`layout`]) and to
//! programs ([`record`]).

mod answered;
pub(super) mod chains;
mod layout;
mod record;
mod resources;
mod stored;

pub(super) use self::record::{Record, covers};

use self::chains::Chains;
use self::resources::ProofArguments;
use self::stored::Age;
use super::Outcome;
use super::console::Console;
use super::input::{self, Input, shown};
use super::moment::Moment;
use super::parties::{Given, Parties};
use super::trouble::Trouble;
use super::trust::{self, TrustFlags};
use super::web::WebFlags;
use crate::clock::{Clock, SystemClock};
use clap::Args;
use countersign::call::Call;
use countersign::crypto::AwsLc;
use countersign::passport::Presented;
use countersign::path::PathCache;
use countersign::time::Now;
use countersign::trust::Trust;
use countersign::verification::answer::Dialled;
use countersign::verification::policy::{
    InfoRequirement, ProviderNumbersPolicy, Replay, Thoroughness, X5c,
};
use countersign::verification::{
    Archive, Malformed, MemoryReplay, Poll, Report, Resource, Verdict, VerificationPolicy,
    VerificationService,
};
use countersign_sip::message::{Framing, Message};
use countersign_sip::{call, identity_header};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Longest wait for the certificates of one input, in milliseconds: each fetch has two seconds, and nobody's telephone rings
/// meanwhile.
const DEADLINE_MILLIS: u32 = 10_000;

/// Flags of `verify`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  A call of the lab, without fetching:
    countersign verify invite.sip --trust countersign-data/anchor.pem \\
      --certificate countersign-data/certificates/provider.pem
  The same, fetched over the lab's own https:
    countersign verify invite.sip --trust countersign-data/anchor.pem \\
      --allow-origin https://localhost:8443 --web-ca countersign-data/web-ca.pem
  The same, with the revocation list of everybody's authority:
    countersign verify invite.sip --trust anchors.pem --crl sti.crl --crl-issuer signer.pem
  An Identity header out of a log, judged as of its own time:
    countersign verify header.txt --from 12025550100 --to 12025550101 \\
      --trust anchors.pem --at 2026-11-05T00:00:00Z --json
  A message that was stored, by the certificate that was kept with it, which has ended since:
    countersign verify message.sip --archived 3d --certificate kept.pem --trust anchors.pem
  The headers of one call that was forwarded, judged together:
    countersign verify --together headers.txt --from 12025550100 --to 12025550102 \\
      --trust anchors.pem
  A branded call, its logo at hand; the logo is written to a file if it is the one that was signed:
    countersign verify invite.sip --trust anchors.pem \\
      --resource https://example.com/q.png=q.png --picture proven.png
  The answer to a request that was sent, with both Identity headers as they were (who picked up):
    countersign verify answer.sip --answer-to invite.sip --trust anchors.pem
  Priority, and who may sign for it:
    countersign verify rph.txt --from 12025550100 --to 911 --trust anchors.pem \\
      --rph esnet.1 --priority-authority esnet=709J

Input: a whole SIP message, Identity headers (with or without the name) or bare tokens, one a line. A message brings \
its own call; --from and --to come before it. Headers and tokens bring none: without --from and --to they are at best \
not validated.

Exit codes: 0 passed, 1 failed, 3 unsigned, 4 not validated, 2 wrong use or could not run. Of several inputs the worst \
counts: failed, then not validated, then unsigned, then passed.")]
pub(super) struct Arguments {
    /// A file with what is to be verified; `-` or nothing: standard input
    file: Option<PathBuf>,
    #[command(flatten)]
    parties: Parties,
    /// Trust anchors (PEM): whoever is in the file is believed, a lab too; may be given several times
    #[arg(long, value_name = "ANCHORS.pem", required = true)]
    trust: Vec<PathBuf>,
    /// What is verified is the answer to this request, given as it was sent: all of the input is one answer; whom the request
    /// was sent to is --to, else its Request-URI
    #[arg(long, value_name = "REQUEST")]
    answer_to: Option<PathBuf>,
    /// The signer's certificate chain, instead of fetching it; the URL in the token is judged all the same
    #[arg(long, value_name = "CHAIN.pem")]
    certificate: Option<PathBuf>,
    /// The TN Authorization List (DER) behind every URL that certificates have one by, instead of fetching it
    #[arg(long, value_name = "LIST.der")]
    tn_auth_list: Option<PathBuf>,
    /// The time to judge at: Unix seconds or RFC 3339 [default: now]
    #[arg(long, value_name = "TIME", allow_negative_numbers = true)]
    at: Option<Moment>,
    /// What is verified are messages that were stored (MESSAGE, RFC 9475), no older than this: 90m, 24h, 3d. Path and staple count
    /// as of the time they were signed, not as of now; what is known now of revocations counts, and the same message twice in one
    /// run is a duplicate: what earlier runs have seen is not remembered. Only for what was kept safe since it came
    #[arg(long, value_name = "AGE", conflicts_with = "answer_to")]
    archived: Option<Age>,
    /// Fetch nothing
    #[arg(long)]
    offline: bool,
    #[command(flatten)]
    belief: TrustFlags,
    #[command(flatten)]
    web: WebFlags,
    /// One JSON object per input, one a line
    #[arg(long)]
    json: bool,
    // Last: its heading is that of all that follow.
    #[command(flatten)]
    proof: ProofArguments,
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Outcome {
    match verify(arguments, console) {
        Ok(outcome) => outcome,
        Err(trouble) => {
            console.error(trouble);
            Outcome::Unable
        }
    }
}

fn verify(arguments: &Arguments, console: &mut Console) -> Result<Outcome, Trouble> {
    let given = arguments.parties.read()?;
    let bench = Bench::new(arguments, &given)?;
    let mut chains = Chains::new(arguments, bench.clock)?;
    input::announce(arguments.file.as_deref(), console);
    let inputs = input::read(arguments.file.as_deref())?;
    let mut worst = Outcome::Done;
    let cases: Result<Vec<_>, Trouble> = inputs
        .iter()
        .map(|input| Case::of(input, &given, arguments))
        .collect();
    let cases = match arguments.proof.together || bench.dialled.is_some() {
        true => Case::together(cases?),
        false => cases?,
    };
    let (count, mut picture) = (cases.len(), None);
    for (index, case) in cases.into_iter().enumerate() {
        let report = bench.judge(case, &mut chains)?;
        if arguments.json {
            console.line(Record::of(&report).to_json());
        } else {
            layout::print(&report, (index + 1, count), console);
        }
        worst = worst.or_worse(outcome(report.verdict));
        picture = picture.or_else(|| proven_picture(&report));
    }
    match &arguments.proof.picture {
        Some(file) => Ok(worst.or_worse(write_picture(picture, file, console))),
        None => Ok(worst),
    }
}

/// The picture that may be shown, if there is one.
fn proven_picture(report: &Report) -> Option<Arc<Resource>> {
    let mut rich = report
        .passports
        .iter()
        .filter_map(|one| one.rich.as_deref());
    let shown = report.consequences()?.caller?.icon.is_some();
    rich.find_map(|rich| rich.picture.clone()).filter(|_| shown)
}

fn write_picture(picture: Option<Arc<Resource>>, file: &Path, console: &mut Console) -> Outcome {
    let Some(picture) = picture else {
        console.error(format_args!(
            "no picture for {}: none is proven",
            file.display()
        ));
        return Outcome::Failed;
    };
    match std::fs::write(file, &picture.bytes) {
        Ok(()) => Outcome::Done,
        Err(error) => {
            console.error(format_args!("{}: {error}", file.display()));
            Outcome::Unable
        }
    }
}

const fn outcome(verdict: Verdict) -> Outcome {
    match verdict {
        Verdict::Failed(_) => Outcome::Failed,
        Verdict::NotValidated(_) => Outcome::NotValidated,
        Verdict::Passed => Outcome::Done,
        Verdict::Unsigned => Outcome::Unsigned,
    }
}

/// One input, ready to be judged.
struct Case {
    call: Call,
    presented: Vec<Result<Presented, Malformed>>,
    info: InfoRequirement,
}

impl Case {
    /// One of all: their headers and tokens, of the call of the first.
    fn together(cases: Vec<Self>) -> Vec<Self> {
        let joined = cases.into_iter().reduce(|mut one, next| {
            one.presented.extend(next.presented);
            if next.info == InfoRequirement::Optional {
                one.info = InfoRequirement::Optional;
            }
            one
        });
        joined.into_iter().collect()
    }

    fn of(input: &Input, given: &Given, arguments: &Arguments) -> Result<Self, Trouble> {
        let mut case = Self::read(input, given, arguments)?;
        case.call.priority = arguments.proof.priority(case.call.priority);
        Ok(case)
    }

    fn read(input: &Input, given: &Given, arguments: &Arguments) -> Result<Self, Trouble> {
        Ok(match input {
            Input::Identity(value) => Self {
                call: given.call(),
                presented: identity_header::values(value)
                    .map(identity_header::parse)
                    .collect(),
                info: InfoRequirement::Required,
            },
            Input::Token(token) => Self {
                call: given.call(),
                presented: vec![Ok(Presented::bare(token.as_str()))],
                info: InfoRequirement::Optional,
            },
            Input::Message(bytes) => {
                let message = Message::parse(bytes.clone(), Framing::Datagram)
                    .map_err(|cause| Trouble::NotSip(shown(arguments.file.as_deref()), cause))?;
                if arguments.archived.is_some() {
                    stored::refuse_calls(&message, shown(arguments.file.as_deref()))?;
                }
                let call = call::from_request(&message, &arguments.parties.call_policy());
                Self {
                    call: given.over(call),
                    presented: identity_header::presented(&message),
                    info: InfoRequirement::Required,
                }
            }
        })
    }
}

/// What every input is judged with.
struct Bench {
    trust: Arc<Trust>,
    /// The call whose answer it is, if it is one.
    dialled: Option<Arc<Dialled>>,
    /// What stored messages are judged by, if they are.
    archive: Option<Archive>,
    policy: VerificationPolicy,
    paths: Arc<PathCache>,
    clock: SystemClock,
    at: Option<Moment>,
}

impl Bench {
    fn new(arguments: &Arguments, given: &Given) -> Result<Self, Trouble> {
        let clock = SystemClock::start();
        let anchors = trust::read_anchors(&arguments.trust)?;
        let at = arguments.at.map_or(clock.now().unix, |at| at.0);
        let request = arguments.answer_to.as_deref();
        let calls = arguments.parties.call_policy();
        let dialled = request.map(|file| answered::dialled(file, given, &calls));
        Ok(Self {
            dialled: dialled.transpose()?.map(Arc::new),
            archive: arguments.archived.map(Age::archive).transpose()?,
            trust: Arc::new(arguments.belief.trust(anchors, at)?),
            policy: VerificationPolicy {
                deadline: DEADLINE_MILLIS,
                thoroughness: Thoroughness::EveryCheck,
                port_exceptions: arguments.web.port_exceptions()?,
                replay: match arguments.archived {
                    None => Replay::Off,
                    Some(_) => Replay::Enforce,
                },
                provider_numbers: match arguments.belief.has_number_records() {
                    true => ProviderNumbersPolicy::RequireOracle,
                    false => ProviderNumbersPolicy::default(),
                },
                // A file that was named stands in for whatever the token brings or points to.
                x5c: match arguments.certificate {
                    Some(_) => X5c::Never,
                    None => X5c::Auto,
                },
                rich: arguments.proof.rich_policy(),
                priority: arguments.proof.priority_policy()?,
                ..VerificationPolicy::default()
            },
            paths: Arc::default(),
            clock,
            at: arguments.at,
        })
    }

    fn now(&self) -> Now {
        let now = self.clock.now();
        Now {
            unix: self.at.map_or(now.unix, |at| at.0),
            ..now
        }
    }

    fn judge(&self, case: Case, chains: &mut Chains) -> Result<Report, Trouble> {
        let policy = VerificationPolicy {
            info: case.info,
            ..self.policy.clone()
        };
        // Nothing is remembered between two runs, so there is nothing that could be replayed.
        let replay = Arc::new(MemoryReplay::new(1));
        let service = VerificationService::new(policy, Arc::new(AwsLc), self.paths.clone(), replay);
        let (call, now) = (&case.call, self.now());
        let mut verification = match (&self.dialled, &self.archive) {
            (None, Some(archive)) => {
                let service = service.with_archive(archive.clone());
                let service = service.map_err(Trouble::Archive)?;
                service.begin_stored(call, case.presented, &self.trust, now)
            }
            (None, None) => service.begin(call, case.presented, &self.trust, now),
            (Some(dialled), _) => {
                let keys = call.media_keys.as_deref();
                service.begin_answer(dialled, case.presented, keys, &self.trust, now)
            }
        };
        loop {
            let needs = match verification.poll(self.now()) {
                Poll::Done(report) => return Ok(report),
                Poll::Needs(needs) => needs.to_vec(),
            };
            for (need, answer) in chains.answer(&needs)? {
                verification.answer(need, answer);
            }
        }
    }
}
