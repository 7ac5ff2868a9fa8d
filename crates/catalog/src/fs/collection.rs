//! Collections: a catalogue with its margins in one folder.
//!
//! HATS, section "Collections": `collection.properties` names the main catalogue, `hats_primary_table_url`, and the
//! margins, `all_margins`, as folders beside it.

use std::io;
use std::path::{Path, PathBuf};

use uranometria_fits::fs::{Durability, write as write_file};
use uranometria_sky::Angle;

use super::storage;
use crate::{Error, Properties};

/// The width of margins that were asked for, arcseconds: ours, unknown to others. A margin without rows is not there.
const MARGIN: &str = "ur_margin_arcsec";

/// The folders of a collection.
pub(super) struct Collection {
    pub(super) main: PathBuf,
    pub(super) margins: Vec<PathBuf>,
    /// How wide its margins are, where that is known without opening them.
    pub(super) width: Option<Angle>,
    /// Names of what is neither catalogue nor margin.
    pub(super) others: Option<String>,
}

impl Collection {
    /// Reads what a folder says, if it is that of a collection.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, Error> {
        let text = match storage::read_to_string(&path.join("collection.properties")) {
            Ok(text) => text,
            // Of a folder other files will tell what is wrong; a server that does not answer is not asked again.
            // Where folders cannot be listed, S3 refuses what is not there.
            Err(source)
                if storage::is_url(path)
                    && !matches!(
                        source.kind(),
                        io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied
                    ) =>
            {
                return Err(Error::io("open it", source).in_file(path));
            }
            Err(_) => return Ok(None),
        };
        let properties = Properties::parse(&text);
        let main = properties.wanted("hats_primary_table_url").map_err(|error| error.in_file(path))?;
        let margins = properties.get("all_margins").unwrap_or("").split([' ', ',', ';']);
        // Nobody elsewhere says what is read here.
        let leads_away = |name: &&str| name.starts_with('/') || name.contains("..") || name.contains("://");
        if storage::is_url(path)
            && let Some(found) = [main].into_iter().chain(margins.clone()).find(leads_away)
        {
            let (key, wanted) = ("collection.properties", "names of folders in it");
            return Err(Error::Property { key, found: found.to_string(), wanted }.in_file(path));
        }
        let width = properties.get(MARGIN).and_then(|text| text.parse().ok()).map(Angle::from_arcsec);
        let others = ["all_indexes", "all_extensions"].iter().filter_map(|key| properties.get(key));
        Ok(Some(Collection {
            main: path.join(main),
            margins: margins.filter(|name| !name.is_empty()).map(|name| path.join(name)).collect(),
            width,
            others: others.filter(|names| !names.is_empty()).map(str::to_string).next(),
        }))
    }
}

/// A name that can be that of a folder in a list divided by blanks.
pub(super) fn folder_name(name: &str) -> String {
    let fit = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' };
    let fit: String = name.chars().map(fit).collect();
    // Names of one dot or two are other folders.
    if fit.trim_matches('.').is_empty() { "catalogue".to_string() } else { fit }
}

/// Writes the properties of a collection whose catalogue is `main`, with the margin `margin` if it has rows.
pub(super) fn write(
    folder: &Path,
    name: &str,
    main: &str,
    margin: Option<&str>,
    width: Angle,
) -> Result<(), Error> {
    let mut properties = Properties::new();
    properties.set("obs_collection", name);
    properties.set("hats_primary_table_url", main);
    if let Some(margin) = margin {
        properties.set("all_margins", margin);
        properties.set("default_margin", margin);
    }
    properties.set(MARGIN, width.arcsec());
    let text = properties.to_text();
    Ok(write_file(folder.join("collection.properties"), text.as_bytes(), Durability::Disk)?)
}
