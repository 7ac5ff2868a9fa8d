//! The bytes of a zone map file.
//!
//! Magic, version, length of the header, the header as JSON (columns and files), the map as `uranometria-lttb` writes
//! it, and an xxh3 of all that. Numbers are little-endian.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::Error;

pub(crate) const MAGIC: &[u8; 8] = b"urzonmap";
const VERSION: u32 = 1;

/// Bytes of magic, version and length.
const FIXED: usize = 16;

/// What a zone map is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Header {
    /// x, if it has a column.
    pub(crate) x: Option<Column>,
    pub(crate) y: Column,
    /// In the order of the series; an array of x is the last.
    pub(crate) files: Vec<Source>,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) r#type: String,
}

/// A file as it was when the zone map was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Source {
    /// The path, from the folder of the zone map.
    #[serde(with = "written_path")]
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
    pub(crate) modified_ns: i128,
    pub(crate) rows: u64,
    /// xxh3 of its first and last 64 KiB, in hexadecimal.
    pub(crate) ends: String,
}

/// A path as text, or as its bytes where it is not UTF-8.
mod written_path {
    use std::ffi::OsString;
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    use std::path::{Path, PathBuf};

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Text(String),
        Bytes(Vec<u8>),
    }

    pub(super) fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
        match path.to_str() {
            Some(text) => text.serialize(serializer),
            None => path.as_os_str().as_bytes().serialize(serializer),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
        Ok(match Written::deserialize(deserializer)? {
            Written::Text(text) => text.into(),
            Written::Bytes(bytes) => OsString::from_vec(bytes).into(),
        })
    }
}

impl Header {
    /// Joins a header and a map.
    pub(crate) fn seal(&self, map: &[u8]) -> Result<Vec<u8>, Error> {
        let header =
            serde_json::to_vec(self).map_err(|error| bad(format!("its header is no JSON ({error})")))?;
        let mut bytes = Vec::with_capacity(FIXED + header.len() + map.len() + 8);
        bytes.extend_from_slice(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend((header.len() as u32).to_le_bytes());
        bytes.extend(header);
        bytes.extend_from_slice(map);
        bytes.extend(xxh3_64(&bytes).to_le_bytes());
        Ok(bytes)
    }

    /// Takes apart what [`seal`](Header::seal) joined.
    pub(crate) fn unseal(bytes: &[u8]) -> Result<(Header, &[u8]), Error> {
        if !bytes.starts_with(MAGIC) {
            let found = String::from_utf8_lossy(&bytes[..bytes.len().min(8)]).into_owned();
            return Err(bad(format!("it begins with {found:?}, expected \"urzonmap\"")));
        }
        let number = |at: usize| {
            let bytes: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
            Some(u32::from_le_bytes(bytes))
        };
        let (Some(version), Some(len)) = (number(8), number(12)) else {
            return Err(bad(format!("it ends after {} bytes", bytes.len())));
        };
        // Before the sum, which another version may keep elsewhere.
        if version != VERSION {
            return Err(bad(format!("its version is {version}, this program knows {VERSION}")));
        }
        let Some((body, sum)) = bytes.split_last_chunk::<8>().filter(|(body, _)| body.len() >= FIXED) else {
            return Err(bad(format!("it ends after {} bytes", bytes.len())));
        };
        if xxh3_64(body) != u64::from_le_bytes(*sum) {
            return Err(bad("its checksum differs, so it was damaged or cut short".to_string()));
        }
        let header = body.get(FIXED..FIXED.saturating_add(len as usize));
        let header = header.ok_or_else(|| bad(format!("its header has {len} bytes, more than there are")))?;
        let map = &body[FIXED + header.len()..];
        let header = serde_json::from_slice(header);
        Ok((header.map_err(|error| bad(format!("its header cannot be read ({error})")))?, map))
    }
}

pub(crate) fn bad(reason: String) -> Error {
    Error::BadZoneMap { reason }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;

    use proptest::prelude::*;

    use super::*;

    fn header() -> Header {
        let column = |name: &str| Column { name: name.into(), r#type: "Float64".into() };
        let source = Source {
            path: "../a b/ü.parquet".into(),
            bytes: 1 << 40,
            modified_ns: -1_700_000_000_000_000_001,
            rows: 3,
            ends: "00ff".into(),
        };
        Header { x: Some(column("t")), y: column("y"), files: vec![source] }
    }

    #[test]
    fn what_was_sealed_comes_back() {
        let bytes = header().seal(b"the map").unwrap();
        assert_eq!(Header::unseal(&bytes).unwrap(), (header(), &b"the map"[..]));
    }

    #[test]
    fn a_path_that_is_no_text_comes_back() {
        let path = PathBuf::from(OsString::from_vec(b"../f\xfc\xff/a.parquet".to_vec()));
        let mut header = header();
        header.files[0].path = path.clone();
        let bytes = header.seal(b"").unwrap();
        assert_eq!(Header::unseal(&bytes).unwrap().0.files[0].path, path);
        // Text stays text, which programs read that know no bytes.
        let bytes = self::header().seal(b"").unwrap();
        assert!(String::from_utf8_lossy(&bytes).contains("\"path\":\"../a b/ü.parquet\""));
    }

    #[test]
    fn a_newer_version_is_told_from_damage() {
        let mut bytes = header().seal(b"the map").unwrap();
        bytes[8] = 9;
        let message = Header::unseal(&bytes).unwrap_err().to_string();
        assert!(message.contains("its version is 9, this program knows 1"), "{message}");
    }

    proptest! {
        #[test]
        fn any_flipped_bit_and_any_cut_are_noticed(bit in 0_usize..1 << 16, cut in 0_usize..1 << 16) {
            let whole = header().seal(b"the map").unwrap();
            let mut flipped = whole.clone();
            let bit = bit % (8 * whole.len());
            flipped[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(Header::unseal(&flipped).is_err());
            prop_assert!(Header::unseal(&whole[..cut % whole.len()]).is_err());
        }

        #[test]
        fn noise_is_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(Header::unseal(&bytes).is_err());
            prop_assert!(Header::unseal(&[MAGIC.as_slice(), &bytes].concat()).is_err());
        }
    }
}
