//! Any bytes as a cube: if it opens, its cutouts are files that can be read.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use uranometria_cube::Cube;
use uranometria_cutout::{Cutout, Cutter, Place, Size, Tpf, fs};
use uranometria_fits::{checksum, read_hdus};
use uranometria_sky::{Direction, Track};

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    uranometria_fuzz::mutate(data, size, max_size, seed)
        .unwrap_or_else(|| fuzzer_mutate(data, size, max_size))
});

/// The most pixels of a stamp times frames: what a cutout takes is what was asked for, and not to be found out here.
const MOST: usize = 20_000;

fuzz_target!(|bytes: &[u8]| {
    let Ok(cube) = Cube::open(bytes.to_vec()) else { return };
    // Nobody reads the padding at the end of a file, so it chooses the place.
    let [.., x, y, columns, rows] = *bytes else { return };
    let layout = *cube.layout();
    assert!(layout.data_len().is_some_and(|len| len <= bytes.len() as u64));
    let (x, y) = (f64::from(x as i8) / 4.0, f64::from(y as i8) / 4.0);
    let size = Size::Pixels { columns: 1 + usize::from(columns % 8), rows: 1 + usize::from(rows % 8) };
    let _ = cube.series(layout.columns - 1, layout.rows - 1).expect("the last pixel is in the file");
    assert_eq!(cube.times().len(), layout.frames);
    let cutter = Cutter::new(cube);
    let middle = (layout.columns as f64 / 2.0, layout.rows as f64 / 2.0);
    for place in [Place::Pixel { x, y }, Place::Pixel { x: middle.0, y: middle.1 }] {
        if let Ok(cutout) = cutter.cut(place, size) {
            check(&cutout);
        }
    }
    let Ok(of) = cutter.cube().wcs() else { return };
    let sky = |x: f64, y: f64| {
        let (ra, dec) = of.wcs.pixel_to_sky(x, y);
        Direction::from_degrees(ra, dec).ok()
    };
    let (Some(from), Some(to)) = (sky(middle.0, middle.1), sky(x, y)) else { return };
    let degrees = Size::Degrees { columns: 0.02, rows: 0.01 };
    for size in [size, degrees] {
        if size.pixels(Some(&of.wcs)).is_ok_and(|(columns, rows)| columns * rows * layout.frames <= MOST) {
            if let Ok(cutout) = cutter.cut(Place::Sky(from), size) {
                check(&cutout);
            }
        }
    }
    let mut times: Vec<f64> = cutter.cube().times().iter().copied().filter(|time| time.is_finite()).collect();
    times.sort_by(f64::total_cmp);
    let (Some(first), Some(last)) = (times.first(), times.last()) else { return };
    for (times, places) in [(vec![*first, *last], vec![from, to]), (vec![*first], vec![to])] {
        if let Ok(track) = Track::new(&times, &places)
            && let Ok(cutout) = cutter.follow(&track, size)
        {
            check(&cutout);
        }
    }
});

fn check(cutout: &Cutout<'_, Vec<u8>>) {
    let _ = fs::default_name(cutout, "s0001-1-1", fs::Format::Tpf);
    let (flux, error) = cutout.flux_and_error().expect("the pixels are in the file");
    let pixels = cutout.stamp().pixels();
    assert_eq!(flux.len(), pixels * cutout.len());
    let file = cutout.to_tpf().expect("the pixels are in the file");
    sealed(&file);
    let tpf = Tpf::read(&file).expect("what is written can be read");
    let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(tpf.flux()), bits(&flux));
    assert_eq!(bits(tpf.flux_err()), bits(&error));
    assert_eq!(tpf.frames(), cutout.len());
    assert_eq!(tpf.aperture().len(), pixels);
    assert_eq!(tpf.wcs().is_some(), cutout.fit().is_some());
    sealed(&cutout.to_image().expect("the pixels are in the file"));
}

fn sealed(file: &[u8]) {
    let hdus = read_hdus(file).expect("what is written can be read");
    assert_eq!(hdus.last().map(|hdu| hdu.end()), Some(file.len() as u64));
    for hdu in &hdus {
        assert!(checksum::verify(file, hdu).expect("checksums are right"));
    }
}
