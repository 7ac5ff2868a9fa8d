//! Images as big-endian bytes.
//!
//! FITS 4.0, section 3.3.2 (order of the pixels) and section 5 (representation); scaling: BSCALE, BZERO and BLANK,
//! section 4.4.2.5.

use crate::{Error, Hdu, HduKind, Value};

/// The type of the stored pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bitpix {
    /// Unsigned 8-bit integers.
    U8,
    /// Signed 16-bit integers.
    I16,
    /// Signed 32-bit integers.
    I32,
    /// Signed 64-bit integers.
    I64,
    /// IEEE 754 single precision.
    F32,
    /// IEEE 754 double precision.
    F64,
}

impl Bitpix {
    /// Bytes a pixel.
    pub fn size(self) -> usize {
        match self {
            Bitpix::U8 => 1,
            Bitpix::I16 => 2,
            Bitpix::I32 | Bitpix::F32 => 4,
            Bitpix::I64 | Bitpix::F64 => 8,
        }
    }
}

/// How the pixels of an image HDU are stored.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageLayout {
    /// The stored type.
    pub bitpix: Bitpix,
    /// NAXIS1, NAXIS2, ...: the fastest axis first.
    pub axes: Vec<usize>,
    /// The physical value is `zero + scale * stored`.
    pub scale: f64,
    /// See `scale`.
    pub zero: f64,
    /// The stored integer that means "no value".
    pub blank: Option<i64>,
}

impl ImageLayout {
    /// Reads the layout from the header of a primary or image HDU.
    ///
    /// # Errors
    /// [`Error::WrongKind`] for a table, also one that holds a tile-compressed image, and for random groups and other
    /// data that are not the pixels alone; [`Error::BadKeyword`].
    pub fn of(hdu: &Hdu) -> Result<Self, Error> {
        let header = &hdu.header;
        let fail = |error: Error| error.in_hdu(hdu.index);
        if !matches!(hdu.kind, HduKind::Primary | HduKind::Image) {
            let found = if header.logical("ZIMAGE") == Some(true) {
                "a tile-compressed image".to_string()
            } else {
                format!("{:?}", hdu.kind)
            };
            return Err(fail(Error::WrongKind { found, wanted: "an uncompressed image" }));
        }
        let bitpix = match header.integer("BITPIX") {
            Some(8) => Bitpix::U8,
            Some(16) => Bitpix::I16,
            Some(32) => Bitpix::I32,
            Some(64) => Bitpix::I64,
            Some(-32) => Bitpix::F32,
            Some(-64) => Bitpix::F64,
            _ => return Err(fail(header.wrong("BITPIX", "8, 16, 32, 64, -32 or -64"))),
        };
        let mut axes = Vec::new();
        for n in 1..=header.integer_in("NAXIS", 0..=999).map_err(fail)? {
            axes.push(header.integer_in(&format!("NAXIS{n}"), 0..=i64::MAX).map_err(fail)? as usize);
        }
        // The length of the data was checked against that of the file; PCOUNT, GCOUNT and GROUPS can part the two.
        let pixels = axes.iter().try_fold(u64::from(!axes.is_empty()), |n, axis| n.checked_mul(*axis as u64));
        if pixels.and_then(|n| n.checked_mul(bitpix.size() as u64)) != Some(hdu.data_len) {
            let found = format!("{} bytes of data with NAXISn {axes:?} of {bitpix:?}", hdu.data_len);
            return Err(fail(Error::WrongKind {
                found,
                wanted: "an image, with PCOUNT 0, GCOUNT 1 and no GROUPS",
            }));
        }
        let factor = |keyword: &str, default| match header.get(keyword) {
            None | Some(Value::Undefined) => Ok(default),
            Some(_) => header.number(keyword).ok_or_else(|| fail(header.wrong(keyword, "a number"))),
        };
        Ok(ImageLayout {
            bitpix,
            axes,
            scale: factor("BSCALE", 1.0)?,
            zero: factor("BZERO", 0.0)?,
            blank: header.integer("BLANK"),
        })
    }

    /// Whether the stored bytes are the physical values as big-endian f32.
    pub fn is_plain_f32(&self) -> bool {
        self.bitpix == Bitpix::F32 && self.scale == 1.0 && self.zero == 0.0
    }

    /// Decodes stored pixels into physical values; BLANK becomes NaN.
    ///
    /// `bytes` are whole pixels, a rest is ignored. Plain f32 keeps its bits. Integers of more than 24 bits round.
    pub fn decode_f32(&self, bytes: &[u8]) -> Vec<f32> {
        macro_rules! integers {
            ($type:ty) => {
                bytes
                    .as_chunks()
                    .0
                    .iter()
                    .map(|&pixel| {
                        let stored = <$type>::from_be_bytes(pixel);
                        if self.blank.is_some_and(|blank| i128::from(stored) == i128::from(blank)) {
                            return f32::NAN;
                        }
                        (self.zero + self.scale * stored as f64) as f32
                    })
                    .collect()
            };
        }
        match self.bitpix {
            Bitpix::U8 => integers!(u8),
            Bitpix::I16 => integers!(i16),
            Bitpix::I32 => integers!(i32),
            Bitpix::I64 => integers!(i64),
            Bitpix::F32 if self.is_plain_f32() => {
                bytes.as_chunks().0.iter().map(|&pixel| f32::from_be_bytes(pixel)).collect()
            }
            Bitpix::F32 => {
                let physical = |x: f32| (self.zero + self.scale * f64::from(x)) as f32;
                bytes.as_chunks().0.iter().map(|&pixel| physical(f32::from_be_bytes(pixel))).collect()
            }
            Bitpix::F64 => {
                let physical = |x: f64| (self.zero + self.scale * x) as f32;
                bytes.as_chunks().0.iter().map(|&pixel| physical(f64::from_be_bytes(pixel))).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Header, hdu_at};

    fn layout(bitpix: i32, extra: &[(&str, f64)]) -> ImageLayout {
        let mut header = Header::primary();
        header.set("BITPIX", bitpix, "");
        header.set("NAXIS", 1, "");
        header.set("NAXIS1", 0, "");
        for (keyword, value) in extra {
            header.set(keyword, *value, "");
        }
        ImageLayout::of(&hdu_at(&header.to_bytes(), 0, 0).unwrap().unwrap()).unwrap()
    }

    #[test]
    fn unsigned_16_bit_integers_are_shifted_and_blank_is_nan() {
        let layout = layout(16, &[("BZERO", 32768.0), ("BLANK", -5.0)]);
        let decoded = layout.decode_f32(&[0x80, 0, 0xff, 0xfb, 0x7f, 0xff]);
        assert_eq!(decoded[0], 0.0);
        assert!(decoded[1].is_nan());
        assert_eq!(decoded[2], 65535.0);
    }

    #[test]
    fn pixels_that_are_not_all_of_the_data_are_an_error() {
        let check = |axes: &[usize], extra: &[(&str, Value)], len: usize| {
            let mut header = Header::primary();
            header.set("NAXIS", axes.len(), "");
            for (n, axis) in (1..).zip(axes) {
                header.set(&format!("NAXIS{n}"), *axis, "");
            }
            for (keyword, value) in extra {
                header.set(keyword, value.clone(), "");
            }
            let mut bytes = header.to_bytes();
            bytes.resize(bytes.len() + len, 0);
            let error = ImageLayout::of(&hdu_at(&bytes, 0, 0).unwrap().unwrap()).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("HDU 0: it is {len} bytes of data with NAXISn {axes:?}")),
                "{error}"
            );
        };
        check(&[1 << 40, 1 << 20], &[("GCOUNT", Value::Integer(0))], 0);
        check(&[3, 2], &[("PCOUNT", Value::Integer(1))], 7);
        check(&[0, 5], &[("GROUPS", Value::Logical(true))], 5);
    }

    #[test]
    fn plain_floats_keep_the_bits_of_a_nan() {
        let decoded = layout(-32, &[]).decode_f32(&0x7fc0_1234_u32.to_be_bytes());
        assert_eq!(decoded[0].to_bits(), 0x7fc0_1234);
    }
}
