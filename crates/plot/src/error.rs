//! What can be wrong with a request for a picture.
//!
//! Data that merely cannot be shown (nothing finite, one point, constant values) is no error: it gives a
//! picture that says so.

/// Tells why no picture could be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A side of the picture is zero or beyond [`MAX_SIDE`](crate::MAX_SIDE).
    #[error("{side} of the picture is {found} px, expected 1..={max}")]
    Size {
        /// Which side: `width` or `height`.
        side: &'static str,
        /// The length asked for, in pixels.
        found: u32,
        /// The greatest length allowed, in pixels.
        max: u32,
    },
    /// A column of a series is not as long as its `x`.
    #[error("series {series} (`{label}`): `{column}` has {found} values, expected {wanted} as `x` has")]
    LengthMismatch {
        /// 0-based index of the series.
        series: usize,
        /// The label of the series.
        label: String,
        /// Name of the field that does not fit.
        column: &'static str,
        /// Number of values found.
        found: usize,
        /// Number of values in `x`.
        wanted: usize,
    },
    /// `gap` is negative or NaN.
    #[error("gap is {found}, expected a number not below 0 in the unit of x (or `None` for automatic)")]
    Gap {
        /// The gap found.
        found: f64,
    },
    /// A stamp's slice does not hold `columns` x `rows` values.
    #[error(
        "stamp of {columns} columns x {rows} rows: `{field}` has {found} values, expected columns * rows"
    )]
    StampShape {
        /// Columns stated.
        columns: usize,
        /// Rows stated.
        rows: usize,
        /// Name of the field that does not fit.
        field: &'static str,
        /// Number of values found.
        found: usize,
    },
    /// A gallery would be taller than [`MAX_SIDE`](crate::MAX_SIDE).
    #[error(
        "gallery of {found} rows does not fit a picture {width} px wide, expected at most {max} rows; \
             draw several galleries or a narrower one"
    )]
    GalleryRows {
        /// Rows asked for.
        found: usize,
        /// Width of the gallery, in pixels.
        width: u32,
        /// Rows that fit at this width.
        max: usize,
    },
    /// The typeface inside the crate could not be read.
    #[error("embedded typeface DejaVu Sans cannot be read")]
    Font(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The finished picture could not be encoded.
    #[error("picture cannot be encoded as PNG")]
    Encode(#[source] Box<dyn std::error::Error + Send + Sync>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_what_was_found_and_what_was_wanted() {
        let error = Error::Size { side: "width", found: 0, max: 8192 };
        assert_eq!(error.to_string(), "width of the picture is 0 px, expected 1..=8192");
        let error =
            Error::LengthMismatch { series: 1, label: "PDCSAP".into(), column: "y_err", found: 3, wanted: 4 };
        assert_eq!(error.to_string(), "series 1 (`PDCSAP`): `y_err` has 3 values, expected 4 as `x` has");
        let error = Error::GalleryRows { found: 90, width: 1400, max: 26 };
        assert_eq!(
            error.to_string(),
            "gallery of 90 rows does not fit a picture 1400 px wide, expected at most 26 rows; \
             draw several galleries or a narrower one"
        );
    }
}
