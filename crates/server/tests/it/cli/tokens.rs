//! `token`: a token asked for over https, taken apart, and validated step by step.
//!
//! ```text
//!     token request ──https, POST──► token authority (its decider, its key: the lab's)
//!          │ token
//!          ├──► token decode
//!          └──► token verify --issuer (the lab's certificate) --account-key
//! ```

use super::{Lab, Run, run, run_with};
use countersign::certificate::{TnAuthList, TnEntry};
use countersign::time::UnixTime;
use countersign_ca::token::{Header, Permission};
use countersign_ca::token_authority::{
    Asked, Dialect, Practice, Proof, Reply, Secret, TokenAccounts, decide,
};
use countersign_server::files;
use countersign_server::tls::server::{Clients, Protocol};
use countersign_server::tls::{self, Credential};
use std::fs;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A token authority at a port of its own: one account, 1234, which holds its code and fifty numbers. A thread of its own, because
/// the binary is waited for.
struct Authority {
    origin: String,
    secret: String,
}

impl Authority {
    fn start(lab: &Lab) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let origin = format!(
            "https://localhost:{}",
            listener.local_addr().unwrap().port()
        );
        let secret = Secret::from_random(&[7; 32]);
        let mut accounts = TokenAccounts::new();
        let range = "12025550100".parse().unwrap();
        let range = countersign::number::TelephoneNumberRange::new(range, 50).unwrap();
        let entries = vec![TnEntry::Spc("1234".parse().unwrap()), TnEntry::Range(range)];
        let held = TnAuthList::new(entries).unwrap();
        let opened = accounts.open(
            "1234",
            "x",
            held,
            Permission::EndEntity,
            secret.credential(),
        );
        accounts.apply(&opened.unwrap());
        let chain = fs::read(lab.directory.chain()).unwrap();
        let chain = countersign::certificate::CertificateChain::parse(&chain).unwrap();
        let header = Header {
            x5c: Some([chain.end_entity().as_der().into()].into()),
            x5u: None,
        };
        let key = files::read_signing_key(&lab.directory.key()).unwrap();
        let practice = Practice::new(header, 3_600);
        let now = super::now();
        let answer = move |request: &str| {
            let (head, body) = request.split_once("\r\n\r\n").unwrap();
            let authorization = head
                .lines()
                .find_map(|line| line.strip_prefix("authorization: "));
            let asked = Asked {
                account: head.split('/').nth(3).unwrap(),
                proof: authorization.map_or(Proof::Nothing, Proof::Authorization),
                body: body.as_bytes(),
                dialect: Dialect::Rfc,
            };
            match decide(&accounts, &practice, asked, now, [1; 16]) {
                Ok(decided) => decided.grant.reply(&key).unwrap(),
                Err(refused) => refused.reply(),
            }
        };
        serve(lab, listener, answer);
        Self {
            origin,
            secret: secret.as_str().to_owned(),
        }
    }
}

fn serve(
    lab: &Lab,
    listener: std::net::TcpListener,
    answer: impl Fn(&str) -> Reply + Send + 'static,
) {
    let web = (lab.directory.web_certificate(), lab.directory.web_key());
    let Ok(credential) = Credential::read(&web.0, &web.1) else {
        panic!("no TLS identity");
    };
    let config = tls::server::config(&credential, &Clients::NotAsked, Protocol::Http).unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            let acceptor = TlsAcceptor::from(config);
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    continue;
                };
                let request = whole_request(&mut stream).await;
                let Reply {
                    status,
                    content_type,
                    body,
                    ..
                } = answer(&request);
                let answer = format!(
                    "HTTP/1.1 {status} x\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                );
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        });
    });
}

/// Head and body may come in two pieces.
async fn whole_request(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut request = String::new();
    loop {
        let mut piece = [0; 4096];
        let length = stream.read(&mut piece).await.unwrap_or_default();
        request += std::str::from_utf8(&piece[..length]).unwrap();
        let announced = request.lines().find_map(|line| {
            let length = line.strip_prefix("content-length: ")?;
            length.parse::<usize>().ok()
        });
        let body = request.split_once("\r\n\r\n").map(|(_, body)| body.len());
        if length == 0 || body.is_some_and(|body| Some(body) == announced) {
            return request;
        }
    }
}

/// A file of the lab with this text that only its owner may read.
fn secret_file(lab: &Lab, name: &str, text: &str) -> String {
    use std::os::unix::fs::PermissionsExt;
    let path = lab.workspace.path().join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path.display().to_string()
}

fn request(lab: &Lab, authority: &Authority, more: &[&str]) -> Run {
    let url = format!("{}/at/account/1234/token", authority.origin);
    let secret = secret_file(lab, "secret", &authority.secret);
    let (web, account) = (lab.web_anchor(), lab.key());
    let arguments = [
        "token",
        "request",
        &url,
        "--secret-file",
        &secret,
        "--allow-origin",
        &authority.origin,
        "--web-ca",
        &web,
        "--account-key",
        &account,
    ];
    run(&[&arguments, more].concat())
}

fn verify(lab: &Lab, token: &str, more: &[&str]) -> Run {
    let (issuer, account) = (lab.chain(), lab.key());
    let arguments = [
        "token",
        "verify",
        "--json",
        "--issuer",
        &issuer,
        "--account-key",
        &account,
    ];
    run_with(&[&arguments, more].concat(), token)
}

/// This test verifies that what one verb prints the next one reads, and what each says of it.
#[test]
fn a_token_is_asked_for_taken_apart_and_validated() {
    let lab = Lab::new();
    let authority = Authority::start(&lab);
    let asked = request(&lab, &authority, &["--spc", "1234"]);
    assert_eq!((asked.code, asked.err.as_str()), (0, ""), "{asked:?}");
    let flat = request(
        &lab,
        &authority,
        &[
            "--range",
            "12025550110+5",
            "--number",
            "12025550149",
            "--body",
            "flat",
            "--json",
        ],
    );
    assert_eq!(flat.json()["tnauthlist"][0], "12025550110+5", "{flat:?}");
    assert_eq!(flat.json()["ca"], false);
    let decoded = run_with(&["token", "decode", "--json"], &asked.out);
    assert_eq!(decoded.json()["tnauthlist"][0], "SPC 1234", "{decoded:?}");
    assert_eq!(decoded.json()["tkvalue"], "MAigBhYEMTIzNA");
    let shown = run_with(&["token", "decode"], &asked.out);
    assert!(shown.out.contains("an end entity's"), "{shown:?}");
    for value in [["--spc", "1234"], ["--value", "MAigBhYEMTIzNA"]] {
        let passed = verify(&lab, &asked.out, &value);
        assert_eq!(passed.code, 0, "{passed:?}");
        assert_eq!(passed.json()["steps"][3]["verdict"], "passed");
        assert_eq!(
            passed.json()["steps"][8]["verdict"],
            "skipped",
            "no request"
        );
    }
}

/// This test verifies that the step that fails is named, and none after it is called passed.
#[test]
fn the_step_that_fails_is_named() {
    let lab = Lab::new();
    let authority = Authority::start(&lab);
    let token = request(&lab, &authority, &["--spc", "1234"]).out;
    let expired = UnixTime::from_secs(super::now().as_secs() + 7_200).to_string();
    let other = lab.directory.web_key().display().to_string();
    for (more, step) in [
        (&["--spc", "1235"][..], 6),
        (&["--spc", "1234", "--at", &expired], 7),
        (&["--spc", "1234", "--fingerprint-rule", "spki"], 8),
    ] {
        let failed = verify(&lab, &token, more);
        assert_eq!(failed.code, 1, "{failed:?}");
        assert_eq!(failed.json()["step"], step, "{failed:?}");
        assert_eq!(failed.json()["steps"][8]["verdict"], "skipped");
    }
    let issuer = lab.chain();
    let arguments = [
        "token",
        "verify",
        "--issuer",
        &issuer,
        "--account-key",
        &other,
        "--spc",
        "1234",
    ];
    let failed = run_with(&arguments, &token);
    assert!(
        failed.code == 1 && failed.out.contains("another account"),
        "{failed:?}"
    );
    let broken = verify(&lab, "e30.e30.AA", &["--spc", "1234"]);
    assert_eq!((broken.code, broken.json()["step"].as_i64()), (1, Some(1)));
}

/// This test verifies what is said when there is no token: refused, unreachable, or asked wrongly.
#[test]
fn no_token_has_its_reason() {
    let lab = Lab::new();
    let authority = Authority::start(&lab);
    let refused = request(&lab, &authority, &["--spc", "5678"]);
    assert_eq!(refused.code, 1);
    assert!(
        refused.err.contains("403") && refused.err.contains("does not hold"),
        "{}",
        refused.err
    );
    let forbidden = request(&lab, &authority, &["--spc", "1234", "--ca"]);
    assert!(
        forbidden
            .err
            .contains("no tokens for certification authorities"),
        "{}",
        forbidden.err
    );
    let gone = Authority {
        origin: "https://localhost:1".into(),
        secret: "x".into(),
    };
    assert_eq!(request(&lab, &gone, &["--spc", "1234"]).code, 4);
    for (more, words) in [
        (&[][..], "for which numbers"),
        (&["--range", "12025550100"], "--range 12025550100+50"),
        (&["--number", "x"], "--number 12025550100"),
        (&["--value", "AA=="], "base64url without padding"),
    ] {
        let wrong = request(&lab, &authority, more);
        assert_eq!(wrong.code, 2, "{wrong:?}");
        assert!(wrong.err.contains(words), "{}", wrong.err);
    }
    for verb in ["request", "decode", "verify"] {
        let help = run(&["token", verb, "--help"]);
        assert_eq!((help.code, help.err.as_str()), (0, ""), "{verb}");
        for words in ["Examples:", "Exit codes:", "--json"] {
            assert!(help.out.contains(words), "{verb}: {words}");
        }
        let longest = help.out.lines().map(|line| line.chars().count()).max();
        assert!(longest <= Some(110), "{verb}: {longest:?}");
    }
}
