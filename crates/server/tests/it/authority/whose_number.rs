//! Whose number is it? An authority with a provider code asks a number authority's file before it promises anything.
//!
//! ```text
//!     root ─▶ authority of provider 1234      numbers.csv: 1234 has ..0100 to ..0149, ..0123 was ported to 5678, of ..0150 it says nothing
//!                   ▲        ▲
//!     orders ───────┘        └── another file, while the server runs
//! ```

use super::openssl;
use super::served::{self, Customer, ask, random, text, until};
use crate::peers::Workspace;
use countersign::certificate::chain::{armoured, pem};
use countersign::certificate::delegation::{Answer as Held, ProviderNumbers};
use countersign::certificate::numbers::NumberSet;
use countersign::certificate::{CertificateChain, TnAuthList, TnEntry};
use countersign::crypto::{EcdsaP256Key, SigningKey};
use countersign::number::TelephoneNumberRange;
use countersign::time::{UnixTime, Validity};
use countersign_ca::extension::PathLength;
use countersign_ca::issuance::SHAKEN_POLICY;
use countersign_ca::token::Fingerprint;
use countersign_ca::{Authority, CrlPoint, Practice, Profile, Request, Subject};
use countersign_server::clock::{Clock, SystemClock};
use countersign_server::files;
use countersign_server::office::numbers::{Looked, NoTable, NumberTable};
use countersign_server::office::service::Part;
use serde_json::Value;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use tokio::sync::watch;

const HOUR: i64 = 3_600;

fn now() -> UnixTime {
    SystemClock::start().now().unix
}

fn list(first: &str, count: u64) -> TnAuthList {
    let first = first.parse().unwrap();
    let entry = match count {
        1 => TnEntry::One(first),
        _ => TnEntry::Range(TelephoneNumberRange::new(first, count).unwrap()),
    };
    TnAuthList::new(vec![entry]).unwrap()
}

/// The records of a number authority as they were some hours ago.
fn records(hours_ago: i64, more: &str) -> String {
    let as_of = now().saturating_add(-hours_ago * HOUR);
    format!("as_of,{as_of}\n1234,12025550100-12025550149\n5678,12025550123\n{more}")
}

/// A folder with an authority that has nothing but the code of a provider, and what it does with numbers that nobody knows.
fn folder(unknown: &str, records: &str) -> Workspace {
    let folder = served::folder();
    let path = |name: &str| folder.path().join(name);
    let root = CertificateChain::parse(&std::fs::read(path("root.pem")).unwrap()).unwrap();
    let root = root.end_entity().clone();
    let root_key = Arc::new(files::read_signing_key(&path("root.key")).unwrap());
    let practice = Practice {
        policy: Some(SHAKEN_POLICY),
        crl: Some(CrlPoint {
            url: "https://ca.example/crl/ca.crl".into(),
            issuer: root.subject().clone(),
        }),
        ocsp: None,
    };
    let root = Authority::new(root, root_key, practice).unwrap();
    let key = EcdsaP256Key::generate().unwrap();
    let code = TnAuthList::new(vec![TnEntry::Spc("1234".parse().unwrap())]).unwrap();
    let name = Subject::new("US", "Example", "Example SHAKEN 1234 delegates").unwrap();
    let profile = Profile::DelegateCa(PathLength::AtMost(0));
    let request = Request::new(profile, name, key.public_key()).with_scope(code);
    let validity = Validity {
        not_before: now().saturating_add(-HOUR),
        not_after: now().saturating_add(200 * 86_400),
    };
    let issued = root.issue(&request, random(), validity).unwrap();
    folder.write(
        "ca.pem",
        pem(issued.as_der()) + &pem(root.certificate().as_der()),
    );
    let key = folder.write("ca.key", armoured("PRIVATE KEY", &key.to_pkcs8().unwrap()));
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).unwrap();
    folder.write("numbers.csv", records);
    let asked = format!(
        "[ca]\nnumber_authority_file = \"numbers.csv\"\nnumber_authority_max_age_h = 2\nunknown_numbers = \"{unknown}\"\n"
    );
    let configuration = served::configuration(served::BASE).replacen("[ca]\n", &asked, 1);
    folder.write("countersign.toml", configuration);
    folder
}

/// A running authority and a customer who may have tokens for ..0100 to ..0199.
struct Scene {
    folder: Workspace,
    directory: Value,
    customer: Customer,
    secret: String,
    _stop: watch::Sender<bool>,
}

impl Scene {
    async fn new(folder: Workspace) -> Self {
        let (address, stop): (SocketAddr, _) = served::serve(&folder).await;
        let holds = ["--numbers", "12025550100-12025550199"];
        let secret = super::open_account(&folder, &holds);
        let directory = ask(address, "GET", "/acme/directory", "", "").await.json();
        Self {
            customer: Customer::open(address, &directory).await,
            secret,
            directory,
            folder,
            _stop: stop,
        }
    }

    /// An order that waits for its request.
    async fn ready(&mut self, list: &TnAuthList) -> (String, Value) {
        let value = countersign::jose::base64url::encode(&list.to_der());
        let token = self.customer.token(&self.secret, &value).await;
        let ready = self.customer.ready(&self.directory, list, &token).await;
        ready.unwrap_or_else(|no| panic!("{}: {}", no.status, text(&no)))
    }

    /// What becomes of an order for these numbers: the detail of the problem, if it is refused for what it names.
    async fn refusal(&mut self, list: &TnAuthList) -> Option<String> {
        let answer = self.customer.place(&self.directory, list).await;
        if answer.status == "201" {
            return None;
        }
        assert_eq!(answer.status, "400", "{}", text(&answer));
        let problem = answer.json();
        let kind = "urn:ietf:params:acme:error:rejectedIdentifier";
        assert_eq!(problem["type"], kind, "{problem}");
        Some(problem["detail"].as_str().unwrap().to_owned())
    }
}

const NOT_OURS: &str = "the issuer does not have what is asked for";
const NOBODY_KNOWS: &str = "nobody knows whether these numbers are the issuing provider's";

/// This test verifies that what the file says is the provider's is issued, and openssl follows it; what was ported away is not, alone or within
/// a range; and that a number that is ported while an order is open leaves the order invalid, by a file that is taken while the server runs.
#[tokio::test(flavor = "multi_thread")]
async fn a_ported_number_is_not_issued() {
    let mut scene = Scene::new(folder("refuse", &records(1, ""))).await;
    let ours = list("12025550100", 10);
    let (place, order) = scene.ready(&ours).await;
    let finished = scene.customer.finalize(&order, &ours).await.json();
    assert_eq!(finished["status"], "valid", "{finished}");
    let order = scene.customer.post(&place, None).await.json();
    let url = order["certificate"].as_str().unwrap();
    let chain = scene.customer.post(url, None).await;
    scene.folder.write("issued.pem", &chain.body);
    let verify = "verify -CAfile root.pem -untrusted issued.pem issued.pem";
    let verify: Vec<_> = verify.split(' ').collect();
    openssl(scene.folder.path(), &verify);

    let ported = list("12025550123", 1);
    assert_eq!(scene.refusal(&ported).await.as_deref(), Some(NOT_OURS));
    let around = list("12025550120", 10);
    assert_eq!(scene.refusal(&around).await.as_deref(), Some(NOT_OURS));
    let unknown = list("12025550150", 1);
    assert_eq!(scene.refusal(&unknown).await.as_deref(), Some(NOBODY_KNOWS));

    let (place, order) = scene.ready(&list("12025550105", 1)).await;
    let moved = records(0, "5678,12025550105\n");
    scene.folder.write("numbers.csv", moved);
    until(async || scene.refusal(&list("12025550105", 1)).await).await;
    let finished = scene
        .customer
        .finalize(&order, &list("12025550105", 1))
        .await;
    let kind = "urn:ietf:params:acme:error:rejectedIdentifier";
    assert_eq!(finished.json()["type"], kind, "{}", text(&finished));
    let order = scene.customer.post(&place, None).await.json();
    assert_eq!(
        (&order["status"], &order["error"]["type"]),
        (&"invalid".into(), &kind.into()),
        "{order}"
    );
}

/// This test verifies that a file that is too old is one that says nothing: refused, until a newer one is there.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_too_old_says_nothing() {
    let mut scene = Scene::new(folder("refuse", &records(3, ""))).await;
    let ours = list("12025550100", 10);
    assert_eq!(scene.refusal(&ours).await.as_deref(), Some(NOBODY_KNOWS));
    scene.folder.write("numbers.csv", records(1, ""));
    until(async || scene.refusal(&ours).await.is_none().then_some(())).await;
}

/// This test verifies the other policy: what nobody knows is issued to whoever has a token for it, and what somebody knows is not.
#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_number_is_issued_where_the_operator_says_so() {
    let mut scene = Scene::new(folder("issue", &records(1, ""))).await;
    let ported = list("12025550123", 1);
    assert_eq!(scene.refusal(&ported).await.as_deref(), Some(NOT_OURS));
    let unknown = list("12025550150", 1);
    let (_, order) = scene.ready(&unknown).await;
    let finished = scene.customer.finalize(&order, &unknown).await.json();
    assert_eq!(finished["status"], "valid", "{finished}");
}

/// This test verifies that the token authority has a mind of its own: whoever has nothing but a provider code gets tokens for numbers that are
/// the provider's as far as anybody knows, and for no others, though the authority of certificates would issue what nobody knows.
#[tokio::test(flavor = "multi_thread")]
async fn no_token_for_numbers_that_nobody_knows() {
    let folder = folder("issue", &records(1, ""));
    let (address, _stop) = served::serve(&folder).await;
    let open = "ca account open code --holder Code --spc 1234 --json --config countersign.toml";
    let open: Vec<_> = open.split(' ').collect();
    let (code, out, err) = super::run_in(folder.path(), &[], &open);
    assert_eq!(code, 0, "{out}{err}");
    let opened: Value = serde_json::from_str(&out).unwrap();
    let secret = opened["secret"].as_str().unwrap();
    let head = format!("Authorization: Bearer {secret}\r\nContent-Type: application/json\r\n");
    let fingerprint = Fingerprint::new([7; 32]);
    let token = async |list: &TnAuthList| {
        let value = countersign::jose::base64url::encode(&list.to_der());
        let wish = format!(
            r#"{{"tktype":"TNAuthList","tkvalue":"{value}","ca":false,"fingerprint":"{fingerprint}"}}"#
        );
        ask(address, "POST", "/at/account/code/token", &head, &wish).await
    };
    let ours = list("12025550100", 10);
    until(async || (token(&ours).await.status == "200").then_some(())).await;
    for (beyond, why) in [
        (list("12025550123", 1), "ported away"),
        (list("12025550120", 10), "one of them was"),
        (list("12025550150", 1), "nobody knows"),
    ] {
        let refused = token(&beyond).await;
        assert_eq!(refused.status, "403", "{why}: {}", text(&refused));
    }
    // Another file, and it is known.
    folder.write("numbers.csv", records(1, "1234,12025550160\n"));
    until(async || (token(&list("12025550160", 1)).await.status == "200").then_some(())).await;
}

/// This test verifies that a file is taken when it stands still, is whole and is not older than the one before it.
#[test]
fn a_file_is_taken_when_it_is_whole_and_newer() {
    let folder = super::workspace();
    let path = folder.write("numbers.csv", records(1, ""));
    let clock = Arc::new(SystemClock::start());
    let table = NumberTable::open(&path, 2 * HOUR, clock).unwrap();
    let number = NumberSet::union_of([("12025550105".parse().unwrap(), 1)]);
    let held = |table: &NumberTable| table.holds(&"1234".parse().unwrap(), &number);
    assert_eq!((held(&table), table.look()), (Held::Yes, Looked::Unchanged));

    let moved = records(0, "5678,12025550105\n");
    folder.write("numbers.csv", &moved);
    assert_eq!(table.look(), Looked::Unchanged, "somebody may be writing");
    assert!(matches!(table.look(), Looked::Replaced(_)));
    assert_eq!((held(&table), table.look()), (Held::No, Looked::Unchanged));

    folder.write("numbers.csv", "as_of,yesterday");
    table.look();
    assert!(matches!(table.look(), Looked::Refused(NoTable::Records(_))));
    folder.write("numbers.csv", records(1, ""));
    table.look();
    assert!(matches!(table.look(), Looked::Refused(NoTable::Older(_))));
    std::fs::remove_file(&path).unwrap();
    assert_eq!(table.look(), Looked::Unchanged, "somebody may be moving it");
    assert!(!table.is_well(), "the last one was not taken");
    assert_eq!(table.look(), Looked::Refused(NoTable::Gone));
    assert_eq!((table.look(), table.is_well()), (Looked::Unchanged, false));
    assert_eq!((held(&table), table.is_stale()), (Held::No, false));

    let path = folder.write("numbers.csv", records(3, ""));
    let old = NumberTable::open(&path, 2 * HOUR, Arc::new(SystemClock::start())).unwrap();
    assert_eq!((held(&old), old.is_stale()), (Held::Unknown, true));
}

/// This test verifies that a file that is gone, or that is not taken, is a concern as long as it is so, although what is known counts on.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_gone_is_a_concern() {
    let folder = folder("refuse", &records(1, ""));
    let service = served::opened(&folder).await;
    let (_stop, stopped) = watch::channel(false);
    tokio::spawn(service.clone().keep_numbers(stopped));
    let works = || service.works(Part::Numbers);
    assert!(works());
    std::fs::remove_file(folder.path().join("numbers.csv")).unwrap();
    until(async || (!works()).then_some(())).await;
    folder.write("numbers.csv", records(0, ""));
    until(async || works().then_some(())).await;
    folder.write("numbers.csv", "as_of,yesterday");
    until(async || (!works()).then_some(())).await;
}
