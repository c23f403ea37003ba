//! Keeps the processors awake while something is measured.
//!
//! A virtual processor with nothing to do is halted, and whoever wakes it pays for that: here a third of what is measured on
//! a machine that is otherwise idle, and nothing on a busy one. So on each runs a loop of the lowest class there is
//! (`SCHED_IDLE`), which gives way to everything else at once; for us and for the peers.

use std::{hint, os::unix::process::parent_id, process::Stdio};

use tokio::process::{Child, Command};

/// The argument that makes this program such a loop.
pub const SPIN: &str = "--spin";

/// The processors are awake until this is dropped.
#[derive(Debug)]
pub struct Awake {
    loops: Vec<Child>,
}

impl Awake {
    /// Starts a loop for each processor; none, where there is no `chrt` (util-linux).
    pub fn keep() -> anyhow::Result<Self> {
        let program = std::env::current_exe()?;
        let processors = std::thread::available_parallelism()?.get();
        let looping = |_| {
            let mut command = Command::new("chrt");
            command.args(["--idle", "0"]).arg(&program).arg(SPIN);
            command.stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
            command.spawn().ok()
        };
        Ok(Self {
            loops: (0..processors).filter_map(looping).collect(),
        })
    }

    /// In words.
    pub fn describe(&self) -> &'static str {
        if self.loops.is_empty() {
            "may sleep, for there is no chrt"
        } else {
            "are kept awake"
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
