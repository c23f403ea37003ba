//! Validity of every document in Shopify's schema; those of exports follow the rules of bulk operations, too.

use std::path::{Path, PathBuf};

use hookline_testkit::shopify::check_documents;

#[test]
fn documents_fit_the_schema() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("queries");
    let documents: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert!(documents.len() >= 15, "{documents:?}");
    let checked = check_documents(documents.iter().map(PathBuf::as_path));
    let stderr = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success(), "{stderr}");
    // Deprecated fields would be warnings.
    assert_eq!(stderr, "");
    assert!(String::from_utf8_lossy(&checked.stdout).contains(hookline_shopify_admin::API_VERSION));
}
