//! Light curves as CSV.

use std::io::{self, Write};

use super::LightCurve;
use crate::Error;

/// Writes a light curve as CSV with a header line.
///
/// The columns are `time,timecorr,cadenceno,flux,flux_err,background,background_err,quality,sector`, as
/// [`LightCurve`] describes them. Numbers have the fewest digits that read back the same; NaN is an empty cell.
///
/// # Errors
/// [`Error::Write`], [`Error::Length`].
pub fn write_csv<W: Write>(curve: &LightCurve, out: W) -> Result<(), Error> {
    curve.check()?;
    let mut out = io::BufWriter::new(out);
    let written = rows(curve, &mut out).and_then(|()| out.flush());
    written.map_err(|source| Error::Write { format: "CSV", source })
}

fn rows(curve: &LightCurve, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "time,timecorr,cadenceno,flux,flux_err,background,background_err,quality,sector")?;
    for row in curve.rows() {
        let timecorr = if row.timecorr.is_nan() { String::new() } else { format!("{:?}", row.timecorr) };
        let [flux, flux_err, background, background_err] = row.values.map(cell);
        let (time, cadenceno, quality, sector) = (cell(row.time), row.cadenceno, row.quality, row.sector);
        writeln!(
            out,
            "{time},{timecorr},{cadenceno},{flux},{flux_err},{background},{background_err},{quality},{sector}"
        )?;
    }
    Ok(())
}

fn cell(value: f64) -> String {
    if value.is_nan() { String::new() } else { format!("{value:?}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aperture::Aperture;
    use crate::lightcurve::Background;
    use crate::tpf::testing::File;

    #[test]
    fn nan_is_an_empty_cell_and_numbers_keep_their_digits() {
        let mut file = File::new(2, 1, 1, |frame, _, _| 0.1 + frame as f32);
        file.time = vec![1325.324261178, f64::NAN];
        file.quality[1] = 4096;
        let tpf = file.tpf();
        let curve = LightCurve::extract(&tpf, &Aperture::all(&tpf).unwrap(), Background::None).unwrap();
        let mut out = Vec::new();
        write_csv(&curve, &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "time,timecorr,cadenceno,flux,flux_err,background,background_err,quality,sector\n\
             1325.324261178,,0,0.10000000149011612,,0.0,0.0,0,1\n\
             ,,1,1.100000023841858,,0.0,0.0,4096,1\n"
        );
    }

    #[test]
    fn a_full_disk_is_an_error_that_names_the_format() {
        let tpf = File::new(1, 1, 1, |_, _, _| 1.0).tpf();
        let curve = LightCurve::extract(&tpf, &Aperture::all(&tpf).unwrap(), Background::None).unwrap();
        let error = write_csv(&curve, &mut [0u8; 10][..]).unwrap_err().to_string();
        assert!(error.starts_with("cannot write the light curve as CSV: "), "{error}");
    }
}
