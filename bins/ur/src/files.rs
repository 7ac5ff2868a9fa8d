//! Files on the command line: inputs once each; what outputs may be called, and what they may not replace.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use uranometria_fits::fs::OpenFile;
use uranometria_fits::{Hdu, read_hdus};

/// What a file is, as far as only its like may replace it: a name that was mistyped does not cost a cube.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    TargetPixelFile,
    ImageCutout,
    LightCurve,
    SkyMap,
    Moc,
    Rows,
    Parquet,
    Text,
    Png,
}

impl Kind {
    /// The kind of tables and pictures by the ending of their files; FITS has several kinds.
    pub(crate) fn by_ending(ending: &str) -> Self {
        match ending {
            "parquet" => Kind::Parquet,
            "png" => Kind::Png,
            _ => Kind::Text,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Kind::TargetPixelFile => "target pixel file",
            Kind::ImageCutout => "image cutout",
            Kind::LightCurve => "light curve",
            Kind::SkyMap => "HEALPix map",
            Kind::Moc => "MOC",
            Kind::Rows => "table of rows",
            Kind::Parquet => "parquet file",
            Kind::Text => "text",
            Kind::Png => "PNG picture",
        }
    }

    /// Whether a file that begins with these bytes is of this kind.
    fn is(self, path: &Path, start: &[u8]) -> bool {
        const PARQUET: &[u8] = b"PAR1";
        const PNG: &[u8] = b"\x89PNG";
        const FITS: &[u8] = b"SIMPLE  =";
        const GZIP: &[u8] = &[0x1f, 0x8b];
        const ZONE_MAP: &[u8] = b"urzonmap";
        match self {
            Kind::Parquet => start.starts_with(PARQUET),
            Kind::Png => start.starts_with(PNG),
            Kind::Text => ![PARQUET, PNG, FITS, GZIP, ZONE_MAP].iter().any(|other| start.starts_with(other)),
            Kind::TargetPixelFile
            | Kind::ImageCutout
            | Kind::LightCurve
            | Kind::SkyMap
            | Kind::Moc
            | Kind::Rows => {
                let hdus = OpenFile::open(path).and_then(|file| read_hdus(&file));
                hdus.is_ok_and(|hdus| kind_of_fits(&hdus) == Some(self))
            }
        }
    }
}

fn kind_of_fits(hdus: &[Hdu]) -> Option<Kind> {
    let header = &hdus.get(1)?.header;
    if header.text("PIXTYPE") == Some("HEALPIX") {
        return Some(Kind::SkyMap);
    }
    // Of MOC 2.0 and of MOC 1.1.
    if header.get("MOCVERS").is_some() || header.get("MOCORDER").is_some() {
        return Some(Kind::Moc);
    }
    match (header.text("XTENSION")?, header.text("EXTNAME")?) {
        ("BINTABLE", "PIXELS" | "TARGETTABLES") => Some(Kind::TargetPixelFile),
        ("BINTABLE", "LIGHTCURVE") => Some(Kind::LightCurve),
        ("BINTABLE", uranometria_rows::fs::EXTNAME) => Some(Kind::Rows),
        ("IMAGE", "FLUX") => Some(Kind::ImageCutout),
        _ => None,
    }
}

/// Refuses to replace a file of another kind.
pub(crate) fn refuse_other_kind(output: &Path, kind: Kind) -> Result<(), String> {
    let mut start = Vec::new();
    // Where nothing is there or it cannot be read, writing tells.
    let Ok(file) = File::open(output) else { return Ok(()) };
    if !file.metadata().is_ok_and(|meta| meta.is_file()) || file.take(9).read_to_end(&mut start).is_err() {
        return Ok(());
    }
    if start.is_empty() || kind.is(output, &start) {
        return Ok(());
    }
    let (output, name) = (output.display(), kind.name());
    Err(format!("{output} is there already and is no {name}; give another name, or remove that file"))
}

/// What a file is whatever it is called: device and inode; `None` where there is none.
fn identity(path: &PathBuf) -> Option<(u64, u64)> {
    std::fs::metadata(path).ok().map(|meta| (meta.dev(), meta.ino()))
}

/// Errs where a file was given twice: each of its rows would be.
pub(crate) fn refuse_twice(inputs: &[PathBuf]) -> Result<(), String> {
    let mut seen = HashSet::new();
    let again = |path: &&PathBuf| identity(path).is_some_and(|file| !seen.insert(file));
    match inputs.iter().find(again) {
        Some(path) => Err(format!("{} was given twice; name each file once", path.display())),
        None => Ok(()),
    }
}

/// Refuses outputs that are inputs.
pub(crate) fn refuse_inputs(outputs: &[&PathBuf], inputs: &[PathBuf]) -> Result<(), String> {
    // There may be as many outputs as there are targets.
    let inputs: HashSet<(u64, u64)> = inputs.iter().filter_map(identity).collect();
    for output in outputs {
        if identity(output).is_some_and(|there| inputs.contains(&there)) {
            return Err(format!("{} is an input and would be replaced; give another name", output.display()));
        }
    }
    Ok(())
}

/// Errs where the folder of an output is not there, before hours are spent on what would go into it.
pub(crate) fn need_folder(output: &Path) -> Result<(), String> {
    match output.parent() {
        Some(folder) if folder != Path::new("") && !folder.is_dir() => {
            Err(format!("{}: folder {} is not there; make it first", output.display(), folder.display()))
        }
        _ => Ok(()),
    }
}

/// The ending of a path in lower case.
pub(crate) fn ending_of(path: &Path) -> String {
    path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase()
}

/// The ending of an output, in lower case, where it is one of those known.
pub(crate) fn ending(output: &Path, known: &[&str]) -> Result<String, String> {
    let ending = ending_of(output);
    if known.contains(&ending.as_str()) {
        return Ok(ending);
    }
    let (last, others) = known.split_last().unwrap_or((&"", &[]));
    let mut wanted = others.iter().map(|ending| format!(".{ending}")).collect::<Vec<_>>().join(", ");
    if !others.is_empty() {
        wanted.push_str(" or ");
    }
    Err(format!("{}: ending {ending:?} is not known, expected {wanted}.{last}", output.display()))
}
