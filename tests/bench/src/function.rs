//! One function as a process: started as Lambda starts it, fed signed webhooks, watched from outside.

use std::{
    fs,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::Context;
use hookline_host::{
    runtime::Runtime,
    webhook::{Webhook, sign},
};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::aws::{Aws, Calls, DUPLICATE};

const SECRET: &str = "hush";

/// The receivers' timeout, as in the template.
const TIMEOUT: Duration = Duration::from_secs(4);

/// What kind of delivery is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    Fresh,
    Duplicate,
    Forged,
}

/// What was seen of many invocations.
#[derive(Debug)]
pub struct Measured {
    pub status: u64,
    pub calls: Calls,
    pub cpu_ms: f64,
    pub peak_mib: f64,
}

/// A running function.
#[derive(Debug)]
pub struct Function {
    process: Child,
    runtime: Runtime,
    aws: Aws,
    pub started_in_ms: f64,
}

impl Function {
    /// Starts a bootstrap and waits until it asks for its first event.
    pub async fn start(bootstrap: &Path, name: &str) -> anyhow::Result<Self> {
        let (mut runtime, aws) = (Runtime::start(TIMEOUT).await?, Aws::start().await?);
        let started = Instant::now();
        let process = Command::new(bootstrap)
            .env_clear()
            .envs([
                ("AWS_LAMBDA_RUNTIME_API", runtime.address.as_str()),
                ("AWS_LAMBDA_FUNCTION_NAME", name),
                ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
                ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
                ("AWS_ENDPOINT_URL", aws.url.as_str()),
                ("AWS_REGION", "eu-west-1"),
                ("AWS_ACCESS_KEY_ID", "local"),
                ("AWS_SECRET_ACCESS_KEY", "local"),
                ("LEDGER_TABLE", "ledger"),
                ("ENTITIES_TABLE", "entities"),
                ("STORES_TABLE", "stores"),
                ("EVENT_QUEUE_URL", &format!("{}/000000000000/events", aws.url)),
                ("OPENSEARCH_URL", aws.url.as_str()),
                ("OPENSEARCH_INDEX", "hookline"),
                ("SHOPIFY_CLIENT_SECRETS", SECRET),
                ("ACCESS_TABLE", "access"),
                // What is counted is written once, before anything is measured, and then not for an hour.
                ("STATUS_TALLY_SECONDS", "3600"),
            ])
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {}", bootstrap.display()))?;
        runtime.polled().await?;
        let started_in_ms = started.elapsed().as_secs_f64() * 1e3;
        Ok(Self {
            process,
            runtime,
            aws,
            started_in_ms,
        })
    }

    /// Sends `invocations` deliveries, one after another, after as many as it takes to warm up.
    pub async fn measure(
        &mut self,
        topic: &str,
        request: Request,
        body_bytes: usize,
        invocations: u32,
    ) -> anyhow::Result<Measured> {
        let mut status = 0;
        for n in 0..50 {
            status = self.invoke(event(topic, request, body_bytes, n)).await?;
        }
        let id = self.process.id().context("the function has ended")?;
        self.aws.take_calls();
        let before = cpu(id)?;
        for n in 0..invocations {
            status = self.invoke(event(topic, request, body_bytes, 50 + n)).await?;
        }
        let spent = cpu(id)?.saturating_sub(before);
        Ok(Measured {
            status,
            calls: self.aws.take_calls(),
            cpu_ms: spent.as_secs_f64() * 1e3 / f64::from(invocations),
            peak_mib: peak_mib(id)?,
        })
    }

    async fn invoke(&mut self, event: String) -> anyhow::Result<u64> {
        let answer = self.runtime.invoke(event).await?;
        // Only when it asks again is it done with what it does after answering.
        self.runtime.polled().await?;
        let answer: Value = serde_json::from_slice(&answer)?;
        answer["statusCode"]
            .as_u64()
            .with_context(|| format!("not an HTTP answer: {answer}"))
    }
}

/// What API Gateway hands a function for one webhook.
fn event(topic: &str, request: Request, body_bytes: usize, n: u32) -> String {
    let padding = "x".repeat(body_bytes.saturating_sub(60));
    let body = json!({"id": 788_032_119_674_292_922_u64, "n": n, "body_html": padding}).to_string();
    let signed = if request == Request::Forged {
        "another body"
    } else {
        &body
    };
    let id = match request {
        Request::Duplicate => format!("{DUPLICATE}{n}"),
        Request::Fresh | Request::Forged => format!("b54557e4-bdd9-4b37-8a5f-{n:012}"),
    };
    let webhook = Webhook {
        topic,
        store: "demo.myshopify.com",
        id: &id,
        triggered_at: "2026-11-14T15:04:53.106482937Z",
        body: &body,
        signature: &sign(SECRET, signed.as_bytes()),
        base64: false,
    };
    webhook.event()
}

/// Time on a processor, of all threads that live.
fn cpu(process: u32) -> anyhow::Result<Duration> {
    let mut nanoseconds = 0;
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        let schedstat = fs::read_to_string(thread?.path().join("schedstat"))?;
        let spent = schedstat.split_whitespace().next().context("an empty schedstat")?;
        nanoseconds += spent.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}

fn peak_mib(process: u32) -> anyhow::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .context("no VmHWM")?;
    let kib: u32 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(f64::from(kib) / 1024.0)
}
