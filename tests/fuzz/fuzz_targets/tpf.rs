//! Any bytes as a target pixel file: apertures and light curves.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use uranometria_cutout::lightcurve::{Background, LightCurve, join, stitch, to_fits, write_csv};
use uranometria_cutout::{Aperture, Error, Tpf, median_image};
use uranometria_fits::{TableLayout, checksum, read_hdus};

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    uranometria_fuzz::mutate(data, size, max_size, seed)
        .unwrap_or_else(|| fuzzer_mutate(data, size, max_size))
});

fuzz_target!(|bytes: &[u8]| {
    let Ok(tpf) = Tpf::read(bytes) else {
        let _ = Aperture::from_file(bytes, 3, 3);
        return;
    };
    let (columns, rows, frames) = (tpf.columns(), tpf.rows(), tpf.frames());
    let pixels = columns * rows;
    assert!(pixels > 0 && frames > 0);
    assert_eq!((tpf.flux().len(), tpf.flux_err().len()), (pixels * frames, pixels * frames));
    assert_eq!(tpf.aperture().len(), pixels);
    assert_eq!(tpf.frame(frames - 1).len(), pixels);
    assert_eq!(median_image(tpf.flux(), pixels).len(), pixels);
    if let Some(wcs) = tpf.wcs() {
        let _ = wcs.footprint(columns, rows);
    }
    let sigma = f64::from(bytes[bytes.len() - 1] as i8) / 16.0;
    let apertures = [
        Aperture::threshold(&tpf, sigma),
        Aperture::threshold(&tpf, 3.0),
        Aperture::all(&tpf),
        Aperture::from_file(bytes, columns, rows),
    ];
    for (n, aperture) in apertures.into_iter().flatten().enumerate() {
        assert_eq!((aperture.columns(), aperture.rows()), (columns, rows));
        let read = Aperture::from_file(aperture.to_csv().as_bytes(), columns, rows);
        assert_eq!(read.expect("what is written can be read"), aperture);
        for background in
            [Background::None, Background::default(), Background::Annulus { inner: 1, outer: 1 }]
        {
            let Ok(curve) = LightCurve::extract(&tpf, &aperture, background) else { continue };
            if n > 0 || background == Background::None {
                continue;
            }
            write_csv(&curve, std::io::sink()).expect("a sink takes everything");
            check(&curve);
            // Of another sector, a million days later.
            let mut later = curve.clone();
            later.time.iter_mut().for_each(|time| *time += 1e6);
            later.sector.iter_mut().for_each(|sector| *sector = sector.wrapping_add(1));
            if let Ok(stitched) = stitch(vec![curve.clone(), later.clone()]) {
                check(&stitched);
            }
            match join(vec![curve, later]) {
                Ok(joined) => check(&joined),
                // So many days are nothing to times beyond all bounds, and others are a million days apart already.
                Err(Error::Twice { .. }) => {}
                Err(error) => panic!("a light curve can be joined to a later one: {error}"),
            }
        }
    }
});

fn check(curve: &LightCurve) {
    let file = to_fits(curve).expect("its columns are of one length");
    let hdus = read_hdus(&file).expect("what is written can be read");
    assert_eq!(hdus.len(), 2 + curve.parts.len());
    for hdu in &hdus {
        assert!(checksum::verify(&file, hdu).expect("checksums are right"));
    }
    let layout = TableLayout::of(&hdus[1]).expect("what is written can be read");
    assert_eq!(layout.rows, curve.len());
    let flux = layout.column("FLUX").expect("it has that column");
    assert_eq!(flux.ty, uranometria_fits::ColumnType::Float);
}
