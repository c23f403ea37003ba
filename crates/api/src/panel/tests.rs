use std::{
    fs,
    path::{Path, PathBuf},
};

use hookline_host::gateway::http_event;
use lambda_http::request::LambdaRequest;
use serde_json::{Value, json};

use super::*;
use hookline_lambda::gateway::harmless;

const HTML: &str = "<!doctype html>\n<html><head><title>Hookline</title></head><body></body></html>\n";
const SCRIPT: &str = "console.log('hello')";
const SHOP: &str = "demo.myshopify.com";

/// A function's folder, removed on drop.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("hookline-panel-{}", uuid::Uuid::new_v4()));
        fs::create_dir_all(folder.join("public/assets")).unwrap();
        fs::write(folder.join("bootstrap"), "secret").unwrap();
        for (name, body) in [
            ("index.html", HTML.as_bytes()),
            ("robots.txt", b"of no route"),
            ("assets/icon-3c4d.svg", b"<svg/>"),
            ("assets/index-4d5e.js", SCRIPT.as_bytes()),
            ("assets/index-4d5e.js.gz", b"\x1f\x8b compressed"),
            ("assets/dot-1a2b.png", b"\x89PNG\xff"),
        ] {
            fs::write(folder.join("public").join(name), body).unwrap();
        }
        Self(folder)
    }

    fn config(&self, client_id: Option<&str>) -> PanelConfig {
        PanelConfig {
            task_root: Some(self.0.display().to_string()),
            live_url: Some("wss://live.example/live".into()),
            client_id: client_id.map(Into::into),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

fn panel(client_id: Option<&str>) -> Panel {
    let folder = Folder::new();
    Panel::new(&folder.config(client_id)).unwrap()
}

/// A request as API Gateway sends it for a route.
fn request(parameters: &Value, query: &str, headers: &Value) -> Request {
    let mut event = http_event("GET /", "/");
    event["rawQueryString"] = query.into();
    event["headers"] = headers.clone();
    event["pathParameters"] = parameters.clone();
    let event: LambdaRequest = serde_json::from_value(event).unwrap();
    Request::from(harmless(event))
}

fn page(query: &str) -> Request {
    request(&json!({}), query, &json!({}))
}

fn asset(name: &str, headers: &Value) -> Request {
    request(&json!({"asset": name}), "", headers)
}

fn header<'a>(response: &'a Response<Body>, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

fn policy(response: &Response<Body>) -> &str {
    header(response, "content-security-policy")
}

fn text(response: &Response<Body>) -> &str {
    match response.body() {
        Body::Text(text) => text,
        _ => "",
    }
}

#[test]
fn page_is_revalidated_and_assets_are_cached() {
    let panel = panel(None);
    let page = panel.respond(&page(""));
    assert_eq!((page.status(), text(&page)), (StatusCode::OK, HTML));
    assert_eq!(header(&page, "content-type"), "text/html; charset=utf-8");
    assert_eq!(header(&page, "cache-control"), "no-cache");

    let script = panel.respond(&asset("index-4d5e.js", &json!({})));
    assert_eq!((script.status(), text(&script)), (StatusCode::OK, SCRIPT));
    assert_eq!(header(&script, "content-type"), "text/javascript; charset=utf-8");
    assert_eq!(header(&script, "cache-control"), "public, max-age=31536000, immutable");

    let icon = panel.respond(&asset("icon-3c4d.svg", &json!({})));
    assert_eq!(header(&icon, "content-type"), "image/svg+xml");
}

#[test]
fn binary_files_are_served_unchanged() {
    let panel = panel(None);
    let picture = panel.respond(&asset("dot-1a2b.png", &json!({})));
    assert_eq!(*picture.body(), Body::Binary(b"\x89PNG\xff".to_vec()));
    assert_eq!(header(&picture, "content-type"), "image/png");
}

#[test]
fn gzip_is_sent_to_clients_that_accept_it() {
    let panel = panel(None);
    let encoding = |accepted: &str| {
        let script = panel.respond(&asset("index-4d5e.js", &json!({"accept-encoding": accepted})));
        assert_eq!(header(&script, "vary"), "Accept-Encoding");
        assert_eq!(
            matches!(script.body(), Body::Binary(bytes) if bytes.starts_with(b"\x1f\x8b")),
            header(&script, "content-encoding") == "gzip"
        );
        header(&script, "content-encoding").to_owned()
    };
    for accepted in ["gzip", "gzip, deflate, br, zstd", "br;q=1.0, GZIP;q=0.5"] {
        assert_eq!(encoding(accepted), "gzip", "{accepted}");
    }
    for accepted in ["", "br", "gzip;q=0", "gzip; q=0.0", "xgzip"] {
        assert_eq!(encoding(accepted), "", "{accepted}");
    }
}

#[test]
fn unchanged_file_is_not_sent_again() {
    let panel = panel(None);
    let first = panel.respond(&page(""));
    let tag = header(&first, "etag");
    for if_none_match in [tag.to_owned(), format!("\"other\", W/{tag}"), "*".to_owned()] {
        let again = panel.respond(&request(&json!({}), "", &json!({"if-none-match": if_none_match})));
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{if_none_match}");
        assert_eq!(*again.body(), Body::Empty);
        assert_eq!(policy(&again), policy(&first));
        assert_eq!(header(&again, "cache-control"), "no-cache");
    }
    let other = panel.respond(&request(&json!({}), "", &json!({"if-none-match": "\"other\""})));
    assert_eq!(other.status(), StatusCode::OK);
    // The compressed content has a tag of its own.
    let tags = ["", "gzip"].map(|accepted| {
        let script = panel.respond(&asset("index-4d5e.js", &json!({"accept-encoding": accepted})));
        header(&script, "etag").to_owned()
    });
    assert_ne!(tags[0], tags[1]);
}

#[test]
fn only_files_read_at_the_start_are_served() {
    let panel = panel(Some("abc123"));
    for name in [
        "",
        ".",
        "..",
        "../index.html",
        "../robots.txt",
        "../../bootstrap",
        "..%2f..%2fbootstrap",
        "/etc/passwd",
        "index.html",
        "index-4d5e.js/",
        "a\0b",
    ] {
        let response = panel.respond(&asset(name, &json!({})));
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{name}");
        assert!(policy(&response).contains("default-src 'none'"));
    }
    // The compressed copy is not served by its own name.
    let compressed = panel.respond(&asset("index-4d5e.js.gz", &json!({})));
    assert_eq!(compressed.status(), StatusCode::NOT_FOUND);
}

#[test]
fn every_response_has_restrictive_headers() {
    let panel = panel(None);
    for request in [
        page(""),
        asset("index-4d5e.js", &json!({})),
        asset("nothing", &json!({})),
    ] {
        let response = panel.respond(&request);
        assert_eq!(header(&response, "x-content-type-options"), "nosniff");
        assert_eq!(header(&response, "referrer-policy"), "no-referrer");
        assert!(header(&response, "strict-transport-security").starts_with("max-age="));
        assert!(header(&response, "permissions-policy").contains("camera=()"));
        assert!(policy(&response).contains("script-src 'self'; style-src 'self';"));
        assert!(policy(&response).contains("connect-src 'self' wss://live.example;"));
        assert!(policy(&response).contains("frame-ancestors 'none'"));
    }
}

#[test]
fn only_the_admin_of_the_shop_may_frame_the_page() {
    let panel = panel(Some("abc123"));
    let embedded = panel.respond(&page(&format!("embedded=1&shop={SHOP}&host=aG9zdA")));
    assert!(policy(&embedded).ends_with("frame-ancestors https://demo.myshopify.com https://admin.shopify.com"));
    assert!(policy(&embedded).contains("script-src 'self' https://cdn.shopify.com;"));
    let head = "<head><meta name=\"shopify-api-key\" content=\"abc123\">\
                <script src=\"https://cdn.shopify.com/shopifycloud/app-bridge.js\"></script><title>";
    assert!(text(&embedded).contains(head), "{}", text(&embedded));

    let alone = panel.respond(&page(""));
    assert_eq!(text(&alone), HTML);
    assert_ne!(header(&alone, "etag"), header(&embedded, "etag"));
    for query in [
        "",
        "shop=",
        "shop=evil.example",
        "shop=demo.myshopify.com.evil.example",
        "shop=a.b.myshopify.com",
        "shop=demo.myshopify.com%20*",
        "shop=demo%3B.myshopify.com",
        "shop=*.myshopify.com",
        "shop=demo.myshopify.com&shop=evil.myshopify.com",
        "shop=https://demo.myshopify.com",
    ] {
        let response = panel.respond(&page(query));
        assert!(policy(&response).ends_with("frame-ancestors 'none'"), "{query}");
        assert!(policy(&response).contains("script-src 'self';"), "{query}");
        assert_eq!(text(&response), HTML, "{query}");
    }
}

#[test]
fn page_is_frameable_exactly_for_shop_names_that_the_page_accepts() {
    let panel = panel(Some("abc123"));
    let cases: Vec<Value> = serde_json::from_str(include_str!("../../../../web/fixtures/shop-names.json")).unwrap();
    for case in cases {
        let given = case["given"].as_str().unwrap();
        let query = given
            .bytes()
            .map(|byte| format!("%{byte:02X}"))
            .collect::<Vec<_>>()
            .concat();
        let response = panel.respond(&page(&format!("shop={query}&host=aG9zdA")));
        let framed_by = case["name"].as_str().map_or_else(
            || "frame-ancestors 'none'".to_owned(),
            |name| format!("frame-ancestors https://{name} https://admin.shopify.com"),
        );
        assert!(
            policy(&response).ends_with(&framed_by),
            "{given:?}: {}",
            policy(&response)
        );
        let is_bridged = text(&response).contains("shopify-api-key");
        assert_eq!(is_bridged, case["name"].is_string(), "{given:?}");
    }
}

#[test]
fn page_is_not_frameable_without_a_client_id() {
    let response = panel(None).respond(&page(&format!("shop={SHOP}")));
    assert!(policy(&response).ends_with("frame-ancestors 'none'"));
    assert_eq!(text(&response), HTML);
}

#[test]
fn head_request_gets_no_body() {
    let mut request = page("");
    *request.method_mut() = Method::HEAD;
    let response = panel(None).respond(&request);
    assert_eq!((response.status(), response.body()), (StatusCode::OK, &Body::Empty));
    assert_eq!(header(&response, "content-type"), "text/html; charset=utf-8");
}

#[test]
fn panel_does_not_start_without_its_files_or_with_invalid_settings() {
    let folder = Folder::new();
    let error_of = |config: &PanelConfig| Panel::new(config).unwrap_err().to_string();
    assert!(error_of(&folder.config(Some("\"><script>"))).contains("SHOPIFY_CLIENT_ID"));
    let no_url = PanelConfig {
        live_url: Some("https://live.example".into()),
        ..folder.config(None)
    };
    assert!(error_of(&no_url).contains("LIVE_URL"));
    fs::write(folder.0.join("public/index.html"), "<html></html>").unwrap();
    assert_eq!(error_of(&folder.config(Some("abc"))), "index.html has no <head>");
    fs::remove_file(folder.0.join("public/index.html")).unwrap();
    assert!(error_of(&folder.config(None)).contains("make web"));
    let missing_folder = PanelConfig {
        task_root: Some(Path::new("/nowhere").display().to_string()),
        ..folder.config(None)
    };
    assert!(error_of(&missing_folder).contains("make web"));
    fs::write(folder.0.join("public/index.html"), HTML).unwrap();
    fs::remove_dir_all(folder.0.join("public/assets")).unwrap();
    assert!(error_of(&folder.config(None)).contains("public/assets"));
}
