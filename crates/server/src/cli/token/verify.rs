//! `countersign token verify`: the nine steps of RFC 9448 §6, each with its verdict.

use super::super::columns::lines;
use super::super::console::{Console, Tone};
use super::super::moment::Moment;
use super::super::trouble::Trouble;
use super::super::web::{Web, WebFlags};
use super::super::{Outcome, input};
use super::TokenTrouble;
use super::account::{RuleFlag, public_key};
use super::decode::Record;
use super::scope::ScopeFlags;
use crate::clock::{Clock, SystemClock};
use crate::fetch::caching::Validators;
use crate::fetch::{PlainHttp, Pull, Reply};
use crate::files;
use clap::Args;
use countersign::certificate::chain::{self, MAX_CHAIN_CERTIFICATES};
use countersign::certificate::{Certificate, pem};
use countersign::time::UnixTime;
use countersign_ca::csr::CertificationRequest;
use countersign_ca::token::validation::{
    Expected, TokenFault, TokenIssuer, needs_certificate, validate,
};
use countersign_ca::token::{AuthorityToken, Spelling};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Columns of the number of a step, and of its verdict.
const COLUMNS: (usize, usize) = (4, 12);

/// What RFC 9448 §6 asks, step by step.
const STEPS: [&str; 9] = [
    "atc is well-formed",
    "x5u leads to a trusted issuer's certificate",
    "x5c has a trusted issuer's certificate",
    "the issuer has signed it",
    "tktype is TNAuthList",
    "tkvalue is the identifier of the order",
    "the other claims hold: not expired, right issuer and audience",
    "fingerprint is that of the account key",
    "ca is what the certification request asks for",
];

/// Flags of `token verify`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign token verify token.txt --issuer authority.pem --account-key account.pem --spc 1234
  countersign token verify token.txt --issuer root.pem --issuer-name \"Token Authority\" \\
    --account-key account.jwk --value MAigBhYEMTIzNA --csr request.pem

The certificate at x5u is fetched unless --certificate gives it, or --issuer is it and the token has it in x5c.

Exit codes: 0 every step passed, 1 one failed, 4 the certificate could not be had, 2 wrong use or could not run.")]
pub(super) struct Arguments {
    /// A file with one token; `-` or nothing: standard input
    file: Option<PathBuf>,
    /// The certificate of a trusted issuer of tokens, or of the authority above it (PEM); may be given again
    #[arg(long, value_name = "FILE", required = true)]
    issuer: Vec<PathBuf>,
    /// The --issuer is an authority; the issuers of tokens below it have this common name
    #[arg(long, value_name = "NAME")]
    issuer_name: Option<String>,
    /// What `iss` must be, if the token has it
    #[arg(long, value_name = "URL")]
    iss: Option<String>,
    /// Who we are, if the token has an audience
    #[arg(long, value_name = "NAME")]
    audience: Option<String>,
    /// The key of the ACME account: a private key, or a JWK
    #[arg(long, value_name = "FILE")]
    account_key: PathBuf,
    /// How fingerprints are made
    #[arg(long, value_enum, default_value = "jwk")]
    fingerprint_rule: RuleFlag,
    #[command(flatten)]
    scope: ScopeFlags,
    /// Take a tkvalue with padding, too
    #[arg(long)]
    padded: bool,
    /// The certification request of step 9 (PEM or DER); without one that step is not taken
    #[arg(long, value_name = "FILE")]
    csr: Option<PathBuf>,
    /// What is at x5u, instead of fetching it (PEM, the issuer's first)
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
    /// Judge as if it were this time: Unix seconds or RFC 3339
    #[arg(long, value_name = "TIME")]
    at: Option<Moment>,
    /// One JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    web: WebFlags,
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Result<Outcome, Trouble> {
    input::announce(arguments.file.as_deref(), console);
    let tokens = super::read_tokens(arguments.file.as_deref())?;
    let judge = Judge::new(arguments)?;
    let mut outcome = Outcome::Done;
    for text in &tokens {
        let token = AuthorityToken::parse(text);
        let verdict = match &token {
            Ok(token) => judge.judge(token, arguments)?,
            Err(why) => Err(TokenFault::Malformed(*why)),
        };
        let report = Report::new(token.as_ref().ok(), verdict, judge.request.is_some());
        if arguments.json {
            // Strings, numbers and lists: nothing that JSON could not hold.
            console.line(serde_json::to_string(&report).unwrap_or_default());
        } else {
            report.print(console);
        }
        outcome = outcome.or_worse(report.outcome);
    }
    Ok(outcome)
}

/// What the flags say a token has to be.
struct Judge {
    identifier: Vec<u8>,
    account: countersign::crypto::Point,
    trusted: Vec<TokenIssuer>,
    request: Option<CertificationRequest>,
    given: Option<Vec<Certificate>>,
    clock: SystemClock,
    now: UnixTime,
}

impl Judge {
    fn new(arguments: &Arguments) -> Result<Self, Trouble> {
        let mut trusted = Vec::new();
        for path in &arguments.issuer {
            trusted.push(issuer(arguments, path)?);
        }
        let request = arguments.csr.as_deref().map(read_request).transpose()?;
        let given = arguments
            .certificate
            .as_deref()
            .map(certificates)
            .transpose()?;
        let clock = SystemClock::start();
        Ok(Self {
            identifier: arguments.scope.der()?,
            account: public_key(&arguments.account_key)?,
            trusted,
            request,
            given,
            clock,
            now: arguments
                .at
                .map_or_else(|| clock.now().unix, |moment| moment.0),
        })
    }

    fn judge(
        &self,
        token: &AuthorityToken,
        arguments: &Arguments,
    ) -> Result<Result<(), TokenFault>, Trouble> {
        let fetched = match (&self.given, needs_certificate(token, &self.trusted)) {
            (Some(given), _) => Some(given.clone()),
            (None, Some(url)) => self.fetch(url, arguments)?,
            (None, None) => None,
        };
        let expected = Expected {
            identifier_der: &self.identifier,
            account_key: &self.account,
            fingerprint: arguments.fingerprint_rule.into(),
            trusted: &self.trusted,
            spelling: match arguments.padded {
                true => Spelling::Loose,
                false => Spelling::Exact,
            },
            audience: arguments.audience.as_deref(),
        };
        let validated = validate(token, &expected, fetched.as_deref(), self.now);
        Ok(validated.and_then(|validated| match &self.request {
            Some(request) => validated.may_finalize(request),
            None => Ok(()),
        }))
    }

    fn fetch(&self, url: &str, arguments: &Arguments) -> Result<Option<Vec<Certificate>>, Trouble> {
        let mut web = Web::new(&arguments.web, self.clock)?;
        let (runtime, fetcher) = web.fetcher()?;
        let pull = Pull {
            url,
            plain: PlainHttp::Refuse,
            max_bytes: chain::MAX_CHAIN_BYTES,
            validators: &Validators::default(),
        };
        Ok(match runtime.block_on(fetcher.pull(&pull)) {
            Ok(Reply::Body(bytes, _)) => chain::read_all(&bytes, MAX_CHAIN_CERTIFICATES).ok(),
            Ok(Reply::Unchanged(_)) | Err(_) => None,
        })
    }
}

fn issuer(arguments: &Arguments, path: &Path) -> Result<TokenIssuer, Trouble> {
    let first = certificates(path)?.into_iter().next();
    let wrong = || TokenTrouble::Issuer(path.into());
    let first = first.ok_or_else(wrong)?;
    let issuer = match &arguments.issuer_name {
        Some(name) => TokenIssuer::below(first, name),
        None => TokenIssuer::holder_of(first),
    };
    let issuer = issuer.map_err(|_| wrong())?;
    Ok(match &arguments.iss {
        Some(iss) => issuer.with_iss(iss),
        None => issuer,
    })
}

fn certificates(path: &Path) -> Result<Vec<Certificate>, Trouble> {
    let bytes = files::read(path).map_err(|fault| Trouble::File(path.into(), fault))?;
    chain::read_all(&bytes, MAX_CHAIN_CERTIFICATES)
        .map_err(|cause| Trouble::Chain(path.into(), cause))
}

fn read_request(path: &Path) -> Result<CertificationRequest, Trouble> {
    let bytes = files::read(path).map_err(|fault| Trouble::File(path.into(), fault))?;
    let block = pem::blocks(&bytes).next().map(|block| block.der());
    let der = match block {
        Some(der) => der.unwrap_or_default(),
        None => bytes,
    };
    CertificationRequest::parse(&der).map_err(|_| TokenTrouble::Csr(path.into()).into())
}

/// What came of it.
#[derive(Serialize)]
struct Report {
    verdict: &'static str,
    /// The step that failed.
    step: Option<u8>,
    detail: Option<String>,
    steps: Vec<Step>,
    token: Option<Record>,
    #[serde(skip)]
    outcome: Outcome,
}

#[derive(Serialize)]
struct Step {
    step: u8,
    check: &'static str,
    verdict: &'static str,
}

impl Report {
    fn new(
        token: Option<&AuthorityToken>,
        verdict: Result<(), TokenFault>,
        with_request: bool,
    ) -> Self {
        let fault = verdict.err();
        let (word, outcome) = match fault {
            None => ("passed", Outcome::Done),
            Some(TokenFault::X5uUnavailable) => ("not-validated", Outcome::NotValidated),
            Some(_) => ("failed", Outcome::Failed),
        };
        let failed = fault.map(|fault| fault.step());
        let has = |step| match (step, token) {
            (2, Some(token)) => token.header.x5u.is_some(),
            (3, Some(token)) => token.header.x5c.is_some(),
            (9, _) => with_request,
            _ => true,
        };
        let one = |(step, check): (u8, &'static str)| Step {
            step,
            check,
            verdict: match failed {
                Some(failed) if failed == step && word == "failed" => "failed",
                Some(failed) if failed == step => "unavailable",
                Some(failed) if failed < step => "skipped",
                _ if !has(step) => "skipped",
                _ => "passed",
            },
        };
        Self {
            verdict: word,
            step: failed,
            detail: fault.map(|fault| fault.to_string()),
            steps: (1..).zip(STEPS).map(one).collect(),
            token: token.map(Record::of),
            outcome,
        }
    }

    fn print(&self, console: &mut Console) {
        for step in &self.steps {
            let tone = match step.verdict {
                "passed" => Tone::Good,
                "failed" => Tone::Bad,
                "unavailable" => Tone::Unsure,
                _ => Tone::Faint,
            };
            let number = step.step.to_string();
            let words = [
                (&*number, COLUMNS.0, Tone::Faint),
                (step.verdict, COLUMNS.1, tone),
            ];
            lines(console, &words, step.check, Tone::Plain);
        }
        if let Some(detail) = &self.detail {
            console.line("");
            lines(console, &[], detail, Tone::Bad);
        }
        console.line("");
        if let Some(token) = &self.token {
            token.print(console);
        }
    }
}
