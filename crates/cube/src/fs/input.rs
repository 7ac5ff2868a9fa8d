//! Where the pixels of a cube come from: an older cube, frames, or both.

use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use uranometria_fits::fs::OpenFile;
use uranometria_fits::{self as fits, Source};

use crate::transpose::{GROUP, Word, scatter};
use crate::{Cube, Error, Frame};

/// Frames in order of time, behind the frames of an older cube where there is one.
pub(super) struct Input {
    pub(super) base: Option<Cube<OpenFile>>,
    frames: Vec<FrameFile>,
    planes: usize,
}

struct FrameFile {
    path: PathBuf,
    starts: Vec<u64>,
    /// Kept open where the system allows as many files as there are frames.
    file: Option<OpenFile>,
}

/// The buffers of one thread.
#[derive(Default)]
pub(super) struct Buffers {
    lanes: Vec<Word>,
    old: Vec<u8>,
}

impl Input {
    /// `pixels[n]` is the file that the pixels of frame `n` are read from.
    pub(super) fn new(
        base: Option<Cube<OpenFile>>,
        frames: &[Frame],
        pixels: &[PathBuf],
        planes: usize,
    ) -> Result<Self, Error> {
        let wanted = frames.len() as u64 + 64;
        let keep_open = rlimit::increase_nofile_limit(wanted).is_ok_and(|limit| limit >= wanted);
        let frames = frames
            .iter()
            .zip(pixels)
            .map(|(frame, path)| {
                let path = path.clone();
                let file = if keep_open { Some(OpenFile::open(&path)?) } else { None };
                Ok(FrameFile { path, starts: frame.plane_starts.clone(), file })
            })
            .collect::<Result<_, Error>>()?;
        Ok(Input { base, frames, planes })
    }

    /// Bytes of an older cube's series, which a block needs beside its own.
    pub(super) fn old_series_len(&self) -> usize {
        self.base.as_ref().map_or(0, |cube| cube.layout().series_len())
    }

    /// Bytes that decide whether the input is still the same: names, sizes and times of change of all files.
    pub(super) fn identity(&self) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        let base = self.base.iter().filter_map(|cube| cube.path().map(|path| path.to_path_buf()));
        for path in base.chain(self.frames.iter().map(|frame| frame.path.clone())) {
            let meta = std::fs::metadata(&path).map_err(|e| fits::Error::io("open it", e).in_file(&path))?;
            bytes.extend_from_slice(path.file_name().unwrap_or_default().as_encoded_bytes());
            bytes.extend_from_slice(&meta.len().to_le_bytes());
            bytes.extend_from_slice(&meta.mtime().to_le_bytes());
            bytes.extend_from_slice(&meta.mtime_nsec().to_le_bytes());
        }
        Ok(bytes)
    }

    /// Fills `series` with the series of `pixels`, counted along the rows of the chip: `[pixel][time][plane]`.
    pub(super) fn fill(
        &self,
        pixels: Range<usize>,
        series: &mut [Word],
        buffers: &mut Buffers,
    ) -> Result<(), Error> {
        let count = pixels.len();
        let stride = series.len() / count.max(1);
        let mut at = 0;
        if let Some(cube) = &self.base {
            let old = cube.layout().series_len();
            buffers.old.resize(count * old, 0);
            let offset = cube.hdus()[1].data_start + (pixels.start * old) as u64;
            cube.source().read_at(offset, &mut buffers.old).map_err(|source| {
                let error = fits::Error::io(format!("read {} bytes at byte {offset}", count * old), source);
                error.in_file(cube.path().unwrap_or(Path::new("the older cube")))
            })?;
            let words = buffers.old.as_chunks::<4>().0;
            for (new, old) in series.chunks_exact_mut(stride).zip(words.chunks_exact(old / 4)) {
                new[..old.len()].copy_from_slice(old);
            }
            at = old / 4;
        }
        buffers.lanes.resize(GROUP * count, [0; 4]);
        let frames_a_group = GROUP / self.planes;
        for group in self.frames.chunks(frames_a_group) {
            let lanes = group.len() * self.planes;
            let mut free = buffers.lanes.chunks_exact_mut(count.max(1));
            for frame in group {
                for start in &frame.starts {
                    if let Some(lane) = free.next() {
                        frame.read(start + pixels.start as u64 * 4, lane.as_flattened_mut())?;
                    }
                }
            }
            let filled: Vec<&[Word]> = buffers.lanes.chunks_exact(count.max(1)).take(lanes).collect();
            scatter(&filled, series, stride, at);
            at += lanes;
        }
        Ok(())
    }
}

impl FrameFile {
    fn read(&self, offset: u64, into: &mut [u8]) -> Result<(), Error> {
        let len = into.len();
        let read = |file: &OpenFile, into: &mut [u8]| {
            file.read_at(offset, into).map_err(|source| {
                fits::Error::io(format!("read {len} bytes at byte {offset}"), source).in_file(&self.path)
            })
        };
        match &self.file {
            Some(file) => read(file, into)?,
            None => read(&OpenFile::open(&self.path)?, into)?,
        }
        Ok(())
    }
}
