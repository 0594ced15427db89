//! Another process in the place of the one that runs, while calls come and go.
//!
//! ```text
//!     SIPp ── 80 calls a second ──► serve ─────────────────────────► SIPp, rings for a moment
//!                                     │ its sockets; datagrams that are not its own
//!                                     ▼
//!                                   serve --takeover ──────────────► the same
//! ```
//!
//! This test verifies that no call is lost when the binary is swapped, at no moment of it.

use crate::peers::{Called, Caller, Process, Sipp, Workspace, free_address, is_bound};
use crate::provider::{COUNTERSIGN, Provider, Server, Setup, get, udp};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::Duration;

const CALLS: u32 = 1_200;
const CALLS_A_SECOND: u32 = 80;
/// How long anything may take; two busy cores are slow.
const PATIENCE: Duration = Duration::from_secs(60);

fn may_be_succeeded(setup: Setup) -> Server {
    setup
        .sip("takeover_socket = \"takeover\"")
        .drains(60)
        .start()
}

/// SIPp with many calls, all of which must be as the scenario has them.
fn sipp(scenario: &str, address: SocketAddr, arguments: &[&str]) -> Process {
    let workspace = Workspace::new("sipp-many");
    workspace.write("scenario.xml", scenario);
    let (ip, port) = (address.ip().to_string(), address.port().to_string());
    let calls = CALLS.to_string();
    let control = free_address().port().to_string();
    Process::start("sipp", workspace, |sipp| {
        sipp.args([
            "-sf",
            "scenario.xml",
            "-m",
            &calls,
            "-nostdin",
            "-timeout",
            "60",
            "-timeout_error",
        ]);
        sipp.args([
            "-i", &ip, "-mi", &ip, "-p", &port, "-ci", &ip, "-cp", &control,
        ]);
        sipp.args(["-trace_err", "-error_file", "errors.log"]);
        sipp.args(arguments);
    })
}

#[track_caller]
fn ends_well(mut sipp: Process, who: &str) {
    let status = sipp.end(PATIENCE);
    let told = sipp.workspace().read("errors.log");
    assert!(status.success(), "{who}: {status}\n{told}");
}

#[test]
fn the_binary_is_swapped_under_traffic_and_no_call_is_lost() {
    let provider = Provider::new();
    let called = free_address();
    let mut server = may_be_succeeded(provider.signs(&udp(called)));
    let answers = include_str!("../sipp/uas-answers.xml");
    let rings = answers.replacen(
        "  <send retrans",
        "  <pause milliseconds=\"600\"/>\n  <send retrans",
        1,
    );
    let mut called_side = sipp(&rings, called, &[]);
    called_side.until("listening", |_| is_bound("udp", called));
    let (target, rate) = (server.sip().to_string(), CALLS_A_SECOND.to_string());
    let numbers = [
        "-key",
        "from",
        "12025550100",
        "-key",
        "to",
        "12025550101",
        "-key",
        "headers",
        "",
    ];
    let mut arguments = vec![target.as_str(), "-r", &rate];
    arguments.extend(numbers);
    let caller = sipp(
        include_str!("../../src/lab/call.xml"),
        free_address(),
        &arguments,
    );
    server.until_some_calls(100);

    let config = server.config();
    let mut successor = Process::start(COUNTERSIGN, Workspace::new("successor"), |countersign| {
        countersign
            .args(["serve", "--takeover", "--config"])
            .arg(&config);
    });
    let admin = server.admin();
    server.process().until("succeeded", |process| {
        process.output().contains("a successor carries what is new")
    });
    // The successor answers the operator, and carries calls that the first has read for it.
    server
        .process()
        .until("relaying", |_| carried(admin) >= 100);
    assert!(get(admin, "/ready").is_some_and(|(status, _)| status == 200));
    // Told to end, the first hands over the rest, and the successor reads for itself.
    server.process().tell("TERM");
    assert!(server.process().end(PATIENCE).success());
    successor.until("alone", |process| {
        process.output().contains("all calls are here")
    });

    ends_well(caller, "the caller");
    ends_well(called_side, "the called side");
    let alone = carried(admin);
    let first = server
        .process()
        .output()
        .lines()
        .filter(|line| line.contains("countersign::call"))
        .count();
    assert!(alone > 200, "{alone} calls came to the successor");
    assert!(
        alone as usize + first >= CALLS as usize,
        "{alone} and {first}"
    );
}

/// How many calls have been signed by whoever answers there.
fn carried(admin: SocketAddr) -> u64 {
    let (_, body) = get(admin, "/metrics").unwrap_or_default();
    let calls = body
        .lines()
        .filter(|line| line.starts_with("countersign_signings_total{"));
    calls
        .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
        .sum()
}

/// A process that nobody guards: ended with the test.
struct Stray(u64);

impl Drop for Stray {
    fn drop(&mut self) {
        let _ = Command::new("kill")
            .args(["-s", "KILL", &self.0.to_string()])
            .status();
    }
}

#[test]
fn a_signal_is_enough() {
    let provider = Provider::new();
    let called = free_address();
    let mut server = may_be_succeeded(provider.signs(&udp(called)));
    server.process().tell("USR2");
    server.process().until("succeeded", |process| {
        process.output().contains("a successor carries what is new")
    });
    let log = server.process().output();
    let line = log
        .lines()
        .find(|line| line.contains("to go on in our place"))
        .unwrap();
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    let _successor = Stray(line["pid"].as_u64().unwrap());
    server.process().until("over", |process| {
        process.output().contains("all calls are here")
    });
    assert!(
        server.process().end(PATIENCE).success(),
        "it had nothing to finish"
    );
    let phone = Sipp::called_at(Called::Answers, called);
    Sipp::call(Caller::Answered, server.sip()).place();
    phone.finish();
}

/// A call that nobody answers: under way until its Timer B, 32 s later.
fn begin_a_call(from: &UdpSocket, to: SocketAddr) {
    let (us, pid) = (from.local_addr().unwrap(), std::process::id());
    let invite = format!(
        "INVITE sip:12025550101@b.example SIP/2.0\r\nVia: SIP/2.0/UDP {us};branch=z9hG4bKlost-{pid};rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:12025550100@a.example>;tag=1\r\nTo: <sip:12025550101@b.example>\r\n\
         Call-ID: lost-{pid}\r\nCSeq: 1 INVITE\r\nContact: <sip:a@{us}>\r\nContent-Length: 0\r\n\r\n"
    );
    from.send_to(invite.as_bytes(), to).unwrap();
}

/// What a supervisor is told until nobody has said anything for so long.
fn heard(supervisor: &UnixDatagram, silence: Duration) -> String {
    supervisor.set_read_timeout(Some(silence)).unwrap();
    let (mut told, mut buffer) = (String::new(), [0; 512]);
    while let Ok(length) = supervisor.recv(&mut buffer) {
        told += &String::from_utf8_lossy(&buffer[..length]);
    }
    told
}

/// This test verifies that a peer with nothing under way on its connection loses it when `drain_s` has passed, instead of hearing
/// 503 for as long as the last call lasts; that the watchdog is fed for the successor by nobody else; and that a process whose
/// successor dies ends with failure, to be started again.
#[test]
fn connections_without_calls_end_and_a_lost_successor_is_told() {
    let provider = Provider::new();
    let path = std::env::temp_dir().join(format!("countersign-it-{}-lost", std::process::id()));
    let supervisor = UnixDatagram::bind(&path).unwrap();
    let called = UdpSocket::bind("127.0.0.1:0").unwrap();
    called.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut server = provider
        .signs(&udp(called.local_addr().unwrap()))
        .sip("takeover_socket = \"takeover\"")
        .drains(1)
        .environment("NOTIFY_SOCKET", path.to_str().unwrap())
        .environment("WATCHDOG_USEC", "3600000")
        .start();
    let mut idle = TcpStream::connect(server.sip()).unwrap();
    idle.set_read_timeout(Some(PATIENCE)).unwrap();
    idle.write_all(b"\r\n\r\n").unwrap();
    idle.read_exact(&mut [0; 2]).unwrap();
    let caller = UdpSocket::bind("127.0.0.1:0").unwrap();
    begin_a_call(&caller, server.sip());
    called.recv(&mut [0; 4_096]).unwrap();

    let config = server.config();
    let mut successor = Process::start(COUNTERSIGN, Workspace::new("lost"), |countersign| {
        countersign
            .args(["serve", "--takeover", "--config"])
            .arg(&config);
    });
    server.process().until("succeeded", |process| {
        process.output().contains("a successor carries what is new")
    });
    let before = heard(&supervisor, Duration::from_millis(1));
    assert!(before.contains("READY=1"), "{before}");
    assert_eq!(idle.read(&mut [0; 1]).unwrap(), 0, "it is ended");
    // Twice as long as the watchdog was fed before.
    let after = heard(&supervisor, Duration::from_millis(2_500));
    assert_eq!(after, "", "the watchdog is the successor's");
    server.process().until("still there", |process| {
        !process.output().contains("nothing is left here")
    });
    successor.kill();
    let status = server.process().end(PATIENCE);
    assert_eq!(status.code(), Some(1), "to be started again");
    assert!(server.process().output().contains("the successor is gone"));
    std::fs::remove_file(path).unwrap();
}

#[test]
fn who_cannot_take_over_says_so_and_changes_nothing() {
    let provider = Provider::new();
    let mut server = provider.signs(&udp(free_address())).start();
    let config = server.config();
    let takes_over = || {
        let output = Command::new(COUNTERSIGN)
            .args(["serve", "--takeover", "--config"])
            .arg(&config)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(takes_over().contains("set sip.takeover_socket"));
    server.rewrite("[sip]", "[sip]\ntakeover_socket = \"nobody\"");
    assert!(takes_over().contains("does a server run with this configuration?"));
    server.process().until("as before", |process| {
        !process.output().contains("successor")
    });
}
