//! A target pixel file: the frames of one stamp with their times and flags, in memory.
//!
//! Reads ours, astrocut's, TESScut's and the mission's own: columns are found by name, whatever their order, and all
//! but TIME and FLUX may be missing. Frames are `[time][row][column]`, the first row being the lowest on the CCD.
//! Nothing is filtered here; [`Tpf::is_good`] says which frames are worth using.
//!
//! Not read: RAW_CNTS and FLUX_BKG with its error (0 in cutouts), and times that do not count from BJD 2457000.
//!
//! Layout: TESS Science Data Products Description Document, EXP-TESS-ARC-ICD-0014; cutouts: Brasseur et al. 2019,
//! ascl:1905.007.

use std::borrow::Cow;
use std::ops::Range;

use uranometria_fits::{
    Bitpix, Column, ColumnType, Hdu, HduKind, Header, ImageLayout, Source, TableLayout, Value, read_hdus,
};
use uranometria_wcs::{Keyword, Wcs};

use crate::Error;
use crate::pixels::{GAP, pieces};

/// The QUALITY flags of frames that are of no use: what lightkurve's bitmask `default` leaves out.
///
/// Attitude tweak, safe mode, coarse point, Earth point, argabrightening, desaturation, manual exclude, impulsive
/// outlier, bad calibration (`TessQualityFlags.DEFAULT_BITMASK` of lightkurve 2.6.0).
pub const UNUSABLE: i32 = 1 | 2 | 4 | 8 | 16 | 32 | 128 | 512 | 16384;

/// The bit of [`Tpf::aperture`] that marks a pixel on the image.
pub const COLLECTED: i32 = 1;

/// The bit of [`Tpf::aperture`] that marks a collateral pixel: virtual or smear, without sky.
pub const COLLATERAL: i32 = 1024;

/// The frames of one stamp.
#[derive(Clone, Debug)]
pub struct Tpf {
    columns: usize,
    rows: usize,
    time: Vec<f64>,
    timecorr: Vec<f32>,
    cadenceno: Vec<i32>,
    flux: Vec<f32>,
    flux_err: Vec<f32>,
    quality: Vec<i32>,
    pos_corr: [Vec<f32>; 2],
    ffi_file: Vec<String>,
    aperture: Vec<i32>,
    corner: [Option<i32>; 2],
    flux_unit: Option<String>,
    primary: Header,
    pixels: Header,
    aperture_header: Option<Header>,
}

impl Tpf {
    /// Reads a target pixel file.
    ///
    /// The pixels are in the first binary table, the aperture in the image APERTURE (else in HDU 2). Frames without
    /// QUALITY or CADENCENO get 0, without FLUX_ERR, TIMECORR or POS_CORR NaN, and without an aperture image all
    /// pixels count as collected. TSCALn and TZEROn are applied; without them FLUX keeps its bits. Integers may have an
    /// integral TZEROn, as unsigned ones do, and no TSCALn.
    ///
    /// Where `source` has its bytes in memory, they are not copied; else rows are read some MiB at a time, large ones
    /// without the columns that are not wanted.
    ///
    /// # Errors
    /// [`Error::Fits`] for what FITS forbids and for a missing column; [`Error::NoTable`]; [`Error::Shape`] where
    /// FLUX is not of type E with a TDIM of two axes, another column does not fit it, or integers are scaled;
    /// [`Error::ApertureImage`]; [`Error::Value`] for integers that do not fit 32 bits.
    pub fn read<S: Source + ?Sized>(source: &S) -> Result<Self, Error> {
        let hdus = read_hdus(source)?;
        let hdu = pixel_hdu(&hdus)?;
        let layout = TableLayout::of(hdu)?;
        let (columns, rows) = frame_size(hdu, &layout)?;
        check_reference(hdu, &hdus[0].header)?;
        let frames = layout.rows;
        if frames == 0 {
            // Without frames nothing bounds the size of one by that of the file.
            return Err(hdu.header.wrong("NAXIS2", "at least 1 frame").in_hdu(hdu.index).into());
        }
        let flux = layout.column("FLUX").map_err(|error| error.in_hdu(hdu.index))?;
        let mut tpf = Tpf {
            columns,
            rows,
            time: Vec::new(),
            timecorr: Vec::new(),
            cadenceno: Vec::new(),
            flux: Vec::new(),
            flux_err: Vec::new(),
            quality: Vec::new(),
            pos_corr: [Vec::new(), Vec::new()],
            ffi_file: Vec::new(),
            aperture: Vec::new(),
            corner: corner(hdu, &layout),
            flux_unit: flux.unit.clone(),
            primary: hdus[0].header.clone(),
            pixels: hdu.header.clone(),
            aperture_header: None,
        };
        tpf.read_columns(source, hdu, &layout)?;
        // Behind the pixels, of which there are as many at least: the size is one that fits.
        (tpf.aperture, tpf.aperture_header) = aperture(source, &hdus, hdu, columns, rows)?;
        // What the file does not have.
        tpf.flux_err.resize(tpf.flux.len(), f32::NAN);
        for column in std::iter::once(&mut tpf.timecorr).chain(&mut tpf.pos_corr) {
            column.resize(frames, f32::NAN);
        }
        for column in [&mut tpf.cadenceno, &mut tpf.quality] {
            column.resize(frames, 0);
        }
        Ok(tpf)
    }

    /// Reads the columns that there are, in pieces of rows and without those that have no place here.
    fn read_columns<S: Source + ?Sized>(
        &mut self,
        source: &S,
        hdu: &Hdu,
        layout: &TableLayout,
    ) -> Result<(), Error> {
        let need = |name: &str| layout.column(name).map_err(|error| error.in_hdu(hdu.index));
        let (time, flux, flux_err) = (need("TIME")?, need("FLUX")?, layout.find("FLUX_ERR"));
        let [timecorr, cadenceno, quality, x, y, ffi_file] =
            ["TIMECORR", "CADENCENO", "QUALITY", "POS_CORR1", "POS_CORR2", "FFI_FILE"]
                .map(|n| layout.find(n));
        let mut wanted = vec![time, flux];
        wanted.extend([flux_err, timecorr, cadenceno, quality, x, y, ffi_file].into_iter().flatten());
        let mut pixels = vec![&mut self.flux];
        pixels.extend(flux_err.is_some().then_some(&mut self.flux_err));
        for pixels in pixels {
            // A header may claim more than there is memory, and a sparse file may back the claim.
            let len = layout.rows.saturating_mul(flux.repeat);
            pixels.try_reserve_exact(len).map_err(|_| {
                let sizes = format!("{len} pixels in memory");
                uranometria_fits::Error::TooLarge { sizes }.in_hdu(hdu.index)
            })?;
        }
        read_rows(source, hdu, layout, &wanted, |table| {
            table.numbers(time, &mut self.time)?;
            table.images(flux, flux, &mut self.flux)?;
            if let Some(column) = flux_err {
                table.images(column, flux, &mut self.flux_err)?;
            }
            let [pos_corr1, pos_corr2] = &mut self.pos_corr;
            for (column, into) in [(timecorr, &mut self.timecorr), (x, pos_corr1), (y, pos_corr2)] {
                column.map_or(Ok(()), |column| table.numbers(column, into))?;
            }
            for (column, into) in [(cadenceno, &mut self.cadenceno), (quality, &mut self.quality)] {
                column.map_or(Ok(()), |column| table.integers(column, into))?;
            }
            ffi_file.map_or(Ok(()), |column| table.texts(column, &mut self.ffi_file))
        })
    }

    /// The number of columns of a frame, nx.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The number of rows of a frame, ny.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The number of frames.
    pub fn frames(&self) -> usize {
        self.time.len()
    }

    /// Mid-times of the frames, BTJD = BJD - 2457000 in days; NaN where the mission gives none.
    ///
    /// TDB at the solar system's barycentre, unless TIMESYS and TIMEREF in the headers say otherwise.
    pub fn time(&self) -> &[f64] {
        &self.time
    }

    /// The barycentric correction contained in [`time`](Tpf::time), in days; NaN where the column is missing.
    pub fn timecorr(&self) -> &[f32] {
        &self.timecorr
    }

    /// The cadence numbers as in the file; astrocut writes 0 for all.
    pub fn cadenceno(&self) -> &[i32] {
        &self.cadenceno
    }

    /// The pixels `[time][row][column]`, in [`flux_unit`](Tpf::flux_unit); NaN where there is no value.
    pub fn flux(&self) -> &[f32] {
        &self.flux
    }

    /// The standard errors of [`flux`](Tpf::flux), in its shape; NaN where they are not known.
    pub fn flux_err(&self) -> &[f32] {
        &self.flux_err
    }

    /// The pixels `[row][column]` of one frame; empty behind the last one.
    pub fn frame(&self, index: usize) -> &[f32] {
        frame(&self.flux, index, self.columns * self.rows)
    }

    /// The standard errors `[row][column]` of one frame; empty behind the last one.
    pub fn frame_err(&self, index: usize) -> &[f32] {
        frame(&self.flux_err, index, self.columns * self.rows)
    }

    /// The QUALITY flags of the frames.
    pub fn quality(&self) -> &[i32] {
        &self.quality
    }

    /// Whether a frame has a time and none of the [`UNUSABLE`] flags.
    pub fn is_good(&self, index: usize) -> bool {
        let time = self.time.get(index).is_some_and(|time| time.is_finite());
        time && self.quality.get(index).is_some_and(|quality| quality & UNUSABLE == 0)
    }

    /// How far the target moved along columns, in pixels; NaN where the column is missing.
    pub fn pos_corr1(&self) -> &[f32] {
        &self.pos_corr[0]
    }

    /// How far the target moved along rows, in pixels; NaN where the column is missing.
    pub fn pos_corr2(&self) -> &[f32] {
        &self.pos_corr[1]
    }

    /// The names of the frames' files; empty where there is no such column.
    pub fn ffi_file(&self) -> &[String] {
        &self.ffi_file
    }

    /// The bits `[row][column]` of the aperture image, among them [`COLLECTED`] and [`COLLATERAL`].
    pub fn aperture(&self) -> &[i32] {
        &self.aperture
    }

    /// The CCD column of the first pixel, counted from 1.
    pub fn column0(&self) -> Option<i32> {
        self.corner[0]
    }

    /// The CCD row of the first pixel, counted from 1.
    pub fn row0(&self) -> Option<i32> {
        self.corner[1]
    }

    /// TUNIT of FLUX: `e-/s`, for TICA `electrons`.
    pub fn flux_unit(&self) -> Option<&str> {
        self.flux_unit.as_deref()
    }

    /// The sector.
    pub fn sector(&self) -> Option<i32> {
        self.integer("SECTOR").and_then(|number| number.try_into().ok())
    }

    /// The camera, 1..=4.
    pub fn camera(&self) -> Option<i32> {
        self.integer("CAMERA").and_then(|number| number.try_into().ok())
    }

    /// The chip of the camera, 1..=4.
    pub fn ccd(&self) -> Option<i32> {
        self.integer("CCD").and_then(|number| number.try_into().ok())
    }

    /// The target's number in the TESS Input Catalog; cutouts seldom have one.
    pub fn ticid(&self) -> Option<i64> {
        self.integer("TICID")
    }

    /// The name of the target.
    pub fn object(&self) -> Option<&str> {
        self.primary.text("OBJECT").filter(|name| !name.is_empty())
    }

    /// The right ascension of the target, ICRS degrees.
    pub fn ra_obj(&self) -> Option<f64> {
        self.number("RA_OBJ")
    }

    /// The declination of the target, ICRS degrees.
    pub fn dec_obj(&self) -> Option<f64> {
        self.number("DEC_OBJ")
    }

    /// The primary header.
    pub fn primary_header(&self) -> &Header {
        &self.primary
    }

    /// The header of the table with the pixels.
    pub fn pixels_header(&self) -> &Header {
        &self.pixels
    }

    /// The header of the aperture image, which holds the world coordinates.
    pub fn aperture_header(&self) -> Option<&Header> {
        self.aperture_header.as_ref()
    }

    /// The world coordinates of the stamp, pixels counted from 0; `None` where they are missing or not readable.
    pub fn wcs(&self) -> Option<Wcs> {
        let header = self.aperture_header.as_ref()?;
        let lookup = |keyword: &str| match header.get(keyword)? {
            Value::Text(text) => Some(Keyword::Text(text.clone())),
            _ => header.number(keyword).map(Keyword::Number),
        };
        Wcs::from_keywords(lookup).ok()
    }

    fn integer(&self, keyword: &str) -> Option<i64> {
        self.primary.integer(keyword).or_else(|| self.pixels.integer(keyword))
    }

    fn number(&self, keyword: &str) -> Option<f64> {
        self.primary.number(keyword).or_else(|| self.pixels.number(keyword))
    }
}

fn frame(pixels: &[f32], index: usize, len: usize) -> &[f32] {
    pixels.chunks_exact(len).nth(index).unwrap_or(&[])
}

/// Finds the table with the pixels: the first binary table.
fn pixel_hdu(hdus: &[Hdu]) -> Result<&Hdu, Error> {
    hdus.iter().find(|hdu| hdu.kind == HduKind::BinTable).ok_or_else(|| {
        let kinds: Vec<_> = hdus.iter().map(|hdu| format!("{:?}", hdu.kind)).collect();
        Error::NoTable { found: kinds.join(", ") }
    })
}

/// Columns and rows of a frame, from TDIM of FLUX.
fn frame_size(hdu: &Hdu, layout: &TableLayout) -> Result<(usize, usize), Error> {
    let column = layout.column("FLUX").map_err(|error| error.in_hdu(hdu.index))?;
    match column.dim.as_deref() {
        // The layout dropped a TDIM whose product is above the repeat count, so it cannot overflow.
        Some(&[columns, rows])
            if column.ty == ColumnType::Float && columns * rows == column.repeat && column.repeat > 0 =>
        {
            Ok((columns, rows))
        }
        _ => {
            let found = shape(hdu, layout, column);
            let wanted = "TFORM nE and TDIM (columns,rows) with columns x rows = n > 0".to_string();
            Err(Error::Shape { hdu: hdu.index, column: column.name.clone(), found, wanted })
        }
    }
}

/// TFORM and TDIM as they stand in the header.
fn shape(hdu: &Hdu, layout: &TableLayout, column: &Column) -> String {
    let keyword = format!("TDIM{}", number_of(layout, column));
    let dim = hdu.header.text(&keyword).map_or("no TDIM".to_string(), |dim| format!("TDIM {dim}"));
    format!("TFORM {} and {dim}", column.form())
}

/// The number of a column, counted from 1.
fn number_of(layout: &TableLayout, column: &Column) -> usize {
    layout.columns.iter().position(|other| std::ptr::eq(other, column)).map_or(0, |at| at + 1)
}

/// Refuses times that count from another day, such as Kepler's.
fn check_reference(hdu: &Hdu, primary: &Header) -> Result<(), Error> {
    let fail = |header: &Header, index| {
        let error = header.wrong("BJDREFI", "2457000 with BJDREFF 0, as TESS counts days");
        Err(Error::Fits(error.in_hdu(index)))
    };
    for (header, index) in [(&hdu.header, hdu.index), (primary, 0)] {
        if let Some(days) = header.number("BJDREFI") {
            let rest = header.number("BJDREFF").unwrap_or(0.0);
            return if days + rest == 2_457_000.0 { Ok(()) } else { fail(header, index) };
        }
    }
    Ok(())
}

/// The CCD column and row of the first pixel, from the physical coordinates of FLUX.
fn corner(hdu: &Hdu, layout: &TableLayout) -> [Option<i32>; 2] {
    let Some(column) = layout.find("FLUX") else { return [None; 2] };
    let n = number_of(layout, column);
    ["1", "2"].map(|axis| {
        let number = |stem: &str| hdu.header.number(&format!("{axis}{stem}{n}P"));
        let value = number("CRV")?;
        let pixel = number("CRP").unwrap_or(1.0);
        let first = value + (1.0 - pixel) * number("CDL").unwrap_or(1.0);
        (first.fract() == 0.0 && first.abs() < 1e9).then_some(first as i32)
    })
}

/// The bytes of an HDU, without a copy where the source has them in memory.
fn data<'a, S: Source + ?Sized>(source: &'a S, hdu: &Hdu) -> Result<Cow<'a, [u8]>, Error> {
    let in_memory = usize::try_from(hdu.data_len).ok().and_then(|len| source.slice(hdu.data_start, len));
    Ok(match in_memory {
        Some(bytes) => Cow::Borrowed(bytes),
        None => Cow::Owned(hdu.read_data(source)?),
    })
}

/// The aperture image and its header; all pixels collected where there is none.
fn aperture<S: Source + ?Sized>(
    source: &S,
    hdus: &[Hdu],
    table: &Hdu,
    columns: usize,
    rows: usize,
) -> Result<(Vec<i32>, Option<Header>), Error> {
    let named = hdus.iter().find(|hdu| hdu.name().eq_ignore_ascii_case("APERTURE") && hdu.index > 0);
    // Early TESScut files do not name the HDU; it follows the table.
    let unnamed = || hdus.get(table.index + 1).filter(|hdu| hdu.kind == HduKind::Image);
    let Some(hdu) = named.or_else(unnamed) else { return Ok((vec![COLLECTED; columns * rows], None)) };
    let layout = ImageLayout::of(hdu)?;
    if layout.axes != [columns, rows] {
        let (found, wanted) = (size_of(&layout.axes), format!("{columns}x{rows}"));
        return Err(Error::ApertureImage { hdu: hdu.index, found, wanted });
    }
    let bytes = data(source, hdu)?;
    let plain = layout.scale == 1.0 && layout.zero == 0.0 && layout.blank.is_none();
    let bits = if layout.bitpix == Bitpix::I32 && plain {
        bytes.as_chunks().0.iter().map(|&pixel| i32::from_be_bytes(pixel)).collect()
    } else {
        // NaN becomes 0, "not collected". Bits above the 24th, of which there are none, would round.
        layout.decode_f32(&bytes).into_iter().map(|value| value as i32).collect()
    };
    Ok((bits, Some(hdu.header.clone())))
}

/// Spells the axes of an image, columns first.
pub(crate) fn size_of(axes: &[usize]) -> String {
    let axes: Vec<_> = axes.iter().map(usize::to_string).collect();
    if axes.is_empty() { "without pixels".to_string() } else { axes.join("x") }
}

/// Rows are read in pieces of about this many bytes.
const PIECE: usize = 4 << 20;

/// Hands the rows of a table on, some at a time, with at least the bytes of the columns that are wanted.
fn read_rows<S: Source + ?Sized>(
    source: &S,
    hdu: &Hdu,
    layout: &TableLayout,
    wanted: &[&Column],
    mut take: impl FnMut(&Table<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    let row_len = layout.row_len;
    let whole = 0..row_len;
    let in_memory = usize::try_from(hdu.data_len).ok().and_then(|len| source.slice(hdu.data_start, len));
    if let Some(bytes) = in_memory {
        let spans = std::slice::from_ref(&whole);
        return take(&Table { hdu: hdu.index, spans, first: 0, rows: layout.rows(bytes).collect() });
    }
    let spans = spans(wanted, row_len);
    let len: usize = spans.iter().map(Range::len).sum();
    let mut bytes = Vec::new();
    for rows in pieces(0..layout.rows, PIECE / len) {
        bytes.resize(rows.len() * len, 0);
        // All there is of these rows at once, or each span of each.
        let read = |row: usize, span: &Range<usize>, into: &mut [u8]| {
            let at = hdu.data_start + row as u64 * row_len as u64 + span.start as u64;
            let doing = format!("read {} bytes at byte {at}", into.len());
            source.read_at(at, into).map_err(|source| uranometria_fits::Error::io(doing, source))
        };
        if len == row_len {
            read(rows.start, &whole, &mut bytes)?;
        } else {
            for (row, mut into) in rows.clone().zip(bytes.chunks_exact_mut(len)) {
                for span in &spans {
                    let (now, rest) = into.split_at_mut(span.len());
                    read(row, span, now)?;
                    into = rest;
                }
            }
        }
        let first = rows.start;
        take(&Table { hdu: hdu.index, spans: &spans, first, rows: bytes.chunks_exact(len).collect() })?;
    }
    Ok(())
}

/// The parts of a row that hold the columns that are wanted; small ones between them are not left out.
fn spans(wanted: &[&Column], row_len: usize) -> Vec<Range<usize>> {
    let mut columns: Vec<Range<usize>> =
        wanted.iter().map(|column| column.offset..column.offset + column.width).collect();
    columns.sort_by_key(|column| column.start);
    let mut spans: Vec<Range<usize>> = Vec::new();
    for column in columns {
        match spans.last_mut() {
            Some(last) if column.start <= last.end + GAP => last.end = last.end.max(column.end),
            _ => spans.push(column),
        }
    }
    match spans.as_slice() {
        [one] if row_len - one.len() <= GAP => std::iter::once(0..row_len).collect(),
        _ => spans,
    }
}

/// Some rows of a table, decoded a column at a time.
struct Table<'a> {
    hdu: usize,
    /// The parts of a row that are here, one behind the other.
    spans: &'a [Range<usize>],
    /// The number of the first row.
    first: usize,
    rows: Vec<&'a [u8]>,
}

impl Table<'_> {
    /// A column with its offset in the rows as they are here.
    fn place(&self, column: &Column) -> Column {
        let mut offset = 0;
        for span in self.spans {
            if span.contains(&column.offset) || span.start == column.offset {
                return Column { offset: offset + column.offset - span.start, ..column.clone() };
            }
            offset += span.len();
        }
        column.clone()
    }

    fn numbers<T: FromNumber>(&self, column: &Column, into: &mut Vec<T>) -> Result<(), Error> {
        let placed = self.place(column);
        for row in &self.rows {
            // Reading the first element forgets the name; asking the column as a whole names it.
            let number = placed.number(row).map_err(|_| match column.numbers(&[]) {
                Err(error) => error.in_hdu(self.hdu).into(),
                Ok(_) => self.wrong_shape(column, "a number"),
            })?;
            into.push(T::from_number(number));
        }
        Ok(())
    }

    /// Reads integers exactly; of their scalings an integral TZERO is applied, which makes signed numbers unsigned
    /// (FITS 4.0, section 5.2.5).
    fn integers(&self, column: &Column, into: &mut Vec<i32>) -> Result<(), Error> {
        let placed = self.place(column);
        let (zero, scale) = (column.zero, column.scale);
        // 2^63 is the largest offset that the standard knows.
        if scale != 1.0 || zero.fract() != 0.0 || zero.abs() > 2f64.powi(63) {
            return Err(Error::Shape {
                hdu: self.hdu,
                column: column.name.clone(),
                found: format!("TSCAL {scale} and TZERO {zero}"),
                wanted: "TSCAL 1 and an integral TZERO, since flags and numbers are whole".to_string(),
            });
        }
        for (n, row) in (self.first..).zip(&self.rows) {
            let stored = placed.integer(row).map_err(|error| error.in_hdu(self.hdu))?;
            let integer = i128::from(stored) + zero as i128;
            into.push(i32::try_from(integer).map_err(|_| Error::Value {
                hdu: self.hdu,
                column: column.name.clone(),
                row: n + 1,
                found: integer.to_string(),
                wanted: "a 32-bit integer",
            })?);
        }
        Ok(())
    }

    fn texts(&self, column: &Column, into: &mut Vec<String>) -> Result<(), Error> {
        let placed = self.place(column);
        for row in &self.rows {
            into.push(placed.text(row).map_err(|error| error.in_hdu(self.hdu))?);
        }
        Ok(())
    }

    /// The frames of a single-precision column, one after the other, in the shape of `flux`.
    fn images(&self, column: &Column, flux: &Column, into: &mut Vec<f32>) -> Result<(), Error> {
        let fits = column.repeat == flux.repeat && column.ty == ColumnType::Float;
        if !fits || column.dim.as_ref().is_some_and(|dim| Some(dim) != flux.dim.as_ref()) {
            let dim: Vec<String> = flux.dim.iter().flatten().map(usize::to_string).collect();
            let wanted = format!("TFORM {}E and TDIM ({}) as FLUX has", flux.repeat, dim.join(","));
            return Err(self.wrong_shape(column, wanted));
        }
        let placed = self.place(column);
        let plain = column.scale == 1.0 && column.zero == 0.0;
        let scaled = |stored: f32| (column.zero + column.scale * f64::from(stored)) as f32;
        for row in &self.rows {
            let stored = placed.bytes(row).as_chunks().0.iter().map(|&pixel| f32::from_be_bytes(pixel));
            if plain { into.extend(stored) } else { into.extend(stored.map(scaled)) }
        }
        Ok(())
    }

    fn wrong_shape(&self, column: &Column, wanted: impl Into<String>) -> Error {
        let dim = column.dim.as_ref().map_or("no TDIM".to_string(), |dim| format!("TDIM {dim:?}"));
        let found = format!("TFORM {} and {dim}", column.form());
        Error::Shape { hdu: self.hdu, column: column.name.clone(), found, wanted: wanted.into() }
    }
}

/// Numbers as a [`Tpf`] holds them.
trait FromNumber {
    fn from_number(number: f64) -> Self;
}

impl FromNumber for f64 {
    fn from_number(number: f64) -> Self {
        number
    }
}

impl FromNumber for f32 {
    fn from_number(number: f64) -> Self {
        number as f32
    }
}

/// Small target pixel files for the tests of this crate.
#[cfg(test)]
pub(crate) mod testing {
    use uranometria_fits::{ColumnSpec, Header, checksum::sealed_hdu, table_header};

    use super::Tpf;

    /// What stands in a target pixel file, to be changed before it is written.
    pub(crate) struct File {
        pub(crate) columns: usize,
        pub(crate) rows: usize,
        pub(crate) time: Vec<f64>,
        pub(crate) quality: Vec<i32>,
        pub(crate) flux: Vec<f32>,
        pub(crate) aperture: Vec<i32>,
        pub(crate) tdim: String,
        pub(crate) sector: i32,
    }

    impl File {
        /// Frames of one size from a function of frame, row and column.
        pub(crate) fn new(
            frames: usize,
            rows: usize,
            columns: usize,
            flux: impl Fn(usize, usize, usize) -> f32,
        ) -> Self {
            let mut pixels = Vec::new();
            for frame in 0..frames {
                for row in 0..rows {
                    pixels.extend((0..columns).map(|column| flux(frame, row, column)));
                }
            }
            File {
                columns,
                rows,
                time: (0..frames).map(|frame| 1325.0 + frame as f64 / 48.0).collect(),
                quality: vec![0; frames],
                flux: pixels,
                aperture: vec![1; rows * columns],
                tdim: format!("({columns},{rows})"),
                sector: 1,
            }
        }

        /// The bytes; the columns stand in another order than astrocut's, and several are missing.
        pub(crate) fn bytes(&self) -> Vec<u8> {
            let pixels = self.columns * self.rows;
            let columns = [
                ColumnSpec::new("QUALITY", "J"),
                ColumnSpec {
                    unit: Some("e-/s".into()),
                    dim: Some(Vec::new()),
                    ..ColumnSpec::new("flux", format!("{pixels}E"))
                },
                ColumnSpec::new("TIME", "D"),
            ];
            let mut data = Vec::new();
            for (frame, time) in self.time.iter().enumerate() {
                data.extend(self.quality[frame].to_be_bytes());
                for pixel in &self.flux[frame * pixels..][..pixels] {
                    data.extend(pixel.to_be_bytes());
                }
                data.extend(time.to_be_bytes());
            }
            let mut table = table_header(&columns, 12 + 4 * pixels, self.time.len(), |n, header| {
                if n == 2 {
                    header.set("1CRV2P", 1628, "");
                    header.set("2CRV2P", 257, "");
                }
            });
            table.set("TDIM2", self.tdim.as_str(), "");
            table.set("EXTNAME", "PIXELS", "");
            let mut primary = Header::primary();
            primary.set("SECTOR", self.sector, "");
            primary.set("BJDREFI", 2_457_000, "");
            let mut image = Header::image_extension(32, &[self.columns, self.rows]);
            image.set("EXTNAME", "APERTURE", "");
            let aperture: Vec<u8> = self.aperture.iter().flat_map(|bits| bits.to_be_bytes()).collect();
            let mut bytes = sealed_hdu(primary, &[]);
            bytes.extend(sealed_hdu(table, &data));
            bytes.extend(sealed_hdu(image, &aperture));
            bytes
        }

        pub(crate) fn tpf(&self) -> Tpf {
            Tpf::read(&self.bytes()).unwrap()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use proptest::prelude::*;

    use super::testing::File;
    use super::*;
    use crate::pixels::testing::{Unmapped, cube, cutter};

    fn file() -> File {
        File::new(3, 2, 4, |frame, row, column| (100 * frame + 10 * row + column) as f32)
    }

    /// Replaces text in a header by text of the same length.
    fn patched(mut bytes: Vec<u8>, from: &str, to: &str) -> Vec<u8> {
        assert_eq!(from.len(), to.len());
        let at = bytes.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
        bytes
    }

    fn error(bytes: &[u8]) -> String {
        Tpf::read(bytes).unwrap_err().to_string()
    }

    #[test]
    fn columns_in_another_order_are_found_and_missing_ones_filled() {
        let mut file = file();
        file.flux[3] = f32::from_bits(0x7fc0_1234);
        file.aperture[5] = 1025;
        let tpf = file.tpf();
        assert_eq!((tpf.frames(), tpf.rows(), tpf.columns()), (3, 2, 4));
        assert_eq!(tpf.time(), file.time);
        assert_eq!(tpf.flux()[3].to_bits(), 0x7fc0_1234);
        assert_eq!(tpf.frame(2), &file.flux[16..]);
        assert!(tpf.frame(3).is_empty());
        assert!(tpf.flux_err().len() == 24 && tpf.flux_err()[0].is_nan());
        assert_eq!(tpf.cadenceno(), [0; 3]);
        assert_eq!(tpf.aperture(), file.aperture);
        assert_eq!((tpf.column0(), tpf.row0(), tpf.sector()), (Some(1628), Some(257), Some(1)));
        assert_eq!((tpf.flux_unit(), tpf.object(), tpf.ticid()), (Some("e-/s"), None, None));
        assert!(tpf.ffi_file().is_empty() && tpf.wcs().is_none());
    }

    #[test]
    fn an_unnamed_aperture_behind_the_table_is_found_and_a_missing_one_is_all_collected() {
        let mut with = file();
        with.aperture[1] = 0;
        let bytes = patched(with.bytes(), "'APERTURE'", "'NOTHING '");
        assert_eq!(Tpf::read(&bytes).unwrap().aperture(), with.aperture);
        let image = bytes.len() - 2 * 2880;
        let tpf = Tpf::read(&bytes[..image]).unwrap();
        assert!(tpf.aperture().iter().all(|bits| *bits == COLLECTED) && tpf.aperture_header().is_none());
    }

    #[test]
    fn a_tdim_that_does_not_fit_names_column_found_and_wanted() {
        for tdim in ["(4,3)", "(8)", "(2,3)", "(2,2,2)", "(0,0)", "4x2", "(99999999999,99999999999)"] {
            let mut file = file();
            file.tdim = tdim.into();
            assert_eq!(
                error(&file.bytes()),
                format!(
                    "HDU 1: column flux has TFORM 8E and TDIM {tdim}, expected TFORM nE and TDIM (columns,rows) with \
                     columns x rows = n > 0"
                )
            );
        }
    }

    #[test]
    fn a_file_without_flux_or_table_says_so() {
        let bytes = patched(file().bytes(), "'flux    '", "'flax    '");
        assert_eq!(error(&bytes), "HDU 1: column FLUX is not in the table; did you mean flax?");
        assert!(error(&file().bytes()[..2880]).contains("found Primary; expected a target pixel file"));
        assert!(error(b"").starts_with("HDU 0: not FITS"));
    }

    #[test]
    fn a_table_without_frames_is_an_error() {
        let none = File::new(0, 1, 1, |_, _, _| 0.0);
        assert_eq!(error(&none.bytes()), "HDU 1: card 5: NAXIS2 is 0, expected at least 1 frame");
    }

    #[test]
    fn an_aperture_of_another_size_is_an_error() {
        let bytes = file().bytes();
        let image = bytes.len() - 2 * 2880;
        let mut bytes = bytes[..image].to_vec();
        let mut header = Header::image_extension(32, &[3, 2]);
        header.set("EXTNAME", "APERTURE", "");
        bytes.extend(uranometria_fits::checksum::sealed_hdu(header, &[0; 24]));
        assert_eq!(error(&bytes), "HDU 2: the aperture image is 3x2, expected 4x2 pixels as FLUX has");
    }

    #[test]
    fn a_quality_that_is_no_integer_or_not_of_32_bits_is_an_error() {
        let bytes = patched(file().bytes(), "'J       '", "'E       '");
        assert_eq!(error(&bytes), "HDU 1: column QUALITY is of type 1E, expected B, I, J or K");
        let bytes = patched(file().bytes(), "'D       '", "'8A      '");
        assert_eq!(error(&bytes), "HDU 1: column TIME is of type 8A, expected B, I, J, K, E, D or L");
    }

    /// Puts a card of a scaling behind TTYPE1 of the table, whose first column is QUALITY.
    fn with_scaling(bytes: &[u8], card: &str) -> Vec<u8> {
        let hdus = read_hdus(bytes).unwrap();
        let (start, end) = (hdus[1].header_start as usize, hdus[1].data_start as usize);
        let mut header = bytes[start..end].to_vec();
        header.truncate(header.chunks(80).position(|card| card.starts_with(b"END ")).unwrap() * 80);
        header.extend(format!("{card:80}{:80}", "END").into_bytes());
        header.resize(header.len().div_ceil(2880) * 2880, b' ');
        [&bytes[..start], &header, &bytes[end..]].concat()
    }

    #[test]
    fn integers_are_read_with_an_integral_zero_and_with_no_other_scaling() {
        let mut file = file();
        // As unsigned integers are stored.
        file.quality = vec![i32::MIN, i32::MIN + 128, -1];
        let bytes = with_scaling(&file.bytes(), "TZERO1  =           2147483648");
        assert_eq!(Tpf::read(&bytes).unwrap().quality(), [0, 128, i32::MAX]);
        file.quality[2] = 0;
        assert_eq!(
            error(&with_scaling(&file.bytes(), "TZERO1  =           2147483648.0")),
            "HDU 1: column QUALITY, row 3: 2147483648, expected a 32-bit integer"
        );
        for (card, found) in [
            ("TZERO1  =                  0.5", "TSCAL 1 and TZERO 0.5"),
            ("TSCAL1  =                  2.0", "TSCAL 2 and TZERO 0"),
            ("TZERO1  =                1E300", "TSCAL 1 and TZERO 1000"),
        ] {
            let message = error(&with_scaling(&file.bytes(), card));
            assert!(message.starts_with(&format!("HDU 1: column QUALITY has {found}")), "{message}");
            assert!(message.contains("expected TSCAL 1 and an integral TZERO"), "{message}");
        }
    }

    #[test]
    fn large_rows_are_read_in_pieces_and_without_the_columns_that_are_not_wanted() {
        let source = Unmapped::new(cube(90, 90, 120));
        // Rows that are read whole, without the background, and without the raw counts too; more than a piece of each.
        for side in [10, 25, 88] {
            let cutter = cutter(&source);
            let size = crate::Size::square(side);
            let cutout = cutter.cut(crate::Place::Pixel { x: 44.0, y: 44.0 }, size).unwrap().named("a");
            let bytes = cutout.to_tpf().unwrap();
            let (len, wanted) = (bytes.len() as u64, Tpf::read(&bytes).unwrap());
            let file = Unmapped::new(bytes);
            let found = Tpf::read(&&file).unwrap();
            let read = u64::MAX - file.left.load(Ordering::Relaxed);
            assert!(file.longest.load(Ordering::Relaxed) <= PIECE);
            assert!(
                read < if side == 10 { len + 50_000 } else { len * 7 / 10 },
                "{side}: {read} of {len} bytes"
            );
            let bits = |pixels: &[f32]| pixels.iter().map(|pixel| pixel.to_bits()).collect::<Vec<_>>();
            assert!(
                bits(found.flux()) == bits(wanted.flux())
                    && bits(found.flux_err()) == bits(wanted.flux_err())
            );
            assert_eq!((found.time(), found.quality()), (wanted.time(), wanted.quality()));
            assert_eq!((found.cadenceno(), found.ffi_file()), (wanted.cadenceno(), wanted.ffi_file()));
            assert_eq!(
                (bits(found.pos_corr1()), bits(found.pos_corr2())),
                (bits(wanted.pos_corr1()), bits(wanted.pos_corr2()))
            );
        }
    }

    #[test]
    fn days_that_count_from_another_epoch_are_an_error() {
        let bytes = patched(file().bytes(), "2457000", "2454833");
        let message = error(&bytes);
        assert!(message.starts_with("HDU 0: card 6: BJDREFI is 2454833, expected 2457000"), "{message}");
    }

    #[test]
    fn a_frame_is_good_with_a_time_and_without_severe_flags() {
        let mut file = file();
        file.time[0] = f64::NAN;
        file.quality[1] = 4096;
        file.quality[2] = 128;
        let tpf = file.tpf();
        assert_eq!([0, 1, 2, 3].map(|frame| tpf.is_good(frame)), [false, true, false, false]);
    }

    proptest! {
        #[test]
        fn no_damage_makes_the_reader_panic(
            changes in prop::collection::vec((0usize..6 * 2880, any::<u8>()), 1..6),
            digits in prop::collection::vec((0usize..6 * 2880, b'0'..=b'9'), 0..6),
            end in 0usize..9 * 2880,
        ) {
            let mut bytes = file().bytes();
            for (at, byte) in changes.into_iter().chain(digits) {
                if at < bytes.len() {
                    bytes[at] = byte;
                }
            }
            bytes.truncate(end.max(2880));
            let _ = Tpf::read(&bytes);
        }
    }
}
