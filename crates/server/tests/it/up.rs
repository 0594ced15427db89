//! `countersign up`: one command, and a call is signed, carried, verified and heard.
//!
//! ```text
//!     countersign up ── prints ──► "sipp …", "sipp … $(countersign sign …)"
//!        │ signs, verifies, answers                │ run by a shell, as they stand
//!        └────────────────◄── SIP ─────────────────┘
//! ```
//!
//! This test verifies the newcomer's walk: what the program prints is true, what it prints to be typed works, what it made is
//! kept, and when it cannot start it says which flag would help.

use crate::peers::{Process, Workspace, free_address, free_block};
use crate::provider::COUNTERSIGN;
use countersign::certificate::CertificateChain;
use countersign::certificate::lint::{self, Severity};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

/// How long a call by a printed command takes at most.
const CALL_LIMIT: Duration = Duration::from_secs(30);
/// Longest end, on a machine that does much else.
const FAREWELL: Duration = Duration::from_secs(10);
/// How long a start that fails may take.
const START_LIMIT: Duration = Duration::from_secs(20);

/// Where everything listens: SIP takes two more ports, ten and twenty further.
#[derive(Clone, Copy)]
struct Addresses {
    sip: SocketAddr,
    http: SocketAddr,
    public: SocketAddr,
}

impl Addresses {
    fn free() -> Self {
        Self {
            sip: free_block(&[0, 10, 20]),
            http: free_block(&[0, 10]),
            public: free_address(),
        }
    }
}

/// A folder for the lab, which outlives the process.
struct Folder(Workspace);

impl Folder {
    fn new() -> Self {
        Self(Workspace::new("data"))
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("lab")
    }

    fn read(&self, name: &str) -> String {
        let text = self.0.read(&format!("lab/{name}"));
        assert!(!text.is_empty(), "{name}");
        text
    }
}

/// Starts `up`, whatever becomes of it.
fn start(folder: &Folder, at: Addresses, more: &[&str]) -> Process {
    Process::start(COUNTERSIGN, Workspace::new("up"), |up| {
        up.arg("up").arg("--data").arg(folder.path());
        up.args(["--sip", &at.sip.to_string()]);
        up.args(["--http", &at.http.to_string()]);
        up.args(["--public", &at.public.to_string()]);
        up.args(more);
    })
}

/// Starts `up` and waits until it has said everything.
#[track_caller]
fn up(folder: &Folder, more: &[&str]) -> Process {
    let mut up = start(folder, Addresses::free(), more);
    up.until("up", |up| commands(&up.output()).len() == 2);
    up
}

/// The commands that it prints to be typed, each with all its lines.
fn commands(output: &str) -> Vec<String> {
    let paragraphs = output.split("\n\n").map(str::trim_end);
    let commands = paragraphs.filter(|paragraph| paragraph.starts_with("  sipp "));
    commands.map(str::to_owned).collect()
}

/// Runs a printed command as it stands.
#[track_caller]
fn type_in(command: &str) {
    let mut shell = Process::start("sh", Workspace::new("shell"), |shell| {
        shell.args(["-c", command]);
    });
    let status = shell.end(CALL_LIMIT);
    assert!(status.success(), "{status}: {command}\n{}", shell.output());
}

#[track_caller]
fn hears(up: &mut Process, caller: &str, verstat: &str) {
    let line = format!("the called party hears: {caller} calls 12025550160: {verstat}\n");
    up.until(&line, |up| up.output().contains(&line));
}

#[track_caller]
fn stop(mut up: Process) {
    up.terminate();
    let status = up.end(FAREWELL);
    assert_eq!(status.code(), Some(0), "{}", up.output());
    assert!(up.output().ends_with("\nstopped\n"), "{}", up.output());
}

#[test]
fn the_printed_commands_do_what_is_said_of_them() {
    let folder = Folder::new();
    let mut lab = up(&folder, &[]);
    let [first, changed] = &commands(&lab.output())[..] else {
        panic!("{}", lab.output())
    };

    // The first call is proved.
    type_in(first);
    hears(&mut lab, "12025550100", "TN-Validation-Passed");
    // So is who picked up, to the calling side.
    lab.until("telling who picked up", |lab| {
        lab.output()
            .contains("answer=\"matching\" reached=\"12025550160\"")
    });
    // One digit changed: the proof is of another caller.
    type_in(changed);
    hears(&mut lab, "12025550101", "TN-Validation-Failed");
    lab.until("telling why", |lab| {
        lab.output().contains("fault=\"orig-mismatch\"")
    });
    stop(lab);

    // A second start finds what the first has made, and the first call is proved again.
    let made = [
        "anchor.pem",
        "provider.key",
        "certificates/provider.pem",
        "web-ca.pem",
        "web.pem",
    ];
    let before = made.map(|name| folder.read(name));
    let mut lab = up(&folder, &[]);
    assert_eq!(made.map(|name| folder.read(name)), before);
    type_in(&commands(&lab.output())[0]);
    hears(&mut lab, "12025550100", "TN-Validation-Passed");
    stop(lab);
}

/// What a verb of the command line says about the lab, which must be content.
#[track_caller]
fn said(folder: &Folder, arguments: &[&str]) -> String {
    let config = folder.path().join("countersign.toml");
    let mut command = Command::new(COUNTERSIGN);
    command.args(arguments).arg("--config").arg(&config);
    let output = command.current_dir(folder.path()).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// This test verifies that the certificate that the lab signs with was ordered from its own authority, by an account and with a token, once;
/// that the journal proves it; and that what is asked of a provider's certificate finds no fault with it.
#[test]
fn the_lab_has_its_certificate_from_its_own_authority() {
    let folder = Folder::new();
    let lab = up(&folder, &[]);
    stop(lab);
    let lab = up(&folder, &[]);
    let all = said(&folder, &["ca", "list", "--json"]);
    let [one] = all.lines().collect::<Vec<_>>()[..] else {
        panic!("{all}")
    };
    let one: Value = serde_json::from_str(one).unwrap();
    assert_eq!(one["subject"], "CN=SHAKEN LAB1,O=Countersign Lab,C=US");
    assert!(one["order"].is_string(), "{one}");
    let chain = CertificateChain::parse(folder.read("certificates/provider.pem").as_bytes());
    let own = chain.unwrap();
    let serial: String = own
        .end_entity()
        .serial()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(one["serial"], serial);
    let accounts = said(&folder, &["ca", "account", "list", "--json"]);
    assert!(accounts.contains("\"account\":\"provider\""), "{accounts}");
    let audit = said(&folder, &["ca", "audit", "--json"]);
    assert!(audit.contains("\"findings\":[]"), "{audit}");
    let findings = lint::run(own.end_entity());
    let errors = findings
        .iter()
        .filter(|one| one.severity == Severity::Error);
    let errors: Vec<_> = errors.map(|one| one.name).collect();
    assert!(errors.is_empty(), "{errors:?}");
    stop(lab);
}

/// This test verifies that the lab hands numbers down by the lines of the README, run by a shell as they stand, and that what comes of it
/// signs a call.
#[test]
fn numbers_are_handed_down_by_the_lines_of_the_readme() {
    let folder = Folder::new();
    let at = Addresses::free();
    let mut lab = start(&folder, at, &[]);
    lab.until("up", |lab| commands(&lab.output()).len() == 2);
    let readme = include_str!("../../../../README.md");
    let (_, section) = readme.split_once("## Numbers handed down").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let lines = section.lines().filter_map(|line| line.strip_prefix("    "));
    let lines: Vec<_> = lines.collect();
    let script = lines.join("\n");
    assert!(script.contains("ca approve"), "{script}");
    let script = script
        .replace("target/release/countersign", COUNTERSIGN)
        .replace("countersign-data", folder.path().to_str().unwrap())
        .replace("localhost:8443", &format!("localhost:{}", at.public.port()));
    let mut shell = Process::start("sh", Workspace::new("handed-down"), |shell| {
        shell.args(["-ec", &script]);
    });
    let status = shell.end(Duration::from_secs(60));
    let output = shell.output();
    assert!(status.success(), "{status}: {script}\n{output}");
    assert!(output.contains("passed"), "{output}");
    stop(lab);
}

/// The sums of a line of the demonstration, in its order.
#[derive(Debug)]
struct Sums {
    placed: u64,
    answered: u64,
    refused: u64,
    lost: u64,
    passed: u64,
    failed: u64,
    unproven: u64,
}

impl Sums {
    /// Of the last line that is complete.
    fn last(output: &str) -> Option<Self> {
        let (complete, _) = output.rsplit_once('\n')?;
        let line = complete.lines().rfind(|line| line.starts_with("placed "))?;
        let numbers: Vec<u64> = line
            .split(' ')
            .filter_map(|word| word.parse().ok())
            .collect();
        let [placed, answered, refused, lost, passed, failed, unproven] = numbers[..] else {
            panic!("{line}")
        };
        Some(Self {
            placed,
            answered,
            refused,
            lost,
            passed,
            failed,
            unproven,
        })
    }
}

/// This test verifies that the lab answers who asks who would answer, also who does not say who it is, that nobody's telephone rings for
/// it, and that a call after it is answered by who was announced.
#[test]
fn the_lab_tells_who_would_answer() {
    let folder = Folder::new();
    let mut lab = up(&folder, &[]);
    let printed = lab.output();
    let command = printed
        .split("\n\n")
        .find(|one| one.contains(" probe sip:"));
    let command = command.unwrap_or_else(|| panic!("{printed}")).trim();
    for (more, told) in [
        ("", "12025550160 would answer"),
        (" --json", "\"standing\":\"matching\""),
        (" --call", "12025550160 answered, who had been announced"),
    ] {
        let mut shell = Process::start("sh", Workspace::new("shell"), |shell| {
            shell.args(["-c", &format!("{command}{more}")]);
        });
        let status = shell.end(CALL_LIMIT);
        let output = shell.output();
        assert!(status.success(), "{status}: {command}{more}\n{output}");
        assert!(output.contains(told), "{output}");
        // Only the call was heard.
        let heard = lab.output().contains("the called party hears");
        assert_eq!(heard, more == " --call", "{}", lab.output());
    }
    let line = "the called party hears: +12025550100 calls +12025550160: TN-Validation-Passed\n";
    lab.until(line, |lab| lab.output().contains(line));
    let anonymous = command.replace("--from 12025550100", "--anonymous");
    // Whoever does not say who it is when it asks does not when it calls, and is believed as far in both.
    type_in(&format!("{anonymous} --call"));
    let line = "the called party hears: anonymous calls +12025550160: TN-Validation-Passed\n";
    lab.until(line, |lab| lab.output().contains(line));
    stop(lab);
}

/// What stands between two words of the output.
#[track_caller]
fn printed<'a>(output: &'a str, before: &str, after: &str) -> &'a str {
    let (_, rest) = output.split_once(before).unwrap();
    rest.split_once(after).unwrap().0
}

/// This test verifies that whoever dials a range through by probes and proves nothing learns nothing, and is stopped by where it comes from.
#[test]
fn a_range_is_not_probed_through() {
    const ASKED: usize = 140;
    // How often one of them may be told that the machine is busy.
    const MOST_AGAIN: usize = 8;
    // T1 of SIP: who has heard nothing asks again, the same.
    const REPEAT: Duration = Duration::from_millis(500);
    let folder = Folder::new();
    let lab = up(&folder, &[]);
    let output = lab.output();
    let verifier: SocketAddr = printed(&output, "SIP, verified here", " udp")
        .trim()
        .parse()
        .unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(REPEAT)).unwrap();
    let us = socket.local_addr().unwrap();
    let ask = |asked: usize, again: usize| {
        let last = 100 + asked % 100;
        let uri = format!("sip:+12025550{last}@{verifier};user=phone");
        let invite = format!(
            "INVITE {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {us};rport;branch=z9hG4bKrange{asked}-{again}\r\nMax-Forwards: 70\r\n\
             From: <sip:+12025550100@{us};user=phone>;tag=1\r\nTo: <{uri}>\r\nCall-ID: up-range-{asked}-{again}-{}\r\nCSeq: 1 INVITE\r\n\
             Contact: <sip:{us}>\r\nRequire: 100rel\r\nIdentity: a.b.c;info=<https://localhost/c>;ppt=shaken\r\nContent-Length: 0\r\n\r\n",
            us.port()
        );
        socket.send_to(invite.as_bytes(), verifier).unwrap();
    };
    for asked in 0..ASKED {
        ask(asked, 0);
    }
    let (mut answered, mut stopped, mut buffer) = (BTreeSet::new(), 0, [0; 4_096]);
    let (mut busy, mut again) = (BTreeSet::new(), [0; ASKED]);
    let (begun, mut repeated) = (Instant::now(), Instant::now());
    while answered.len() < ASKED {
        assert!(begun.elapsed() < CALL_LIMIT, "{} answers", answered.len());
        if repeated.elapsed() > REPEAT {
            repeated = Instant::now();
            let left = (0..ASKED).filter(|asked| !answered.contains(asked));
            left.for_each(|asked| ask(asked, again[asked]));
        }
        let Ok(length) = socket.recv(&mut buffer) else {
            continue;
        };
        let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
        let call_id = printed(&text, "Call-ID: up-range-", "\r\n").to_owned();
        let asked: usize = call_id.split('-').next().unwrap().parse().unwrap();
        match printed(&text, "SIP/2.0 ", " ") {
            "100" => {}
            // What proves nothing is no Identity (RFC 8224 §6.2.2); nothing acknowledges it, so that it comes several times.
            "438" => drop(answered.insert(asked)),
            "480" => {
                assert!(text.contains("\r\nRetry-After: 60\r\n"), "{text}");
                stopped += usize::from(answered.insert(asked));
            }
            // On a machine with too much to do: nothing was judged, and it is asked again.
            "503" if busy.insert(call_id) => {
                again[asked] += 1;
                assert!(again[asked] <= MOST_AGAIN, "{asked}: {text}");
                std::thread::sleep(Duration::from_millis(20));
                ask(asked, again[asked]);
            }
            "503" => {}
            _ => unreachable!("{text}"),
        }
    }
    // A hundred at once; a few more if this takes its time.
    assert!((1..=40).contains(&stopped), "{stopped}");
    assert!(
        !lab.output().contains("the called party hears"),
        "{}",
        lab.output()
    );
}

#[test]
fn a_demonstration_places_calls_and_tells_what_became_of_them() {
    const A_SECOND: u64 = 20;
    let folder = Folder::new();
    let mut lab = up(&folder, &["--demo", "20"]);
    // Two seconds' calls, and what was placed is answered. A call counts as lost only much later, so that those under way tell
    // more than `lost`.
    lab.until("two seconds old", |lab| {
        Sums::last(&lab.output())
            .is_some_and(|sums| sums.answered >= 2 * A_SECOND && sums.placed - sums.answered < 3)
    });
    let sums = Sums::last(&lab.output()).unwrap();
    stop(lab);
    assert_eq!(
        (sums.refused, sums.lost, sums.failed),
        (0, 0, 0),
        "{sums:?}"
    );
    // Nine of ten pass the signer.
    assert!(sums.passed > sums.unproven, "{sums:?}");
    assert!(sums.unproven > 0, "{sums:?}");
}

#[test]
fn a_port_in_use_names_the_flag_that_helps() {
    let folder = Folder::new();
    let mut told = String::new();
    for (flag, taken) in [
        ("--sip", 0),
        ("--sip", 10),
        ("--sip", 20),
        ("--http", 0),
        ("--public", 0),
    ] {
        let at = Addresses::free();
        let mut address = match flag {
            "--sip" => at.sip,
            "--http" => at.http,
            _ => at.public,
        };
        address.set_port(address.port() + taken);
        let _neighbour = (
            UdpSocket::bind(address).unwrap(),
            TcpListener::bind(address).unwrap(),
        );

        let mut lab = start(&folder, at, &[]);
        let status = lab.end(START_LIMIT);

        let output = lab.output();
        assert_eq!(status.code(), Some(2), "{output}");
        assert!(output.contains(&address.to_string()), "{output}");
        if !output.contains(flag) {
            writeln!(told, "{flag} at {address}: {output}").unwrap();
        }
    }
    assert_eq!(told, "", "these do not name their flag");
}

/// This test verifies that a second one does not begin in the folder of one that runs, and leaves what is there as it was.
#[test]
fn one_folder_is_one_lab() {
    let folder = Folder::new();
    let mut first = up(&folder, &[]);
    let before = folder.read("countersign.toml");
    let mut second = start(&folder, Addresses::free(), &[]);
    let ended = second.end(START_LIMIT);
    assert_eq!(ended.code(), Some(2), "{}", second.output());
    let told = "runs in this folder already";
    assert!(second.output().contains(told), "{}", second.output());
    assert_eq!(folder.read("countersign.toml"), before);
    first.kill();
    drop(up(&folder, &[]));
}
