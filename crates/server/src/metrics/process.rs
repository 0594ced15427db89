//! What the system knows about this process, under the names that collectors know: memory, processor time, files, start.
//!
//! Read from `/proc` when somebody asks; where there is none, nothing is told.

use super::write_head;
use std::fmt::{self, Write};
use std::fs;

/// Clock ticks a second in `/proc/self/stat`: `USER_HZ`, which is 100 on every Linux that we run on.
const TICKS_A_SECOND: f64 = 100.0;

pub(super) fn write(out: &mut String) -> fmt::Result {
    if let Some((processor, started)) = times() {
        let help = "Processor time of all threads.";
        tell(out, "process_cpu_seconds_total", help, "counter", processor)?;
        let help = "When the process started.";
        tell(out, "process_start_time_seconds", help, "gauge", started)?;
    }
    if let Some(bytes) = resident() {
        let help = "Memory in use.";
        tell(out, "process_resident_memory_bytes", help, "gauge", bytes)?;
    }
    if let Some((open, limit)) = files() {
        tell(out, "process_open_fds", "Open files.", "gauge", open)?;
        let help = "How many files may be open.";
        tell(out, "process_max_fds", help, "gauge", limit)?;
    }
    Ok(())
}

fn tell(
    out: &mut String,
    name: &str,
    help: &str,
    kind: &str,
    value: impl fmt::Display,
) -> fmt::Result {
    write_head(out, name, help, kind)?;
    writeln!(out, "{name} {value}")
}

/// Processor time in seconds, and the start in Unix seconds.
fn times() -> Option<(f64, f64)> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program stands in brackets and may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let field = |number: usize| {
        // The state, after the bracket, is field 3 of proc(5).
        let text = fields.split_ascii_whitespace().nth(number - 3)?;
        text.parse::<f64>().ok()
    };
    let (user, system, started) = (field(14)?, field(15)?, field(22)?);
    let boot = fs::read_to_string("/proc/stat").ok()?;
    let boot = boot.lines().find_map(|line| line.strip_prefix("btime "))?;
    let boot: f64 = boot.trim().parse().ok()?;
    Some((
        (user + system) / TICKS_A_SECOND,
        boot + started / TICKS_A_SECOND,
    ))
}

fn resident() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1_024)
}

fn files() -> Option<(usize, u64)> {
    // The folder itself is open while it is read.
    let open = fs::read_dir("/proc/self/fd")
        .ok()?
        .count()
        .saturating_sub(1);
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    let limit = line.split_ascii_whitespace().next()?.parse().ok()?;
    Some((open, limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_is_told_as_it_is() {
        let _open = fs::File::open("/proc/self/stat").unwrap();
        let (processor, started) = times().unwrap();
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
        assert!(processor >= 0.0);
        let age = now.as_secs_f64() - started;
        assert!((-2.0..100_000.0).contains(&age), "{age}");
        assert!(resident().unwrap() > 1_000_000);
        let (open, limit) = files().unwrap();
        assert!(open > 3 && u64::try_from(open).unwrap() < limit);
        let mut text = String::new();
        write(&mut text).unwrap();
        assert_eq!(
            text.lines().filter(|line| !line.starts_with('#')).count(),
            5
        );
    }
}
