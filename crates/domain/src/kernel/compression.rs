//! Compression of bodies with Zstandard (RFC 8878). Decompression stops at the largest size that a body may have.

use std::{
    cell::RefCell,
    io::{self, Read},
};

use zstd::{bulk::Compressor, zstd_safe::CParameter};

/// The fastest of zstd's ordinary levels. The next ones take longer and save a twentieth more (docs/performance.md).
const LEVEL: i32 = 1;

/// Minimum length of a match. zstd's own choice at this level is 7 above 256 KiB and 6 below; with 7, compressing a
/// body of 200 KiB takes a tenth less time (docs/performance.md).
const MIN_MATCH_BYTES: u32 = 7;

/// Largest window that a compressed body may require, as a power of two: 2^23 bytes hold any body whole.
const MAX_WINDOW_LOG: u32 = 23;

/// Data that [`compress`] did not write, or that is too long when decompressed. Not retryable.
#[derive(Debug, thiserror::Error)]
pub enum DecompressError {
    /// Not zstd, or cut off.
    #[error("the body cannot be decompressed")]
    Zstd(#[source] io::Error),
    /// Longer than the limit.
    #[error("the decompressed body has more than {limit} bytes")]
    TooLong {
        /// Maximum size in bytes.
        limit: usize,
    },
}

thread_local! {
        /// Half a megabyte of tables. Clearing them is faster than allocating them for each body.
    static COMPRESSOR: RefCell<Compressor<'static>> = RefCell::new(compressor());
}

fn compressor() -> Compressor<'static> {
    let compressor = Compressor::new(LEVEL).and_then(|mut compressor| {
        compressor.set_parameter(CParameter::MinMatch(MIN_MATCH_BYTES))?;
        Ok(compressor)
    });
    compressor.expect("zstd fails only if memory cannot be allocated")
}

/// Compresses a body.
pub fn compress(body: &[u8]) -> Vec<u8> {
    let compressed = COMPRESSOR.with_borrow_mut(|compressor| compressor.compress(body));
    compressed.expect("zstd fails only if memory cannot be allocated, and the buffer has the length that it needs")
}

/// Decompresses what [`compress`] wrote. Stops after `limit` bytes, because a few compressed bytes can stand for
/// gigabytes.
///
/// # Errors
/// [`DecompressError`] if the data is not zstd, or longer than `limit` when decompressed.
pub fn decompress(compressed: &[u8], limit: usize) -> Result<Vec<u8>, DecompressError> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(compressed).map_err(DecompressError::Zstd)?;
    decoder.window_log_max(MAX_WINDOW_LOG).map_err(DecompressError::Zstd)?;
    let mut body = Vec::new();
    let limit_and_one = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    decoder
        .take(limit_and_one)
        .read_to_end(&mut body)
        .map_err(DecompressError::Zstd)?;
    if body.len() > limit {
        return Err(DecompressError::TooLong { limit });
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMIT: usize = 1024 * 1024;

    proptest! {
        #[test]
        fn any_bytes_survive_a_round_trip(body: Vec<u8>) {
            prop_assert_eq!(decompress(&compress(&body), LIMIT).unwrap(), body);
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            drop(decompress(&bytes, LIMIT));
        }
    }

    #[test]
    fn decompression_bomb_is_stopped_at_limit() {
        let bomb = compress(&vec![b' '; 64 * LIMIT]);
        assert!(bomb.len() < LIMIT / 64);
        assert!(matches!(
            decompress(&bomb, LIMIT),
            Err(DecompressError::TooLong { limit: LIMIT })
        ));
        assert_eq!(decompress(&compress(&vec![b' '; LIMIT]), LIMIT).unwrap().len(), LIMIT);
    }

    #[test]
    fn frame_with_large_window_is_rejected() {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), LEVEL).unwrap();
        encoder.window_log(MAX_WINDOW_LOG + 1).unwrap();
        io::Write::write_all(&mut encoder, b"small").unwrap();
        // Flushed before its end, so that the frame states its window and not its length.
        io::Write::flush(&mut encoder).unwrap();
        let frame = encoder.finish().unwrap();
        assert!(matches!(decompress(&frame, LIMIT), Err(DecompressError::Zstd(_))));
    }

    #[test]
    fn truncated_data_is_rejected() {
        let whole = compress(b"a body that is long enough to be cut");
        assert!(matches!(
            decompress(&whole[..whole.len() - 1], LIMIT),
            Err(DecompressError::Zstd(_))
        ));
    }
}
