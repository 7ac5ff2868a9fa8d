//! Writing a sector to a folder.
//!
//! Beside the frames stand `truth.csv`, `targets.csv`, `track-N.csv` of mover N, and `simulation.txt`, which says
//! what run the folder belongs to. Frames get their names only when they are whole, so the same run goes on where it
//! was interrupted.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;
use uranometria_fits::fs::{Durability, write as publish};

use super::plan::Sector;
use crate::Error;

/// The file that says what run a folder belongs to.
pub const MARKER: &str = "simulation.txt";

/// How far writing has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    /// Frames written or found.
    pub frames: usize,
    /// Frames altogether.
    pub of: usize,
    /// Bytes of frames written or found.
    pub bytes: u64,
}

/// What was written where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The frames in the order of [`Sector::files`].
    pub frames: Vec<PathBuf>,
    /// How many of them were there already.
    pub kept: usize,
    /// Bytes of all frames.
    pub bytes: u64,
    /// The table of sources ([`super::Truth::to_csv`]).
    pub truth: PathBuf,
    /// The table of targets ([`super::Truth::targets_csv`]).
    pub targets: PathBuf,
    /// The tracks of the movers ([`super::Track::to_csv`]).
    pub tracks: Vec<PathBuf>,
}

/// Writes all frames of a sector and its truth into a folder, made if missing, on the threads of rayon's pool.
///
/// A frame that this same run left there, whole, is kept. `progress` is called after each frame, one call at a time.
/// Memory: about 2.3 times a frame for each thread.
///
/// # Errors
/// [`Error::OtherRun`] where the folder holds another run, [`Error::Occupied`] where it holds files of the same names
/// that no run made; [`Error::Io`]; [`Error::Fits`] where a frame cannot be written, for example because another process
/// is writing it.
pub fn write(sector: &Sector, dir: &Path, progress: &(dyn Fn(Done) + Sync)) -> Result<Written, Error> {
    write_until(sector, dir, progress, &AtomicBool::new(false))
}

/// Does what [`write()`] does, and leaves off soon after `stop` has become true.
///
/// # Errors
/// As [`write()`], and [`Error::Interrupted`]; the same call goes on from there.
pub fn write_until(
    sector: &Sector,
    dir: &Path,
    progress: &(dyn Fn(Done) + Sync),
    stop: &AtomicBool,
) -> Result<Written, Error> {
    let io = |action, path: &Path| {
        let path = path.to_path_buf();
        move |source| Error::Io { path, action, source }
    };
    std::fs::create_dir_all(dir).map_err(io("make the folder", dir))?;
    claim(sector, dir)?;

    let text = |name: String, text: String| -> Result<PathBuf, Error> {
        let path = dir.join(name);
        publish(&path, text.as_bytes(), Durability::Process)?;
        Ok(path)
    };
    let truth = text("truth.csv".into(), sector.truth().to_csv())?;
    let targets = text("targets.csv".into(), sector.truth().targets_csv())?;
    let tracks = sector.truth().tracks.iter().enumerate();
    let tracks = tracks.map(|(n, track)| text(format!("track-{}.csv", n + 1), track.to_csv()));
    let tracks = tracks.collect::<Result<Vec<PathBuf>, Error>>()?;

    let files = sector.files();
    let state = Mutex::new((Done { frames: 0, of: files.len(), bytes: 0 }, 0));
    files.par_iter().try_for_each(|file| -> Result<(), Error> {
        if stop.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        let path = dir.join(&file.name);
        let there = std::fs::metadata(&path).is_ok_and(|meta| meta.is_file() && meta.len() == file.len);
        if !there {
            let frame = sector.frame(file.frame)?;
            publish(&path, &frame.bytes, Durability::Process)?;
        }
        // Nobody panics while holding the lock but `progress`, which then ends the run.
        let mut state = state.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        state.0.frames += 1;
        state.0.bytes += file.len;
        state.1 += usize::from(there);
        progress(state.0);
        Ok(())
    })?;
    let (done, kept) = state.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    Ok(Written {
        frames: files.iter().map(|file| dir.join(&file.name)).collect(),
        kept,
        bytes: done.bytes,
        truth,
        targets,
        tracks,
    })
}

/// Marks the folder as this run's, or finds it so.
fn claim(sector: &Sector, dir: &Path) -> Result<(), Error> {
    let path = dir.join(MARKER);
    let ours = sector.fingerprint();
    match std::fs::read_to_string(&path) {
        Ok(theirs) if theirs == ours => Ok(()),
        Ok(theirs) => Err(Error::OtherRun { dir: dir.to_path_buf(), differs: difference(&theirs, &ours) }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let tracks = (1..=sector.truth().tracks.len()).map(|n| format!("track-{n}.csv"));
            let frames = sector.files().into_iter().map(|file| file.name);
            let mut names =
                ["truth.csv".to_string(), "targets.csv".to_string()].into_iter().chain(tracks).chain(frames);
            if let Some(name) = names.find(|name| dir.join(name).exists()) {
                return Err(Error::Occupied { path: dir.join(name) });
            }
            Ok(publish(&path, ours.as_bytes(), Durability::Process)?)
        }
        Err(source) => Err(Error::Io { path, action: "read it", source }),
    }
}

/// The first field in which two fingerprints differ.
fn difference(theirs: &str, ours: &str) -> String {
    let fields = |text: &str| -> Vec<String> {
        text.split(['\n', '{']).flat_map(|line| line.split(", ").map(str::to_string)).collect()
    };
    let (theirs, ours) = (fields(theirs), fields(ours));
    let differing = theirs.iter().zip(&ours).find(|(a, b)| a != b);
    differing.map_or("another layout".into(), |(a, b)| format!("`{}` there, `{}` here", a.trim(), b.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BadFrames, SectorOptions, Stars};

    fn small(seed: u64) -> Sector {
        let bad = BadFrames { duplicated: vec![1], missing: vec![2], ..BadFrames::default() };
        let options = SectorOptions {
            columns: 40,
            rows: 30,
            column0: 500,
            row0: 500,
            frames: 5,
            seed,
            bad,
            ..SectorOptions::default()
        };
        Sector::new(options, &Stars::embedded()).unwrap()
    }

    #[test]
    fn an_interrupted_run_goes_on_and_ends_with_the_same_files() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("new");
        let seen = Mutex::new(Vec::new());
        let first = write(&small(1), &dir, &|done| seen.lock().unwrap().push(done)).unwrap();
        assert_eq!((first.frames.len(), first.kept, first.tracks.len()), (5, 0, 2));
        assert_eq!(
            seen.into_inner().unwrap().last().unwrap(),
            &Done { frames: 5, of: 5, bytes: first.bytes }
        );
        let bytes: Vec<Vec<u8>> = first.frames.iter().map(|path| std::fs::read(path).unwrap()).collect();
        assert_eq!(bytes[1], bytes[2]);

        std::fs::remove_file(&first.frames[0]).unwrap();
        std::fs::write(&first.frames[3], b"half").unwrap();
        let second = write(&small(1), &dir, &|_| ()).unwrap();
        assert_eq!(second.kept, 3);
        for (path, bytes) in second.frames.iter().zip(&bytes) {
            assert_eq!(&std::fs::read(path).unwrap(), bytes);
        }
        let hidden = std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name());
        assert!(hidden.into_iter().all(|name| !name.to_string_lossy().starts_with('.')));
    }

    #[test]
    fn a_folder_of_another_run_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        write(&small(1), folder.path(), &|_| ()).unwrap();
        let error = write(&small(2), folder.path(), &|_| ()).unwrap_err().to_string();
        assert!(error.contains("(`seed: 1` there, `seed: 2` here)"), "{error}");
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, b"").unwrap();
        let error = write(&small(1), &file, &|_| ()).unwrap_err();
        assert!(matches!(&error, Error::Io { path, .. } if *path == file), "{error}");
    }
    #[test]
    fn files_of_others_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let mine = folder.path().join("targets.csv");
        std::fs::write(&mine, "ra,dec,mag\n").unwrap();
        let error = write(&small(1), folder.path(), &|_| ()).unwrap_err();
        assert!(matches!(&error, Error::Occupied { path } if *path == mine), "{error}");
        assert_eq!(std::fs::read_to_string(&mine).unwrap(), "ra,dec,mag\n");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_run_that_was_stopped_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let stop = AtomicBool::new(false);
        let progress = |_| stop.store(true, Ordering::Relaxed);
        let stopped = write_until(&small(1), folder.path(), &progress, &stop);
        assert!(matches!(stopped, Err(Error::Interrupted)));
        let kept = write(&small(1), folder.path(), &|_| ()).unwrap().kept;
        assert!((1..small(1).files().len()).contains(&kept), "{kept}");
    }
}
