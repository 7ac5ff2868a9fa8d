//! Any bytes as a FITS file: tables, images, checksums, and full-frame images.
#![no_main]

use std::path::Path;

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use uranometria_cube::Frame;
use uranometria_fits::{Hdu, ImageLayout, TableLayout, checksum, read_hdus};

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    uranometria_fuzz::mutate(data, size, max_size, seed)
        .unwrap_or_else(|| fuzzer_mutate(data, size, max_size))
});

fuzz_target!(|bytes: &[u8]| {
    let Ok(hdus) = read_hdus(bytes) else { return };
    if let Ok(frame) = Frame::from_hdus(Path::new("frame.fits"), &hdus, None) {
        let plane = (frame.columns * frame.rows) as u64;
        assert!(plane > 0 && frame.plane_starts.iter().all(|start| start + plane <= bytes.len() as u64));
    }
    for hdu in &hdus {
        let _ = checksum::verify(bytes, hdu);
        let data = hdu.read_data(bytes).expect("the data lie in the file");
        table(hdu, &data);
        if let Ok(layout) = ImageLayout::of(hdu) {
            let pixels = layout.decode_f32(&data);
            let size = layout.axes.iter().try_fold(1usize, |size, axis| size.checked_mul(*axis));
            assert_eq!(Some(pixels.len()), size.filter(|_| !layout.axes.is_empty()).or(Some(0)));
        }
    }
});

fn table(hdu: &Hdu, data: &[u8]) {
    let Ok(layout) = TableLayout::of(hdu) else { return };
    let rows: Vec<&[u8]> = layout.rows(data).collect();
    if layout.row_len > 0 {
        assert_eq!(rows.len(), layout.rows);
    }
    for column in &layout.columns {
        assert!(layout.column(&column.name).is_ok());
        for row in rows.iter().copied().chain([&[][..]]).take(200) {
            if let Ok(numbers) = column.numbers(row) {
                let first = column.number(row).expect("it has numbers");
                assert_eq!(first.to_bits(), numbers.first().copied().unwrap_or(f64::NAN).to_bits());
            }
            let _ = (column.floats(row), column.integer(row), column.text(row));
        }
    }
    let _ = layout.column("FLUX");
}
