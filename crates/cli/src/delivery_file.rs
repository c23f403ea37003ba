//! Files of deliveries: `--save` writes them, `replay --file` reads them.
//!
//! A saved file has the same lines as an object of the archive: `{"envelope": …}` holds one queue message unchanged. The
//! other kind is a captured body with its headers as a JSON object beside it: `x.json` and `x.headers.json`.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow, bail};
use hookline_domain::delivery::{
    Delivery, archive,
    envelope::{self, Packed},
};
use hookline_sources::read_saved;
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;

use crate::{
    dead_letters::{self, Letter},
    resources::Resources,
};

/// Writer of a new file of deliveries.
pub struct DeliveryWriter {
    path: PathBuf,
    file: BufWriter<File>,
}

impl DeliveryWriter {
    /// Creates the file. Fails if it exists.
    pub fn new(path: &Path) -> Result<Self> {
        let file = File::create_new(path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(Self {
            path: path.to_owned(),
            file: BufWriter::new(file),
        })
    }

    /// Writes a dead letter: unchanged if it is not ours, else with its body, which S3 keeps for a while only.
    pub async fn write_letter(&mut self, resources: &Resources, letter: &Letter) -> Result<()> {
        match &letter.delivery {
            Ok(_) => self.write(&dead_letters::fetch_delivery(letter, resources).await?),
            Err(_) => self.write_line(&letter.dead.text),
        }
    }

    /// Writes one delivery of any size. It is on disk when this returns.
    pub fn write(&mut self, delivery: &Delivery) -> Result<()> {
        match envelope::pack(delivery, usize::MAX) {
            Packed::Message(message) => self.write_line(&message),
            Packed::Large { why, .. } => Err(why.into()),
        }
    }

    fn write_line(&mut self, envelope: &str) -> Result<()> {
        let line = archive::line(envelope);
        let written = self.file.write_all(line.as_bytes()).and_then(|()| self.file.flush());
        written
            .and_then(|()| self.file.get_ref().sync_data())
            .with_context(|| format!("cannot write {}", self.path.display()))
    }
}

/// Returns the deliveries in a file of either kind.
pub fn read(path: &Path, now: Timestamp) -> Result<Vec<Delivery>> {
    let named = || path.display().to_string();
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", named()))?;
    let headers = path.with_extension("headers.json");
    if headers.is_file() {
        return captured(&bytes, &headers, now)
            .map(|delivery| vec![delivery])
            .with_context(named);
    }
    let text = std::str::from_utf8(&bytes).with_context(|| format!("{} is not text", named()))?;
    let mut deliveries = Vec::new();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let envelope = archive::read_line(line).map_err(|_| {
            anyhow!(
                "{} line {number} was not written by --save, and there is no {} beside the file to give its topic and store",
                named(),
                headers.display()
            )
        })?;
        match envelope::decode(&envelope) {
            Ok(delivery) => deliveries.push(delivery),
            Err(problem) => bail!("{} line {number}: {problem}", named()),
        }
    }
    Ok(deliveries)
}

fn captured(body: &[u8], headers: &Path, now: Timestamp) -> Result<Delivery> {
    let text = fs::read_to_string(headers).with_context(|| format!("cannot read {}", headers.display()))?;
    let object: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&text).with_context(|| format!("{} is not a JSON object", headers.display()))?;
    let mut map = HeaderMap::new();
    for (name, value) in object {
        let value = value
            .as_str()
            .ok_or_else(|| anyhow!("the header {name} is not a string"))?;
        map.append(name.parse::<HeaderName>()?, HeaderValue::from_str(value)?);
    }
    Ok(read_saved(&map, body, now)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../events/shopify")
            .join(name)
    }

    #[test]
    fn body_with_headers_beside_it_is_a_delivery() {
        let found = read(&sample("products-update.json"), Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].key.to_string(),
            "shopify#juniper-and-oak.myshopify.com#products/update#93f9ba8d-35a6-48dc-90a0-ceef114038cb"
        );
        assert!(found[0].triggered_at.is_some());
    }

    #[test]
    fn body_without_headers_is_refused_with_the_missing_file() {
        let error = read(&sample("catalogue/16-storm-lantern.json"), Timestamp::UNIX_EPOCH).unwrap_err();
        assert!(
            format!("{error:#}").contains("16-storm-lantern.headers.json"),
            "{error:#}"
        );
    }

    #[test]
    fn saved_deliveries_read_back_and_no_file_is_overwritten() {
        let folder = std::env::temp_dir().join(format!("hookline-{}", uuid::Uuid::new_v4()));
        fs::create_dir(&folder).unwrap();
        let path = folder.join("kept.jsonl");
        let mut delivery = read(&sample("products-delete.json"), Timestamp::UNIX_EPOCH)
            .unwrap()
            .remove(0);
        delivery.body = b"line\nfeed \xff".to_vec();
        let mut writer = DeliveryWriter::new(&path).unwrap();
        writer.write(&delivery).unwrap();
        writer.write(&delivery).unwrap();
        assert_eq!(
            read(&path, Timestamp::UNIX_EPOCH).unwrap(),
            [delivery.clone(), delivery]
        );
        assert!(DeliveryWriter::new(&path).is_err());
        fs::remove_dir_all(&folder).unwrap();
    }
}
