//! Size of a zipped function, as Lambda loads it.

use std::{
    fs::{self, File},
    io,
    path::Path,
};

use flate2::{Compression, write::DeflateEncoder};

/// Megabytes (10^6 bytes) of the deflated files, each by itself as in a zip, which adds some 150 bytes for each. Of a
/// folder, all files but those that its runtime compiled (`__pycache__`).
pub fn zipped_megabytes(path: &Path) -> anyhow::Result<f64> {
    let bytes = u32::try_from(zipped_bytes(path)?)?;
    Ok(f64::from(bytes) / 1e6)
}

fn zipped_bytes(path: &Path) -> anyhow::Result<usize> {
    if path.is_dir() {
        if path.ends_with("__pycache__") {
            return Ok(0);
        }
        return fs::read_dir(path)?.map(|entry| zipped_bytes(&entry?.path())).sum();
    }
    let mut encoder = DeflateEncoder::new(Counter(0), Compression::best());
    io::copy(&mut File::open(path)?, &mut encoder)?;
    Ok(encoder.finish()?.0)
}

struct Counter(usize);

impl io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_of_a_folder_is_the_sum_of_its_files() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        fs::write(&one, "a".repeat(100_000)).unwrap();
        fs::create_dir(&two).unwrap();
        fs::write(two.join("b"), "b".repeat(100_000)).unwrap();
        fs::create_dir(two.join("__pycache__")).unwrap();
        fs::write(two.join("__pycache__/b.pyc"), "compiled").unwrap();
        let of_one = zipped_bytes(&one).unwrap();
        assert!(of_one < 1_000, "{of_one}");
        assert_eq!(zipped_bytes(folder.path()).unwrap(), 2 * of_one);
    }
}
