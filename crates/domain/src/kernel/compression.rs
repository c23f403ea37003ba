//! Bodies made smaller with Zstandard (RFC 8878), and large again, never larger than a body may be.

use std::{
    cell::RefCell,
    io::{self, Read},
};

use zstd::{bulk::Compressor, zstd_safe::CParameter};

/// The fastest of zstd's ordinary levels. The next ones take longer and save a twentieth more (docs/performance.md).
const LEVEL: i32 = 1;

/// The fewest bytes that are looked for again: what zstd takes at this level for more than 256 KiB, and 6 for less. With 7 a
/// body of 200 KiB takes a tenth less time (docs/performance.md).
const SHORTEST_MATCH: u32 = 7;

/// The most memory that a compressed body may ask for to look back into: 2^23 bytes hold any body whole.
const WINDOW_LOG: u32 = 23;

/// Not what [`compress`] wrote, or more than it was given. Not worth a retry.
#[derive(Debug, thiserror::Error)]
pub enum DecompressError {
    /// Not zstd, or cut off.
    #[error("the body cannot be decompressed")]
    Zstd(#[source] io::Error),
    /// It would be longer than any body that a receiver takes.
    #[error("decompressed, the body has more than {limit} bytes")]
    TooLong {
        /// The most bytes it may have.
        limit: usize,
    },
}

thread_local! {
    /// Half a megabyte of tables, which are quicker cleared than had anew.
    static COMPRESSOR: RefCell<Compressor<'static>> = RefCell::new(compressor());
}

fn compressor() -> Compressor<'static> {
    let made = Compressor::new(LEVEL).and_then(|mut compressor| {
        compressor.set_parameter(CParameter::MinMatch(SHORTEST_MATCH))?;
        Ok(compressor)
    });
    made.expect("zstd fails for want of memory only")
}

/// Compresses a body.
pub fn compress(body: &[u8]) -> Vec<u8> {
    let compressed = COMPRESSOR.with_borrow_mut(|compressor| compressor.compress(body));
    compressed.expect("zstd fails for want of memory only, and the buffer is as long as needed")
}

/// Decompresses what [`compress`] wrote. Stops as soon as there is more than `limit` bytes of it: a few bytes can
/// stand for gigabytes.
///
/// # Errors
/// [`DecompressError`] says what does not fit.
pub fn decompress(compressed: &[u8], limit: usize) -> Result<Vec<u8>, DecompressError> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(compressed).map_err(DecompressError::Zstd)?;
    decoder.window_log_max(WINDOW_LOG).map_err(DecompressError::Zstd)?;
    let mut body = Vec::new();
    let one_more = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    decoder
        .take(one_more)
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
        fn any_bytes_come_back_as_they_were(body: Vec<u8>) {
            prop_assert_eq!(decompress(&compress(&body), LIMIT).unwrap(), body);
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            drop(decompress(&bytes, LIMIT));
        }
    }

    #[test]
    fn a_bomb_goes_off_at_the_limit() {
        let bomb = compress(&vec![b' '; 64 * LIMIT]);
        assert!(bomb.len() < LIMIT / 64);
        assert!(matches!(
            decompress(&bomb, LIMIT),
            Err(DecompressError::TooLong { limit: LIMIT })
        ));
        assert_eq!(decompress(&compress(&vec![b' '; LIMIT]), LIMIT).unwrap().len(), LIMIT);
    }

    #[test]
    fn a_frame_that_wants_a_large_window_is_refused() {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), LEVEL).unwrap();
        encoder.window_log(WINDOW_LOG + 1).unwrap();
        io::Write::write_all(&mut encoder, b"small").unwrap();
        // Flushed before its end, so that the frame says its window and not its length.
        io::Write::flush(&mut encoder).unwrap();
        let greedy = encoder.finish().unwrap();
        assert!(matches!(decompress(&greedy, LIMIT), Err(DecompressError::Zstd(_))));
    }

    #[test]
    fn what_is_cut_off_is_garbled() {
        let whole = compress(b"a body that is long enough to be cut");
        assert!(matches!(
            decompress(&whole[..whole.len() - 1], LIMIT),
            Err(DecompressError::Zstd(_))
        ));
    }
}
