//! Two reports beside each other: which kernels got slower, beyond what both runs' own spread explains. Kernels are held
//! against their ceilings where both runs measured those, since the machine may have had more or less to give; rows of
//! other extents are not compared at all.

use serde::Serialize;

use super::figure::Figure;
use super::report::{KernelRow, Report};
use crate::error::{Error, Result};

/// A change of a call's time that is none.
const CALL_TOLERANCE: f64 = 0.5;

/// What became of one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// By more than the tolerance and the noise.
    Slower,
    /// By more than the tolerance and the noise.
    Faster,
    /// Neither.
    Same,
    /// Not in the former report.
    New,
    /// In the former report only.
    Gone,
    /// Other extents or another bound: the two say nothing about each other.
    Incomparable,
}

impl Verdict {
    /// The word in tables.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Slower => "slower",
            Verdict::Faster => "faster",
            Verdict::Same => "same",
            Verdict::New => "new",
            Verdict::Gone => "gone",
            Verdict::Incomparable => "incomparable",
        }
    }
}

/// One row of a comparison.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// The kernel's id, or the name of a call.
    pub name: String,
    /// Threads.
    pub threads: u32,
    /// Speed now over speed then, less 1; null where there is nothing to compare.
    pub change: Option<f64>,
    /// Half the quartile distances of both runs, together.
    pub noise: Option<f64>,
    /// What that means.
    pub verdict: Verdict,
}

/// A report held against a former one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// Changes within this share count as none.
    pub tolerance: f64,
    /// How many are slower.
    pub slower: usize,
    /// Every row of either report.
    pub rows: Vec<Change>,
}

impl Comparison {
    /// Of `now` with `then`.
    ///
    /// # Errors
    /// Reports of two backends, devices or instruction sets: they say nothing about each other.
    pub fn of(now: &Report, then: &Report, tolerance: f64) -> Result<Self> {
        let other = [
            ("backend", &now.backend, &then.backend),
            ("device", &now.device, &then.device),
            ("dispatch", &now.dispatch, &then.dispatch),
        ];
        if let Some((field, now, then)) = other.into_iter().find(|(_, now, then)| now != then) {
            return Err(Error::bad_input(format!(
                "the reports cannot be compared: {field} is {now} now and was {then}"
            ))
            .hint("compare with a report of the same backend, device and instruction set"));
        }
        let mut rows = Vec::new();
        for row in &now.kernels {
            let former =
                then.kernels.iter().find(|former| former.kernel == row.kernel && former.threads == row.threads);
            let speeds = former.map(|former| speeds(row, former));
            rows.push(change(&row.kernel, row.threads, speeds, tolerance));
        }
        for row in &now.calls {
            let former = then.calls.iter().find(|former| former.name == row.name && former.threads == row.threads);
            let speeds = former.map(|former| Some((row.ns.under(1.0), former.ns.under(1.0))));
            // A call's time has no ceiling beside it that would tell a slower machine.
            rows.push(change(&row.name, row.threads, speeds, tolerance.max(CALL_TOLERANCE)));
        }
        let is_gone = |name: &str, threads: u32| !rows.iter().any(|row| row.name == name && row.threads == threads);
        let kernels = then.kernels.iter().map(|row| (&row.kernel, row.threads));
        let gone: Vec<Change> = kernels
            .chain(then.calls.iter().map(|row| (&row.name, row.threads)))
            .filter(|(name, threads)| is_gone(name, *threads))
            .map(|(name, threads)| Change {
                name: name.clone(),
                threads,
                change: None,
                noise: None,
                verdict: Verdict::Gone,
            })
            .collect();
        rows.extend(gone);
        let slower = rows.iter().filter(|row| row.verdict == Verdict::Slower).count();
        Ok(Self { tolerance, slower, rows })
    }
}

/// Now and then, in the same unit; `None` where the two are of different things.
fn speeds(now: &KernelRow, then: &KernelRow) -> Option<(Figure, Figure)> {
    if now.shapes != then.shapes || now.bound != then.bound {
        return None;
    }
    match (now.share, then.share) {
        (Some(now), Some(then)) => Some((now, then)),
        _ => Some((now.bytes_per_second(), then.bytes_per_second())),
    }
}

fn change(name: &str, threads: u32, speeds: Option<Option<(Figure, Figure)>>, tolerance: f64) -> Change {
    let row = |change, noise, verdict| Change { name: name.to_owned(), threads, change, noise, verdict };
    match speeds {
        None => row(None, None, Verdict::New),
        Some(None) => row(None, None, Verdict::Incomparable),
        Some(Some((now, then))) => {
            let change = now.median / then.median - 1.0;
            let noise = now.noise() + then.noise();
            let beyond = tolerance.max(noise);
            let verdict = match change {
                _ if change < -beyond => Verdict::Slower,
                _ if change > beyond => Verdict::Faster,
                _ => Verdict::Same,
            };
            row(Some(change), Some(noise), verdict)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::ceiling::Bound;

    fn figure(median: f64, spread: f64) -> Figure {
        Figure { median, low: median - spread, high: median + spread }
    }

    fn row(kernel: &str, share: Option<Figure>, seconds: f64) -> KernelRow {
        KernelRow {
            kernel: kernel.to_owned(),
            threads: 1,
            shapes: vec![vec![8]],
            bytes: 64,
            operations: 8,
            seconds: figure(seconds, 0.0),
            bound: Bound::Copy,
            share,
        }
    }

    fn verdicts(now: Vec<KernelRow>, then: Vec<KernelRow>) -> Vec<(String, Verdict)> {
        let facts = crate::backend::DeviceFacts {
            index: 0,
            kind: crate::backend::DeviceKind::Cpu,
            name: String::new(),
            uuid: String::new(),
            driver: String::new(),
            dispatch: String::new(),
            memory_bytes: 0,
            compute_units: 1,
        };
        let report = |kernels| Report { kernels, ..Report::new(&facts, "cpu", "1", 64) };
        let compared = Comparison::of(&report(now), &report(then), 0.05).expect("of one device");
        assert_eq!(compared.slower, compared.rows.iter().filter(|row| row.verdict == Verdict::Slower).count());
        compared.rows.into_iter().map(|row| (row.name, row.verdict)).collect()
    }

    #[test]
    fn a_change_counts_beyond_tolerance_and_noise() {
        let shares = |now: Figure, then: Figure| {
            verdicts(vec![row("k", Some(now), 1.0)], vec![row("k", Some(then), 1.0)]).remove(0).1
        };
        assert_eq!(shares(figure(0.8, 0.0), figure(0.9, 0.0)), Verdict::Slower);
        assert_eq!(shares(figure(0.9, 0.0), figure(0.8, 0.0)), Verdict::Faster);
        assert_eq!(shares(figure(0.87, 0.0), figure(0.9, 0.0)), Verdict::Same, "within the tolerance");
        assert_eq!(shares(figure(0.8, 0.05), figure(0.9, 0.06)), Verdict::Same, "within the noise");
        // Twice the time under a ceiling that is as much lower is no change of the kernel's.
        let slower_machine =
            verdicts(vec![row("k", Some(figure(0.9, 0.0)), 2.0)], vec![row("k", Some(figure(0.9, 0.0)), 1.0)]);
        assert_eq!(slower_machine[0].1, Verdict::Same);
        assert_eq!(verdicts(vec![row("k", None, 2.0)], vec![row("k", None, 1.0)])[0].1, Verdict::Slower);
    }

    #[test]
    fn rows_of_one_report_only_are_named() {
        let mut other = row("c", None, 1.0);
        other.shapes = vec![vec![9]];
        let found = verdicts(vec![row("a", None, 1.0), row("c", None, 1.0)], vec![row("b", None, 1.0), other]);
        let expected = [("a", Verdict::New), ("c", Verdict::Incomparable), ("b", Verdict::Gone)];
        assert_eq!(found, expected.map(|(name, verdict)| (name.to_owned(), verdict)));
    }
}
