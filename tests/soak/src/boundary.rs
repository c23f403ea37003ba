//! Proxy between the functions and AWS: every process has a listener of its own here, so each call is known by who
//! makes it. A call may be where its process dies, or may fail; all others pass as they are.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, bail};
use bytes::Bytes;
use hookline_host::{
    protocol,
    server::{self, Server},
};
use http_body_util::{BodyExt, Full};
use hyper::{HeaderMap, Request, Response, StatusCode, Uri, body::Incoming, header, http::request::Parts};
use serde_json::{Value, json};
use tokio::{
    sync::{mpsc, oneshot},
    time::sleep,
};

use crate::{
    bulk,
    faults::{Fault, Faults, HEADER, Service},
    kills::{Kills, Side},
    statements,
    wire::Wire,
};

/// Longer than the consumer waits for the index.
const HANG: Duration = Duration::from_secs(15);

/// Prefix of the names of transactions.
const TRANSACTION: &str = "TransactWriteItems";

/// Asks for a process to be killed; the answer comes when it is dead.
pub type Killer = mpsc::Sender<oneshot::Sender<()>>;

/// Upstream addresses of the calls.
#[derive(Debug, Clone)]
pub struct Upstreams {
    pub dynamodb: String,
    pub sqs: String,
    /// As the two above, through microburst.
    pub faulty_dynamodb: String,
    pub faulty_sqs: String,
    pub s3: String,
    pub opensearch: String,
    /// Stores' Admin APIs, each under its own name.
    pub admin: String,
}

/// The boundary of one run.
#[derive(Debug)]
pub struct Boundary {
    pub kills: Kills,
    pub faults: Faults,
    pub upstreams: Upstreams,
    pub wire: Wire,
    /// Ids of products whose documents the index is made to refuse.
    pub cursed: BTreeSet<String>,
    pub curse_lifted: AtomicBool,
}

impl Boundary {
    /// A listener for one process. It ends when what is returned is dropped.
    pub async fn listen(self: &Arc<Self>, function: &'static str, killer: Killer) -> anyhow::Result<Server> {
        let boundary = Arc::clone(self);
        server::start(move |request| {
            let (boundary, killer) = (Arc::clone(&boundary), killer.clone());
            async move { boundary.pass(function, &killer, request).await }
        })
        .await
    }

    /// From now on nothing is killed and nothing fails.
    pub fn calm(&self) {
        self.kills.stop();
        self.faults.stop();
        self.curse_lifted.store(true, Ordering::Relaxed);
    }

    /// An error cuts the connection.
    async fn pass(
        &self,
        function: &'static str,
        killer: &Killer,
        request: Request<Incoming>,
    ) -> anyhow::Result<Response<Full<Bytes>>> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        if let Err(refusal) = protocol::check(&parts, &body) {
            return refusal.response();
        }
        let (service, call) = name(&parts, &body);
        let kill = self.kills.decide(function, &call);
        if kill == Some(Side::Before) {
            die(killer).await;
            bail!("killed before {call}");
        }
        let fault = self.faults.decide(service, function, &call);
        let answer = match service {
            Service::DynamoDb if fault == Some(Fault::Partial) => self.statements(parts, &body).await,
            Service::DynamoDb if fault == Some(Fault::Conflict) && call.starts_with(TRANSACTION) => canceled(&body),
            Service::DynamoDb | Service::Sqs => self.forward(service, parts, body, fault).await,
            Service::S3 | Service::OpenSearch | Service::Kms | Service::Admin => {
                self.play(service, parts, body, &call, fault).await
            }
        };
        if kill == Some(Side::After) {
            die(killer).await;
            bail!("killed after {call}");
        }
        let (parts, body) = answer?.into_parts();
        let mut response = Response::new(Full::from(body));
        *response.status_mut() = parts.status;
        *response.headers_mut() = without_hops(parts.headers);
        Ok(response)
    }

    async fn forward(
        &self,
        service: Service,
        mut parts: Parts,
        body: Bytes,
        fault: Option<Fault>,
    ) -> anyhow::Result<Response<Bytes>> {
        let upstreams = &self.upstreams;
        let upstream = match (service, fault) {
            (Service::DynamoDb, None) => &upstreams.dynamodb,
            (Service::DynamoDb, Some(_)) => &upstreams.faulty_dynamodb,
            (Service::Sqs, None) => &upstreams.sqs,
            (Service::Sqs, Some(_)) => &upstreams.faulty_sqs,
            (Service::S3, _) => &upstreams.s3,
            (Service::Admin, _) => &upstreams.admin,
            (Service::OpenSearch | Service::Kms, _) => &upstreams.opensearch,
        };
        // S3's signature is checked, and covers the host.
        let host = parts
            .headers
            .get(header::HOST)
            .filter(|_| service == Service::S3)
            .cloned();
        if let Some(fault) = fault {
            parts
                .headers
                .insert(HEADER, header::HeaderValue::from_static(fault.name()));
        }
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        parts.uri = Uri::try_from(format!("{upstream}{path}"))?;
        parts.headers = without_hops(parts.headers);
        if let Some(host) = host {
            parts.headers.insert(header::HOST, host);
        }
        self.wire.send(Request::from_parts(parts, Full::from(body))).await
    }

    /// Passes a call on, or plays what is wrong with it.
    async fn play(
        &self,
        service: Service,
        parts: Parts,
        body: Bytes,
        call: &str,
        fault: Option<Fault>,
    ) -> anyhow::Result<Response<Bytes>> {
        match fault {
            Some(Fault::Throttled | Fault::Broken) if service == Service::S3 => return slow_down(),
            Some(Fault::Throttled) => return refusal(StatusCode::TOO_MANY_REQUESTS),
            Some(Fault::Broken) if service == Service::Kms => return internal_error(),
            Some(Fault::Broken | Fault::Conflict) => return refusal(StatusCode::SERVICE_UNAVAILABLE),
            Some(Fault::Reset) => bail!("reset"),
            Some(Fault::Hang) => {
                sleep(HANG).await;
                bail!("hung");
            }
            Some(Fault::Slow) => sleep(Duration::from_millis(900)).await,
            Some(Fault::CutAfter | Fault::Partial) | None => {}
        }
        let answer = if call == "_bulk" {
            self.bulk(parts, &body, fault == Some(Fault::Partial)).await?
        } else if service == Service::Kms {
            opened(&body)?
        } else {
            self.forward(service, parts, body, None).await?
        };
        if fault == Some(Fault::CutAfter) {
            bail!("cut after it was done");
        }
        Ok(answer)
    }

    /// Refuses every other statement; the rest is really run.
    async fn statements(&self, parts: Parts, body: &Bytes) -> anyhow::Result<Response<Bytes>> {
        let request: Value = serde_json::from_slice(body)?;
        let sent = request["Statements"].as_array().map_or(0, Vec::len);
        let mut done = Vec::new();
        if let Some(left) = statements::without_every_other(&request)? {
            let left = Bytes::from(left.to_string());
            let response = self.forward(Service::DynamoDb, parts, left, None).await?;
            if !response.status().is_success() {
                return Ok(response);
            }
            let answer: Value = serde_json::from_slice(response.body())?;
            done.extend(answer["Responses"].as_array().context("no responses")?.iter().cloned());
        }
        let answer = statements::answer(sent, done);
        answered(StatusCode::OK, "application/x-amz-json-1.0", &answer)
    }

    /// Refuses the cursed, and every other operation if the whole is to fail in part; the rest is really done.
    async fn bulk(&self, parts: Parts, body: &Bytes, partial: bool) -> anyhow::Result<Response<Bytes>> {
        let lifted = self.curse_lifted.load(Ordering::Relaxed);
        let is_cursed = |entity: &str| !lifted && self.cursed.contains(entity);
        let operations = bulk::operations(std::str::from_utf8(body)?)?;
        let refused: Vec<bool> = (0..)
            .zip(&operations)
            .map(|(at, operation)| (partial && at % 2 == 0) || is_cursed(operation.entity()))
            .collect();
        if !refused.contains(&true) {
            return self.forward(Service::OpenSearch, parts, body.clone(), None).await;
        }
        let left = bulk::without(&operations, &refused);
        let mut done = Vec::new();
        if !left.is_empty() {
            let response = self
                .forward(Service::OpenSearch, parts, Bytes::from(left), None)
                .await?;
            if !response.status().is_success() {
                return Ok(response);
            }
            let answer: Value = serde_json::from_slice(response.body())?;
            done.extend(answer["items"].as_array().context("no items")?.iter().cloned());
        }
        let answer = bulk::answer(&operations, &refused, done);
        answered(StatusCode::OK, "application/json", &answer)
    }
}

/// Name of a call: the operation and its table, or the operation on a body or the index.
fn name(parts: &Parts, body: &Bytes) -> (Service, String) {
    let target = parts
        .headers
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok())
        .unwrap_or_default();
    match target.split_once('.') {
        Some((service, operation)) if service.starts_with("DynamoDB") => {
            let request: Value = serde_json::from_slice(body).unwrap_or_default();
            let table = request["TableName"].as_str().or_else(|| statements::table(&request));
            let table = table.map_or_else(|| tables_written(&request), str::to_owned);
            (Service::DynamoDb, format!("{operation} {table}"))
        }
        Some(("TrentService", operation)) => (Service::Kms, operation.to_owned()),
        Some((_, operation)) => (Service::Sqs, operation.to_owned()),
        None if parts.uri.path().ends_with("/graphql.json") => {
            let request: Value = serde_json::from_slice(body).unwrap_or_default();
            let operation = request["operationName"].as_str().unwrap_or("without a name");
            (Service::Admin, format!("Admin {operation}"))
        }
        None if is_signed_for_s3(parts) => (Service::S3, format!("{} body", parts.method)),
        None if parts.uri.path().ends_with("/_bulk") => (Service::OpenSearch, "_bulk".to_owned()),
        None => (Service::OpenSearch, format!("{} index", parts.method)),
    }
}

/// The tables of a transaction's writes, in their order.
fn tables_written(request: &Value) -> String {
    let writes = request["TransactItems"].as_array().into_iter().flatten();
    let tables = writes.filter_map(|write| write.as_object()?.values().next()?["TableName"].as_str());
    tables.collect::<Vec<_>>().join("+")
}

fn is_signed_for_s3(parts: &Parts) -> bool {
    let signature = parts.headers.get(header::AUTHORIZATION);
    let signature = signature.and_then(|signature| signature.to_str().ok());
    signature.is_some_and(|signature| signature.contains("/s3/aws4_request"))
}

/// Kills the process; it is dead when this returns.
async fn die(killer: &Killer) {
    let (dead, died) = oneshot::channel();
    if killer.send(dead).await.is_ok() {
        // An error, too, means that nobody is left to be killed.
        let _dead = died.await;
    }
}

fn without_hops(mut headers: HeaderMap) -> HeaderMap {
    for name in [
        header::HOST,
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
        header::CONNECTION,
    ] {
        headers.remove(name);
    }
    headers
}

fn refusal(status: StatusCode) -> anyhow::Result<Response<Bytes>> {
    let name = if status == StatusCode::TOO_MANY_REQUESTS {
        "rejected_execution_exception"
    } else {
        "unavailable"
    };
    let body = json!({"error": {"type": name, "reason": "as the soak has it"}, "status": status.as_u16()});
    answered(status, "application/json", &body)
}

/// Response of KMS: the data unchanged, here.
fn opened(body: &Bytes) -> anyhow::Result<Response<Bytes>> {
    let request: Value = serde_json::from_slice(body)?;
    let opened = json!({
        "KeyId": request["KeyId"], "Plaintext": request["CiphertextBlob"], "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
    });
    answered(StatusCode::OK, "application/x-amz-json-1.1", &opened)
}

fn internal_error() -> anyhow::Result<Response<Bytes>> {
    let body = json!({"__type": "KMSInternalException", "message": "as the soak has it"});
    answered(StatusCode::INTERNAL_SERVER_ERROR, "application/x-amz-json-1.1", &body)
}

/// Response of DynamoDB to a transaction whose first item is in another one: nothing was done.
fn canceled(body: &Bytes) -> anyhow::Result<Response<Bytes>> {
    let request: Value = serde_json::from_slice(body)?;
    let writes = request["TransactItems"].as_array().map_or(0, Vec::len);
    let reasons: Vec<Value> = (0..writes)
        .map(|at| match at {
            0 => json!({"Code": "TransactionConflict", "Message": "as the soak has it"}),
            _ => json!({"Code": "None"}),
        })
        .collect();
    let body = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException", "Message": "as the soak has it",
        "CancellationReasons": reasons,
    });
    answered(StatusCode::BAD_REQUEST, "application/x-amz-json-1.0", &body)
}

/// Response of S3 to too many requests.
fn slow_down() -> anyhow::Result<Response<Bytes>> {
    Ok(Response::builder()
        .status(StatusCode::SERVICE_UNAVAILABLE)
        .header(header::CONTENT_TYPE, "application/xml")
        .body(Bytes::from_static(b"<Error><Code>SlowDown</Code></Error>"))?)
}

fn answered(status: StatusCode, content_type: &str, body: &Value) -> anyhow::Result<Response<Bytes>> {
    Ok(Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, content_type)
        .body(Bytes::from(body.to_string()))?)
}
