//! The cells that a catalogue is divided by, and where their files lie.
//!
//! HATS, section "Partitioning": `dataset/Norder=k/Dir=d/Npix=p.parquet` with d = p / 10000 * 10000.

use std::fmt;
use std::ops::Range;

use uranometria_sky::healpix::MAX_DEPTH;

/// A HEALPix cell, nested: a partition of a catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pixel {
    /// The depth, 0 to 29; HATS says order.
    pub order: u8,
    /// The number, below 12 × 4^order.
    pub number: u64,
}

impl Pixel {
    /// The cells of depth 29 in it.
    pub fn cells(self) -> Range<u64> {
        let shift = 2 * (MAX_DEPTH - self.order);
        self.number << shift..(self.number + 1) << shift
    }

    /// The file of the partition below `dataset/`, with `/` between folders.
    ///
    /// ```
    /// use uranometria_catalog::Pixel;
    ///
    /// let pixel = Pixel { order: 6, number: 44_444 };
    /// assert_eq!(pixel.file(".parquet"), "Norder=6/Dir=40000/Npix=44444.parquet");
    /// ```
    pub fn file(self, suffix: &str) -> String {
        let Pixel { order, number } = self;
        format!("Norder={order}/Dir={}/Npix={number}{suffix}", number / 10_000 * 10_000)
    }

    /// Whether there is such a cell.
    pub(crate) fn is_valid(self) -> bool {
        self.order <= MAX_DEPTH && self.number < 12 << (2 * self.order)
    }

    /// Reads a `partition_info.csv`.
    pub(crate) fn read_list(text: &str) -> Result<Vec<Self>, String> {
        let mut lines = text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty());
        let names: Vec<&str> = lines.next().map_or("", |(_, line)| line).split(',').map(str::trim).collect();
        let place = |name: &str| {
            let at = names.iter().position(|found| *found == name);
            at.ok_or_else(|| format!("line 1: found {}, expected a column {name}", names.join(",")))
        };
        let (order, number) = (place("Norder")?, place("Npix")?);
        lines
            .map(|(n, line)| {
                let words: Vec<&str> = line.split(',').map(str::trim).collect();
                let pixel = || {
                    let order = words.get(order)?.parse().ok()?;
                    Some(Pixel { order, number: words.get(number)?.parse().ok()? })
                };
                pixel().filter(|pixel| pixel.is_valid()).ok_or_else(|| {
                    format!("line {}: found {line}, expected an order to 29 and a cell of that order", n + 1)
                })
            })
            .collect()
    }
}

impl fmt::Display for Pixel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Norder={}, Npix={}", self.order, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_partitions_is_read_whatever_its_other_columns() {
        let text = "Norder,Dir,Npix\n0,0,4\n\n1, 0, 47\n";
        let wanted = vec![Pixel { order: 0, number: 4 }, Pixel { order: 1, number: 47 }];
        assert_eq!(Pixel::read_list(text), Ok(wanted));
        assert_eq!(Pixel::read_list("Norder,Npix\n"), Ok(vec![]));
    }

    #[test]
    fn a_wrong_partition_is_named_by_its_line() {
        let line = Pixel::read_list("Norder,Npix\n0,11\n0,12\n").unwrap_err();
        assert!(line.starts_with("line 3: found 0,12"), "{line}");
        assert!(Pixel::read_list("a,b\n").unwrap_err().contains("column Norder"));
        assert!(Pixel::read_list("Norder,Npix\n30,0\n").is_err());
    }
}
