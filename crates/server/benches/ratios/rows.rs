//! A row of the table: a figure, what it is told of, and what is promised.

use countersign_testkit::stopwatch::ROUNDS;
use serde_json::json;
use std::borrow::Cow;

/// How far the A/A row may be from 1.
pub(crate) const VOID_BEYOND: f64 = 0.01;

/// What a row's ratio is, and what is promised of it.
#[derive(Clone, Copy)]
pub(crate) enum Promise {
    /// No more than so many bytes; the figure is bytes, and no time.
    BytesAtMost(f64),
    /// The same work twice, of processes: so much may be between the two, and the rows beside it mean no more than that.
    Near(f64),
    /// Operations per second over those of the anchor: no less than this.
    RateAtLeast(f64),
    /// Time over that of the anchor: no more than this.
    CostAtMost(f64),
    /// No longer than so many nanoseconds, whatever the anchor takes.
    NanosAtMost(f64),
    /// The same work twice, of one thread.
    Same,
    /// Nothing: it stands beside another row.
    Told,
}

pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) nanos: f64,
    pub(crate) of: Cow<'static, str>,
    pub(crate) of_nanos: f64,
    pub(crate) promise: Promise,
}

impl Row {
    fn ratio(&self) -> f64 {
        match self.promise {
            Promise::Near(_) | Promise::RateAtLeast(_) | Promise::Same | Promise::Told => {
                self.of_nanos / self.nanos
            }
            Promise::BytesAtMost(_) | Promise::CostAtMost(_) | Promise::NanosAtMost(_) => {
                self.nanos / self.of_nanos
            }
        }
    }

    pub(crate) fn is_kept(&self) -> bool {
        match self.promise {
            Promise::RateAtLeast(least) => self.ratio() >= least,
            Promise::CostAtMost(most) => self.ratio() <= most,
            Promise::BytesAtMost(most) | Promise::NanosAtMost(most) => self.nanos <= most,
            Promise::Near(most) => (self.ratio() - 1.0).abs() <= most,
            Promise::Same => (self.ratio() - 1.0).abs() <= VOID_BEYOND,
            Promise::Told => true,
        }
    }

    /// Whether the run is void.
    pub(crate) fn is_void(&self) -> bool {
        matches!(self.promise, Promise::Same) && !self.is_kept()
    }

    fn promised(&self) -> String {
        match self.promise {
            Promise::RateAtLeast(least) => format!("rate >= {least}"),
            Promise::BytesAtMost(most) => format!("{most} bytes at most"),
            Promise::CostAtMost(most) => format!("cost <= {most}"),
            Promise::NanosAtMost(most) => format!("{most} ns at most, whatever the cost"),
            Promise::Near(most) => format!("within {most} of 1"),
            Promise::Same => format!("within {VOID_BEYOND} of 1, or the run is void"),
            Promise::Told => "nothing, beside the rate".to_owned(),
        }
    }
}

/// What the library alone costs, in nanoseconds.
#[derive(Clone, Copy)]
pub(crate) struct Anchor {
    pub(crate) sign: f64,
    pub(crate) verify: f64,
}

fn per_second(nanos: f64) -> f64 {
    1e9 / nanos
}

pub(crate) fn print_table(rows: &[Row], anchor: Anchor) {
    println!("medians of {ROUNDS} alternating blocks of 2 ms of thread CPU time");
    println!("{:24} {:>10} {:>10}", "", "us", "per s");
    for (name, nanos) in [("raw-sign", anchor.sign), ("raw-verify", anchor.verify)] {
        println!(
            "{name:24} {:>10.3} {:>10.0}",
            nanos / 1e3,
            per_second(nanos)
        );
    }
    println!();
    println!(
        "{:24} {:>10} {:>10} {:>8}  promised",
        "", "us", "per s", "ratio"
    );
    for row in rows {
        let word = if row.is_kept() { "kept" } else { "NOT KEPT" };
        let figures = match row.promise {
            Promise::BytesAtMost(_) => format!("{:>10.0} {:>10}", row.nanos, "bytes"),
            _ => format!("{:>10.3} {:>10.0}", row.nanos / 1e3, per_second(row.nanos)),
        };
        println!(
            "{:24} {figures} {:>8.4}  {} of {}: {word}",
            row.name,
            row.ratio(),
            row.promised(),
            row.of
        );
    }
}

pub(crate) fn print_json(rows: &[Row], anchor: Anchor) {
    let rounded =
        |value: f64, places: i32| (value * 10_f64.powi(places)).round() / 10_f64.powi(places);
    let rows: Vec<_> = rows
        .iter()
        .map(|row| {
            let mut told = json!({
                "name": row.name, "ratio": rounded(row.ratio(), 5), "of": row.of, "promised": row.promised(), "kept": row.is_kept(),
            });
            match row.promise {
                Promise::BytesAtMost(_) => told["bytes"] = json!(rounded(row.nanos, 0)),
                _ => told["per_s"] = json!(rounded(per_second(row.nanos), 1)),
            }
            told
        })
        .collect();
    let anchor = json!({
        "raw_sign_per_s": rounded(per_second(anchor.sign), 1), "raw_verify_per_s": rounded(per_second(anchor.verify), 1),
    });
    println!("{}", json!({ "anchor": anchor, "rows": rows }));
}
