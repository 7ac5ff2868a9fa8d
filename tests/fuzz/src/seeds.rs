//! Writes the files that fuzzing begins with: `cargo run --bin seeds` in this folder.
//!
//! They are small, so that a change hits something, and hold what the readers tell apart: both products, files
//! with and without world coordinates, every type of column and of pixel.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float32Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::{
    EnabledStatistics, WriterProperties, WriterPropertiesBuilder, WriterVersion,
};
use uranometria_cube::Cube;
use uranometria_cutout::lightcurve::{Background, LightCurve, to_fits};
use uranometria_cutout::{Aperture, Cutter, Place, Size, Tpf};
use uranometria_fits::checksum::sealed_hdu;
use uranometria_fits::{BLOCK, Card, ColumnSpec, Header, Value, table_header};
use uranometria_fuzz::mapped::{folder, mapped};
use uranometria_lttb::{Regular, ZoneMap};
use uranometria_sky::{Direction, Track, healpix};

fn main() {
    let headers = [("plain", headers()), ("extension", image(16, -5))];
    write("header", headers.iter().map(|(name, bytes)| (*name, bytes.clone())));
    write(
        "table",
        [("columns", columns()), ("images", images()), ("spoc", frame(true)), ("tica", frame(false))],
    );
    write("arrow", [("columns", columns()), ("heap", heap())]);
    let cubes = [("spoc", cube(true, true)), ("tica", cube(false, true)), ("bare", cube(true, false))];
    write("cube", cubes.iter().map(|(name, bytes)| (*name, bytes.clone())));
    let mut tpfs = vec![("small", stamp())];
    for ((name, _), bytes) in cubes.iter().zip(cubes.iter().map(|(_, bytes)| bytes)) {
        let cutter = Cutter::new(Cube::open(bytes.clone()).unwrap());
        let cutout = cutter.cut(Place::Pixel { x: 2.0, y: 1.0 }, Size::square(3)).unwrap();
        if *name != "tica" {
            tpfs.push((*name, cutout.to_tpf().unwrap()));
        }
        if *name == "spoc" {
            let wcs = &cutter.cube().wcs().unwrap().wcs;
            let at = |x, y| {
                let (ra, dec) = wcs.pixel_to_sky(x, y);
                Direction::from_degrees(ra, dec).unwrap()
            };
            let times = cutter.cube().times();
            let track =
                Track::new(&[times[0], times[times.len() - 1]], &[at(1.0, 1.0), at(3.0, 2.0)]).unwrap();
            tpfs.push(("moving", cutter.follow(&track, Size::square(3)).unwrap().to_tpf().unwrap()));
        }
    }
    let tpf = Tpf::read(&stamp()).unwrap();
    let curve = LightCurve::extract(&tpf, &Aperture::all(&tpf).unwrap(), Background::None).unwrap();
    tpfs.push(("mask", to_fits(&curve).unwrap()));
    write("tpf", tpfs);
    write("alert", alerts());
    write("targets", texts().map(|(name, text)| (name, text.as_bytes().to_vec())));
    write("lttb", series());
    let maps = ["regular", "floats", "integers"].into_iter().zip(mapped(&folder()));
    write("parquet", partitions());
    write("catalog", tables());
    write("zonemap", maps.map(|(name, of)| (name, of.sidecar)));
    let queries = queries();
    write("adql", queries.iter().map(|(name, query)| (name.as_str(), query.as_bytes().to_vec())));
}

/// The queries of the fixtures, by their names.
fn queries() -> Vec<(String, String)> {
    let lines = include_str!("../../../data-fixtures/adql/queries.jsonl").lines();
    let entry = |line| serde_json::from_str::<serde_json::Value>(line).unwrap();
    let text = |entry: &serde_json::Value, key: &str| entry[key].as_str().unwrap().to_string();
    lines.map(entry).map(|entry| (text(&entry, "id"), text(&entry, "query"))).collect()
}

/// Schemas with packets of them, and container files.
fn alerts() -> [(&'static str, Vec<u8>); 4] {
    use uranometria_alert::{Codec, ContainerWriter, Schema};
    let all = r#"{"type":"record","name":"r","fields":[{"name":"a","type":["null","float"]},{"name":"b","type":
        {"type":"record","name":"n.s","fields":[{"name":"c","type":"string"},{"name":"d","type":["long","null"]}]}},
        {"name":"e","type":{"type":"array","items":"n.s"}},{"name":"f","type":{"type":"map","values":"bytes"}},
        {"name":"g","type":{"type":"enum","name":"g","symbols":["A","B"]}},{"name":"h","type":["int","string","null"]},
        {"name":"i","type":{"type":"fixed","name":"x","size":2,"logicalType":"decimal","precision":3,"scale":1}},
        {"name":"j","type":{"type":"long","logicalType":"timestamp-micros"}},{"name":"k","type":"boolean"}]}"#;
    let packet = [
        2, 0, 0, 0x20, 0x41, 4, b'h', b'i', 2, 2, 2, 0, 2, 0, 2, b'k', 4, 1, 2, 0, 2, 2, 6, b'a', b'b', b'c',
        1, 2, 8, 1,
    ];
    let own = r#"{"type":"record","name":"r","fields":[{"name":"a","type":"int"},{"name":"b","type":["null","r"]}]}"#;
    let container = |codec| {
        let mut writer =
            ContainerWriter::of_packets(Vec::new(), &Schema::parse(all).unwrap(), codec).unwrap();
        writer.write_packet(&packet).unwrap();
        writer.end_block().unwrap();
        writer.write_packet(&packet).unwrap();
        writer.finish().unwrap()
    };
    [
        ("types", [all.as_bytes(), &[0], &packet, &packet].concat()),
        ("itself", [own.as_bytes(), &[0, 2, 2, 4, 0]].concat()),
        ("container", container(Codec::Null)),
        ("snappy", container(Codec::Snappy)),
    ]
}

fn write<'a>(target: &str, seeds: impl IntoIterator<Item = (&'a str, Vec<u8>)>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target);
    std::fs::create_dir_all(&folder).unwrap();
    for (name, bytes) in seeds {
        std::fs::write(folder.join(name), bytes).unwrap();
    }
}

/// A series of 4,200 points in files that are written differently.
fn partitions() -> [(&'static str, Vec<u8>); 5] {
    let x: Vec<i32> = (0..4200).map(|i| i * 3 / 2).collect();
    let is_missing = |i: usize, each: Option<usize>| each.is_some_and(|each| i % each == 7);
    let y = |each| (0..4200).map(move |i| (!is_missing(i, each)).then(|| ((i * 37) % 101) as f32));
    let small = || WriterProperties::builder().set_data_page_row_count_limit(700).set_write_batch_size(100);
    let plain = || small().set_dictionary_enabled(false);
    let file = |x: ArrayRef, y: ArrayRef, properties: WriterPropertiesBuilder| {
        let batch = RecordBatch::try_from_iter_with_nullable([("x", x, false), ("y", y, true)]).unwrap();
        let properties = properties.set_max_row_group_row_count(Some(2300)).build();
        let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.into_inner().unwrap()
    };
    let ints = || -> ArrayRef { Arc::new(Int32Array::from(x.clone())) };
    let floats = |each| -> ArrayRef { Arc::new(y(each).collect::<Float32Array>()) };
    let second = WriterVersion::PARQUET_2_0;
    [
        ("plain", file(ints(), floats(None), plain())),
        ("plain2", file(ints(), floats(None), plain().set_writer_version(second))),
        ("dictionary", file(ints(), floats(Some(19)), small())),
        ("nulls", file(ints(), floats(Some(19)), plain().set_compression(Compression::SNAPPY))),
        (
            "no-index",
            file(
                ints(),
                floats(Some(23)),
                small()
                    .set_writer_version(second)
                    .set_offset_index_disabled(true)
                    .set_statistics_enabled(EnabledStatistics::None),
            ),
        ),
    ]
}

/// A table of 60 stars in every form, and what a catalogue says of itself.
fn tables() -> Vec<(&'static str, Vec<u8>)> {
    let ra: Vec<f64> = (0..60).map(|i| f64::from(i) / 8.0).collect();
    let dec: Vec<f64> = (0..60).map(|i| f64::from(i % 13) / 4.0 - 1.0).collect();
    let names = || (0..60).map(|i| (i % 7 != 0).then(|| format!("star {i}")));
    let floats = |values: &[f64]| -> ArrayRef { Arc::new(Float64Array::from(values.to_vec())) };
    let positions = || [("ra", floats(&ra)), ("dec", floats(&dec))];
    let name: ArrayRef = Arc::new(names().collect::<StringArray>());
    let mut cells = vec![0; 60];
    healpix::hash_slice(29, &ra, &dec, &mut cells).unwrap();
    cells.sort_unstable();
    let cells: ArrayRef = Arc::new(Int64Array::from_iter_values(cells.into_iter().map(|cell| cell as i64)));
    let file = |columns: Vec<(&str, ArrayRef)>, properties: WriterPropertiesBuilder| {
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let properties = properties.set_max_row_group_row_count(Some(40)).build();
        let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.into_inner().unwrap()
    };
    let paged = || WriterProperties::builder().set_data_page_row_count_limit(8).set_write_batch_size(4);
    let [right_ascensions, declinations] = positions();
    let partition = vec![("_healpix_29", cells), right_ascensions, declinations, ("name", name)];
    let mut text = "ra,dec,name\n".to_string();
    for ((ra, dec), name) in ra.iter().zip(&dec).zip(names()).take(20) {
        text.push_str(&format!("{ra},{dec},{}\n", name.unwrap_or_default()));
    }
    let header = "# %ECSV 1.0\n# ---\n# delimiter: ','\n# datatype:\n# - {name: ra, unit: deg, datatype: float64}\n\
        # - {name: dec, datatype: float64}\n# - {name: name, datatype: string, meta: {ucd: meta.id}}\n";
    let vo = "<VOTABLE><RESOURCE><TABLE><FIELD name=\"ra\" datatype=\"double\"/><FIELD name=\"dec\" \
        datatype=\"double\"/><DATA><TABLEDATA><TR><TD>1</TD><TD>2</TD></TR></TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>";
    let said = "obs_collection=a\nhats_nrows=60\nhats_col_ra=ra\nhats_col_dec=dec\n\nNorder,Npix\n0,4\n";
    vec![
        ("partition", file(partition.clone(), paged())),
        ("no-index", file(partition, paged().set_statistics_enabled(EnabledStatistics::None))),
        ("plain", file(positions().to_vec(), paged().set_dictionary_enabled(false))),
        ("fits", stars()),
        ("ecsv", (header.to_string() + &text).into_bytes()),
        ("csv", text.into_bytes()),
        ("votable", vo.as_bytes().to_vec()),
        ("said", said.as_bytes().to_vec()),
        ("condition", b"\"name\" >= 'it''s'".to_vec()),
    ]
}

/// Two columns of 40 positions as a FITS table.
fn stars() -> Vec<u8> {
    let specs = [ColumnSpec::new("ra", "D"), ColumnSpec::new("dec", "D")];
    let data = (0..40).flat_map(|i| [f64::from(i), f64::from(i) / 2.0]).flat_map(f64::to_be_bytes);
    let mut bytes = sealed_hdu(Header::primary(), &[]);
    bytes.extend(sealed_hdu(table_header(&specs, 16, 40, |_, _| {}), &data.collect::<Vec<u8>>()));
    bytes
}

/// Requests with their numbers, and zone maps.
fn series() -> [(&'static str, Vec<u8>); 5] {
    let y: Vec<f64> = (0..2500).map(|i| if i % 900 < 5 { f64::NAN } else { f64::from(i % 7) }).collect();
    let steps: Vec<i64> = (0..2500).map(|i| i * 10 + i / 600 * 50_000).collect();
    let floats: Vec<f64> = steps.iter().map(|&x| x as f64).collect();
    let numbers = |ask: [u8; 8]| {
        let numbers = y[880..960].iter().chain(&floats[..80]);
        ask.into_iter().chain(numbers.flat_map(|number| number.to_le_bytes())).collect()
    };
    [
        ("scan", numbers([0, 1, 0, 40, 0, 0, 3, 64 + 40])),
        ("zones", numbers([2 + 16, 2, 1, 2, 0, 40, 9, 128 + 50])),
        ("floats", ZoneMap::build(&floats, &y, 1).unwrap().to_bytes()),
        ("integers", ZoneMap::build(&steps, &y, 1).unwrap().to_bytes()),
        ("regular", ZoneMap::build(Regular, &y, 1).unwrap().to_bytes()),
    ]
}

fn headers() -> Vec<u8> {
    let mut header = Header::primary();
    header.set("OBJECT", "it's a star", "quoted");
    header.set("LONG", "a string of many words, ".repeat(8).trim_end(), "continued");
    header.set("REAL", -1.5e-300, "");
    header.set("BIG", i64::MIN, "");
    header.set("NOTHING", Value::Undefined, "undefined");
    header.set("COMPLEX", Value::Complex(1.0, -2.5), "");
    header.set("ESO DET ID", 5, "by HIERARCH");
    header.set("ODD", Value::Invalid("nan".into()), "");
    header.push(Card::commentary("COMMENT", "a comment"));
    header.history("long ".repeat(30));
    header.to_bytes()
}

fn images() -> Vec<u8> {
    let mut bytes = headers();
    for (bitpix, blank) in [(8, 3), (32, 7), (64, 9), (-32, 0), (-64, 0)] {
        bytes.extend(&image(bitpix, blank)[BLOCK as usize..]);
    }
    bytes
}

fn image(bitpix: i32, blank: i32) -> Vec<u8> {
    let mut header = Header::image_extension(bitpix, &[3, 2]);
    header.set("BSCALE", 2.0, "");
    header.set("BZERO", 32768, "");
    if blank != 0 {
        header.set("BLANK", blank, "");
    }
    let data: Vec<u8> = (0..(6 * bitpix.unsigned_abs() / 8) as u8).collect();
    let mut bytes = sealed_hdu(Header::primary(), &[]);
    bytes.extend(sealed_hdu(header, &data));
    bytes
}

/// What a target pixel file must have and little more: 5 frames of 4 x 3 pixels.
fn stamp() -> Vec<u8> {
    let specs = [
        ColumnSpec::new("TIME", "D"),
        ColumnSpec { dim: Some(vec![4, 3]), unit: Some("e-/s".into()), ..ColumnSpec::new("FLUX", "12E") },
        ColumnSpec { dim: Some(vec![4, 3]), ..ColumnSpec::new("FLUX_ERR", "12E") },
        ColumnSpec::new("QUALITY", "J"),
        ColumnSpec::new("CADENCENO", "J"),
    ];
    let mut data = Vec::new();
    for frame in 0..5i32 {
        data.extend((1325.0 + f64::from(frame) / 48.0).to_be_bytes());
        data.extend((0..24).flat_map(|at| if at == 5 { 900.0 } else { (at + frame) as f32 }.to_be_bytes()));
        data.extend([if frame == 1 { 128 } else { 0 }, frame].iter().flat_map(|x| x.to_be_bytes()));
    }
    let mut bytes = sealed_hdu(Header::primary(), &[]);
    bytes.extend(sealed_hdu(table_header(&specs, 112, 5, |_, _| {}), &data));
    let mut header = Header::image_extension(32, &[4, 3]);
    header.set("EXTNAME", "APERTURE", "");
    let bits: Vec<u8> =
        (0..12i32).flat_map(|at| if at == 3 { 1025 } else { 1 | at & 2 }.to_be_bytes()).collect();
    bytes.extend(sealed_hdu(header, &bits));
    bytes
}

fn columns() -> Vec<u8> {
    let forms = ["D", "E", "2J", "K", "3I", "4B", "L", "5A", "12X", "C", "M", "1PE(3)", "1QD(2)", "0J", "6E"];
    let widths = [8, 4, 8, 8, 6, 4, 1, 5, 2, 8, 16, 8, 16, 0, 24];
    let specs: Vec<ColumnSpec> = (1..)
        .zip(forms)
        .map(|(n, form)| ColumnSpec {
            null: form.ends_with(['J', 'K', 'I', 'B']).then_some(-1),
            dim: (form == "6E").then(|| vec![3, 2]),
            unit: Some("d".into()),
            ..ColumnSpec::new(format!("NAME{n}"), form)
        })
        .collect();
    let row_len: usize = widths.iter().sum();
    let data: Vec<u8> = (0..row_len * 3).map(|at| at as u8).collect();
    let mut bytes = sealed_hdu(Header::primary(), &[]);
    let scaled = |n: usize, header: &mut Header| {
        if n == 3 {
            header.set("TSCAL3", 0.5, "");
            header.set("TZERO3", 10.0, "");
        }
    };
    bytes.extend(sealed_hdu(table_header(&specs, row_len, 3, scaled), &data));
    bytes
}

/// Arrays in the heap, of numbers and of text, empty ones among them, and one that does not begin with its rows.
fn heap() -> Vec<u8> {
    let forms = ["1PE(3)", "1QD(2)", "1PA(9)", "1PX(12)", "1PI", "J"];
    let specs: Vec<ColumnSpec> =
        (1..).zip(forms).map(|(n, form)| ColumnSpec::new(format!("NAME{n}"), form)).collect();
    let (mut rows, mut heap) = (Vec::new(), vec![0; 12]);
    for row in 0..3_u8 {
        for (form, count, size) in
            [('P', row, 4), ('Q', 2 - row, 8), ('P', 3 * row, 1), ('P', 4 * row, 1), ('P', 1, 2)]
        {
            let place = heap.len() as u32;
            if form == 'P' {
                rows.extend(u32::from(count).to_be_bytes());
                rows.extend(place.to_be_bytes());
            } else {
                rows.extend(u64::from(count).to_be_bytes());
                rows.extend(u64::from(place).to_be_bytes());
            }
            heap.extend((0..count * size).map(|byte| b'A' + byte + row));
        }
        rows.extend([0, 0, 0, row]);
    }
    let row_len = rows.len() / 3;
    let place = rows.len() + 4;
    let more = |n: usize, header: &mut Header| {
        if n == 1 {
            header.set("THEAP", place as i64, "");
        }
    };
    let mut header = table_header(&specs, row_len, 3, more);
    header.set("PCOUNT", 4 + heap.len() as i64, "");
    let data = [rows, vec![0; 4], heap].concat();
    [sealed_hdu(Header::primary(), &[]), sealed_hdu(header, &data)].concat()
}

/// A full-frame image of 3 x 2 pixels.
fn frame(spoc: bool) -> Vec<u8> {
    let mut image = if spoc { Header::image_extension(-32, &[3, 2]) } else { Header::primary() };
    for (keyword, value) in [("BITPIX", -32), ("NAXIS", 2), ("NAXIS1", 3), ("NAXIS2", 2)] {
        image.set(keyword, value, "");
    }
    let keywords =
        if spoc { ["CAMERA", "CCD", "TSTART", "TSTOP"] } else { ["CAMNUM", "CCDNUM", "STARTTJD", "ENDTJD"] };
    for (n, keyword) in (1..).zip(keywords) {
        image.set(keyword, n, "");
    }
    let pixels = [0x3f; 24];
    if !spoc {
        return sealed_hdu(image, &pixels);
    }
    [sealed_hdu(Header::primary(), &[]), sealed_hdu(image.clone(), &pixels), sealed_hdu(image, &pixels)]
        .concat()
}

/// A cube of 5 x 4 pixels and 6 frames.
fn cube(spoc: bool, wcs: bool) -> Vec<u8> {
    let (columns, rows, frames, planes) = (5, 4, 6, if spoc { 2 } else { 1 });
    let mut primary = Header::primary();
    for (keyword, value) in [("SECTOR", 1), ("CAMERA", 4), ("CCD", 2)] {
        primary.set(keyword, value, "");
    }
    primary.set("TSTART", 1325.0, "");
    primary.set("TSTOP", 1325.2, "");
    let pixels: Vec<u8> = (0..columns * rows * frames * planes)
        .flat_map(|at| if at == 7 { f32::NAN } else { at as f32 * 0.5 }.to_be_bytes())
        .collect();
    let mut image = Header::image_extension(-32, &[planes, frames, columns, rows]);
    image.set("EXTNAME", "FFIS", "");
    let time: &[&str] =
        if spoc { &["TSTART", "TSTOP", "BARYCORR"] } else { &["STARTTJD", "MIDTJD", "ENDTJD"] };
    let whole = if spoc { ["FFIINDEX", "DQUALITY"] } else { ["CADENCE", "QUAL_BIT"] };
    let numbers: &[(&str, f64)] = &[
        ("CRVAL1", 84.0),
        ("CRVAL2", -80.0),
        ("CRPIX1", 3.0),
        ("CRPIX2", 2.5),
        ("CD1_1", 0.005),
        ("CD1_2", -0.001),
        ("CD2_1", 0.001),
        ("CD2_2", 0.005),
        ("A_ORDER", 2.0),
        ("B_ORDER", 2.0),
        ("A_2_0", 1e-4),
        ("B_0_2", -1e-4),
    ];
    let mut specs: Vec<ColumnSpec> = time.iter().map(|name| ColumnSpec::new(*name, "D")).collect();
    specs.extend(whole.map(|name| ColumnSpec::new(name, "J")));
    if wcs {
        specs.extend(["CTYPE1", "CTYPE2"].map(|name| ColumnSpec::new(name, "12A")));
        specs.extend(numbers.iter().map(|(name, _)| ColumnSpec::new(*name, "D")));
    }
    specs.push(ColumnSpec::new("INT_TIME", "D"));
    specs.push(ColumnSpec::new("FFI_FILE", "8A"));
    let mut data = Vec::new();
    for frame in 0..frames {
        let start = 1325.0 + frame as f64 / 48.0;
        for n in 0..time.len() {
            data.extend((start + n as f64 / 96.0).to_be_bytes());
        }
        data.extend((4697 + frame as i32).to_be_bytes());
        data.extend((if frame == 2 { 32i32 } else { 0 }).to_be_bytes());
        if wcs {
            // One frame without coordinates.
            let tangent = if frame == 4 { b"            " } else { b"RA---TAN-SIP" };
            data.extend(tangent);
            data.extend(b"DEC--TAN-SIP");
            for (name, value) in numbers {
                let drift = if *name == "CRPIX1" { frame as f64 / 20.0 } else { 0.0 };
                data.extend((value + drift).to_be_bytes());
            }
        }
        data.extend(1.98f64.to_be_bytes());
        data.extend(format!("f{frame}.fits\0").as_bytes());
    }
    let mut bytes = sealed_hdu(primary, &[]);
    bytes.extend(sealed_hdu(image, &pixels));
    bytes.extend(sealed_hdu(table_header(&specs, data.len() / frames, frames, |_, _| {}), &data));
    bytes
}

fn texts() -> [(&'static str, &'static str); 6] {
    [
        (
            "list",
            "# targets\nra,dec,name,size\n84.2912,-80.4691,pi Men,11x15\n359.9,12,\"a, b\",7\n-10,90,,\n",
        ),
        (
            "track",
            "time,ra,dec\n1325.0,359.9,1.0\n1325.5,0.1,1.1\n1326.0,0.4,1.3\n1327,0.8,1.2\n1329,1.2,1\n",
        ),
        ("angles", "0.5deg\n11arcmin\n5 arcsec\n30mas\n1e-3rad\n1.5'\n2\"\n1\u{b0}\n-2.5\n11x15\n"),
        (
            "sip",
            "CTYPE1=RA---TAN-SIP\nCTYPE2=DEC--TAN-SIP\nCRVAL1=311.69\nCRVAL2=-43.13\nCRPIX1=1045\nCRPIX2=1001\n\
             CD1_1=0.00537\nCD1_2=-0.00183\nCD2_1=0.00197\nCD2_2=0.00541\nA_ORDER=2\nA_2_0=-1.9e-5\nA_1_1=1.7e-5\n\
             B_ORDER=3\nB_0_2=1.7e-5\nB_0_3=-2.7e-9\nX=300\nY=1700\nCOLUMNS=11\nROWS=5\n",
        ),
        (
            "rotated",
            "CTYPE1=DEC--TAN\nCTYPE2=RA---TAN\nCUNIT1=arcsec\nCUNIT2=deg\nCRVAL1=324000\nCRVAL2=10\nCRPIX1=5\nCRPIX2=5\n\
             CDELT1=21\nCDELT2=-0.005\nCROTA1=30\nLONPOLE=170\nRA=10\nDEC=89.99\n",
        ),
        (
            "matrix",
            "CTYPE1=RA---TAN\nCTYPE2=DEC--TAN\nCRVAL1=0\nCRVAL2=0\nCRPIX1=1\nCRPIX2=1\nCDELT1=-0.005\nPC1_1=1\n\
             PC1_2=0.1\nPC2_1=-0.1\nPC2_2=1\nX=1e300\nY=-1e300\nCOLUMNS=1\nROWS=1\n",
        ),
    ]
}
