//! How blocks are compressed.

use std::io::{Read, Write};

use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

/// How blocks of a container file are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Codec {
    /// Not at all.
    #[default]
    Null,
    /// Deflate without a header, RFC 1951.
    Deflate,
    /// Snappy, with the CRC-32 of what was compressed behind it.
    Snappy,
    /// Zstandard.
    Zstandard,
}

/// The most bytes of a block, packed or not: what is larger is taken for an attack.
pub(super) const MAX_BLOCK: u64 = 512 << 20;

impl Codec {
    /// The codec of a name as files have it.
    pub fn of_name(name: &str) -> Option<Self> {
        [Codec::Null, Codec::Deflate, Codec::Snappy, Codec::Zstandard]
            .into_iter()
            .find(|codec| codec.name() == name)
    }

    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Codec::Null => "null",
            Codec::Deflate => "deflate",
            Codec::Snappy => "snappy",
            Codec::Zstandard => "zstandard",
        }
    }

    /// Unpacks a block into `out`, which is emptied first.
    pub(super) fn unpack(self, packed: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
        out.clear();
        let all = |reader: &mut dyn Read, out: &mut Vec<u8>| {
            let read = reader.take(MAX_BLOCK + 1).read_to_end(out).map_err(|error| error.to_string())?;
            if read as u64 > MAX_BLOCK {
                Err(format!("more than {MAX_BLOCK} bytes when unpacked"))
            } else {
                Ok(())
            }
        };
        match self {
            Codec::Null => {
                out.extend_from_slice(packed);
                Ok(())
            }
            Codec::Deflate => all(&mut DeflateDecoder::new(packed), out),
            Codec::Zstandard => {
                all(&mut zstd::Decoder::with_buffer(packed).map_err(|error| error.to_string())?, out)
            }
            Codec::Snappy => {
                let (packed, sum) = packed.split_last_chunk::<4>().ok_or("a block without a checksum")?;
                let len = snap::raw::decompress_len(packed).map_err(|error| error.to_string())?;
                // Snappy packs 64 bytes into 3 at best.
                if len as u64 > MAX_BLOCK || len / 22 > packed.len() {
                    return Err(format!("{} bytes that say to be {len} when unpacked", packed.len()));
                }
                out.resize(len, 0);
                snap::raw::Decoder::new().decompress(packed, out).map_err(|error| error.to_string())?;
                let mut crc = Crc::new();
                crc.update(out);
                if crc.sum() == u32::from_be_bytes(*sum) {
                    Ok(())
                } else {
                    Err("another checksum than told".into())
                }
            }
        }
    }

    /// Packs a block.
    pub(super) fn pack(self, plain: &[u8]) -> std::io::Result<Vec<u8>> {
        match self {
            Codec::Null => Ok(plain.to_vec()),
            Codec::Deflate => {
                let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
                encoder.write_all(plain)?;
                encoder.finish()
            }
            Codec::Zstandard => zstd::encode_all(plain, 0),
            Codec::Snappy => {
                let mut packed =
                    snap::raw::Encoder::new().compress_vec(plain).map_err(std::io::Error::other)?;
                let mut crc = Crc::new();
                crc.update(plain);
                packed.extend(crc.sum().to_be_bytes());
                Ok(packed)
            }
        }
    }
}
