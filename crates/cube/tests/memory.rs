//! `Options::memory` holds for frames that are converted, too. A test of its own: it measures the whole process.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use uranometria_cube::fs::{Control, Options, build};
use uranometria_fits::{Header, padding};

/// The most memory this process had at any time, where the system tells it.
fn peak() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? << 10)
}

/// Writes a SPOC frame of f64 with two planes of `columns` x `rows`.
fn write_frame(folder: &Path, number: u32, columns: usize, rows: usize) -> PathBuf {
    let path = folder.join(format!("{number}.fits"));
    let mut file = std::io::BufWriter::new(fs::File::create(&path).unwrap());
    file.write_all(&Header::primary().to_bytes()).unwrap();
    for _ in 0..2 {
        let mut header = Header::image_extension(-64, &[columns, rows]);
        for (keyword, value) in [("CAMERA", 1), ("CCD", 1)] {
            header.set(keyword, value, "");
        }
        header.set("TSTART", f64::from(number), "");
        header.set("TSTOP", f64::from(number) + 0.5, "");
        file.write_all(&header.to_bytes()).unwrap();
        for pixel in 0..columns * rows {
            file.write_all(&(pixel as f64 / 8.0).to_be_bytes()).unwrap();
        }
        file.write_all(padding((columns * rows * 8) as u64)).unwrap();
    }
    file.flush().unwrap();
    path
}

#[test]
fn frames_of_doubles_are_converted_within_the_memory() {
    let folder = tempfile::tempdir().unwrap();
    let frames: Vec<PathBuf> = (0..4).map(|n| write_frame(folder.path(), n, 1000, 1500)).collect();
    let options = Options { memory: 40 << 20, threads: 4, ..Options::default() };
    build(folder.path().join("cube.fits"), &frames, &options, &Control::none()).unwrap();
    if let Some(peak) = peak() {
        assert!(peak <= options.memory, "it took {peak} bytes");
    }
}
