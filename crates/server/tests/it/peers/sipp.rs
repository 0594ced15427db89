//! SIPp: places and answers calls by the scenarios in `tests/sipp/`.

use super::process::is_bound;
use super::{Process, Trace, Workspace, free_address};
use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::process::Command;
use std::time::Duration;

/// What the caller expects; each is a scenario, and anything else fails it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// 200, and hangs up.
    Answered,
    /// A reliable 183 to an INVITE without media, and hangs up.
    Asks,
    /// 180, cancels, 487.
    Cancels,
    /// As `Cancels`, but without waiting for the 180: a 100 is enough.
    CancelsEarly,
    /// 200, is sent an INVITE inside the call, and hung up on.
    HungUpOn,
    /// 302, and what then happens is not its affair.
    Redirected,
    /// This refusal.
    Refused(u16),
    /// As `Answered`, and says a code before it hangs up.
    TellsACode,
    /// As `Answered`, but repeats the INVITE since no 100 arrives.
    Repeats,
}

/// What the called side does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Called {
    /// Rings, answers, is hung up on.
    Answers,
    /// 486.
    Busy,
    /// Rings, answers, sends an INVITE inside the call, and hangs up.
    HangsUp,
    /// The same, but only once it is told to: [`Sipp::goes_on`].
    HangsUpWhenTold,
    /// Says a reliable 183 again and again, which nobody acknowledges, and then 504.
    IsNotAcknowledged,
    /// As `Answers`, but is heard before: its media are at port 16666.
    Plays,
    /// As `Rings`, but is heard: its media are at port 16666.
    PlaysOn,
    /// Rings until the caller cancels.
    Rings,
    /// As `Answers`, but only after the INVITE came a second time, or should have.
    Slow,
    /// As `Answers`, but is heard before, and hears a code.
    TakesACode,
}

/// A called side that waits for its call.
pub(crate) struct Sipp {
    process: Process,
    address: SocketAddr,
}

/// A caller that is about to call.
pub(crate) struct Call {
    caller: Caller,
    target: SocketAddr,
    from: String,
    to: String,
    headers: String,
    from_parameters: String,
    transport: &'static str,
}

/// The scenario that `countersign up` gives its users is the one for a call that is answered.
const FIRST_CALL: &str = include_str!("../../../src/lab/call.xml");
/// SIPp itself gives up after so many seconds; a call here takes two at most.
const CALL_LIMIT_S: &str = "20";
/// How long the SIPp process may take to end, its own limit included.
const END_LIMIT: Duration = Duration::from_secs(25);
/// The largest pause between a caller's end and that of the called side.
const LINGER: Duration = Duration::from_secs(8);

impl Sipp {
    /// A called side, ready for one call.
    #[track_caller]
    pub(crate) fn called(called: Called) -> Self {
        Self::called_at(called, free_address())
    }

    /// The same at a given address.
    #[track_caller]
    pub(crate) fn called_at(called: Called, address: SocketAddr) -> Self {
        Self::listen(&text_of(called), address, "udp")
    }

    /// A called side with these headers, a line each, in its responses of this status to the INVITE.
    #[track_caller]
    pub(crate) fn called_saying(called: Called, status: u16, headers: &[String]) -> Self {
        let (text, begin) = (text_of(called), format!("SIP/2.0 {status} "));
        let (before, response) = text.split_once(&begin).expect("a response of this status");
        let (line, rest) = response.split_once('\n').unwrap();
        let headers = headers.join("\n");
        let text = format!("{before}{begin}{line}\n{headers}\n{rest}");
        Self::listen(&text, free_address(), "udp")
    }

    /// A called side that speaks TCP only.
    #[track_caller]
    pub(crate) fn called_over_tcp(called: Called) -> Self {
        Self::listen(&text_of(called), free_address(), "tcp")
    }

    #[track_caller]
    fn listen(scenario: &str, address: SocketAddr, transport: &str) -> Self {
        let mut process = start(scenario, address, |sipp| {
            // Logs what the scenario records; a caller's scenario records nothing.
            sipp.args(["-trace_logs", "-log_file", "recorded.log"]);
            sipp.args(["-t", if transport == "tcp" { "t1" } else { "u1" }]);
        });
        process.until("listening", |_| is_bound(transport, address));
        Self { process, address }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What has happened so far, as soon as it is enough.
    #[track_caller]
    pub(crate) fn until(&mut self, what: &str, enough: impl Fn(&Trace) -> bool) -> Trace {
        self.process.until(what, |process| enough(&trace(process)));
        trace(&self.process)
    }

    /// Whom nobody has called so far.
    #[track_caller]
    pub(crate) fn is_quiet(&self) {
        let seen = trace(&self.process);
        assert!(seen.0.is_empty(), "the called side was reached: {seen:#?}");
    }

    /// Tells a called side that waits for it to go on.
    #[track_caller]
    pub(crate) fn goes_on(&mut self) {
        let seen = self.until("in a call", |seen| !seen.received("ACK").is_empty());
        let socket = UdpSocket::bind((self.address.ip(), 0)).unwrap();
        let (us, at) = (socket.local_addr().unwrap(), self.address);
        let call_id = seen.invite().header("Call-ID");
        let told = format!(
            "OPTIONS sip:{at} SIP/2.0\r\nVia: SIP/2.0/UDP {us};branch=z9hG4bKgo\r\nMax-Forwards: 1\r\nFrom: <sip:test@{us}>;tag=test\r\n\
             To: <sip:{at}>\r\nCall-ID: {call_id}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        );
        socket.send_to(told.as_bytes(), at).unwrap();
    }

    /// Waits for the end of the call that must have come, and tells what happened in it.
    #[track_caller]
    pub(crate) fn finish(mut self) -> Trace {
        finish(&mut self.process, LINGER)
    }

    /// Nobody called: the call ended before it got here.
    #[track_caller]
    pub(crate) fn was_not_called(mut self) {
        self.process.kill();
        let trace = trace(&self.process);
        assert!(
            trace.0.is_empty(),
            "the called side was reached: {trace:#?}"
        );
    }

    /// A call from 12025550100 to 12025550101, by way of `target`.
    pub(crate) fn call(caller: Caller, target: SocketAddr) -> Call {
        Call {
            caller,
            target,
            from: "12025550100".to_owned(),
            to: "12025550101".to_owned(),
            headers: String::new(),
            from_parameters: String::new(),
            transport: "u1",
        }
    }
}

impl Call {
    pub(crate) fn from(mut self, number: &str) -> Self {
        number.clone_into(&mut self.from);
        self
    }

    pub(crate) fn to(mut self, number: &str) -> Self {
        number.clone_into(&mut self.to);
        self
    }

    /// One more header field in the INVITE.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push_str(&format!("\r\n{name}: {value}"));
        self
    }

    /// Parameters of From, each with its semicolon; only for [`Caller::Redirected`].
    pub(crate) fn parameters_of_from(mut self, parameters: &str) -> Self {
        parameters.clone_into(&mut self.from_parameters);
        self
    }

    pub(crate) fn over_tcp(mut self) -> Self {
        self.transport = "t1";
        self
    }

    /// Places the call and waits for its end, which must be as the scenario has it.
    #[track_caller]
    pub(crate) fn place(self) -> Trace {
        self.place_from(free_address())
    }

    /// The same from a given address.
    #[track_caller]
    pub(crate) fn place_from(self, address: SocketAddr) -> Trace {
        let mut process = self.begin_from(address);
        finish(&mut process, END_LIMIT)
    }

    /// Places the call, and lets things happen: [`Sipp::finish`] waits for its end.
    #[track_caller]
    pub(crate) fn begin(self) -> Sipp {
        let address = free_address();
        let process = self.begin_from(address);
        Sipp { process, address }
    }

    #[track_caller]
    fn begin_from(self, address: SocketAddr) -> Process {
        let scenario = match self.caller {
            Caller::Answered => FIRST_CALL.to_owned(),
            Caller::Asks => scenario("uac-asks.xml"),
            Caller::Cancels => scenario("uac-cancels.xml"),
            Caller::CancelsEarly => cancels_early(),
            Caller::HungUpOn => scenario("uac-is-hung-up-on.xml"),
            Caller::Redirected => scenario("uac-redirected.xml"),
            Caller::Repeats => scenario("uac-repeats.xml"),
            Caller::TellsACode => scenario("uac-tells-a-code.xml"),
            Caller::Refused(status) => {
                let text = scenario("uac-refused.xml");
                text.replace("response=\"438\"", &format!("response=\"{status}\""))
            }
        };
        start(&scenario, address, |sipp| {
            sipp.arg(self.target.to_string())
                .args(["-t", self.transport]);
            sipp.args(["-key", "from", &self.from, "-key", "to", &self.to]);
            sipp.args(["-key", "headers", &self.headers]);
            sipp.args(["-key", "fromparams", &self.from_parameters]);
        })
    }
}

/// The scenario of a called side.
fn text_of(called: Called) -> String {
    scenario(match called {
        Called::Answers => "uas-answers.xml",
        Called::Busy => "uas-busy.xml",
        Called::HangsUp => "uas-hangs-up.xml",
        Called::HangsUpWhenTold => "uas-hangs-up-when-told.xml",
        Called::IsNotAcknowledged => "uas-is-not-acknowledged.xml",
        Called::Plays => "uas-plays.xml",
        Called::PlaysOn => "uas-plays-on.xml",
        Called::Rings => "uas-rings.xml",
        Called::Slow => "uas-slow.xml",
        Called::TakesACode => "uas-takes-a-code.xml",
    })
}

fn cancels_early() -> String {
    let text = scenario("uac-cancels.xml");
    let ringing = "<recv response=\"100\" optional=\"true\"/>\n  <recv response=\"180\"/>";
    assert!(text.contains(ringing), "{text}");
    text.replace(ringing, "<recv response=\"100\"/>")
}

fn scenario(name: &str) -> String {
    let path = format!("{}/tests/sipp/{name}", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[track_caller]
fn start(scenario: &str, address: SocketAddr, more: impl FnOnce(&mut Command)) -> Process {
    let workspace = Workspace::new("sipp");
    workspace.write("scenario.xml", scenario);
    let ip = address.ip().to_string();
    let control = free_address().port().to_string();
    Process::start("sipp", workspace, |sipp| {
        sipp.args(["-sf", "scenario.xml", "-m", "1", "-nostdin"]);
        sipp.args(["-i", &ip, "-mi", &ip, "-p", &address.port().to_string()]);
        sipp.args(["-ci", &ip, "-cp", &control]);
        sipp.args(["-timeout", CALL_LIMIT_S, "-timeout_error"]);
        sipp.args(["-trace_msg", "-message_file", "messages.log"]);
        sipp.args(["-trace_err", "-error_file", "errors.log"]);
        more(sipp);
    })
}

#[track_caller]
fn finish(process: &mut Process, limit: Duration) -> Trace {
    let status = process.end(limit);
    assert!(
        status.success(),
        "the scenario failed: {status}\n{}",
        process.workspace().read("errors.log")
    );
    trace(process)
}

fn trace(process: &Process) -> Trace {
    Trace::parse(&process.workspace().read("messages.log"))
}
