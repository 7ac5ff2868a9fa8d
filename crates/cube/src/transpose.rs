//! The turn of a cube: pixels of a few frames become pieces of many series.
//!
//! Sixteen 4-byte words of one pixel fill 64 bytes, a cache line, so frames are taken in groups of eight (two planes)
//! or sixteen (one plane) and each line of the output is written whole. Words are moved, never decoded: FITS is
//! big-endian on both sides.

/// A pixel's value as it stands in the file.
pub(crate) type Word = [u8; 4];

/// How many words of a pixel are moved at once.
pub(crate) const GROUP: usize = 16;

/// Writes words `at..at + lanes.len()` of each pixel's series.
///
/// `lanes[k][p]` is the word of pixel `p` that goes to `series[p * stride + at + k]`. The lanes have equal lengths
/// and `series` holds that many pixels of `stride` words.
pub(crate) fn scatter(lanes: &[&[Word]], series: &mut [Word], stride: usize, at: usize) {
    let Some(pixels) = lanes.first().map(|lane| lane.len()) else { return };
    debug_assert!(lanes.iter().all(|lane| lane.len() == pixels) && series.len() == pixels * stride);
    if let Ok(lanes) = <&[&[Word]; GROUP]>::try_from(lanes) {
        // The same loop with a fixed count, which the compiler unrolls.
        let lanes: [&[Word]; GROUP] = std::array::from_fn(|k| &lanes[k][..pixels]);
        for (p, pixel) in series.chunks_exact_mut(stride).enumerate() {
            let line: &mut [Word] = &mut pixel[at..at + GROUP];
            for k in 0..GROUP {
                line[k] = lanes[k][p];
            }
        }
        return;
    }
    for (p, pixel) in series.chunks_exact_mut(stride).enumerate() {
        for (word, lane) in pixel[at..at + lanes.len()].iter_mut().zip(lanes) {
            *word = lane[p];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_word_lands_at_its_place(pixels in 1usize..40, frames in 1usize..40, planes in 1usize..3) {
            let value = |p: usize, k: usize| ((p * 1000 + k) as u32).to_be_bytes();
            let stride = frames * planes;
            let mut series = vec![[0; 4]; pixels * stride];
            let mut at = 0;
            while at < stride {
                let count = GROUP.min(stride - at);
                let lanes: Vec<Vec<Word>> =
                    (at..at + count).map(|k| (0..pixels).map(|p| value(p, k)).collect()).collect();
                let lanes: Vec<&[Word]> = lanes.iter().map(Vec::as_slice).collect();
                scatter(&lanes, &mut series, stride, at);
                at += count;
            }
            for p in 0..pixels {
                for k in 0..stride {
                    prop_assert_eq!(series[p * stride + k], value(p, k));
                }
            }
        }
    }
}
