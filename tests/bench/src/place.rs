//! On which processors everything runs.
//!
//! On one, unless told otherwise, and that one awake: functions, stub and benchmark take turns anyway, and below 1,769 MB Lambda
//! gives a function less than one. Where a request wakes somebody on another processor, a virtual machine asks its host to do
//! it, and so it does to wake one that sleeps: more than half of what is then measured of a small delivery is the machine's
//! (docs/performance.md has both).

use std::{fmt, hint, os::unix::process::parent_id, process::Stdio};

use anyhow::{Context, ensure};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use tokio::process::{Child, Command};

/// Where everything runs, until this is dropped.
#[derive(Debug)]
pub struct Place {
    /// The processor that all is on; any, if none.
    one: Option<usize>,
    /// What keeps it awake.
    awake: Option<Child>,
}

impl Place {
    /// Where the kernel puts it.
    pub const ANYWHERE: Self = Self { one: None, awake: None };

    /// On the last processor that may be used, for the first has more interrupts to see to. There this thread stays, and all
    /// that it starts from now on. It is kept awake by a loop of the lowest class there is (`SCHED_IDLE`), which gives way to
    /// everything else at once; where there is no `chrt` (util-linux), it may sleep.
    pub fn on_one() -> anyhow::Result<Self> {
        let allowed = sched_getaffinity(None).context("which processors may be used")?;
        let last = (0..CpuSet::MAX_CPU).rev().find(|number| allowed.is_set(*number));
        let last = last.context("no processor may be used")?;
        let mut one = CpuSet::new();
        one.set(last);
        sched_setaffinity(None, &one).with_context(|| format!("staying on processor {last}"))?;
        ensure!(
            sched_getaffinity(None)? == one,
            "the kernel has not kept to processor {last}"
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

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.one, &self.awake) {
            (None, _) => f.write_str("on any processor"),
            (Some(number), None) => write!(f, "all on processor {number}, which may sleep"),
            (Some(number), Some(_)) => write!(f, "all on processor {number}, which is kept awake"),
        }
    }
}

/// Uses up what nobody else wants of a processor, until the process that started it has ended.
pub fn spin() {
    let parent = parent_id();
    while parent_id() == parent {
        for _ in 0..1_000_000 {
            hint::spin_loop();
        }
    }
}
