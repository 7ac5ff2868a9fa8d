//! Masks that a person drew: CSV of 0 and 1, or a FITS image.

use uranometria_fits::{HduKind, ImageLayout, read_hdus};

use super::Aperture;
use crate::Error;
use crate::tpf::size_of;

/// The bit of a mission aperture image that marks the pixels in the aperture.
const IN_APERTURE: i32 = 2;

impl Aperture {
    /// Reads a mask for frames of `columns` x `rows` pixels from the bytes of a file.
    ///
    /// FITS: the first image of that size; what is neither 0 nor NaN is in. An image named APERTURE whose bit 2 is
    /// set anywhere, as in light curves and target pixel files, is read by that bit.
    ///
    /// Text: a line a row, 0 and 1 separated by commas. The first line is row 0, the lowest on the CCD, as
    /// `numpy.savetxt(file, mask, "%d", ",")` writes a mask. Empty lines and lines that begin with `#` are skipped.
    ///
    /// # Errors
    /// [`Error::MaskSize`] with the size found and wanted; [`Error::MaskValue`] with line and value;
    /// [`Error::MaskFormat`]; [`Error::EmptyAperture`]; [`Error::Fits`].
    pub fn from_file(bytes: &[u8], columns: usize, rows: usize) -> Result<Self, Error> {
        let mask = if bytes.starts_with(b"SIMPLE  =") {
            of_fits(bytes, columns, rows)
        } else {
            of_csv(bytes, columns, rows)
        };
        Aperture::new(columns, rows, mask?)
    }
}

fn of_fits(bytes: &[u8], columns: usize, rows: usize) -> Result<Vec<bool>, Error> {
    let mut found = Vec::new();
    for hdu in read_hdus(bytes)? {
        if !matches!(hdu.kind, HduKind::Primary | HduKind::Image) {
            continue;
        }
        let layout = ImageLayout::of(&hdu)?;
        if layout.axes != [columns, rows] {
            found.extend((!layout.axes.is_empty()).then(|| size_of(&layout.axes)));
            continue;
        }
        let values = layout.decode_f32(&hdu.read_data(bytes)?);
        let by_bit = hdu.name().eq_ignore_ascii_case("APERTURE");
        if by_bit && values.iter().any(|&value| value as i32 & IN_APERTURE != 0) {
            return Ok(values.into_iter().map(|value| value as i32 & IN_APERTURE != 0).collect());
        }
        return Ok(values.into_iter().map(|value| value != 0.0 && !value.is_nan()).collect());
    }
    let found =
        if found.is_empty() { "a FITS file without an image, 0".to_string() } else { found.join(" and ") };
    Err(Error::MaskSize { found, wanted: format!("{columns}x{rows}") })
}

fn of_csv(bytes: &[u8], columns: usize, rows: usize) -> Result<Vec<bool>, Error> {
    let text = std::str::from_utf8(bytes).map_err(|error| Error::MaskFormat { byte: error.valid_up_to() })?;
    let lines = text.strip_prefix('\u{feff}').unwrap_or(text).lines().enumerate();
    let lines = lines.filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    let mut mask = Vec::new();
    let mut lengths = Vec::new();
    for (n, line) in lines {
        let before = mask.len();
        for (m, cell) in line.split(',').enumerate() {
            mask.push(match cell.trim() {
                "0" => false,
                "1" => true,
                other => {
                    // Enough to recognise it; the file may be anything.
                    let found = other.chars().take(20).collect();
                    return Err(Error::MaskValue { line: n + 1, value: m + 1, found });
                }
            });
        }
        lengths.push(mask.len() - before);
    }
    if lengths.len() != rows || lengths.iter().any(|length| *length != columns) {
        let (low, high) = (lengths.iter().min().unwrap_or(&0), lengths.iter().max().unwrap_or(&0));
        let wide = if low == high { low.to_string() } else { format!("({low} to {high})") };
        let found = format!("{wide}x{}", lengths.len());
        return Err(Error::MaskSize { found, wanted: format!("{columns}x{rows}") });
    }
    Ok(mask)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uranometria_fits::{Header, checksum::sealed_hdu};

    use super::*;

    fn check(text: &str, wanted: &str) {
        assert_eq!(Aperture::from_file(text.as_bytes(), 3, 2).unwrap_err().to_string(), wanted, "{text:?}");
    }

    #[test]
    fn the_first_line_of_csv_is_the_lowest_row_and_what_is_written_reads_back() {
        let mask = Aperture::from_file(b"# mine\r\n1,0,0\r\n\r\n0, 1 ,1\r\n", 3, 2).unwrap();
        assert_eq!(mask.mask(), [true, false, false, false, true, true]);
        assert_eq!(mask.to_csv(), "1,0,0\n0,1,1\n");
        assert_eq!(Aperture::from_file(mask.to_csv().as_bytes(), 3, 2).unwrap(), mask);
    }

    #[test]
    fn a_mask_that_does_not_fit_names_size_or_place() {
        let size = |found| {
            format!("the mask is {found} pixels, expected 3x2 (columns x rows) as the target pixel file has")
        };
        check("1,0\n0,1\n", &size("2x2"));
        check("1,0,0\n", &size("3x1"));
        check("1,0,0\n0,1\n", &size("(2 to 3)x2"));
        check("", &size("0x0"));
        check("1,0,0\n0,2,1\n", "the mask's line 2, value 2 is \"2\", expected 0 or 1, separated by commas");
        check(
            "1 0 0\n0 2 1\n",
            "the mask's line 1, value 1 is \"1 0 0\", expected 0 or 1, separated by commas",
        );
        check(
            "0,0,0\n0,0,0\n",
            "the aperture is empty: no pixel is marked in the mask; mark at least one pixel with 1",
        );
        let error = Aperture::from_file(&[b'1', 0xff], 3, 2).unwrap_err().to_string();
        assert!(error.starts_with("the mask is not UTF-8 text from byte 1 on"), "{error}");
    }

    fn image(name: &str, bitpix: i32, axes: &[usize], data: &[u8]) -> Vec<u8> {
        let mut header = Header::image_extension(bitpix, axes);
        header.set("EXTNAME", name, "");
        sealed_hdu(header, data)
    }

    #[test]
    fn the_first_fits_image_of_the_size_is_the_mask_and_nan_is_out() {
        let mut bytes = Header::primary().to_bytes();
        bytes.extend(image("OTHER", 8, &[2, 2], &[1; 4]));
        let error = Aperture::from_file(&bytes, 3, 2).unwrap_err().to_string();
        assert!(error.starts_with("the mask is 2x2 pixels, expected 3x2"), "{error}");
        let floats: Vec<u8> =
            [0.0, f32::NAN, 2.0, -1.0, 0.0, 0.5].iter().flat_map(|x: &f32| x.to_be_bytes()).collect();
        bytes.extend(image("MASK", -32, &[3, 2], &floats));
        let mask = Aperture::from_file(&bytes, 3, 2).unwrap();
        assert_eq!(mask.mask(), [false, false, true, true, false, true]);
    }

    #[test]
    fn an_aperture_image_is_read_by_its_bit_2_where_it_is_set() {
        let mut bytes = Header::primary().to_bytes();
        bytes.extend(image("APERTURE", 8, &[3, 1], &[1, 3, 0]));
        assert_eq!(Aperture::from_file(&bytes, 3, 1).unwrap().mask(), [false, true, false]);
        let mut bytes = Header::primary().to_bytes();
        bytes.extend(image("APERTURE", 8, &[3, 1], &[1, 1, 0]));
        assert_eq!(Aperture::from_file(&bytes, 3, 1).unwrap().mask(), [true, true, false]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_mask_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), fits in any::<bool>()) {
            let mut file = if fits { b"SIMPLE  =".to_vec() } else { Vec::new() };
            file.extend(bytes);
            let _ = Aperture::from_file(&file, 3, 2);
        }
    }
}
