//! microburst: a proxy that fails as AWS does, in the wire format that the SDKs parse. One process in front of
//! DynamoDB, one in front of SQS.

use std::{net::TcpListener, path::Path, process::Stdio, time::Duration};

use anyhow::Context;
use hyper::Method;
use serde_json::{Value, json};
use tokio::{
    process::{Child, Command},
    time::sleep,
};

use crate::{
    faults::{Fault, HEADER, Service},
    wire::Wire,
};

/// Number of start-up checks, one every 100 ms.
const HEALTH_CHECKS: u32 = 600;

/// A running microburst process, which ends when this is dropped.
#[derive(Debug)]
pub struct Microburst {
    pub url: String,
    _process: Child,
}

impl Microburst {
    /// Starts a process in front of this upstream, with its rules.
    pub async fn start(program: &Path, service: Service, upstream: &str, wire: &Wire) -> anyhow::Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let process = Command::new(program)
            .args([
                "--upstream",
                upstream,
                "--host",
                "127.0.0.1",
                "--port",
                &port.to_string(),
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {} (make emulator installs it)", program.display()))?;
        let url = format!("http://127.0.0.1:{port}");
        let health = format!("{url}/_microburst/health");
        let mut up = false;
        for _ in 0..HEALTH_CHECKS {
            up = wire.json(Method::GET, &health, "", &Value::Null).await.is_ok();
            if up {
                break;
            }
            sleep(Duration::from_millis(100)).await;
        }
        anyhow::ensure!(up, "microburst did not start");
        let rules = format!("{url}/_microburst/rules");
        wire.json(Method::PATCH, &rules, "", &rules_of(service)).await?;
        Ok(Self { url, _process: process })
    }
}

fn rules_of(service: Service) -> Value {
    let (service, throttled, broken) = match service {
        Service::Sqs => (
            "sqs",
            json!({"code": "RequestThrottled", "status": 403}),
            json!({"code": "ServiceUnavailable", "status": 503}),
        ),
        // microburst stands in front of DynamoDB only, besides SQS.
        Service::DynamoDb | Service::S3 | Service::OpenSearch | Service::Kms | Service::Admin | Service::Bus => (
            "dynamodb",
            json!({"code": "ProvisionedThroughputExceededException"}),
            json!({"code": "InternalServerError", "status": 500}),
        ),
    };
    let rule = |fault: Fault, effect: Value| {
        let mut rule = json!({"service": service, "headers": {HEADER: fault.name()}});
        if let (Some(rule), Value::Object(effect)) = (rule.as_object_mut(), effect) {
            rule.extend(effect);
        }
        rule
    };
    json!([
        rule(Fault::Throttled, json!({"error": throttled})),
        rule(Fault::Broken, json!({"error": broken})),
        rule(
            Fault::Conflict,
            json!({"error": {"code": "TransactionConflictException", "status": 400}})
        ),
        rule(Fault::Slow, json!({"latency": {"min": 200, "max": 1_500}})),
        rule(Fault::Hang, json!({"timeout_ms": 12_000})),
        rule(Fault::Reset, json!({"reset": true})),
        rule(Fault::CutAfter, json!({"response": {"abort_bytes": 0}})),
    ])
}
