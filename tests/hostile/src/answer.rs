//! Receivers take AWS's responses literally: nothing counts as done, claimed or stored unless the response says so, and
//! of an error response only the code is reported.
//!
//! Input: a status, a line feed, a body; without a status, a body of 200. Each is read as every service's response.

use std::{collections::BTreeMap, error::Error as _, fmt};

use hookline_direct::{AwsResponse, DirectBodies, DirectLedger, DirectQueue, DirectTally, StoredSecret};
use hookline_domain::{
    delivery::ledger::{Claim, ClaimRequest},
    kernel::port::{PortError, chain},
};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::value::RawValue;

use crate::gateway::noon;

const OWNER: &str = "6f1cbb54-9f5c-4c0c-9a53-4e8d0b6f8a01";
const REFUSED: &str = "ConditionalCheckFailedException";

/// Errors without a code of the response: message, and `Debug` with a zero for each number.
const REFUSALS: [(&str, &str); 8] = [
    (
        "the response of @ cannot be read at line 0, column 0",
        "Unreadable { service: \"@\", line: 0, column: 0 }",
    ),
    (
        "attribute state is missing or unreadable",
        "Malformed(MalformedError(\"state\"))",
    ),
    (
        "attribute owner is missing or unreadable",
        "Malformed(MalformedError(\"owner\"))",
    ),
    (
        "attribute lease_until_us is missing or unreadable",
        "Malformed(MalformedError(\"lease_until_us\"))",
    ),
    (
        "attribute expires_at is missing or unreadable",
        "Malformed(MalformedError(\"expires_at\"))",
    ),
    ("the claim was refused without the entry that is in its way", "NoEntry"),
    (
        "the ledger refused the claim although its entry allows it",
        "NotBlocking(RefusedClaimError)",
    ),
    ("the secret has no text", "NoTextError"),
];

pub(crate) fn answer(data: &[u8]) {
    let response = ServiceResponse::parse(data);
    let now = noon();
    let request = ClaimRequest {
        owner: OWNER.to_owned(),
        now,
        lease_until: now + SignedDuration::from_secs(10),
        expires_at: now + SignedDuration::from_hours(168),
        event_id: None,
    };

    let claim = response.read_by("ledger", "DynamoDB", |aws_response| {
        DirectLedger::read_claim(aws_response, &request)
    });
    if claim.is_some() {
        assert_eq!(
            claim,
            response.claim(&request),
            "the claim differs from DynamoDB's response"
        );
    }
    let released = response.read_by("ledger", "DynamoDB", DirectLedger::read_release);
    let added = response.read_by("stores", "DynamoDB", DirectTally::read_added);
    for updated in [released, added] {
        assert!(
            updated.is_none() || response.updated(),
            "DynamoDB's response confirms no update"
        );
    }
    let sent = response.read_by("event queue", "SQS", DirectQueue::read_sent);
    assert!(
        sent.is_none() || response.text_of("MessageId").is_some(),
        "SQS's response has no message id"
    );
    if let Some(secret) = response.read_by("secret", "Secrets Manager", StoredSecret::read_secret) {
        assert_eq!(Some(secret.reveal()), response.text_of("SecretString").as_deref());
        assert_eq!(format!("{secret:?}"), "Secret(redacted)");
    }
    let put = response.read_by("bodies", "S3", DirectBodies::read_put);
    assert_eq!(put.is_some(), response.status == 200 && response.body.is_empty());
}

/// A response, and an independent reading of it.
struct ServiceResponse<'a> {
    status: u16,
    body: &'a [u8],
    /// Members of the body, if it is an object.
    members: Option<Members>,
}

/// Members by name. Of several with the same name, the last; the adapter rejects such a body.
type Members = BTreeMap<String, Box<RawValue>>;

impl<'a> ServiceResponse<'a> {
    fn parse(data: &'a [u8]) -> Self {
        let line = data.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let status = std::str::from_utf8(line).ok().and_then(|line| line.parse().ok());
        let status = status.filter(|status| (100..1000).contains(status));
        let body = status.map_or(data, |_| data.get(line.len() + 1..).unwrap_or_default());
        // Invalid UTF-8 matters only in values that are read, and the replacement character equals none of them.
        let members = serde_json::from_str(&String::from_utf8_lossy(body)).ok();
        Self {
            status: status.unwrap_or(200),
            body,
            members,
        }
    }

    /// Returns the adapter's reading of a success from this service; checks the error otherwise.
    fn read_by<T: fmt::Debug>(
        &self,
        port: &str,
        service: &'static str,
        read: impl Fn(&AwsResponse) -> Result<T, PortError>,
    ) -> Option<T> {
        let Self { status, body, .. } = self;
        let response = AwsResponse::new(service, StatusCode::from_u16(*status).unwrap(), body.to_vec());
        let bytes = body.len();
        assert_eq!(
            format!("{response:?}"),
            format!("AwsResponse({service}, {status}, {bytes} bytes)")
        );
        let refusal = match read(&response) {
            Ok(value) => return Some(value),
            Err(refusal) => refusal,
        };
        let message = chain(&refusal);
        // The port and the class, with the code if there is one; then the message of the source.
        let message = message.strip_prefix(&format!("{refusal}: ")).unwrap();
        assert!(
            refusal.to_string().starts_with(port) && refusal.port == port,
            "{refusal}"
        );
        let debug = format!("{:?}", refusal.source().unwrap());
        if let Some(code) = message.strip_prefix(&format!("{service} answered {status} ")) {
            assert!(code == "without a code" || self.has_code(code), "{message}");
            let refused = format!("Refused {{ service: {service:?}, status: {status}, code: {code:?} }}");
            assert_eq!(debug, refused);
        } else {
            let (message, debug) = (without_numbers(message), without_numbers(&debug));
            let expected =
                REFUSALS.map(|(message, debug)| (message.replace('@', service), debug.replace('@', service)));
            assert!(
                expected.contains(&(message.clone(), debug.clone())),
                "{message}: {debug}"
            );
        }
        None
    }

    /// Returns true if the code occurs in the body where codes belong.
    fn has_code(&self, code: &str) -> bool {
        let is_word = code.len() <= 64 && code.chars().all(|c| c.is_ascii_alphanumeric() || c == '.');
        let in_xml = String::from_utf8_lossy(self.body).contains(&format!("<Code>{code}</Code>"));
        is_word && (in_xml || self.error().is_some_and(|parts| parts.iter().any(|part| part == code)))
    }

    /// Parts of the error's type.
    fn error(&self) -> Option<Vec<String>> {
        let kind: String = read(self.members.as_ref()?.get("__type")?)?;
        Some(kind.split(['#', ':']).map(str::to_owned).collect())
    }

    fn is_refused_by_condition(&self) -> bool {
        let parts = self.error().unwrap_or_default();
        self.status == 400 && parts.iter().any(|part| part == REFUSED)
    }

    fn updated(&self) -> bool {
        let written = self.status == 200 && self.members.is_some();
        written || self.is_refused_by_condition()
    }

    fn claim(&self, request: &ClaimRequest) -> Option<Claim> {
        let members = self.members.as_ref()?;
        if self.status == 200 {
            return Some(Claim::Fresh);
        }
        if !self.is_refused_by_condition() {
            return None;
        }
        let item: Members = read(members.get("Item")?)?;
        let text = |name, kind| {
            let value: BTreeMap<String, String> = read(item.get(name)?)?;
            value.get(kind).filter(|_| value.len() == 1).cloned()
        };
        if text("expires_at", "N")?.parse::<i64>().ok()? <= request.now.as_second() {
            return None;
        }
        match text("state", "S")?.as_str() {
            "done" | "parked" => Some(Claim::Settled),
            "claimed" => {
                let until = text("lease_until_us", "N")?.parse().ok()?;
                let until = Timestamp::from_microsecond(until).ok()?;
                let claim = if text("owner", "S")? == request.owner {
                    Claim::Fresh
                } else {
                    Claim::Live { until }
                };
                (until > request.now).then_some(claim)
            }
            _ => None,
        }
    }

    /// String member of a success.
    fn text_of(&self, name: &str) -> Option<String> {
        let member = self.members.as_ref()?.get(name)?;
        read(member).filter(|_| self.status == 200)
    }
}

fn read<T: serde::de::DeserializeOwned>(json: &RawValue) -> Option<T> {
    serde_json::from_str(json.get()).ok()
}

fn without_numbers(text: &str) -> String {
    let mut shorter = text.replace(|c: char| c.is_ascii_digit(), "0");
    while shorter.contains("00") {
        shorter = shorter.replace("00", "0");
    }
    shorter
}
