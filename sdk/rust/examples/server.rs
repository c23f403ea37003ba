//! A server of the standard library that prints what happens in a store:
//!
//! ```sh
//! HOOKLINE_SECRET=whsec_… cargo run --example server
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
const MISSING: &str =
    "HOOKLINE_SECRET is missing: set it to the secret of the endpoint, which `hookline listen` prints";

fn main() -> Result<(), BoxError> {
    #[expect(clippy::disallowed_methods, reason = "other users can read arguments")]
    let secret = std::env::var("HOOKLINE_SECRET").map_err(|_| MISSING)?;
    let handler = Handler::new(Verifier::new([secret])?)
        .seen(RecentIds::default())
        .on_inventory_change(|event, product| {
            // Without a former value the quantity has changed, and whether the product can be bought has not.
            let is_unchanged = event
                .previous
                .as_ref()
                .is_some_and(|previous| previous.available.is_none());
            let change = match product.available {
                Some(true) if !is_unchanged => "in stock",
                Some(false) if !is_unchanged => "sold out",
                _ => "stock changed",
            };
            println!("{change}: {}", product.title.as_deref().unwrap_or(&product.id));
            Ok(())
        })
        .on_order_complete(|event, checkout| {
            // The shop's page has put the id of its chat session into the cart, as the cart attribute `session_id`.
            let origin = match &event.session_id {
                Some(session) => format!("conversation {session}"),
                None => format!("checkout {}", checkout.id),
            };
            let order = checkout.order_name.as_deref().unwrap_or(&checkout.id);
            let total = checkout.total.as_ref();
            let total = total.map_or_else(String::new, |total| format!(", {} {}", total.amount, total.currency));
            println!("{origin} is finished: order {order}{total}");
            Ok(())
        })
        .on_product_change(|event, product| {
            let title = product.and_then(|product| product.title.as_deref());
            println!("{}: {}", event.kind, title.unwrap_or(&event.subject.id));
            Ok(())
        });
    let listener = TcpListener::bind(ADDRESS)?;
    println!("listening on http://{ADDRESS}/webhooks");
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
