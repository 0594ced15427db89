//! `countersign reload`: asks the running server to read its configuration again, and tells what came of it.
//!
//! It asks at the admin listener (`POST /reload`), because a signal brings no answer: whoever changes a configuration wants to
//! know whether it runs, or every mistake. `systemctl reload` sends SIGHUP, which does the same; the answer is in the log.

use super::{Console, Outcome};
use crate::config::{self, Config};
use clap::Args;
use serde_json::{Value, json};
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Flags of `reload`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  countersign reload --config /etc/countersign/countersign.toml\n  \
    countersign reload --admin 127.0.0.1:8080 --json | jq .changed\n\n\
    Exit codes: 0 the new configuration runs, 1 it has mistakes and the old one goes on, 2 nobody could be asked.\n\
    SIGHUP does the same; then the answer is in the log."
)]
pub(super) struct Arguments {
    /// The configuration file of the server, which says where its admin listener is
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The server's admin listener, if it is another one
    #[arg(long, value_name = "ADDR")]
    admin: Option<SocketAddr>,
    /// One JSON object: {"outcome": "done" or "refused", ...}
    #[arg(long)]
    json: bool,
}

/// Where the admin listener is if nobody says otherwise.
const DEFAULT_ADMIN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// Longest wait for a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// Longest wait for the answer: a connection of the admin listener lives no longer.
const ANSWER_LIMIT: Duration = crate::http::listener::CONNECTION_TIMEOUT;

/// Largest answer: a line for each mistake, and there may be thousands.
const MAX_ANSWER: u64 = 16 * 1024 * 1024;

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Outcome {
    let admin = match (arguments.admin, &arguments.config) {
        (Some(admin), _) => Ok(admin),
        (None, Some(file)) => admin_of(file),
        (None, None) => Ok(DEFAULT_ADMIN),
    };
    let answer = match admin {
        Ok(admin) => ask(admin).map_err(|error| {
            let hint = "is the server running? --admin or --config says where it listens";
            format!("no answer from {admin}: {error}; {hint}")
        }),
        Err(NotAsked::Mistakes(answer)) => Ok(answer),
        Err(NotAsked::Why(why)) => Err(why.into()),
    };
    match answer {
        Ok(answer) => tell(&answer, arguments.json, console),
        Err(error) => {
            console.error(error);
            Outcome::Unable
        }
    }
}

/// Why the server is not asked.
enum NotAsked {
    /// The configuration has mistakes: it would be refused. As the server would answer.
    Mistakes(Value),
    /// There is nowhere to ask.
    Why(&'static str),
}

fn admin_of(file: &Path) -> Result<SocketAddr, NotAsked> {
    let config = config::load(file, std::env::vars(), &[]).map_err(|mistakes| {
        let mistakes: Value = mistakes.iter().map(ToString::to_string).collect();
        NotAsked::Mistakes(json!({"outcome": "refused", "mistakes": mistakes}))
    })?;
    let Config { admin, .. } = config;
    if admin.tls.is_some() {
        return Err(NotAsked::Why(
            "the admin listener speaks TLS; send SIGHUP instead (systemctl reload), and find the answer in the log",
        ));
    }
    let addresses = || admin.listen.iter().map(|address| address.value);
    let loopback = addresses().find(|address| address.ip().is_loopback());
    let first = loopback.or_else(|| addresses().next());
    first.map(reachable).ok_or(NotAsked::Why(
        "there is no admin listener; send SIGHUP instead (systemctl reload), and find the answer in the log",
    ))
}

/// `0.0.0.0` listens everywhere, and so here.
fn reachable(listener: SocketAddr) -> SocketAddr {
    let ip = match listener.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listener.port())
}

/// One question and its answer over HTTP; anything but an answer to this question is an error.
fn ask(admin: SocketAddr) -> io::Result<Value> {
    let mut stream = TcpStream::connect_timeout(&admin, CONNECT_LIMIT)?;
    stream.set_read_timeout(Some(ANSWER_LIMIT))?;
    let request = format!(
        "POST /reload HTTP/1.1\r\nHost: {admin}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.take(MAX_ANSWER).read_to_string(&mut answer)?;
    let not_ours = |why: &str| io::Error::other(why.to_owned());
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .ok_or_else(|| not_ours("what answers does not speak HTTP"))?;
    let status = head.split(' ').nth(1).unwrap_or_default();
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    match (status, body.get("error").and_then(Value::as_str)) {
        ("200" | "422", _) if body.get("outcome").is_some() => Ok(body),
        (_, Some(error)) => Err(not_ours(error)),
        _ => Err(not_ours(&format!(
            "HTTP {status}: this is no admin listener of ours"
        ))),
    }
}

fn tell(answer: &Value, json: bool, console: &mut Console) -> Outcome {
    let is_done = answer.get("outcome").and_then(Value::as_str) == Some("done");
    let outcome = if is_done {
        Outcome::Done
    } else {
        Outcome::Failed
    };
    if json {
        console.line(answer);
        return outcome;
    }
    let all = |key| {
        answer
            .get(key)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
    };
    let texts = |key| all(key).filter_map(Value::as_str);
    if !is_done {
        texts("mistakes").for_each(|mistake| console.error(mistake));
        console.line("not reloaded: the server goes on as it was");
        return outcome;
    }
    texts("warnings").for_each(|warning| console.warning(warning));
    let generation = answer
        .get("generation")
        .and_then(Value::as_u64)
        .unwrap_or_default();
    console.line(format_args!("reloaded: configuration {generation} runs"));
    texts("changed").for_each(|key| console.line(format_args!("  changed        {key}")));
    texts("restart").for_each(|key| console.line(format_args!("  needs restart  {key}")));
    outcome
}
