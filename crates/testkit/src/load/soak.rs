//! A soak: a server of its own, many calls, and what came of them.
//!
//! The server's program makes its lab (`up`), and then runs on it as in production (`serve`); the called side of that lab is ours.

use super::caller::{self, Plan};
use super::memory::{self, Growth};
use super::{Tally, called};
use std::io::{Error, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Pause between two samples of memory.
const SAMPLE: Duration = Duration::from_millis(500);
/// How long a server may take until it is ready.
const START_LIMIT: Duration = Duration::from_secs(30);
/// The lab's distances between signing, verifying and called side.
const STEP: u16 = 10;
/// Where a free block of ports is looked for.
const PORTS: std::ops::Range<u16> = 33_000..60_000;

/// What came of a soak.
#[derive(Debug)]
pub struct Outcome {
    /// What was counted.
    pub tally: Arc<Tally>,
    /// Calls that were asked for.
    pub calls: u64,
    /// How long it took.
    pub took: Duration,
    /// The server's memory in bytes, when the first call came, at most, and at the end.
    pub memory: [u64; 3],
    /// Whether it grows.
    pub growth: Growth,
}

impl Outcome {
    /// Whether every call was answered, every verdict right, and memory flat as far as can be told.
    pub fn is_good(&self) -> bool {
        let read = |counter| Tally::read(counter);
        let tally = &self.tally;
        read(&tally.answered) == self.calls
            && read(&tally.right) == self.calls
            && read(&tally.wrong) + read(&tally.lost) + read(&tally.refused) == 0
            && read(&tally.contradicted) == 0
            && !matches!(self.growth, Growth::Grows(_))
    }

    /// The figures, a line each.
    pub fn lines(&self) -> Vec<String> {
        let (tally, read) = (&self.tally, Tally::read);
        let mib = |bytes: &u64| bytes >> 20;
        let mut times = tally
            .times
            .lock()
            .map(|times| times.clone())
            .unwrap_or_default();
        times.sort_unstable();
        let time = |part: usize| {
            times
                .get(times.len().saturating_sub(1) * part / 1_000)
                .copied()
                .unwrap_or_default()
        };
        let rate = self.calls as f64 / self.took.as_secs_f64().max(f64::EPSILON);
        let [first, most, last] = self.memory.each_ref().map(mib);
        let mut lines = vec![
            format!(
                "{} calls in {:.0} s ({rate:.0} a second): answered {}, turned away and placed again {}, refused {}, lost {}, answered in two ways {}, repeated {}",
                self.calls,
                self.took.as_secs_f64(),
                read(&tally.answered),
                read(&tally.turned_away),
                read(&tally.refused),
                read(&tally.lost),
                read(&tally.contradicted),
                read(&tally.repeated),
            ),
            format!(
                "verdicts: right {}, wrong {}",
                read(&tally.right),
                read(&tally.wrong)
            ),
            format!(
                "from INVITE to 200: median {} us, p99 {} us, most {} us",
                time(500),
                time(990),
                time(1_000)
            ),
            format!("memory: {first} MiB at the beginning, {most} at most, {last} at the end"),
            match &self.growth {
                Growth::Flat(windows) => format!(
                    "memory is flat: {:?} MiB by window",
                    windows.iter().map(mib).collect::<Vec<_>>()
                ),
                Growth::Grows(windows) => format!(
                    "MEMORY GROWS: {:?} MiB by window",
                    windows.iter().map(mib).collect::<Vec<_>>()
                ),
                Growth::TooShort => "too short to say whether memory is flat".into(),
            },
        ];
        lines.extend(
            tally
                .examples
                .lock()
                .map(|examples| examples.clone())
                .unwrap_or_default(),
        );
        lines
    }
}

/// Runs `calls` calls at `rate` a second through the server that `program` is.
///
/// # Errors
/// If it does not start, or the system will not.
pub fn run(program: &Path, calls: u64, rate: u32) -> std::io::Result<Outcome> {
    let (mut server, lab) = serve(program)?;
    let (called_at, signs, verifies) = (lab.sip(2), lab.sip(0), lab.sip(1));
    let (tally, stop) = (Arc::<Tally>::default(), Arc::<AtomicBool>::default());
    let answering = called::start(roomy(called_at)?, tally.clone(), stop.clone())?;
    let plan = Plan {
        calls,
        rate,
        signs,
        verifies,
    };
    let begun = Instant::now();
    let calling = caller::start(roomy(loopback(0))?, plan, tally.clone())?;
    let mut samples = Vec::new();
    while !calling.is_finished() {
        let sample = memory::of(server.0.id());
        samples.push(sample.ok_or_else(|| Error::other("the server has ended"))?);
        std::thread::sleep(SAMPLE);
    }
    let took = begun.elapsed();
    stop.store(true, Ordering::Relaxed);
    for thread in [calling, answering] {
        thread
            .join()
            .map_err(|_| Error::other("a party panicked"))?;
    }
    server.end();
    let most = samples.iter().max().copied().unwrap_or_default();
    let first = samples.first().copied().unwrap_or_default();
    let last = samples.last().copied().unwrap_or_default();
    Ok(Outcome {
        tally,
        calls,
        took,
        memory: [first, most, last],
        growth: memory::judge(&samples, SAMPLE),
    })
}

/// A process that ends with its guard.
struct Guarded(Child);

impl Guarded {
    fn end(&mut self) {
        // It has nothing that anybody will miss; one that has ended needs no end.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.end();
    }
}

/// Ports and a folder of a lab; the folder goes with it.
struct Lab {
    folder: PathBuf,
    port: u16,
}

impl Lab {
    fn new() -> std::io::Result<Self> {
        let folder = std::env::temp_dir().join(format!("countersign-soak-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let offset = (std::process::id() % 500) as u16 * 50;
        let all = |first: u16| (0..6).map(move |step| first + step * STEP);
        let is_free = |port: u16| {
            TcpListener::bind(loopback(port)).is_ok() && UdpSocket::bind(loopback(port)).is_ok()
        };
        let mut blocks = (PORTS.start + offset..PORTS.end).step_by(61);
        let port = blocks.find(|first| all(*first).all(is_free));
        let port = port.ok_or_else(|| Error::other("no free ports"))?;
        Ok(Self { folder, port })
    }

    fn sip(&self, step: u16) -> SocketAddr {
        loopback(self.port + step * STEP)
    }

    fn http(&self) -> SocketAddr {
        self.sip(3)
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        // A line a call would be what is measured.
        command.env("COUNTERSIGN_LOG__LEVEL", "warn");
        // On a machine that is busy with other things as well, whoever is slow is not refused: what is counted is what is lost.
        command.env("COUNTERSIGN_SIP__OVERLOAD_DELAY_MS", "0");
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command
    }

    fn until_ready(&self) -> std::io::Result<()> {
        let limit = Instant::now() + START_LIMIT;
        while !is_ready(self.http()) {
            if Instant::now() > limit {
                return Err(Error::other("the server is not ready"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // What is left is in the folder for such things.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn serve(program: &Path) -> std::io::Result<(Guarded, Lab)> {
    let lab = Lab::new()?;
    let mut up = lab.command(program);
    up.arg("up").arg("--data").arg(&lab.folder);
    up.args([
        "--sip",
        &lab.sip(0).to_string(),
        "--http",
        &lab.http().to_string(),
    ]);
    up.args(["--public", &lab.sip(5).to_string()]);
    let mut making = Guarded(up.spawn()?);
    lab.until_ready()?;
    making.end();
    let mut serve = lab.command(program);
    serve
        .arg("serve")
        .arg("--config")
        .arg(lab.folder.join("countersign.toml"));
    // Warnings about the lab's own ways are no news.
    let server = Guarded(serve.stderr(Stdio::null()).spawn()?);
    lab.until_ready()?;
    Ok((server, lab))
}

fn is_ready(address: SocketAddr) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        stream.write_all(b"GET /ready HTTP/1.1\r\nHost: soak\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// A socket with as much room as the system gives.
fn roomy(address: SocketAddr) -> std::io::Result<UdpSocket> {
    const ROOM: usize = 4 << 20;
    let socket = UdpSocket::bind(address)?;
    // Less than asked still works.
    let _ = rustix::net::sockopt::set_socket_recv_buffer_size(&socket, ROOM);
    Ok(socket)
}
