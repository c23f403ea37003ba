//! A ministack process beside this one, which the local stack uses as well.

use std::{
    io::{BufRead, BufReader},
    process::{Child, ChildStdin, Stdio},
    time::Duration,
};

use aws_config::SdkConfig;
use tokio::{net::TcpStream, time::Instant};

use crate::{
    emulator::sdk_config,
    python::{PYTHON, python},
};

const START: Duration = Duration::from_secs(20);

/// Prints the port that it will listen on, and ends when its standard input does.
const LAUNCHER: &str = "
import os, runpy, socket, sys, threading
with socket.socket() as free:
    free.bind(('127.0.0.1', 0))
    port = free.getsockname()[1]
services = sys.argv[1]
os.environ |= {'BIND_HOST': '127.0.0.1', 'GATEWAY_PORT': str(port), 'SERVICES': services, 'SFTP_ENABLED': '0'}
print(port, flush=True)
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
sys.stdout = sys.stderr
sys.argv = ['ministack']
runpy.run_module('ministack', run_name='__main__')
";

/// The process. Killed on drop; ends when this process dies.
#[derive(Debug)]
pub(crate) struct Ministack {
    pub(crate) config: SdkConfig,
    process: Child,
    _stdin: ChildStdin,
}

impl Ministack {
    /// Starts the process with these services, separated by commas.
    ///
    /// # Panics
    /// If `LOCAL_SHOPIFY_PYTHON` does not name the emulators' Python.
    pub(crate) async fn start(services: &str) -> Self {
        let mut process = python()
            .args(["-c", LAUNCHER, services])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{PYTHON} failed to start ({error}): run make test"));
        let stdin = process.stdin.take().unwrap();
        let mut port = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut port)
            .unwrap();
        let address = format!("127.0.0.1:{}", port.trim());
        let deadline = Instant::now() + START;
        while TcpStream::connect(&address).await.is_err() {
            assert!(Instant::now() < deadline, "ministack did not start in time");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Self {
            config: sdk_config(&format!("http://{address}")).await,
            process,
            _stdin: stdin,
        }
    }
}

impl Drop for Ministack {
    fn drop(&mut self) {
        // The process may already have ended.
        let _ended = self.process.kill();
        let _reaped = self.process.wait();
    }
}
