//! A server of the standard library that prints what happens in a store:
//!
//! ```sh
//! cargo run --example server -- whsec_…
//! HOOKLINE_SECRET=whsec_… hookline listen demo.myshopify.com --forward http://localhost:3000/webhooks
//! ```
//!
//! It reads one request of a connection and closes it, and expects `Content-Length`. Use a framework for anything else.

#![expect(clippy::print_stdout, reason = "an example that prints")]

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    thread,
    time::Duration,
};

use hookline_webhooks::{BoxError, Handler, MAX_BODY_BYTES, RecentIds, Verifier};

const ADDRESS: &str = "127.0.0.1:3000";
const MAX_HEAD_BYTES: u64 = 16 * 1024;

fn main() -> Result<(), BoxError> {
    let secret = std::env::args().nth(1).ok_or("usage: server whsec_…")?;
    let handler = Handler::new(Verifier::new([secret])?)
        .seen(RecentIds::default())
        .on_inventory_change(|event, product| {
            let title = product.title.as_deref().unwrap_or(&product.id);
            match product.available {
                Some(false) => println!("{title} is sold out in {}", event.store.id),
                _ => println!("{title} is in stock in {}", event.store.id),
            }
            Ok(())
        })
        .on_order_complete(|event, checkout| {
            if let (Some(session), Some(total)) = (&event.session_id, &checkout.total) {
                println!(
                    "conversation {session} ended in an order of {} {}",
                    total.amount, total.currency
                );
            }
            Ok(())
        })
        .on_product_change(|event, _| {
            println!("{}: product {}", event.kind, event.subject.id);
            Ok(())
        });
    let listener = TcpListener::bind(ADDRESS)?;
    println!("listening on http://{ADDRESS}");
    for stream in listener.incoming() {
        let (stream, handler) = (stream?, handler.clone());
        thread::spawn(move || {
            if let Err(error) = serve(&stream, &handler) {
                println!("failed to serve a request: {error}");
            }
        });
    }
    Ok(())
}

fn serve(mut stream: &TcpStream, handler: &Handler) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut reader = BufReader::new(stream);
    let (mut lines, mut head) = (Vec::new(), reader.by_ref().take(MAX_HEAD_BYTES));
    loop {
        let mut line = String::new();
        head.read_line(&mut line)?;
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let header = |name: &str| {
        let mut headers = lines.iter().filter_map(|line| line.split_once(':'));
        let found = headers.find(|(each, _)| each.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim())
    };
    let length: usize = header("content-length")
        .and_then(|length| length.parse().ok())
        .unwrap_or(0);
    let status = if lines.first().is_none_or(|line| !line.starts_with("POST ")) {
        405
    } else if length > MAX_BODY_BYTES {
        413
    } else {
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let outcome = handler.handle(header, &body);
        println!("{outcome}");
        outcome.status()
    };
    write!(
        stream,
        "HTTP/1.1 {status} \r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
    )
}
