//! As much of KMS as `hookline` needs: what is encrypted under one context opens under no other. No emulator that runs
//! in this process has KMS. It keeps no secret: never use it for more than tests.

use std::net::Ipv4Addr;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

pub const KEY: &str = "arn:aws:kms:eu-central-1:000000000000:key/tokens";

/// A running KMS. It ends when this is dropped.
pub struct Kms {
    pub endpoint: String,
    server: JoinHandle<()>,
}

impl Drop for Kms {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Kms {
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream));
            }
        });
        Self { endpoint, server }
    }
}

/// Answers the requests of one connection until it is closed.
async fn serve(stream: TcpStream) {
    let mut stream = BufReader::new(stream);
    loop {
        let (mut operation, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.unwrap_or_default() == 0 {
                return;
            }
            let line = line.trim();
            match line
                .split_once(':')
                .map(|(name, value)| (name.to_ascii_lowercase(), value.trim()))
            {
                Some((name, value)) if name == "x-amz-target" => value.clone_into(&mut operation),
                Some((name, value)) if name == "content-length" => length = value.parse().unwrap(),
                _ if line.is_empty() => break,
                _ => {}
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.unwrap();
        let (status, answer) = answer(&operation, &serde_json::from_slice(&body).unwrap());
        let answer = answer.to_string();
        let head = format!(
            "HTTP/1.1 {status} x\r\ncontent-type: application/x-amz-json-1.1\r\ncontent-length: {}\r\n\r\n",
            answer.len()
        );
        let _hung_up = stream.write_all((head + &answer).as_bytes()).await;
    }
}

fn answer(operation: &str, request: &Value) -> (u16, Value) {
    let turned = |bytes: &[u8]| bytes.iter().map(|byte| byte ^ 0x5a).collect::<Vec<u8>>();
    let decoded = |field: &str| STANDARD.decode(request[field].as_str().unwrap()).unwrap();
    assert_eq!(request["KeyId"], KEY);
    match operation {
        "TrentService.Encrypt" => {
            let kept = json!({ "context": request["EncryptionContext"], "open": request["Plaintext"] });
            let sealed = STANDARD.encode(turned(kept.to_string().as_bytes()));
            (200, json!({ "CiphertextBlob": sealed, "KeyId": KEY }))
        }
        "TrentService.Decrypt" => {
            let kept: Value = serde_json::from_slice(&turned(&decoded("CiphertextBlob"))).unwrap();
            if kept["context"] == request["EncryptionContext"] {
                (200, json!({ "Plaintext": kept["open"], "KeyId": KEY }))
            } else {
                (400, json!({ "__type": "InvalidCiphertextException" }))
            }
        }
        other => panic!("{other} is not known here"),
    }
}
