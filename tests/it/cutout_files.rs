//! The kinds of file a cutout becomes: target pixel file, image cube, parquet.

use std::fs;
use std::ops::Range;
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int32Type};
use arrow_array::{Array, RecordBatch};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::reader::{FileReader, SerializedFileReader};
use uranometria_cutout::fs::{Format, default_name, file_stem, write};
use uranometria_cutout::{Place, Size, Tpf};
use uranometria_fits::{Header, ImageLayout, TableLayout, read_hdus};

use crate::support::{Frames, bits, hidden};

fn frames() -> Frames {
    Frames::new(|options| (options.bad.flagged, options.bad.without_wcs) = (vec![(3, 9)], vec![1]))
}

const PLACE: Place = Place::Pixel { x: 38.0, y: 14.0 };
const SIZE: Size = Size::Pixels { columns: 5, rows: 3 };

#[test]
fn a_target_pixel_file_has_the_columns_that_its_readers_know() {
    let frames = frames();
    let cutter = frames.cutter();
    let bytes = cutter.cut(PLACE, SIZE).unwrap().named("pi Men").to_tpf().unwrap();
    let hdus = read_hdus(bytes.as_slice()).unwrap();
    let names: Vec<&str> = hdus.iter().map(|hdu| hdu.name()).collect();
    assert_eq!(names, ["PRIMARY", "PIXELS", "APERTURE"]);
    let table = TableLayout::of(&hdus[1]).unwrap();
    let columns: Vec<(&str, String)> =
        table.columns.iter().map(|column| (column.name.as_str(), column.form())).collect();
    let name_width = frames.paths[0].file_name().unwrap().len();
    let wanted = [
        ("TIME", "1D"),
        ("TIMECORR", "1E"),
        ("CADENCENO", "1J"),
        ("RAW_CNTS", "15J"),
        ("FLUX", "15E"),
        ("FLUX_ERR", "15E"),
        ("FLUX_BKG", "15E"),
        ("FLUX_BKG_ERR", "15E"),
        ("QUALITY", "1J"),
        ("POS_CORR1", "1E"),
        ("POS_CORR2", "1E"),
        ("FFI_FILE", &format!("{name_width}A")),
    ];
    let wanted: Vec<(&str, String)> = wanted.iter().map(|(name, form)| (*name, form.to_string())).collect();
    assert_eq!(columns, wanted);

    let header = &hdus[1].header;
    let text = |keyword: &str| header.text(keyword).unwrap_or("");
    for n in 4..=8 {
        assert_eq!(text(&format!("TDIM{n}")), "(5,3)");
        assert_eq!(text(&format!("1CTYP{n}")), "RA---TAN");
        assert_eq!(header.integer(&format!("1CRV{n}P")), Some(37));
        assert_eq!(header.integer(&format!("2CRV{n}P")), Some(14));
        assert!(header.number(&format!("12PC{n}")).is_some_and(|pc| pc != 0.0));
    }
    assert_eq!((text("TUNIT1"), text("TUNIT5"), text("TDISP1")), ("BJD - 2457000, days", "e-/s", "D14.7"));
    assert_eq!(header.integer("TNULL4"), Some(-1));
    let primary = &hdus[0].header;
    for (keyword, wanted) in [("TELESCOP", "TESS"), ("OBJECT", "pi Men"), ("ORIGIN", "Uranometria")] {
        assert_eq!(primary.text(keyword), Some(wanted));
    }
    assert!(primary.text("CREATOR").unwrap().contains("TargetPixel"));
    assert_eq!(text("WCS_FFI"), frames.paths[4].file_name().unwrap().to_str().unwrap());
    assert!(hdus[2].header.number("WCS_SIG").is_some_and(|sum| sum > 0.0));
}

#[test]
fn an_image_cube_holds_what_the_target_pixel_file_holds() {
    let frames = frames();
    let cutter = frames.cutter();
    let cutout = cutter.cut(PLACE, SIZE).unwrap();
    let tpf = Tpf::read(cutout.to_tpf().unwrap().as_slice()).unwrap();
    let bytes = cutout.to_image().unwrap();
    let bytes = bytes.as_slice();
    let hdus = read_hdus(&bytes).unwrap();
    let names: Vec<&str> = hdus.iter().map(|hdu| hdu.name()).collect();
    assert_eq!(names, ["PRIMARY", "FLUX", "FLUX_ERR", "FRAMES", "APERTURE"]);
    for (hdu, wanted) in [(&hdus[1], tpf.flux()), (&hdus[2], tpf.flux_err())] {
        let layout = ImageLayout::of(hdu).unwrap();
        assert_eq!(layout.axes, [5, 3, 8]);
        let values = layout.decode_f32(&hdu.read_data(&bytes).unwrap());
        assert_eq!(bits(&values), bits(wanted));
        assert_eq!((hdu.header.number("LTV1"), hdu.header.number("LTV2")), (Some(-36.0), Some(-13.0)));
        let celestial = |header: &Header| ["CRVAL1", "CRPIX2", "PC1_2"].map(|keyword| header.number(keyword));
        assert_eq!(celestial(&hdu.header), celestial(&hdus[4].header));
    }
    let table = TableLayout::of(&hdus[3]).unwrap();
    let data = hdus[3].read_data(&bytes).unwrap();
    for (n, row) in table.rows(&data).enumerate() {
        assert_eq!(table.column("TIME").unwrap().number(row).unwrap(), tpf.time()[n]);
        assert_eq!(table.column("QUALITY").unwrap().integer(row).unwrap(), i64::from(tpf.quality()[n]));
        assert_eq!(table.column("FFI_FILE").unwrap().text(row).unwrap(), tpf.ffi_file()[n]);
    }
}

#[test]
fn a_parquet_file_holds_what_the_target_pixel_file_holds() {
    let frames = frames();
    let cutter = frames.cutter();
    let cutout = cutter.cut(PLACE, SIZE).unwrap().named("pi Men");
    let tpf = Tpf::read(cutout.to_tpf().unwrap().as_slice()).unwrap();
    let path = frames.at("cutout.parquet");
    let bytes = write(&cutout, Format::Parquet, &path).unwrap();
    assert_eq!(bytes, fs::metadata(&path).unwrap().len());

    let reader = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(&path).unwrap()).unwrap();
    let batches: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
    assert_eq!(batches.len(), 1);
    let column = |name: &str| batches[0].column_by_name(name).unwrap_or_else(|| panic!("no column {name}"));
    assert_eq!(column("time").as_primitive::<Float64Type>().values().to_vec(), tpf.time());
    assert_eq!(column("timecorr").as_primitive::<Float32Type>().values().to_vec(), tpf.timecorr());
    for (name, wanted) in [("cadenceno", tpf.cadenceno()), ("quality", tpf.quality())] {
        assert_eq!(column(name).as_primitive::<Int32Type>().values().to_vec(), wanted);
    }
    for (name, wanted) in [("flux", tpf.flux()), ("flux_err", tpf.flux_err())] {
        let lists = column(name).as_fixed_size_list();
        assert_eq!((lists.value_length(), lists.len()), (15, 8));
        assert_eq!(bits(lists.values().as_primitive::<Float32Type>().values()), bits(wanted));
    }
    for (name, wanted) in [("pos_corr1", tpf.pos_corr1()), ("pos_corr2", tpf.pos_corr2())] {
        assert_eq!(bits(column(name).as_primitive::<Float32Type>().values()), bits(wanted));
    }
    let names = column("ffi_file").as_string::<i32>();
    assert!((0..8).all(|n| names.value(n) == tpf.ffi_file()[n]));

    let file = SerializedFileReader::new(fs::File::open(&path).unwrap()).unwrap();
    let pairs = file.metadata().file_metadata().key_value_metadata().unwrap();
    let fact =
        |key: &str| pairs.iter().find(|pair| pair.key == key).and_then(|pair| pair.value.clone()).unwrap();
    assert_eq!((fact("columns"), fact("rows")), ("5".to_string(), "3".to_string()));
    assert_eq!((fact("corner_column"), fact("corner_row")), ("37".to_string(), "14".to_string()));
    assert_eq!(
        (fact("flux_unit"), fact("OBJECT"), fact("SECTOR")),
        ("e-/s".into(), "pi Men".into(), "1".into())
    );
    let aperture: Vec<i32> = fact("aperture").split(',').map(|bits| bits.parse().unwrap()).collect();
    assert_eq!(aperture, tpf.aperture());
    let crval: f64 = fact("CRVAL1").parse().unwrap();
    assert_eq!(Some(crval), tpf.aperture_header().unwrap().number("CRVAL1"));
}

/// The pixels of a stamp `[time][row][column]` of one plane, series by series from the cube's own bytes.
fn of_cube(cube: &Path, plane: usize, (columns, rows): (Range<usize>, Range<usize>)) -> Vec<f32> {
    let bytes = fs::read(cube).unwrap();
    let hdu = &read_hdus(&bytes).unwrap()[1];
    let axis = |n: usize| hdu.header.integer(&format!("NAXIS{n}")).unwrap() as usize;
    let (planes, frames, width) = (axis(1), axis(2), axis(3));
    let mut pixels = Vec::new();
    for frame in 0..frames {
        for row in rows.clone() {
            for column in columns.clone() {
                let word = ((row * width + column) * frames + frame) * planes + plane;
                let at = hdu.data_start as usize + word * 4;
                pixels.push(f32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()));
            }
        }
    }
    pixels
}

#[test]
fn files_hold_the_pixels_of_the_cube_and_replace_older_ones() {
    let frames = frames();
    let cutter = frames.cutter();
    // Wholly on the frame: columns 20 to 24, rows 13 to 15.
    let cutout = cutter.cut(Place::Pixel { x: 22.0, y: 14.0 }, SIZE).unwrap();
    let wanted = [0, 1].map(|plane| bits(&of_cube(&frames.at("cube.fits"), plane, (20..25, 13..16))));
    for format in [Format::Tpf, Format::Image, Format::Parquet] {
        let path = frames.at(default_name(&cutout, "s0001-4-2", format).to_str().unwrap());
        fs::write(&path, "an older file").unwrap();
        let len = write(&cutout, format, &path).unwrap();
        let bytes = fs::read(&path).unwrap();
        assert_eq!(len, bytes.len() as u64);
        let found = match format {
            Format::Tpf => {
                let hdu = &read_hdus(&bytes).unwrap()[1];
                let table = TableLayout::of(hdu).unwrap();
                let data = hdu.read_data(&bytes).unwrap();
                ["FLUX", "FLUX_ERR"].map(|name| {
                    let column = table.column(name).unwrap();
                    let rows = table.rows(&data).map(|row| column.floats(row).unwrap());
                    bits(&rows.collect::<Vec<_>>().concat())
                })
            }
            Format::Image => [1, 2].map(|n| {
                let hdu = &read_hdus(&bytes).unwrap()[n];
                bits(&ImageLayout::of(hdu).unwrap().decode_f32(&hdu.read_data(&bytes).unwrap()))
            }),
            Format::Parquet => {
                let batches =
                    ParquetRecordBatchReaderBuilder::try_new(fs::File::open(&path).unwrap()).unwrap();
                let batches: Vec<RecordBatch> = batches.build().unwrap().map(Result::unwrap).collect();
                ["flux", "flux_err"].map(|name| {
                    let lists = batches[0].column_by_name(name).unwrap().as_fixed_size_list();
                    bits(lists.values().as_primitive::<Float32Type>().values())
                })
            }
        };
        assert!(found == wanted, "{format:?}");
    }
    assert!(hidden(frames.folder.path()).is_empty());
    let name = default_name(&cutout, "s0001-4-2", Format::Parquet).into_os_string().into_string().unwrap();
    assert!(name.starts_with("tess-s0001-4-2_") && name.ends_with("_5x3.parquet"), "{name}");
}

#[test]
fn names_of_targets_make_safe_file_names() {
    for (name, wanted) in [
        ("pi Men", "pi_Men"),
        ("../../etc/passwd", "_.._.._etc_passwd"),
        ("TIC 261136679", "TIC_261136679"),
        ("β Pic", "β_Pic"),
        ("", "_"),
        ("..", "_.."),
        (".hidden", "_.hidden"),
        ("a/b\0c", "a_b_c"),
    ] {
        assert_eq!(file_stem(name), wanted, "{name:?}");
    }
}

#[test]
fn the_real_cutout_is_read_with_its_place_and_frames() {
    let path = crate::support::fixtures("tess", "astrocut.fits").remove(0);
    let tpf = Tpf::read(fs::read(path).unwrap().as_slice()).unwrap();
    assert_eq!((tpf.columns(), tpf.rows(), tpf.frames()), (6, 6, 50));
    assert_eq!((tpf.column0(), tpf.row0()), (Some(1628), Some(257)));
    assert_eq!((tpf.sector(), tpf.camera(), tpf.ccd()), (Some(1), Some(4), Some(2)));
    // Flux that the fixture of light curves has from astropy, big-endian, frame after frame.
    let wanted = fs::read(crate::support::fixture("lightcurve/real.flux.be32")).unwrap();
    let wanted: Vec<f32> = wanted.as_chunks().0.iter().map(|&word| f32::from_be_bytes(word)).collect();
    assert_eq!(bits(tpf.flux()), bits(&wanted));
    let (x, y) = tpf.wcs().unwrap().sky_to_pixel(84.291190, -80.469170).unwrap();
    assert!((x - 2.5).abs() < 1.0 && (y - 2.5).abs() < 1.0, "{x}, {y}");
}
