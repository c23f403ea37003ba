//! Gives a process the share of a processor that Lambda gives a function of some memory: 1,769 MB are one vCPU
//! (<https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>).
//!
//! The kernel does it where control groups can be created, as on Lambda; else the process is stopped and continued by
//! turns, which is harsher: it is stopped while it waits, too. Lambda's own period is not published; 20 ms is used
//! here.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

/// Period of a share.
pub const PERIOD: Duration = Duration::from_millis(20);

const V1: &str = "/sys/fs/cgroup/cpu";
const V2: &str = "/sys/fs/cgroup";

/// Mechanism that enforces a share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LimitMechanism {
    /// `cpu.cfs_quota_us` of a separate control group, this folder.
    Quota(PathBuf),
    /// `cpu.max` of one.
    Max(PathBuf),
    /// `SIGSTOP` and `SIGCONT`.
    StopAndContinue,
}

/// A share of a processor.
#[derive(Debug)]
pub struct Limit {
    pub mechanism: LimitMechanism,
    share: f64,
}

impl Limit {
    /// Share of a function with this memory (MB), by the best mechanism of this machine.
    pub fn of_memory(megabytes: u32) -> Self {
        let share = share(megabytes);
        let name = format!("hookline-bench-{}", std::process::id());
        let quota = quota(share).as_micros();
        let v1 = Path::new(V1).join(&name);
        let by_quota = |folder: &Path| {
            fs::create_dir(folder)?;
            fs::write(folder.join("cpu.cfs_period_us"), PERIOD.as_micros().to_string())?;
            fs::write(folder.join("cpu.cfs_quota_us"), quota.to_string())
        };
        let v2 = Path::new(V2).join(&name);
        let by_max = |folder: &Path| {
            // Opened without creating it, because that would create a file in a folder that only looks like a control
            // group.
            fs::create_dir(folder)?;
            let max = fs::OpenOptions::new().write(true).open(folder.join("cpu.max"))?;
            io::Write::write_all(&mut &max, format!("{quota} {}", PERIOD.as_micros()).as_bytes())
        };
        let mechanism = if try_create(&v1, by_quota) {
            LimitMechanism::Quota(v1)
        } else if try_create(&v2, by_max) {
            LimitMechanism::Max(v2)
        } else {
            LimitMechanism::StopAndContinue
        };
        Self { mechanism, share }
    }

    /// File to which a process writes its id to be limited, if the kernel does it.
    pub fn procs(&self) -> Option<PathBuf> {
        match &self.mechanism {
            LimitMechanism::Quota(folder) | LimitMechanism::Max(folder) => Some(folder.join("cgroup.procs")),
            LimitMechanism::StopAndContinue => None,
        }
    }

    /// Starts stopping and continuing this process until the result is dropped, if the kernel does not limit it.
    pub fn watch(&self, process: u32) -> Option<StopAndContinue> {
        (self.mechanism == LimitMechanism::StopAndContinue)
            .then(|| StopAndContinue::start(process, quota(self.share)))?
    }

    /// Describes the limit.
    pub fn describe(&self) -> String {
        let mechanism = match self.mechanism {
            LimitMechanism::Quota(_) => "a control group's quota (v1)",
            LimitMechanism::Max(_) => "a control group's quota (v2)",
            LimitMechanism::StopAndContinue => {
                "SIGSTOP and SIGCONT by turns, because no control group could be created"
            }
        };
        format!(
            "{:.3} of a processor in periods of {} ms, by {mechanism}",
            self.share,
            PERIOD.as_millis()
        )
    }
}

impl Drop for Limit {
    fn drop(&mut self) {
        if let LimitMechanism::Quota(folder) | LimitMechanism::Max(folder) = &self.mechanism {
            // It can be removed once its last process has ended; an empty leftover does no harm.
            let _left = fs::remove_dir(folder);
        }
    }
}

/// Share of one processor for a function of this memory (MB).
fn share(megabytes: u32) -> f64 {
    (f64::from(megabytes) / 1769.0).min(1.0)
}

fn quota(share: f64) -> Duration {
    PERIOD.mul_f64(share)
}

/// Creates a folder; leaves nothing behind if that fails.
fn try_create(folder: &Path, make: impl Fn(&Path) -> io::Result<()>) -> bool {
    let done = make(folder).is_ok();
    if !done {
        let _none = fs::remove_dir(folder);
    }
    done
}

/// A process that is stopped and continued in turns. When this is dropped, the process keeps running.
#[derive(Debug)]
pub struct StopAndContinue {
    over: Arc<AtomicBool>,
}

impl StopAndContinue {
    fn start(process: u32, running: Duration) -> Option<Self> {
        let target = Pid::from_raw(i32::try_from(process).ok()?)?;
        let over = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&over);
        thread::spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                thread::sleep(running);
                let stopped = kill_process(target, Signal::STOP);
                thread::sleep(PERIOD.saturating_sub(running));
                if kill_process(target, Signal::CONT).and(stopped).is_err() {
                    break;
                }
            }
        });
        Some(Self { over })
    }
}

impl Drop for StopAndContinue {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn share_grows_with_memory_up_to_one_processor() {
        assert!((share(512) - 0.2894).abs() < 0.0001);
        assert!((share(1769) - 1.0).abs() < f64::EPSILON);
        assert!((share(3008) - 1.0).abs() < f64::EPSILON);
        assert_eq!(quota(share(512)).as_micros(), 5788);
    }

    #[test]
    fn failed_creation_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let group = folder.path().join("group");
        assert!(!try_create(&group, |group| {
            fs::create_dir(group)?;
            Err(io::Error::other("no such file: cpu.max"))
        }));
        assert!(!group.exists());
    }
}
