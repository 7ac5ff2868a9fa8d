//! Where the HDUs of a file lie, from their headers alone.
//!
//! FITS 4.0, sections 3 and 4.4.1; the size of the data: equations 1 and 2.

use crate::{BLOCK, Error, Header, Source, padded};

/// The most bytes a header may take: 16 MiB are 200,000 cards, more than any table of 999 columns needs.
const MAX_HEADER: u64 = 16 << 20;

/// The kind of an HDU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HduKind {
    /// The first one, which may hold an image.
    Primary,
    /// XTENSION IMAGE.
    Image,
    /// XTENSION BINTABLE.
    BinTable,
    /// XTENSION TABLE.
    AsciiTable,
    /// Any other XTENSION, by its name.
    Other(String),
}

/// One HDU of a file: its header and the place of its data.
#[derive(Clone, Debug, PartialEq)]
pub struct Hdu {
    /// The number in the file, 0 for the primary one.
    pub index: usize,
    /// The kind.
    pub kind: HduKind,
    /// The header.
    pub header: Header,
    /// Byte offset of the header in the file.
    pub header_start: u64,
    /// Byte offset of the data in the file.
    pub data_start: u64,
    /// Length of the data in bytes, padding not counted.
    pub data_len: u64,
}

impl Hdu {
    /// EXTNAME, or an empty string.
    pub fn name(&self) -> &str {
        self.header.text("EXTNAME").unwrap_or("")
    }

    /// Byte offset behind the padded data, where the next HDU begins.
    pub fn end(&self) -> u64 {
        // `hdu_at` made the HDU only because this sum fits.
        self.data_start.saturating_add(padded(self.data_len).unwrap_or(u64::MAX))
    }

    /// Reads the data into memory.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::TooLarge`].
    pub fn read_data<S: Source + ?Sized>(&self, source: &S) -> Result<Vec<u8>, Error> {
        let len = usize::try_from(self.data_len)
            .map_err(|_| Error::TooLarge { sizes: self.data_len.to_string() }.in_hdu(self.index))?;
        let mut bytes = Vec::new();
        // A header may claim more than there is memory, and a sparse file may back the claim.
        bytes.try_reserve_exact(len).map_err(|_| {
            Error::TooLarge { sizes: format!("{len} bytes of data in memory") }.in_hdu(self.index)
        })?;
        bytes.resize(len, 0);
        source
            .read_at(self.data_start, &mut bytes)
            .map_err(|source| Error::io(format!("read {len} bytes at byte {}", self.data_start), source))?;
        Ok(bytes)
    }
}

/// Reads the headers of all HDUs.
///
/// Bytes behind the last HDU that are no extension (zeros, blanks) are ignored, as the standard's special records
/// are.
///
/// # Errors
/// [`Error::InHdu`] around what is wrong with a header; [`Error::Truncated`] where the file ends before the data.
pub fn read_hdus<S: Source + ?Sized>(source: &S) -> Result<Vec<Hdu>, Error> {
    let mut hdus = Vec::new();
    let mut offset = 0;
    while let Some(hdu) = hdu_at(source, offset, hdus.len())? {
        offset = hdu.end();
        hdus.push(hdu);
    }
    Ok(hdus)
}

/// Reads the header of the HDU that begins at byte `offset` and has number `index`.
///
/// Returns `None` at the end of the file and, behind the first HDU, where no extension begins.
///
/// # Errors
/// As [`read_hdus`].
pub fn hdu_at<S: Source + ?Sized>(source: &S, offset: u64, index: usize) -> Result<Option<Hdu>, Error> {
    if offset >= source.len() && index > 0 {
        return Ok(None);
    }
    let wanted = if index == 0 { "SIMPLE  =" } else { "XTENSION=" };
    let mut bytes = Vec::new();
    loop {
        // Most headers of a frame or cube fit in the first piece.
        let next = (bytes.len() as u64 * 2).clamp(4 * BLOCK, MAX_HEADER);
        let end = (offset + next).min(source.len());
        let have = bytes.len();
        bytes.resize((end - offset) as usize, 0);
        source
            .read_at(offset + have as u64, &mut bytes[have..])
            .map_err(|source| Error::io(format!("read a header at byte {offset}"), source))?;
        if !bytes.starts_with(wanted.as_bytes()) {
            if index > 0 {
                return Ok(None);
            }
            let found = String::from_utf8_lossy(&bytes[..bytes.len().min(9)]).into_owned();
            return Err(Error::NotFits { found, wanted }.in_hdu(index));
        }
        match Header::parse(&bytes) {
            Ok((header, len)) => {
                return locate(header, offset, len as u64, index, source.len())
                    .map(Some)
                    .map_err(|error| error.in_hdu(index));
            }
            Err(_) if end < source.len() && (bytes.len() as u64) < MAX_HEADER => {}
            Err(error) => return Err(error.in_hdu(index)),
        }
    }
}

fn locate(header: Header, offset: u64, len: u64, index: usize, file_len: u64) -> Result<Hdu, Error> {
    let kind = match header.text("XTENSION") {
        _ if index == 0 => HduKind::Primary,
        Some("IMAGE" | "IUEIMAGE") => HduKind::Image,
        Some("BINTABLE" | "A3DTABLE") => HduKind::BinTable,
        Some("TABLE") => HduKind::AsciiTable,
        other => HduKind::Other(other.unwrap_or("").to_string()),
    };
    let data_len = data_len(&header)?;
    let data_start = offset + len;
    let too_large =
        || Error::TooLarge { sizes: format!("{data_len} bytes of data from byte {data_start} on") };
    let end = data_start.checked_add(data_len).ok_or_else(too_large)?;
    padded(data_len).and_then(|padded| data_start.checked_add(padded)).ok_or_else(too_large)?;
    if end > file_len {
        return Err(Error::Truncated { wanted: end, found: file_len });
    }
    Ok(Hdu { index, kind, header, header_start: offset, data_start, data_len })
}

/// The size of the data in bytes, from BITPIX, NAXISn, PCOUNT, GCOUNT and GROUPS.
fn data_len(header: &Header) -> Result<u64, Error> {
    let bitpix = header.integer_in("BITPIX", -64..=64)?;
    if !matches!(bitpix, 8 | 16 | 32 | 64 | -32 | -64) {
        return Err(header.wrong("BITPIX", "8, 16, 32, 64, -32 or -64"));
    }
    let naxis = header.integer_in("NAXIS", 0..=999)?;
    let mut axes = Vec::new();
    for n in 1..=naxis {
        axes.push(header.integer_in(&format!("NAXIS{n}"), 0..=i64::MAX)? as u64);
    }
    if axes.is_empty() {
        return Ok(0);
    }
    if axes[0] == 0 && header.logical("GROUPS") == Some(true) {
        axes.remove(0);
    }
    let optional = |keyword: &str, default: i64| match header.card(keyword) {
        Some(_) => header.integer_in(keyword, 0..=i64::MAX),
        None => Ok(default),
    };
    let pcount = optional("PCOUNT", 0)? as u64;
    let gcount = optional("GCOUNT", 1)? as u64;
    let size = axes.iter().try_fold(1u64, |product, axis| product.checked_mul(*axis));
    size.and_then(|size| size.checked_add(pcount))
        .and_then(|size| size.checked_mul(gcount))
        .and_then(|size| size.checked_mul(bitpix.unsigned_abs() / 8))
        .ok_or_else(|| Error::TooLarge {
            sizes: format!("BITPIX {bitpix}, NAXISn {axes:?}, PCOUNT {pcount}, GCOUNT {gcount}"),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(headers: &[(Header, usize)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (header, data) in headers {
            bytes.extend(header.to_bytes());
            bytes.resize(bytes.len() + data.next_multiple_of(BLOCK as usize), 0);
        }
        bytes
    }

    #[test]
    fn the_map_of_a_file_gives_every_hdu_with_its_place() {
        let mut table = Header::image_extension(8, &[10, 3]);
        table.set("XTENSION", "BINTABLE", "");
        table.set("PCOUNT", 5, "");
        let bytes = file(&[(Header::primary(), 0), (Header::image_extension(-32, &[4, 5]), 80), (table, 35)]);
        let hdus = read_hdus(&bytes).unwrap();
        let places: Vec<_> = hdus.iter().map(|hdu| (hdu.data_start, hdu.data_len)).collect();
        assert_eq!(places, [(2880, 0), (5760, 80), (11520, 35)]);
        assert_eq!(hdus[2].kind, HduKind::BinTable);
    }

    #[test]
    fn a_file_cut_inside_its_data_is_truncated() {
        let mut bytes =
            file(&[(Header::primary(), 0), (Header::image_extension(-32, &[1000, 1000]), 4_000_000)]);
        bytes.truncate(100_000);
        let error = read_hdus(&bytes).unwrap_err().to_string();
        assert!(error.starts_with("HDU 1: truncated: the data end at byte 4005760"), "{error}");
    }

    #[test]
    fn sizes_that_overflow_are_errors() {
        let header = Header::image_extension(-64, &[usize::MAX >> 1, usize::MAX >> 1]);
        let error = read_hdus(&file(&[(Header::primary(), 0), (header, 0)])).unwrap_err().to_string();
        assert!(error.contains("the data are too large"), "{error}");
    }

    #[test]
    fn a_wrong_axis_names_card_found_and_wanted() {
        let mut header = Header::primary();
        header.set("NAXIS", -1, "");
        let error = read_hdus(&file(&[(header, 0)])).unwrap_err().to_string();
        assert_eq!(error, "HDU 0: card 3: NAXIS is -1, expected an integer in 0..=999");
    }
}
