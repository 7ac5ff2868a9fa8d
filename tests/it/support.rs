//! Sectors in temporary folders, cubes of them, and the program `ur`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use tempfile::TempDir;
use uranometria_cube::fs::{Control, Options, Report};
use uranometria_cube::{Cube, Error};
use uranometria_cutout::Cutter;
use uranometria_fits::fs::OpenFile;
use uranometria_fits::{Hdu, ImageLayout, read_hdus};
use uranometria_simulate::{Product, Sector, SectorOptions, Stars};

/// A simulated sector on disk; the folder goes when it is dropped.
pub(crate) struct Frames {
    pub(crate) folder: TempDir,
    pub(crate) sector: Sector,
    pub(crate) paths: Vec<PathBuf>,
}

impl Frames {
    /// Eight SPOC frames of 40 x 30 pixels, but for what `change` changes.
    pub(crate) fn new(change: impl FnOnce(&mut SectorOptions)) -> Self {
        let mut options = SectorOptions {
            camera: 4,
            ccd: 2,
            frames: 8,
            columns: 40,
            rows: 30,
            column0: 900,
            row0: 900,
            ..SectorOptions::default()
        };
        change(&mut options);
        let sector = Sector::new(options, &Stars::embedded()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let written = uranometria_simulate::sector::fs::write(&sector, folder.path(), &|_| ()).unwrap();
        Frames { folder, sector, paths: written.frames }
    }

    pub(crate) fn tica(change: impl FnOnce(&mut SectorOptions)) -> Self {
        Self::new(|options| {
            options.product = Product::Tica;
            change(options);
        })
    }

    /// A path beside the frames.
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Makes a cube of all frames.
    pub(crate) fn cube(&self, name: &str) -> PathBuf {
        let out = self.at(name);
        build(&out, &self.paths, &options()).unwrap();
        out
    }

    /// Makes a cube of all frames and opens it for cutting.
    pub(crate) fn cutter(&self) -> Cutter<OpenFile> {
        Cutter::new(open(&self.cube("cube.fits")))
    }

    /// The pixels of every frame: `[time][plane][pixel]`.
    pub(crate) fn planes(&self) -> Vec<Vec<Vec<f32>>> {
        self.planes_of(0..self.paths.len())
    }

    /// The pixels of some frames.
    pub(crate) fn planes_of(&self, frames: std::ops::Range<usize>) -> Vec<Vec<Vec<f32>>> {
        self.paths[frames].iter().map(|path| planes(path)).collect()
    }
}

/// Options with a date of their own, so that two builds give the same bytes on any day.
pub(crate) fn options() -> Options {
    Options { date: Some("2026-01-02".to_string()), ..Options::default() }
}

pub(crate) fn build(out: &Path, frames: &[PathBuf], options: &Options) -> Result<Report, Error> {
    uranometria_cube::fs::build(out, frames, options, &Control::none())
}

pub(crate) fn append(cube: &Path, frames: &[PathBuf], options: &Options) -> Result<Report, Error> {
    uranometria_cube::fs::append(cube, frames, options, &Control::none())
}

pub(crate) fn verify(cube: &Path, frames: &[PathBuf]) -> uranometria_cube::fs::Verified {
    uranometria_cube::fs::verify(cube, frames, &options(), &Control::none()).unwrap()
}

pub(crate) fn open(path: &Path) -> Cube<OpenFile> {
    uranometria_cube::fs::open(path).unwrap()
}

pub(crate) fn hdus(path: &Path) -> Vec<Hdu> {
    read_hdus(&OpenFile::open(path).unwrap()).unwrap()
}

/// The line of a file, 80 bytes each, that holds a keyword of an HDU.
pub(crate) fn line_of(path: &Path, hdu: usize, keyword: &str) -> usize {
    let (bytes, card) = (fs::read(path).unwrap(), format!("{keyword:8}= "));
    let first = hdus(path)[hdu].header_start as usize / 80;
    (first..bytes.len() / 80).find(|line| bytes[line * 80..].starts_with(card.as_bytes())).unwrap()
}

/// Every image of a FITS file as `[row][column]` f32.
pub(crate) fn planes(path: &Path) -> Vec<Vec<f32>> {
    let file = OpenFile::open(path).unwrap();
    let images = hdus(path).into_iter().filter(|hdu| hdu.header.integer("NAXIS") == Some(2));
    let images = images.filter(|hdu| hdu.header.text("XTENSION") != Some("BINTABLE"));
    images.map(|hdu| ImageLayout::of(&hdu).unwrap().decode_f32(&hdu.read_data(&file).unwrap())).collect()
}

/// The bits of numbers, for comparing NaN too.
pub(crate) fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// Fails unless every pixel of the cube is that of its frame; `frames[time][plane][pixel]`.
#[track_caller]
pub(crate) fn assert_pixels(cube: &Path, frames: &[Vec<Vec<f32>>]) {
    let cube = open(cube);
    let layout = *cube.layout();
    assert_eq!((layout.frames, layout.planes), (frames.len(), frames[0].len()));
    for pixel in 0..layout.pixels() {
        let (x, y) = (pixel % layout.columns, pixel / layout.columns);
        for (plane, series) in cube.series(x, y).unwrap().iter().enumerate() {
            let wanted: Vec<f32> = frames.iter().map(|frame| frame[plane][pixel]).collect();
            assert_eq!(bits(series), bits(&wanted), "plane {plane} of column {x}, row {y}");
        }
    }
}

/// Fails unless two files have the same bytes, and shows where they first differ.
#[track_caller]
pub(crate) fn assert_same_file(found: &Path, wanted: &Path) {
    let (found, wanted) = (fs::read(found).unwrap(), fs::read(wanted).unwrap());
    if found == wanted {
        return;
    }
    let at = found.iter().zip(&wanted).position(|(a, b)| a != b).unwrap_or(found.len().min(wanted.len()));
    let line = |bytes: &[u8]| {
        let start = (at / 80 * 80).min(bytes.len());
        String::from_utf8_lossy(&bytes[start..(start + 80).min(bytes.len())]).into_owned()
    };
    let (lens, lines) = ((found.len(), wanted.len()), (line(&found), line(&wanted)));
    panic!("lengths {lens:?}; they differ at byte {at}:\n{}\n{}", lines.0, lines.1);
}

/// All files of a folder, hidden ones too, with their bytes.
pub(crate) fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries
        .filter(|entry| entry.file_type().unwrap().is_file())
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path()).unwrap()))
        .collect()
}

/// The names in a folder that begin with a dot: what is left of work under way.
pub(crate) fn hidden(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    names.map(|name| name.to_string_lossy().into_owned()).filter(|name| name.starts_with('.')).collect()
}

/// A file or folder of data-fixtures.
pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../data-fixtures").join(name)
}

/// The files of a folder of data-fixtures with that ending, in order of their names.
pub(crate) fn fixtures(folder: &str, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(fixture(folder)).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> =
        entries.filter(|path| path.to_str().is_some_and(|name| name.ends_with(ending))).collect();
    paths.sort();
    assert!(!paths.is_empty(), "no {ending} in data-fixtures/{folder}");
    paths
}

/// The program in the target folder of this test, with `ur-query` beside it; built if they are not there.
pub(crate) fn ur_path() -> &'static Path {
    static UR: OnceLock<PathBuf> = OnceLock::new();
    UR.get_or_init(|| {
        // target/PROFILE/deps/it-HASH
        let test = std::env::current_exe().unwrap();
        let folder = test.ancestors().nth(2).unwrap();
        let profile = match folder.file_name().unwrap().to_str().unwrap() {
            "debug" => "dev",
            other => other,
        };
        // `cargo test --workspace` has built both.
        if ["ur", "ur-query"].iter().all(|name| folder.join(name).exists()) {
            return folder.join("ur");
        }
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--workspace", "--tests", "--bin", "ur", "--bin", "ur-query"]);
        cargo.args(["--profile", profile, "--target-dir"]).arg(folder.parent().unwrap());
        let built = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        folder.join("ur")
    })
}

/// A call of the program, in English whatever the machine speaks.
pub(crate) fn ur() -> Command {
    let mut command = Command::new(ur_path());
    command.env("LC_ALL", "C").env_remove("COLUMNS");
    command
}

/// How a call of the program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ended { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

impl Ended {
    /// What was printed as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Runs the program to its end.
pub(crate) fn run(command: &mut Command) -> Ended {
    command.output().unwrap().into()
}

/// Fails unless the program ended with 2 and its message begins as it should.
#[track_caller]
pub(crate) fn assert_error(ended: &Ended, begins: &str) {
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.starts_with(begins), "{ended:?}");
}
