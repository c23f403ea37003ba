//! Proxy between the functions and AWS. Every process has its own listener here, which identifies the caller of each
//! call. At a call the process may be killed, or the call may fail; all other calls are forwarded unchanged.

use std::{
    collections::BTreeSet,
    path::Path,
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
    bulk, bus,
    faults::{Fault, Faults, HEADER, Service},
    kills::{Kills, Side},
    microburst::Microburst,
    statements,
    wire::Wire,
    witness::Witness,
};

/// Longer than the consumer's timeout for the index.
const HANG: Duration = Duration::from_secs(15);

/// Call that sends events.
const SEND_EVENTS: &str = "SendMessage fan-out";

/// Prefix of the names of transactions.
const TRANSACTION: &str = "TransactWriteItems";

/// Requests that a process be killed; the response comes when it is dead.
pub type Killer = mpsc::Sender<oneshot::Sender<()>>;

/// Upstream addresses of the calls; one that a run does not call is empty.
#[derive(Debug, Clone, Default)]
pub struct Upstreams {
    pub dynamodb: String,
    pub sqs: String,
    /// The same as the two above, through microburst.
    pub faulty_dynamodb: String,
    pub faulty_sqs: String,
    pub s3: String,
    pub opensearch: String,
    /// Admin APIs of the stores, each under the store's name.
    pub admin: String,
}

impl Upstreams {
    /// Starts the proxies that fail as AWS does in front of DynamoDB and SQS. They end when the returned ones are dropped.
    pub async fn add_faults(&mut self, program: &Path, wire: &Wire) -> anyhow::Result<Vec<Microburst>> {
        let (dynamodb, sqs) = tokio::try_join!(
            Microburst::start(program, Service::DynamoDb, &self.dynamodb, wire),
            Microburst::start(program, Service::Sqs, &self.sqs, wire)
        )?;
        self.faulty_dynamodb.clone_from(&dynamodb.url);
        self.faulty_sqs.clone_from(&sqs.url);
        Ok(vec![dynamodb, sqs])
    }
}

/// The boundary of one run.
#[derive(Debug)]
pub struct Boundary {
    pub kills: Kills,
    pub faults: Faults,
    pub upstreams: Upstreams,
    pub wire: Wire,
    /// Witness of the events that pass here.
    pub witness: Arc<Witness>,
    /// Ids of products whose documents the index is made to refuse.
    pub cursed: BTreeSet<String>,
    pub curse_lifted: AtomicBool,
}

impl Boundary {
    /// Starts a listener for one process. It ends when the returned server is dropped.
    pub async fn listen(self: &Arc<Self>, function: &'static str, killer: Killer) -> anyhow::Result<Server> {
        let boundary = Arc::clone(self);
        server::start(move |request| {
            let (boundary, killer) = (Arc::clone(&boundary), killer.clone());
            async move { boundary.pass(function, &killer, request).await }
        })
        .await
    }

    /// Ends all kills and faults.
    pub fn calm(&self) {
        self.kills.stop();
        self.faults.stop();
        self.curse_lifted.store(true, Ordering::Relaxed);
    }

    /// Handles a call; an error cuts the connection.
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
        if call == SEND_EVENTS {
            let request: Value = serde_json::from_slice(&body)?;
            self.witness
                .sending(request["MessageBody"].as_str().unwrap_or_default());
        }
        let fault = self.faults.decide(service, function, &call);
        let response = match service {
            Service::DynamoDb if fault == Some(Fault::Partial) => self.statements(parts, &body).await,
            Service::DynamoDb if fault == Some(Fault::Conflict) && call.starts_with(TRANSACTION) => canceled(&body),
            Service::DynamoDb | Service::Sqs => self.forward(service, parts, body, fault).await,
            Service::S3 | Service::OpenSearch | Service::Kms | Service::Admin | Service::Bus => {
                self.play(service, parts, body, &call, fault).await
            }
        };
        if kill == Some(Side::After) {
            die(killer).await;
            bail!("killed after {call}");
        }
        let (parts, body) = response?.into_parts();
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
            (Service::OpenSearch | Service::Kms | Service::Bus, _) => &upstreams.opensearch,
        };
        // S3 checks the signature, which covers the host.
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

    /// Forwards a call, or plays its fault.
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
            Some(Fault::Throttled) if service == Service::Bus => return throttled(),
            Some(Fault::Throttled) => return refusal(StatusCode::TOO_MANY_REQUESTS),
            Some(Fault::Broken) if matches!(service, Service::Kms | Service::Bus) => return internal_error(),
            Some(Fault::Broken | Fault::Conflict) => return refusal(StatusCode::SERVICE_UNAVAILABLE),
            Some(Fault::Reset) => bail!("reset"),
            Some(Fault::Hang) => {
                sleep(HANG).await;
                bail!("hung");
            }
            Some(Fault::Slow) => sleep(Duration::from_millis(900)).await,
            Some(Fault::CutAfter | Fault::Partial) | None => {}
        }
        let response = if call == "_bulk" {
            self.bulk(parts, &body, fault == Some(Fault::Partial)).await?
        } else if service == Service::Kms {
            decrypted(&body)?
        } else if service == Service::Bus {
            let request: Value = serde_json::from_slice(&body)?;
            let response = bus::put_events(&request, fault == Some(Fault::Partial), &self.witness)?;
            json_response(StatusCode::OK, "application/x-amz-json-1.1", &response)?
        } else {
            self.forward(service, parts, body, None).await?
        };
        if fault == Some(Fault::CutAfter) {
            bail!("connection cut after the call was done");
        }
        Ok(response)
    }

    /// Refuses every other statement and forwards the rest.
    async fn statements(&self, parts: Parts, body: &Bytes) -> anyhow::Result<Response<Bytes>> {
        let request: Value = serde_json::from_slice(body)?;
        let sent = request["Statements"].as_array().map_or(0, Vec::len);
        let mut done = Vec::new();
        if let Some(remaining) = statements::without_every_other(&request)? {
            let remaining = Bytes::from(remaining.to_string());
            let response = self.forward(Service::DynamoDb, parts, remaining, None).await?;
            if !response.status().is_success() {
                return Ok(response);
            }
            let response: Value = serde_json::from_slice(response.body())?;
            done.extend(
                response["Responses"]
                    .as_array()
                    .context("no responses")?
                    .iter()
                    .cloned(),
            );
        }
        let response = statements::response(sent, done);
        json_response(StatusCode::OK, "application/x-amz-json-1.0", &response)
    }

    /// Writes to the index as [`bulk_in_part`](Self::bulk_in_part) says, and remembers what the index has by its response.
    async fn bulk(&self, parts: Parts, body: &Bytes, partial: bool) -> anyhow::Result<Response<Bytes>> {
        let response = self.bulk_in_part(parts, body, partial).await?;
        if response.status().is_success() {
            let operations = bulk::operations(std::str::from_utf8(body)?)?;
            for (document, version) in bulk::held(&operations, &serde_json::from_slice(response.body())?) {
                self.witness.indexed(document, version);
            }
        }
        Ok(response)
    }

    /// Refuses operations on cursed products, and every other operation of a partial failure; forwards the
    /// rest.
    async fn bulk_in_part(&self, parts: Parts, body: &Bytes, partial: bool) -> anyhow::Result<Response<Bytes>> {
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
        let remaining = bulk::without(&operations, &refused);
        let mut done = Vec::new();
        if !remaining.is_empty() {
            let response = self
                .forward(Service::OpenSearch, parts, Bytes::from(remaining), None)
                .await?;
            if !response.status().is_success() {
                return Ok(response);
            }
            let response: Value = serde_json::from_slice(response.body())?;
            done.extend(response["items"].as_array().context("no items")?.iter().cloned());
        }
        let response = bulk::response(&operations, &refused, done);
        json_response(StatusCode::OK, "application/json", &response)
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
            let table = table.map_or_else(|| tables_of(&request), str::to_owned);
            let step = statements::outbound_step(&request).or_else(|| statements::step(&request));
            let step = step.map_or_else(String::new, |step| format!(" {step}"));
            (Service::DynamoDb, format!("{operation} {table}{step}"))
        }
        Some(("TrentService", operation)) => (Service::Kms, operation.to_owned()),
        Some(("AWSEvents", operation)) => (Service::Bus, operation.to_owned()),
        Some((_, operation)) => {
            let request: Value = serde_json::from_slice(body).unwrap_or_default();
            let queue = request["QueueUrl"].as_str().and_then(|url| url.rsplit('/').next());
            (Service::Sqs, format!("{operation} {}", queue.unwrap_or_default()))
        }
        None if parts.uri.path().ends_with("/graphql.json") => {
            let request: Value = serde_json::from_slice(body).unwrap_or_default();
            let operation = request["operationName"].as_str().unwrap_or("unnamed");
            (Service::Admin, format!("Admin {operation}"))
        }
        None if is_signed_for_s3(parts) => (Service::S3, format!("{} body", parts.method)),
        None if parts.uri.path().ends_with("/_bulk") => (Service::OpenSearch, "_bulk".to_owned()),
        None => (Service::OpenSearch, format!("{} index", parts.method)),
    }
}

/// Tables of a transaction's writes, in their order, or of the reads of a batch.
fn tables_of(request: &Value) -> String {
    let writes = request["TransactItems"].as_array().into_iter().flatten();
    let written = writes.filter_map(|write| write.as_object()?.values().next()?["TableName"].as_str());
    let reads = request["RequestItems"].as_object().into_iter().flatten();
    let read = reads.map(|(table, _)| table.as_str());
    written.chain(read).collect::<Vec<_>>().join("+")
}

fn is_signed_for_s3(parts: &Parts) -> bool {
    let signature = parts.headers.get(header::AUTHORIZATION);
    let signature = signature.and_then(|signature| signature.to_str().ok());
    signature.is_some_and(|signature| signature.contains("/s3/aws4_request"))
}

/// Kills the process, which is dead when this returns.
pub async fn die(killer: &Killer) {
    let (reply, dead) = oneshot::channel();
    if killer.send(reply).await.is_ok() {
        // An error also means that the process has ended.
        let _ended = dead.await;
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
    let body = json!({"error": {"type": name, "reason": "injected by the soak test"}, "status": status.as_u16()});
    json_response(status, "application/json", &body)
}

/// Response of KMS, with the data unchanged.
fn decrypted(body: &Bytes) -> anyhow::Result<Response<Bytes>> {
    let request: Value = serde_json::from_slice(body)?;
    let decrypted = json!({
        "KeyId": request["KeyId"], "Plaintext": request["CiphertextBlob"], "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
    });
    json_response(StatusCode::OK, "application/x-amz-json-1.1", &decrypted)
}

fn internal_error() -> anyhow::Result<Response<Bytes>> {
    let body = json!({"__type": "InternalException", "message": "injected by the soak test"});
    json_response(StatusCode::INTERNAL_SERVER_ERROR, "application/x-amz-json-1.1", &body)
}

fn throttled() -> anyhow::Result<Response<Bytes>> {
    let body = json!({"__type": "ThrottlingException", "message": "injected by the soak test"});
    json_response(StatusCode::BAD_REQUEST, "application/x-amz-json-1.1", &body)
}

/// Response of DynamoDB to a transaction whose first item is in another transaction: nothing was done.
fn canceled(body: &Bytes) -> anyhow::Result<Response<Bytes>> {
    let request: Value = serde_json::from_slice(body)?;
    let writes = request["TransactItems"].as_array().map_or(0, Vec::len);
    let reasons: Vec<Value> = (0..writes)
        .map(|at| match at {
            0 => json!({"Code": "TransactionConflict", "Message": "injected by the soak test"}),
            _ => json!({"Code": "None"}),
        })
        .collect();
    let body = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": "injected by the soak test",
        "CancellationReasons": reasons,
    });
    json_response(StatusCode::BAD_REQUEST, "application/x-amz-json-1.0", &body)
}

/// Response of S3 to too many requests.
fn slow_down() -> anyhow::Result<Response<Bytes>> {
    Ok(Response::builder()
        .status(StatusCode::SERVICE_UNAVAILABLE)
        .header(header::CONTENT_TYPE, "application/xml")
        .body(Bytes::from_static(b"<Error><Code>SlowDown</Code></Error>"))?)
}

fn json_response(status: StatusCode, content_type: &str, body: &Value) -> anyhow::Result<Response<Bytes>> {
    Ok(Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, content_type)
        .body(Bytes::from(body.to_string()))?)
}
