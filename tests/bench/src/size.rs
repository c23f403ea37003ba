//! How large a function is once zipped, which is what Lambda loads.

use std::{fs::File, io, path::Path};

use flate2::{Compression, write::DeflateEncoder};

/// Megabytes (10^6 bytes) of the deflated binary; a zip adds some 150 bytes.
pub fn zipped_megabytes(binary: &Path) -> anyhow::Result<f64> {
    let mut encoder = DeflateEncoder::new(Counter(0), Compression::best());
    io::copy(&mut File::open(binary)?, &mut encoder)?;
    Ok(f64::from(u32::try_from(encoder.finish()?.0)?) / 1e6)
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
