//! `countersign up`: a lab made here, and the real server running on it, in one command.

use super::console::{Console, Tone, visible};
use super::{Outcome, startup};
use crate::clock::{Clock, SystemClock};
use crate::config::{self, Config, Mistake, Override};
use crate::lab::answering::{AnsweringPhone, Heard};
use crate::lab::calling::{CallingPhone, Dial, Tally};
use crate::lab::directory::Directory;
use crate::lab::enrolling;
use crate::lab::plan::{Plan, STEP};
use crate::run::StartFault;
use clap::Args;
use countersign::crypto::system_random;
use countersign::time::UnixTime;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use std::fs::File;
use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::mpsc;

/// Flags of `up`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  countersign up\n  countersign up --demo 20\n  \
    countersign up --data /tmp/lab --sip 127.0.0.1:15060 --http 127.0.0.1:18080 --public 127.0.0.1:18443\n\n\
    The calling side listens at --sip, the called side's verifier 10 ports further, the called party 20; signing and verification \
    over HTTP 10 ports further than --http."
)]
pub(super) struct Arguments {
    /// Folder for keys, certificates and configuration; made on first start
    #[arg(long, value_name = "DIR", default_value = "countersign-data")]
    data: PathBuf,
    /// Where calls to be signed come in, UDP and TCP
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:5060")]
    sip: SocketAddr,
    /// Health and metrics; signing and verification over HTTP 10 ports further
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    http: SocketAddr,
    /// The https certificate repository
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8443")]
    public: SocketAddr,
    /// Place this many calls each second, through real sockets
    #[arg(long, value_name = "CALLS_PER_SECOND", value_parser = clap::value_parser!(u32).range(1..=MAX_DEMO))]
    demo: Option<u32>,
}

/// Beyond this the one thread that plays the caller is what is measured.
const MAX_DEMO: i64 = 2_000;

/// Calls that may wait to be shown; more are counted and not shown.
const SHOWN: usize = 1_024;

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Outcome {
    let plan = Plan {
        sip: arguments.sip,
        http: arguments.http,
        public: arguments.public,
    };
    let (verifying, called, door) = match places(&plan) {
        Ok(places) => places,
        Err(told) => {
            console.error(told);
            return Outcome::Unable;
        }
    };
    let directory = Directory::new(&arguments.data);
    let clock = SystemClock::start();
    // Held as long as this one runs, however it ends.
    let _claim = match prepare(&directory, &plan, clock.now().unix) {
        Ok(claim) => claim,
        Err(why) => {
            console.error(why);
            return Outcome::Unable;
        }
    };
    let config = match written(&directory, arguments) {
        Ok(config) => config,
        Err(mistakes) => return startup::mistaken(&mistakes, console),
    };
    startup::on_runtime(console, async |console| {
        if let Some(settings) = &config.ca {
            let enrolled = enrolling::ensure(&directory, settings, Arc::new(clock)).await;
            if let Err(why) = enrolled {
                console.error(why);
                return Outcome::Unable;
            }
        }
        let how = (startup::Warnings::Silent, startup::Takeover::No);
        let helps = |address| another(&plan, address);
        let running = match startup::start(&config, clock, console, how, helps).await {
            Ok(running) => running,
            Err(outcome) => return outcome,
        };
        let (silence, stop) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        let (heard, calls) = mpsc::channel(SHOWN);
        let parties = match parties(called, verifying, arguments, heard, (&silence, &stop)) {
            Ok(parties) => parties,
            Err((address, error)) => {
                let fault = StartFault::Bind(address, error);
                console.error(format_args!("{fault}; {}", another(&plan, address)));
                return Outcome::Unable;
            }
        };
        welcome(
            &plan,
            (verifying, called, door),
            &directory,
            running.shards,
            console,
        );
        watch(arguments, parties.tally.as_deref(), calls, console).await;
        // Nobody calls any more, and the calls under way end before the called party goes.
        silence.store(true, Ordering::Relaxed);
        let _ = tokio::time::timeout(LAST_CALLS, running.drain()).await;
        stop.store(true, Ordering::Relaxed);
        for thread in parties.threads {
            // A party that panicked has said so already.
            let _ = thread.join();
        }
        running.stop().await;
        Outcome::Done
    })
}

/// Makes what is missing in the folder, for this process alone: two would write one configuration and one journal. It is ours while the file
/// is open.
fn prepare(directory: &Directory, plan: &Plan, now: UnixTime) -> Result<File, String> {
    directory
        .ensure_authorities(now)
        .map_err(|fault| fault.to_string())?;
    let path = directory.root().display();
    let folder = File::open(directory.root()).map_err(|error| format!("{path}: {error}"))?;
    match flock(&folder, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => {
            return Err(format!(
                "{path}: countersign up runs in this folder already: end that one, or name another folder with --data"
            ));
        }
        Err(error) => return Err(format!("{path}: {error}")),
    }
    plan.write(directory).map_err(|fault| fault.to_string())?;
    Ok(folder)
}

/// The configuration that was just written.
fn written(directory: &Directory, arguments: &Arguments) -> Result<Config, Vec<Mistake>> {
    let quiet = Override {
        flag: "--demo".into(),
        key: "log.level".into(),
        value: "warn".into(),
    };
    // The lines of a demonstration's calls would bury its sums.
    let overrides = arguments.demo.map(|_| quiet);
    config::load(
        &directory.configuration(),
        std::iter::empty(),
        overrides.as_slice(),
    )
}

/// The verifier, the called party, and signing over HTTP.
fn places(plan: &Plan) -> Result<(SocketAddr, SocketAddr, SocketAddr), String> {
    let (Some(verifying), Some(called)) = (plan.verifying(), plan.called()) else {
        let (sip, second) = (plan.sip, 2 * STEP);
        return Err(format!(
            "--sip {sip}: the lab needs the ports {STEP} and {second} further, too"
        ));
    };
    let door = plan.door().ok_or_else(|| {
        let http = plan.http;
        format!("--http {http}: the lab needs the port {STEP} further, too")
    })?;
    Ok((verifying, called, door))
}

/// What helps if an address is in use.
fn another(plan: &Plan, address: SocketAddr) -> &'static str {
    match address {
        address if address == plan.http || Some(address) == plan.door() => {
            "choose another with --http"
        }
        address if address == plan.public => "choose another with --public",
        _ => "choose another with --sip",
    }
}

struct Parties {
    threads: Vec<JoinHandle<()>>,
    tally: Option<Arc<Tally>>,
}

/// How long the last calls of a lab may take to end. Theirs is a matter of milliseconds; what is kept after that is kept for repeated
/// messages, and somebody waits at a terminal.
const LAST_CALLS: Duration = Duration::from_millis(300);

/// The called party, and with `--demo` the caller.
fn parties(
    called: SocketAddr,
    verifying: SocketAddr,
    arguments: &Arguments,
    heard: mpsc::Sender<Heard>,
    (silence, stop): (&Arc<AtomicBool>, &Arc<AtomicBool>),
) -> Result<Parties, (SocketAddr, std::io::Error)> {
    let at = |address| move |error| (address, error);
    let socket = UdpSocket::bind(called).map_err(at(called))?;
    // A screen that cannot keep up misses calls; the calls themselves never wait for it.
    let show = move |call| drop(heard.try_send(call));
    let mut threads = vec![AnsweringPhone::start(socket, show, stop.clone()).map_err(at(called))?];
    let mut tally = None;
    if let Some(per_second) = arguments.demo {
        let own = SocketAddr::new(arguments.sip.ip(), 0);
        let socket = UdpSocket::bind(own).map_err(at(own))?;
        let mut run = [0; 8];
        system_random(&mut run).map_err(|error| (own, std::io::Error::other(error)))?;
        let dial = demo(arguments.sip, verifying);
        let (counted, thread) = CallingPhone::start(
            socket,
            per_second,
            u64::from_be_bytes(run),
            dial,
            silence.clone(),
        )
        .map_err(at(own))?;
        threads.push(thread);
        tally = Some(counted);
    }
    Ok(Parties { threads, tally })
}

/// Who calls in a demonstration: seven of ten from numbers the lab's provider has assigned, two from others, and one that
/// never passed the signer.
fn demo(signing: SocketAddr, verifying: SocketAddr) -> impl FnMut(u64) -> Dial + Send + 'static {
    move |serial| {
        let line = serial % 50;
        let (from, via) = match serial % 10 {
            0..=6 => (12_025_550_100 + line, signing),
            7 | 8 => (12_025_550_150 + line % 40, signing),
            _ => (12_025_550_100 + line, verifying),
        };
        Dial {
            from: format!("+{from}"),
            to: format!("+{}", 12_025_550_190 + serial % 10),
            via,
        }
    }
}

fn welcome(
    plan: &Plan,
    (verifying, called, door): (SocketAddr, SocketAddr, SocketAddr),
    directory: &Directory,
    shards: usize,
    console: &mut Console,
) {
    let (sip, http, public) = (plan.sip, plan.http, plan.public);
    let (scenario, folder) = (directory.scenario(), directory.root().display().to_string());
    // Run by cargo, we are in no PATH.
    let program = std::env::current_exe().unwrap_or_else(|_| "countersign".into());
    console.line(format_args!(
        "countersign {} runs a lab in {folder} ({shards} threads carry calls)\n",
        env!("CARGO_PKG_VERSION")
    ));
    console.line(format_args!("  SIP, signed here         {sip}  udp, tcp"));
    console.line(format_args!(
        "  SIP, verified here       {verifying}  udp, tcp"
    ));
    console.line(format_args!("  the called party         {called}  udp"));
    console.line(format_args!(
        "  certificate repository   https://{public}  ({})",
        plan.x5u()
    ));
    console.line(format_args!(
        "  certification authority  https://{public}/acme/directory"
    ));
    console.line(format_args!(
        "  health and metrics       http://{http}/health  http://{http}/metrics"
    ));
    console.line(format_args!(
        "  signing over HTTP        http://{door}/stir/v1/signing  http://{door}/stir/v1/verification"
    ));
    console.line(format_args!(
        "  trust anchor             {}",
        directory.anchor().display()
    ));
    console.line(format_args!("\nPlace a first call:\n\n  sipp -sf {} -m 1 -key from 12025550100 -key to 12025550160 -key headers \"\" {sip}", scenario.display()));
    console.line(format_args!(
        "\nThe same call with one digit changed on its way (signed for ...0100, sent as ...0101):\n\n  \
        sipp -sf {} -m 1 -key from 12025550101 -key to 12025550160 \\\n    \
        -key headers \"$(printf '\\r\\nIdentity: %s' \"$({} sign --data {folder} --from 12025550100 --to 12025550160)\")\" {verifying}\n",
        scenario.display(),
        program.display()
    ));
    console.line(format_args!(
        "Ask who would answer, without anybody's telephone ringing:\n\n  {} probe sip:+12025550160@{verifying} --data {folder} --from 12025550100\n",
        program.display()
    ));
}

/// Shows calls as the called party hears them, until somebody says stop.
async fn watch(
    arguments: &Arguments,
    tally: Option<&Tally>,
    mut calls: mpsc::Receiver<Heard>,
    console: &mut Console,
) {
    let mut second = tokio::time::interval(Duration::from_secs(1));
    let mut counts = Counts::default();
    let mut end = std::pin::pin!(startup::stop_signal());
    loop {
        tokio::select! {
            () = &mut end => break,
            Some(call) = calls.recv() => {
                counts.count(&call);
                if arguments.demo.is_none() {
                    show(&call, console);
                }
            }
            _ = second.tick() => if let Some(tally) = tally {
                counts.show(tally, console);
            }
        }
    }
    console.line("\nstopped");
}

#[derive(Default)]
struct Counts {
    passed: u64,
    failed: u64,
    unproven: u64,
}

impl Counts {
    fn count(&mut self, call: &Heard) {
        match call.verstat.as_deref() {
            Some(verstat) if verstat.starts_with("TN-Validation-Passed") => self.passed += 1,
            Some("TN-Validation-Failed") => self.failed += 1,
            _ => self.unproven += 1,
        }
    }

    fn show(&self, tally: &Tally, console: &mut Console) {
        let read = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        console.line(format_args!(
            "placed {:>7}  answered {:>7}  refused {:>4}  lost {:>4}   heard: passed {:>7}  failed {:>4}  no proof {:>6}",
            read(&tally.placed), read(&tally.answered), read(&tally.refused), read(&tally.lost),
            self.passed, self.failed, self.unproven
        ));
    }
}

fn show(call: &Heard, console: &mut Console) {
    let verstat = call.verstat.as_deref().unwrap_or("no verstat");
    let tone = match verstat {
        "TN-Validation-Failed" => Tone::Bad,
        passed if passed.starts_with("TN-Validation-Passed") => Tone::Good,
        _ => Tone::Unsure,
    };
    let verdict = console.paint(tone, visible(verstat));
    console.line(format_args!(
        "the called party hears: {} calls {}: {verdict}",
        visible(&call.caller),
        visible(&call.called)
    ));
}
