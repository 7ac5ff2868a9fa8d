//! Frames that are not plain files of f32, and cubes that another program made.
//!
//! The inputs are in data-fixtures: compressed/ (by astropy) and astrocut/ (by astrocut), made by the scripts in
//! data-fixtures/make.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;
use uranometria_cube::Product;
use uranometria_cutout::{Cutter, Place, Size, Tpf};
use uranometria_sky::Direction;

use crate::support::{
    Frames, append, assert_pixels, assert_same_file, bits, build, fixture, fixtures, hdus, hidden, open,
    options, planes, verify,
};

/// Copies files into a folder of their own.
fn copied(paths: &[PathBuf]) -> (tempfile::TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let to = |path: &PathBuf| {
        let to = folder.path().join(path.file_name().unwrap());
        fs::copy(path, &to).unwrap();
        to
    };
    let copies = paths.iter().map(to).collect();
    (folder, copies)
}

/// The plain frames of data-fixtures/compressed.
fn plain() -> Vec<PathBuf> {
    fixtures("compressed", "ffic.fits")
}

#[test]
fn tile_compressed_frames_make_the_cube_of_the_plain_ones() {
    let (folder, compressed) = copied(&fixtures("compressed", ".fz"));
    let cube = folder.path().join("cube.fits");
    build(&cube, &compressed, &options()).unwrap();
    let plain: Vec<_> = plain().iter().map(|path| planes(path)).collect();
    assert_pixels(&cube, &plain);
    let verified = verify(&cube, &compressed);
    assert_eq!(verified.differences, 0, "{:?}", verified.examples);
    assert!(hidden(folder.path()).is_empty(), "copies are left: {:?}", hidden(folder.path()));
    let cube = open(&cube);
    assert!(cube.file_names().iter().all(|name| name.ends_with(".fits.fz")), "{:?}", cube.file_names());
    assert!(cube.wcs().is_ok());
    // Keywords are those before compression.
    assert!(!cube.frames().keywords().any(|keyword| keyword.starts_with('Z')));
}

#[test]
fn gzipped_frames_make_the_cube_of_the_plain_ones() {
    let frames = Frames::new(|options| options.frames = 3);
    let gzip = |path: &PathBuf| {
        let to = frames.at(&format!("{}.gz", path.file_name().unwrap().to_str().unwrap()));
        let mut encoder = GzEncoder::new(fs::File::create(&to).unwrap(), Compression::fast());
        encoder.write_all(&fs::read(path).unwrap()).unwrap();
        encoder.finish().unwrap();
        to
    };
    let gzipped: Vec<PathBuf> = frames.paths.iter().map(gzip).collect();
    // As from a disk or tape of whole blocks, and in two members.
    let bytes = fs::read(&gzipped[0]).unwrap();
    fs::write(&gzipped[0], [&bytes[..], &[0; 5000]].concat()).unwrap();
    let whole = fs::read(&frames.paths[2]).unwrap();
    let members = whole.chunks(whole.len() / 2 + 1).map(|half| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(half).unwrap();
        encoder.finish().unwrap()
    });
    fs::write(&gzipped[2], members.collect::<Vec<_>>().concat()).unwrap();
    let cube = frames.at("cube.fits");
    build(&cube, &gzipped, &options()).unwrap();
    assert_pixels(&cube, &frames.planes());
    assert_eq!(verify(&cube, &gzipped).differences, 0);
    assert!(hidden(frames.folder.path()).is_empty());

    // One that is named twice is a duplicate, whichever thread comes first.
    let twice = [&gzipped[..], &gzipped[..]].concat();
    let error = build(&frames.at("twice.fits"), &twice, &options()).unwrap_err().to_string();
    assert!(error.starts_with("3 of 6 frames cannot be used:") && error.contains("duplicate"), "{error}");

    // A mixture, and a later one appended.
    let mixed = [gzipped[0].clone(), frames.paths[1].clone()];
    build(&cube, &mixed, &options()).unwrap();
    append(&cube, &gzipped[2..], &options()).unwrap();
    assert_pixels(&cube, &frames.planes());

    let bytes = fs::read(&gzipped[1]).unwrap();
    fs::write(&gzipped[1], &bytes[..bytes.len() / 2]).unwrap();
    let error = build(&frames.at("new.fits"), &gzipped, &options()).unwrap_err().to_string();
    assert!(error.starts_with("1 of 3 frames cannot be used:") && error.contains("-0120-"), "{error}");
    assert!(error.contains(gzipped[1].to_str().unwrap()) && !frames.at("new.fits").exists(), "{error}");
}

#[test]
fn scaled_integers_become_the_numbers_they_stand_for() {
    let (folder, scaled) = copied(&fixtures("compressed", "-scaled.fits"));
    let cube = folder.path().join("cube.fits");
    build(&cube, &scaled, &options()).unwrap();
    let bytes = fs::read(&fixtures("compressed", "-scaled.f32")[0]).unwrap();
    let wanted: Vec<f32> = bytes.as_chunks().0.iter().map(|&word| f32::from_be_bytes(word)).collect();
    let wanted: Vec<Vec<f32>> = wanted.chunks(wanted.len() / 2).map(<[f32]>::to_vec).collect();
    assert_pixels(&cube, &[wanted]);
    assert_eq!(verify(&cube, &scaled).differences, 0);
    assert!(hidden(folder.path()).is_empty());
}

#[test]
fn a_cube_of_astrocut_holds_the_pixels_of_its_frames() {
    let frames = fixtures("astrocut", "ffic.fits");
    let path = fixture("astrocut/cube.fits");
    let wanted: Vec<_> = frames[..6].iter().map(|path| planes(path)).collect();
    assert_pixels(&path, &wanted);
    let cube = open(&path);
    assert_eq!((cube.product(), cube.layout().frames), (Product::Spoc, 6));
    assert_eq!(cube.quality().iter().filter(|bits| **bits != 0).count(), 1);
    assert_eq!(cube.wcs().unwrap().frame, 3);
    assert_eq!(cube.wcs_of_frames().1[0], None);
}

#[test]
fn a_cube_of_astrocut_is_proved_against_its_frames() {
    let frames = fixtures("astrocut", "ffic.fits");
    let (folder, cube) = copied(&[fixture("astrocut/cube.fits")]);
    let verified = verify(&cube[0], &frames[..6]);
    assert_eq!((verified.differences, verified.frames), (0, 6), "{:?}", verified.examples);
    let at = hdus(&cube[0])[1].data_start as usize + 4321;
    let mut bytes = fs::read(&cube[0]).unwrap();
    bytes[at] ^= 1;
    fs::write(&cube[0], bytes).unwrap();
    assert!(verify(&cube[0], &frames[..6]).differences >= 1);
    drop(folder);
}

#[test]
fn frames_are_appended_to_a_cube_of_astrocut() {
    let frames = fixtures("astrocut", "ffic.fits");
    let (folder, cube) = copied(&[fixture("astrocut/cube.fits")]);
    append(&cube[0], &frames[6..], &options()).unwrap();
    assert_pixels(&cube[0], &frames.iter().map(|path| planes(path)).collect::<Vec<_>>());
    let verified = verify(&cube[0], &frames);
    assert_eq!((verified.differences, verified.checksums), (0, 3), "{:?}", verified.examples);
    // The pixels are, byte for byte, those of a cube built here.
    let ours = folder.path().join("ours.fits");
    build(&ours, &frames, &options()).unwrap();
    let data = |path: &PathBuf| {
        let hdu = &hdus(path)[1];
        assert_eq!(hdu.header.integer("BITPIX"), Some(-32));
        hdu.read_data(&uranometria_fits::fs::OpenFile::open(path).unwrap()).unwrap()
    };
    assert!(data(&cube[0]) == data(&ours));
}

#[test]
fn a_cutout_from_a_cube_of_astrocut_has_the_pixels_that_astrocut_cuts() {
    let cutter = Cutter::new(open(&fixture("astrocut/cube.fits")));
    let place = Place::Sky(Direction::from_degrees(85.63353, -75.18441).unwrap());
    let ours = Tpf::read(cutter.cut(place, Size::square(5)).unwrap().to_tpf().unwrap().as_slice()).unwrap();
    let theirs = Tpf::read(fs::read(fixture("astrocut/cut.fits")).unwrap().as_slice()).unwrap();
    assert_eq!(
        (ours.columns(), ours.rows(), ours.frames()),
        (theirs.columns(), theirs.rows(), theirs.frames())
    );
    assert_eq!(bits(ours.flux()), bits(theirs.flux()));
    assert_eq!(bits(ours.flux_err()), bits(theirs.flux_err()));
    assert_eq!(ours.time(), theirs.time());
    assert_eq!(ours.quality(), theirs.quality());
}

#[test]
fn compressed_frames_that_were_copied_out_are_not_copied_again() {
    // Two builds of the same frames in one folder: nothing of the first gets in the way of the second.
    let (folder, compressed) = copied(&fixtures("compressed", ".fz"));
    let (a, b) = (folder.path().join("a.fits"), folder.path().join("b.fits"));
    build(&a, &compressed, &options()).unwrap();
    build(&b, &compressed, &options()).unwrap();
    build(&a, &compressed, &options()).unwrap();
    assert_same_file(&a, &b);
}
