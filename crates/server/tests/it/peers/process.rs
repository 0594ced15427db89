//! One program, guarded: its directory, its output, its end.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// No peer outlives this many seconds, whatever becomes of the test: `timeout` of coreutils sees to it.
const LIFE_LIMIT_S: &str = "120";
/// How long a peer may take until it is ready; two busy cores are slow.
const START_LIMIT: Duration = Duration::from_secs(20);
/// How long a peer may take to end when it is asked to.
const FAREWELL: Duration = Duration::from_secs(3);
/// Pause between two looks at a condition.
const LOOK: Duration = Duration::from_millis(20);
/// Bytes of each output file that are printed when a test fails: the end says why.
const PRINTED_TAIL: usize = 6_000;

/// How a program ended and what it said, which must be text.
#[track_caller]
pub(crate) fn told(output: Output) -> (i32, String, String) {
    let text = |bytes| String::from_utf8(bytes).expect("text");
    let code = output.status.code().expect("no signal");
    (code, text(output.stdout), text(output.stderr))
}

/// What `openssl` says in this folder, which must be content.
#[track_caller]
pub(crate) fn openssl(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("openssl");
    let command = command.args(arguments).current_dir(folder);
    let output = command.stdin(Stdio::null()).output();
    let (code, out, err) = told(output.expect("openssl is installed: cargo xtask test"));
    assert_eq!(code, 0, "openssl {arguments:?}: {out}{err}");
    out
}

/// A directory for one peer; removed with its guard.
pub(crate) struct Workspace(PathBuf);

impl Workspace {
    /// An empty directory of this name, which no other test has.
    pub(crate) fn new(name: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let unique = format!("countersign-it-{}-{count}-{name}", std::process::id());
        let path = std::env::temp_dir().join(unique);
        fs::create_dir_all(&path).expect("a directory for a peer");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file and says where it is.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, content).expect("a file for a peer");
        path
    }

    /// The text of a file; empty if there is none.
    pub(crate) fn read(&self, name: &str) -> String {
        let bytes = fs::read(self.0.join(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn print_outputs(&self) {
        let mut files: Vec<_> = fs::read_dir(&self.0)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension() == Some(OsStr::new("log")))
            .collect();
        files.sort();
        for path in files {
            let bytes = fs::read(&path).unwrap_or_default();
            let tail = bytes.len().saturating_sub(PRINTED_TAIL);
            let text = String::from_utf8_lossy(bytes.get(tail..).unwrap_or_default());
            eprintln!("──── {} ────\n{}", path.display(), text.trim_end());
        }
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.print_outputs();
        }
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A running program. Its standard output and error are `output.log` in its workspace.
pub(crate) struct Process {
    name: String,
    child: Child,
    workspace: Workspace,
}

impl Process {
    /// Starts `program` in its workspace; `command` is given the arguments and the environment.
    ///
    /// The program runs under `timeout`, which makes a process group of it: the group is killed as a whole, workers included.
    pub(crate) fn start(
        program: &str,
        workspace: Workspace,
        command: impl FnOnce(&mut Command),
    ) -> Self {
        must_be_installed(program);
        let output = File::create(workspace.path().join("output.log")).unwrap();
        let mut timeout = Command::new("timeout");
        timeout.args(["--signal=KILL", LIFE_LIMIT_S, program]);
        command(&mut timeout);
        let child = timeout
            .current_dir(workspace.path())
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap_or_else(|error| panic!("{program} under timeout: {error}"));
        Self {
            name: program.to_owned(),
            child,
            workspace,
        }
    }

    pub(crate) fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    /// What the program has printed so far.
    pub(crate) fn output(&self) -> String {
        self.workspace.read("output.log")
    }

    /// Waits until `ready`; panics if the program ends before, or if it takes too long.
    #[track_caller]
    pub(crate) fn until(&mut self, what: &str, ready: impl Fn(&Self) -> bool) {
        let limit = Instant::now() + START_LIMIT;
        while !ready(self) {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("{} ended ({status}) before it was {what}", self.name);
            }
            assert!(Instant::now() < limit, "{} is not {what}", self.name);
            std::thread::sleep(LOOK);
        }
    }

    /// Waits for the program to end by itself.
    #[track_caller]
    pub(crate) fn end(&mut self, limit: Duration) -> ExitStatus {
        let limit = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < limit, "{} does not end", self.name);
            std::thread::sleep(LOOK);
        }
    }

    /// Asks the program to end; [`Self::end`] waits for it.
    pub(crate) fn terminate(&self) {
        signal(&format!("kill -s TERM {}", self.child.id()));
    }

    /// The process of the program itself, under `timeout`.
    pub(crate) fn id(&self) -> u32 {
        let timeout = self.child.id();
        let children = fs::read_to_string(format!("/proc/{timeout}/task/{timeout}/children"));
        children.unwrap().trim().parse().expect("one process")
    }

    /// Sends SIGHUP.
    pub(crate) fn hang_up(&self) {
        self.tell("HUP");
    }

    /// Sends a signal to the program itself; `timeout` hands the first SIGTERM on and no other.
    pub(crate) fn tell(&self, name: &str) {
        signal(&format!("kill -s {name} {}", self.id()));
    }

    /// Ends the program and all that it started.
    pub(crate) fn kill(&mut self) {
        if let Ok(Some(_)) = self.child.try_wait() {
            return;
        }
        // Politely first: a Kamailio that is killed hard leaves its dead workers to whoever inherits them.
        self.terminate();
        let limit = Instant::now() + FAREWELL;
        while Instant::now() < limit {
            if let Ok(Some(_)) = self.child.try_wait() {
                return;
            }
            std::thread::sleep(LOOK);
        }
        signal(&format!("kill -s KILL -- -{}", self.child.id()));
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a `kill`; the standard library only knows the hard one, of one process.
fn signal(command: &str) {
    let _ = Command::new("sh")
        .args(["-c", command])
        .stderr(Stdio::null())
        .status();
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

#[track_caller]
fn must_be_installed(program: &str) {
    if Path::new(program).is_absolute() {
        return;
    }
    let found = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .output();
    let missing = matches!(&found, Err(error) if error.kind() == ErrorKind::NotFound);
    assert!(
        !missing,
        "{program} is not installed: `cargo xtask test` installs what the tests need"
    );
}

/// An address on loopback whose port nobody uses, neither by UDP nor by TCP.
pub(crate) fn free_address() -> SocketAddr {
    free_block(&[0])
}

/// A loopback address such that the ports at these distances from its own are free, too. Nobody else in these tests gets them
/// or the ports between.
///
/// The system gives outgoing sockets ports of 32,768 and above, so one that was free a moment ago could be taken before its
/// owner binds it. Below that only the owners themselves ask. Tests that run as processes of their own begin at different places.
pub(crate) fn free_block(distances: &[u16]) -> SocketAddr {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    let width = u32::from(distances.iter().copied().max().unwrap_or(0)) + 1;
    let begin = std::process::id().wrapping_mul(PORTS_A_PROCESS);
    (0..1_000)
        .find_map(|_| {
            let offset = begin.wrapping_add(TAKEN.fetch_add(width, Ordering::Relaxed));
            let first = PORTS.start + u16::try_from(offset % PORT_COUNT).ok()?;
            let block = distances.iter().map(|distance| first + distance);
            block.into_iter().all(is_free).then(|| loopback(first))
        })
        .expect("free ports")
}

/// Where [`free_block`] looks; a block may reach a little further.
const PORTS: Range<u16> = 12_000..32_000;
const PORT_COUNT: u32 = (PORTS.end - PORTS.start) as u32;
/// How many ports a test uses at most, so that the next process begins beyond.
const PORTS_A_PROCESS: u32 = 64;

fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(loopback(port)).is_ok() && UdpSocket::bind(loopback(port)).is_ok()
}

/// Whether somebody on this machine has bound `address`; `table` is the kernel's: `udp` or `tcp`.
pub(crate) fn is_bound(table: &str, address: SocketAddr) -> bool {
    // Binding it ourselves for a look could take it from the peer in that very moment, so the kernel's table is read.
    let IpAddr::V4(ip) = address.ip() else {
        panic!("the peers live on IPv4 loopback")
    };
    let local = format!(
        "{:08X}:{:04X}",
        u32::from_le_bytes(ip.octets()),
        address.port()
    );
    fs::read_to_string(format!("/proc/net/{table}"))
        .unwrap_or_default()
        .lines()
        .any(|line| line.split_whitespace().nth(1) == Some(&local))
}
