//! Placement of the run on processors.
//!
//! By default, everything runs on one processor, which is kept awake: functions, stub and benchmark take turns anyway,
//! and below 1,769 MB Lambda gives a function less than one. If a request wakes a thread on another processor, a
//! virtual machine asks its host to do it, as it does to wake a sleeping processor: more than half of a small
//! delivery's measured time is then the machine's (docs/performance.md has both).

use std::{fmt, hint, os::unix::process::parent_id, process::Stdio};

use anyhow::{Context, ensure};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use tokio::process::{Child, Command};

/// Placement of everything until this is dropped.
#[derive(Debug)]
pub struct Placement {
    /// Processor in use; `None` for any.
    one: Option<usize>,
    /// Process that keeps it awake.
    awake: Option<Child>,
}

impl Placement {
    /// Placement by the kernel.
    pub const ANYWHERE: Self = Self { one: None, awake: None };

    /// Placement on the last usable processor, because the first handles more interrupts. This thread stays there, with
    /// all processes that it starts from now on. A loop of the lowest scheduling class (`SCHED_IDLE`) keeps it awake
    /// and yields to everything else at once; without `chrt` (util-linux), the processor may sleep.
    pub fn on_one() -> anyhow::Result<Self> {
        let allowed = sched_getaffinity(None).context("reading the allowed processors")?;
        let last = (0..CpuSet::MAX_CPU).rev().find(|number| allowed.is_set(*number));
        let last = last.context("no processor is allowed")?;
        let mut one = CpuSet::new();
        one.set(last);
        sched_setaffinity(None, &one).with_context(|| format!("pinning to processor {last}"))?;
        ensure!(
            sched_getaffinity(None)? == one,
            "the kernel did not pin this process to processor {last}"
        );
        let mut spinning = Command::new("chrt");
        spinning
            .args(["--idle", "0"])
            .arg(std::env::current_exe()?)
            .arg("--spin");
        spinning.stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        Ok(Self {
            one: Some(last),
            awake: spinning.spawn().ok(),
        })
    }
}

impl fmt::Display for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.one, &self.awake) {
            (None, _) => f.write_str("on any processor"),
            (Some(number), None) => write!(f, "all on processor {number}, which may sleep"),
            (Some(number), Some(_)) => write!(f, "all on processor {number}, which is kept awake"),
        }
    }
}

/// Uses a processor's idle time until the process that started it has ended.
pub fn spin() {
    let parent = parent_id();
    while parent_id() == parent {
        for _ in 0..1_000_000 {
            hint::spin_loop();
        }
    }
}
