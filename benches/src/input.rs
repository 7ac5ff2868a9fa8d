//! What is measured on: simulated sectors and cubes of them, made once and kept.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use uranometria_cube::fs::{Control, Options};
use uranometria_simulate::{Sector, SectorOptions, Stars};

/// Any error, as a benchmark ends with it.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// How much input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// So little that only the way is tried.
    Smoke,
    /// A minute's worth: a sixteenth of a chip.
    Small,
    /// Whole chips, and 1,300 frames of a twenty-fifth of one.
    Full,
}

/// A number of frames of a window of the chip.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// Frames.
    pub frames: usize,
    /// Columns.
    pub columns: usize,
    /// Rows.
    pub rows: usize,
}

impl Scale {
    /// Few large frames: of these 20 and 50, or fewer, are turned.
    pub fn chip(self) -> Window {
        match self {
            Scale::Smoke => Window { frames: 5, columns: 60, rows: 50 },
            Scale::Small => Window { frames: 50, columns: 534, rows: 520 },
            Scale::Full => Window { frames: 50, columns: 2136, rows: 2078 },
        }
    }

    /// Many small frames: a sector of 30 minutes' cadence.
    pub fn sector(self) -> Window {
        match self {
            Scale::Smoke => Window { frames: 8, columns: 60, rows: 50 },
            Scale::Small => Window { frames: 1300, columns: 107, rows: 104 },
            Scale::Full => Window { frames: 1300, columns: 427, rows: 416 },
        }
    }
}

impl Window {
    fn options(self) -> SectorOptions {
        let whole = SectorOptions::default();
        let smaller = self.columns < whole.columns;
        SectorOptions {
            camera: 4,
            ccd: 2,
            frames: self.frames,
            columns: self.columns,
            rows: self.rows,
            column0: if smaller { 800 } else { 0 },
            row0: if smaller { 800 } else { 0 },
            ..whole
        }
    }

    fn name(self) -> String {
        format!("{}x{}x{}", self.frames, self.columns, self.rows)
    }
}

/// The sector that all input is of.
pub const SECTOR: i64 = 1;

/// A folder of input and of what is made of it.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Takes a folder, by default `target/bench-data` of the workspace; it is made if missing.
    pub fn new(given: Option<PathBuf>) -> Result<Self, Error> {
        let folder = given.unwrap_or_else(|| workspace().join("target/bench-data"));
        fs::create_dir_all(&folder)?;
        Ok(Folder(folder.canonicalize()?))
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A path for what a benchmark makes.
    pub fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The frames of a window in order of time.
    pub fn frames(&self, window: Window) -> Result<Vec<PathBuf>, Error> {
        let sector = Sector::new(window.options(), &Stars::embedded())?;
        let folder = self.0.join(format!("frames-{}", window.name()));
        Ok(uranometria_simulate::sector::fs::write(&sector, &folder, &|_| ())?.frames)
    }

    /// A cube of a window.
    pub fn cube(&self, window: Window) -> Result<PathBuf, Error> {
        let path = self.0.join(format!("cube-{}.fits", window.name()));
        if !path.exists() {
            let frames = self.frames(window)?;
            uranometria_cube::fs::build(&path, &frames, &Options::default(), &Control::none())?;
        }
        Ok(path)
    }
}

/// The folder of the workspace.
pub fn workspace() -> &'static Path {
    let benches = Path::new(env!("CARGO_MANIFEST_DIR"));
    benches.parent().unwrap_or(benches)
}

/// Reads files once, so that they are in the page cache, and returns how many bytes they have.
pub fn warm<'a>(paths: impl IntoIterator<Item = &'a Path>) -> io::Result<u64> {
    let mut buffer = vec![0; 1 << 20];
    let mut bytes = 0;
    for path in paths {
        let mut file = fs::File::open(path)?;
        loop {
            match file.read(&mut buffer)? {
                0 => break,
                read => bytes += read as u64,
            }
        }
    }
    Ok(bytes)
}

/// Removes what an earlier run left and waits until the disk has nothing to do.
pub fn clear(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    rustix::fs::sync();
    Ok(())
}
