//! The files of a catalogue beside its partitions.
//!
//! `hats.properties` (and `properties`, its name in HiPS), `partition_info.csv`, `dataset/_metadata` with the row
//! groups of all partitions, `dataset/_common_metadata` with the columns alone, and `point_map.fits` (also as
//! `skymap.fits`), rows a cell as a HEALPix map; margins have no map.

use std::fs;
use std::path::Path;

use parquet::file::metadata::{FileMetaData, ParquetMetaData, ParquetMetaDataWriter, RowGroupMetaData};
use uranometria_fits::checksum::sealed_hdu;
use uranometria_fits::fs::{Durability, part_path, write as write_file};

use uranometria_fits::{ColumnSpec, Header, table_header};
use uranometria_sky::Angle;
use uranometria_sky::healpix::MAX_DEPTH;

use super::chunks::Chunks;
use super::decoder;
use super::sync_folder;
use crate::plan::Counts;
use crate::{CELL_COLUMN, Error, Pixel, Properties};

/// The depth of the map of rows: cells of 14 arcminutes.
const MAP_DEPTH: u8 = 8;

/// What a catalogue is.
#[derive(Clone, Copy)]
pub(super) enum Role<'a> {
    /// One of its own.
    Main {
        /// What it said about itself before.
        known: &'a Properties,
        /// Its rows over the sky.
        counts: &'a Counts,
    },
    /// The rows near the partitions of another one.
    Margin {
        /// The folder of the other.
        of: &'a str,
        /// How near.
        width: Angle,
    },
}

/// What a catalogue says about itself.
pub(super) struct About<'a> {
    pub(super) name: String,
    pub(super) role: Role<'a>,
    pub(super) ra: String,
    pub(super) dec: String,
    pub(super) epoch: Option<f64>,
    pub(super) date: String,
    pub(super) rows: u64,
    pub(super) rows_per_partition: u64,
}

impl About<'_> {
    fn properties(&self, orders: &[u8], bytes: u64) -> Properties {
        let mut properties = match self.role {
            Role::Main { known, .. } => known.clone(),
            Role::Margin { .. } => Properties::new(),
        };
        properties.set("obs_collection", &self.name);
        match self.role {
            Role::Main { known, counts } => {
                properties.set("dataproduct_type", known.get("dataproduct_type").unwrap_or("object"));
                let covered = counts.rows.iter().filter(|&&rows| rows > 0).count();
                let fraction = covered as f64 / counts.rows.len() as f64;
                properties.set("moc_sky_fraction", format!("{fraction:.5}"));
                properties.set("hats_skymap_order", MAP_DEPTH);
            }
            Role::Margin { of, width } => {
                properties.set("dataproduct_type", "margin");
                properties.set("hats_primary_table_url", of);
                properties.set("hats_margin_threshold", width.arcsec());
            }
        }
        properties.set("hats_nrows", self.rows);
        properties.set("hats_col_ra", &self.ra);
        properties.set("hats_col_dec", &self.dec);
        properties.set("hats_col_healpix", CELL_COLUMN);
        properties.set("hats_col_healpix_order", MAX_DEPTH);
        properties.set("hats_npix_suffix", ".parquet");
        properties.set("hats_max_rows", self.rows_per_partition);
        properties.set("hats_order", orders.iter().max().copied().unwrap_or(0));
        properties.set("hats_builder", format!("uranometria {}", env!("CARGO_PKG_VERSION")));
        properties.set("hats_creation_date", &self.date);
        properties.set("hats_estsize", bytes.div_ceil(1024));
        properties.set("hats_release_date", "2024-09-18");
        properties.set("hats_version", "v1.0");
        if let Some(epoch) = self.epoch {
            properties.set(EPOCH, epoch);
        }
        properties
    }
}

/// The epoch of the positions, Julian years: ours, unknown to others.
pub(super) const EPOCH: &str = "ur_epoch";

/// Errs where a catalogue would replace something else.
pub(super) fn may_replace(out: &Path) -> Result<(), Error> {
    let free = match fs::read_dir(out) {
        Ok(mut entries) => entries.next().is_none() || is_catalog(out),
        Err(_) => !out.exists(),
    };
    if free { Ok(()) } else { Err(Error::Occupied.in_file(out)) }
}

/// Whether a folder has the files of a catalogue or of a collection of them.
pub(super) fn is_catalog(folder: &Path) -> bool {
    let has = |name: &str| folder.join(name).exists();
    // Other things have a file `properties` too.
    has("hats.properties") || has("collection.properties") || (has("properties") && has("partition_info.csv"))
}

/// Rows of a parquet file that is whole.
pub(super) fn rows(path: &Path) -> Option<u64> {
    let chunks = Chunks::open(path).ok()?;
    let metadata = decoder::footer(&chunks, Default::default()).ok()?;
    u64::try_from(metadata.metadata().file_metadata().num_rows()).ok()
}

/// Writes all files but the partitions, whose rows are proved; returns the bytes of the partitions.
pub(super) fn write(part: &Path, partitions: &[(Pixel, u64)], about: &About<'_>) -> Result<u64, Error> {
    let dataset = part.join("dataset");
    let (mut bytes, mut rows) = (0, 0);
    let mut common: Option<FileMetaData> = None;
    let mut groups: Vec<RowGroupMetaData> = Vec::new();
    for (pixel, expected) in partitions {
        let name = pixel.file(".parquet");
        let path = dataset.join(&name);
        let mut read = || {
            let chunks = Chunks::open(&path).map_err(|source| Error::io("open it", source))?;
            bytes += parquet::file::reader::Length::len(&chunks);
            let metadata = decoder::footer(&chunks, Default::default())?;
            let metadata = metadata.metadata();
            let found = metadata.file_metadata().num_rows() as u64;
            if found != *expected {
                return Err(Error::RowCount { found, expected: *expected });
            }
            rows += found;
            for group in metadata.row_groups() {
                groups.push(with_path(group, &name).map_err(Error::parquet("gather its row groups"))?);
            }
            common.get_or_insert_with(|| metadata.file_metadata().clone());
            Ok(())
        };
        read().map_err(|error: Error| error.in_file(&path))?;
    }
    let common = common.ok_or(Error::NoRows)?;
    if rows != about.rows {
        return Err(Error::RowCount { found: rows, expected: about.rows }.in_file(part));
    }
    write_footer(&dataset.join("_common_metadata"), &common, 0, Vec::new())?;
    write_footer(&dataset.join("_metadata"), &common, rows, groups)?;

    let mut list = String::from("Norder,Npix\n");
    for (pixel, _) in partitions {
        list.push_str(&format!("{},{}\n", pixel.order, pixel.number));
    }
    write_file(part.join("partition_info.csv"), list.as_bytes(), Durability::Disk)?;
    if let Role::Main { counts, .. } = about.role {
        let map = map(MAP_DEPTH, &counts.degraded(MAP_DEPTH).rows);
        for name in ["point_map.fits", "skymap.fits"] {
            write_file(part.join(name), &map, Durability::Disk)?;
        }
    }
    let orders: Vec<u8> = partitions.iter().map(|(pixel, _)| pixel.order).collect();
    let properties = about.properties(&orders, bytes).to_text();
    for name in ["properties", "hats.properties"] {
        write_file(part.join(name), properties.as_bytes(), Durability::Disk)?;
    }
    Ok(bytes)
}

fn with_path(group: &RowGroupMetaData, name: &str) -> parquet::errors::Result<RowGroupMetaData> {
    let columns = group.columns().iter().map(|column| {
        let column = column.clone().into_builder().set_file_path(name.to_string());
        // Those are places in the partition, whose own footer has them.
        column
            .set_column_index_offset(None)
            .set_column_index_length(None)
            .set_offset_index_offset(None)
            .set_offset_index_length(None)
            .build()
    });
    let columns: parquet::errors::Result<Vec<_>> = columns.collect();
    group.clone().into_builder().set_column_metadata(columns?).build()
}

fn write_footer(
    path: &Path,
    common: &FileMetaData,
    rows: u64,
    groups: Vec<RowGroupMetaData>,
) -> Result<(), Error> {
    let file = FileMetaData::new(
        common.version(),
        rows as i64,
        common.created_by().map(str::to_string),
        common.key_value_metadata().cloned(),
        common.schema_descr_ptr(),
        common.column_orders().cloned(),
    );
    let mut bytes = b"PAR1".to_vec();
    let metadata = ParquetMetaData::new(file, groups);
    let mut footer = Vec::new();
    ParquetMetaDataWriter::new(&mut footer, &metadata)
        .finish()
        .map_err(Error::parquet("write it"))
        .map_err(|error| error.in_file(path))?;
    bytes.extend(footer);
    Ok(write_file(path, &bytes, Durability::Disk)?)
}

/// A HEALPix map as FITS: nested, all cells, rows a cell.
pub(super) fn map(depth: u8, rows: &[u32]) -> Vec<u8> {
    let column = ColumnSpec { comment: "rows in the cell".into(), ..ColumnSpec::new("COUNT", "1J") };
    let mut header = table_header(&[column], 4, rows.len(), |_, _| {});
    header.set("PIXTYPE", "HEALPIX", "HEALPix pixels");
    header.set("ORDERING", "NESTED", "order of the pixels");
    header.set("COORDSYS", "C", "ICRS");
    header.set("ORDER", i64::from(depth), "depth of the cells");
    header.set("NSIDE", 1_i64 << depth, "2^ORDER");
    header.set("FIRSTPIX", 0, "the first cell");
    header.set("LASTPIX", rows.len() - 1, "the last cell");
    header.set("INDXSCHM", "IMPLICIT", "a row a cell, all of them");
    header.set("OBJECT", "FULLSKY", "all cells are here");
    let most = |rows: &u32| (*rows).min(i32::MAX as u32).to_be_bytes();
    let data: Vec<u8> = rows.iter().flat_map(most).collect();
    let mut bytes = sealed_hdu(Header::primary(), &[]);
    bytes.extend(sealed_hdu(header, &data));
    bytes
}

/// Gives a finished folder its name, replacing an older one in one step.
///
/// File systems of networks may not exchange two names at once; there the old one is set aside first, and gets its name
/// again by [`set_right`] where the program ends between the two steps.
pub(super) fn publish_folder(part: &Path, out: &Path) -> Result<(), Error> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;
    sync_tree(part)?;
    let parent = out.parent().unwrap_or(Path::new(""));
    let name = |source: std::io::Error| Error::io("give it its name", source).in_file(out);
    let remove =
        |old: &Path| fs::remove_dir_all(old).map_err(|source| Error::io("remove it", source).in_file(old));
    if out.exists() {
        match renameat_with(CWD, part, CWD, out, RenameFlags::EXCHANGE) {
            Ok(()) => {
                sync_folder(parent)?;
                // What has the hidden name now is the old catalogue.
                return remove(part);
            }
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {}
            Err(errno) => return Err(name(errno.into())),
        }
        let old = part_path(out, "old");
        fs::rename(out, &old)
            .map_err(|source| Error::io("set the old one aside as it", source).in_file(&old))?;
        if let Err(source) = fs::rename(part, out) {
            fs::rename(&old, out).map_err(name)?;
            return Err(name(source));
        }
        sync_folder(parent)?;
        return remove_whole(&old, out);
    }
    fs::rename(part, out).map_err(name)?;
    sync_folder(parent)
}

/// Whether a catalogue was set aside and the program ended before the new one was whole or the old one removed.
pub(super) fn is_set_aside(out: &Path) -> bool {
    is_catalog(&part_path(out, "old")) || part_path(out, "gone").exists()
}

/// Gives a catalogue that was set aside its name again, or removes it where a new one has that.
pub(super) fn set_right(out: &Path) -> Result<(), Error> {
    let old = part_path(out, "old");
    match (is_catalog(&old), is_catalog(out)) {
        (true, true) => remove_whole(&old, out),
        (true, false) => {
            fs::rename(&old, out).map_err(|source| Error::io("give it its name again", source).in_file(&old))
        }
        // What a program that ended has left of one that it removed.
        (false, _) => remove_whole(&part_path(out, "gone"), out),
    }
}

/// Removes a folder under another name, so that no half of it is ever taken for a whole one.
fn remove_whole(folder: &Path, out: &Path) -> Result<(), Error> {
    let gone = part_path(out, "gone");
    let failed = |source| Error::io("remove it", source).in_file(&gone);
    for folder in [&gone, folder] {
        if folder.exists() {
            fs::rename(folder, &gone).and_then(|()| fs::remove_dir_all(&gone)).map_err(failed)?;
        }
    }
    Ok(())
}

fn sync_tree(folder: &Path) -> Result<(), Error> {
    let entries = fs::read_dir(folder).map_err(|source| Error::io("read it", source).in_file(folder))?;
    for entry in entries.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            sync_tree(&entry.path())?;
        }
    }
    sync_folder(folder)
}
