//! SIPp: places and answers calls by the scenarios in `tests/sipp/`.

use super::process::is_bound;
use super::{Process, Trace, Workspace, free_address};
use std::fs;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

/// What the caller expects; each is a scenario, and anything else fails it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// 200, and hangs up.
    Answered,
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
    /// Rings until the caller cancels.
    Rings,
    /// As `Answers`, but only after the INVITE came a second time, or should have.
    Slow,
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
        Self::listen(called, address, "udp")
    }

    /// A called side that speaks TCP only.
    #[track_caller]
    pub(crate) fn called_over_tcp(called: Called) -> Self {
        Self::listen(called, free_address(), "tcp")
    }

    #[track_caller]
    fn listen(called: Called, address: SocketAddr, transport: &str) -> Self {
        let scenario = scenario(match called {
            Called::Answers => "uas-answers.xml",
            Called::Busy => "uas-busy.xml",
            Called::HangsUp => "uas-hangs-up.xml",
            Called::Rings => "uas-rings.xml",
            Called::Slow => "uas-slow.xml",
        });
        let mut process = start(&scenario, address, |sipp| {
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
        let scenario = match self.caller {
            Caller::Answered => FIRST_CALL.to_owned(),
            Caller::Cancels => scenario("uac-cancels.xml"),
            Caller::CancelsEarly => cancels_early(),
            Caller::HungUpOn => scenario("uac-is-hung-up-on.xml"),
            Caller::Redirected => scenario("uac-redirected.xml"),
            Caller::Repeats => scenario("uac-repeats.xml"),
            Caller::Refused(status) => {
                let text = scenario("uac-refused.xml");
                text.replace("response=\"438\"", &format!("response=\"{status}\""))
            }
        };
        let mut process = start(&scenario, address, |sipp| {
            sipp.arg(self.target.to_string())
                .args(["-t", self.transport]);
            sipp.args(["-key", "from", &self.from, "-key", "to", &self.to]);
            sipp.args(["-key", "headers", &self.headers]);
            sipp.args(["-key", "fromparams", &self.from_parameters]);
        });
        finish(&mut process, END_LIMIT)
    }
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
