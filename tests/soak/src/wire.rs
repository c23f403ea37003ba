//! Handwritten calls to the emulators: the checks of tables and queues share no code with the functions that wrote
//! them.

use anyhow::{Context, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, Response};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::{Value, json};

/// Client for plain HTTP on loopback.
#[derive(Debug, Clone)]
pub struct Wire(Client<HttpConnector, Full<Bytes>>);

impl Wire {
    pub fn new() -> Self {
        Self(Client::builder(TokioExecutor::new()).build_http())
    }

    /// Sends a request unchanged and reads the whole response.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> anyhow::Result<Response<Bytes>> {
        let (parts, body) = self.0.request(request).await?.into_parts();
        Ok(Response::from_parts(parts, body.collect().await?.to_bytes()))
    }

    /// Sends JSON and reads JSON; anything but a 2xx is an error.
    pub async fn json(&self, method: Method, url: &str, target: &str, body: &Value) -> anyhow::Result<Value> {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let service = if target.starts_with("AmazonSQS") {
            "sqs"
        } else {
            "dynamodb"
        };
        let request = Request::builder()
            .method(method)
            .uri(url)
            .header(
                "content-type",
                if target.is_empty() {
                    "application/json"
                } else {
                    "application/x-amz-json-1.0"
                },
            )
            .header("x-amz-target", target)
            .header("x-amz-date", "20261114T150453Z")
            .header(
                "authorization",
                format!(
                    "AWS4-HMAC-SHA256 Credential=local/20261114/eu-central-1/{service}/aws4_request, \
                     SignedHeaders=host, Signature=0"
                ),
            )
            .body(Full::from(body))?;
        let response = self.send(request).await?;
        let (status, body) = (response.status(), response.into_body());
        ensure!(
            status.is_success(),
            "{url} {target}: {status} {}",
            String::from_utf8_lossy(&body)
        );
        if body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&body).with_context(|| format!("{url} {target}: not JSON"))
    }

    /// Every item of a table.
    pub async fn scan(&self, dynamodb: &str, table: &str) -> anyhow::Result<Vec<Value>> {
        let mut items = Vec::new();
        self.scan_each(dynamodb, json!({"TableName": table}), |item| items.push(item))
            .await?;
        Ok(items)
    }

    /// Hands over every item of a scan, a page at a time.
    pub async fn scan_each(
        &self,
        dynamodb: &str,
        mut request: Value,
        mut take: impl FnMut(Value),
    ) -> anyhow::Result<()> {
        request["ConsistentRead"] = true.into();
        loop {
            let mut page = self
                .json(Method::POST, dynamodb, "DynamoDB_20120810.Scan", &request)
                .await?;
            let items = page["Items"].as_array_mut().context("no Items")?;
            items.drain(..).for_each(&mut take);
            match page.get("LastEvaluatedKey") {
                Some(key) if !key.is_null() => request["ExclusiveStartKey"] = key.clone(),
                _ => return Ok(()),
            }
        }
    }
}
