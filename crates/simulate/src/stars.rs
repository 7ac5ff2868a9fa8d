//! Stars that a simulation puts on the sky.
//!
//! Positions are ICRS degrees at J2016.0, Gaia's epoch; magnitudes are used as TESS magnitudes whatever their band.

use std::io::Read;

use crate::Error;

/// One star.
#[derive(Clone, Debug, PartialEq)]
pub struct Star {
    /// Its name in the truth; any text.
    pub id: String,
    /// Right ascension, ICRS degrees at J2016.0.
    pub ra_deg: f64,
    /// Declination, ICRS degrees at J2016.0.
    pub dec_deg: f64,
    /// Magnitude, taken as the TESS magnitude.
    pub mag: f64,
    /// Proper motion in right ascension times cos(dec), mas a year.
    pub pmra_mas_per_year: f64,
    /// Proper motion in declination, mas a year.
    pub pmdec_mas_per_year: f64,
}

/// A list of stars.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stars {
    stars: Vec<Star>,
}

/// 4,610 stars of Gaia DR3 on four chips of sector 1 (data/README.md).
static EMBEDDED: &str = include_str!("../data/stars.csv");

/// The names under which a column is known, the usual one first.
const RA: &[&str] = &["ra"];
const DEC: &[&str] = &["dec"];
const MAG: &[&str] = &["mag", "phot_g_mean_mag"];
const PMRA: &[&str] = &["pmra"];
const PMDEC: &[&str] = &["pmdec"];
const ID: &[&str] = &["source_id", "id"];

impl Stars {
    /// The real stars that come with the crate: Gaia DR3, G < 10, on camera and CCD 1/1, 2/2, 3/3 and 4/2 of
    /// sector 1. Credit: ESA/Gaia/DPAC, CC BY-SA 3.0 IGO. They carry no proper motions.
    pub fn embedded() -> Self {
        Self::read_csv(EMBEDDED.as_bytes()).expect("the embedded table is read by a test")
    }

    /// No stars, for a sky of synthetic ones only.
    pub fn none() -> Self {
        Self::default()
    }

    /// Makes a list of given stars.
    pub fn new(stars: Vec<Star>) -> Self {
        Stars { stars }
    }

    /// Reads a CSV table with a header.
    ///
    /// Columns, in any order and case: `ra` and `dec` (ICRS degrees at J2016.0), `mag` or `phot_g_mean_mag`;
    /// optionally `pmra` and `pmdec` (mas a year, an empty cell is 0) and `source_id` or `id` (else stars are named
    /// by their row, `row-1` first). Other columns are ignored, and so are lines that begin with `#`.
    ///
    /// # Errors
    /// [`Error::NoColumn`], [`Error::BadCell`] with line and column, [`Error::NoRows`], [`Error::Csv`].
    ///
    /// ```
    /// use uranometria_simulate::Stars;
    ///
    /// let stars = Stars::read_csv("ra,dec,mag\n84.2912,-80.4691,5.65\n".as_bytes())?;
    /// assert_eq!(stars.as_slice()[0].dec_deg, -80.4691);
    /// let error = Stars::read_csv("ra,decl,mag\n".as_bytes()).unwrap_err();
    /// assert_eq!(error.to_string(), "column `dec` is not in the table; did you mean `decl`?");
    /// # Ok::<(), uranometria_simulate::Error>(())
    /// ```
    pub fn read_csv(reader: impl Read) -> Result<Self, Error> {
        let mut csv = csv::ReaderBuilder::new().comment(Some(b'#')).trim(csv::Trim::All).from_reader(reader);
        let headers = csv.headers()?.clone();
        if headers.iter().all(str::is_empty) {
            return Err(Error::NoRows);
        }
        let column = |names: &[&str]| {
            let is = |header: &str| names.iter().any(|name| header.eq_ignore_ascii_case(name));
            headers.iter().position(is)
        };
        let needed = |names: &[&str]| column(names).ok_or_else(|| no_column(names, &headers));
        let (ra, dec, mag) = (needed(RA)?, needed(DEC)?, needed(MAG)?);
        let (pmra, pmdec, id) = (column(PMRA), column(PMDEC), column(ID));

        let mut stars = Vec::new();
        let mut record = csv::StringRecord::new();
        while csv.read_record(&mut record)? {
            let line = record.position().map_or(0, csv::Position::line);
            let number = |column: usize, low: f64, high: f64, wanted| {
                let text = &record[column];
                match text.parse::<f64>() {
                    Ok(number) if (low..=high).contains(&number) => Ok(number),
                    _ => {
                        let (column, found) = (headers[column].to_string(), text.to_string());
                        Err(Error::BadCell { line, column, found, wanted })
                    }
                }
            };
            let motion = |column: Option<usize>| match column {
                Some(column) if !matches!(&record[column], "" | "NaN" | "nan" | "null") => {
                    number(column, -1e5, 1e5, "mas a year, or nothing")
                }
                _ => Ok(0.0),
            };
            stars.push(Star {
                id: match id.map(|column| &record[column]) {
                    Some(text) if !text.is_empty() => text.to_string(),
                    _ => format!("row-{}", stars.len() + 1),
                },
                ra_deg: number(ra, -360.0, 360.0, "degrees in -360..=360")?,
                dec_deg: number(dec, -90.0, 90.0, "degrees in -90..=90")?,
                mag: number(mag, -30.0, 40.0, "a magnitude")?,
                pmra_mas_per_year: motion(pmra)?,
                pmdec_mas_per_year: motion(pmdec)?,
            });
        }
        if stars.is_empty() { Err(Error::NoRows) } else { Ok(Stars { stars }) }
    }

    /// The stars in their order.
    pub fn as_slice(&self) -> &[Star] {
        &self.stars
    }

    /// A number that changes with any star: FNV-1a of 64 bits over all fields.
    pub(crate) fn fingerprint(&self) -> u64 {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let mut add = |bytes: &[u8]| {
            for &byte in bytes {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
            }
        };
        for star in &self.stars {
            add(star.id.as_bytes());
            let numbers =
                [star.ra_deg, star.dec_deg, star.mag, star.pmra_mas_per_year, star.pmdec_mas_per_year];
            for number in numbers {
                add(&number.to_le_bytes());
            }
        }
        hash
    }
}

impl FromIterator<Star> for Stars {
    fn from_iter<T: IntoIterator<Item = Star>>(stars: T) -> Self {
        Stars { stars: stars.into_iter().collect() }
    }
}

fn no_column(names: &[&str], headers: &csv::StringRecord) -> Error {
    let distances =
        headers.iter().flat_map(|header| names.iter().map(move |name| (edits(header, name), header)));
    let nearest = distances.min().filter(|(distance, header)| *distance <= 2.max(header.len() / 2));
    Error::NoColumn {
        wanted: names[0].to_string(),
        nearest: nearest.map(|(_, header)| header.to_string()),
        columns: headers.iter().map(|header| format!("`{header}`")).collect::<Vec<_>>().join(", "),
    }
}

/// How many letters must be put in, left out or changed to make one word the other, case apart.
fn edits(a: &str, b: &str) -> usize {
    let (a, b) = (a.to_ascii_lowercase(), b.to_ascii_lowercase());
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.chars().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(table: &str, message: &str) {
        assert_eq!(Stars::read_csv(table.as_bytes()).unwrap_err().to_string(), message);
    }

    #[test]
    fn the_embedded_stars_are_bright_and_named_by_gaia() {
        let stars = Stars::embedded();
        assert_eq!(stars.as_slice().len(), 4610);
        assert!(stars.as_slice().iter().all(|star| star.mag < 10.0 && star.id.parse::<u64>().is_ok()));
    }

    #[test]
    fn columns_are_found_by_their_other_names_too() {
        let table = "# a comment\nDEC, Phot_G_Mean_Mag ,RA,pmra,pmdec\n-1,9.5,20,,-3\n";
        let stars = Stars::read_csv(table.as_bytes()).unwrap();
        let wanted = Star {
            id: "row-1".into(),
            ra_deg: 20.0,
            dec_deg: -1.0,
            mag: 9.5,
            pmra_mas_per_year: 0.0,
            pmdec_mas_per_year: -3.0,
        };
        assert_eq!(stars.as_slice(), [wanted]);
    }

    #[test]
    fn what_is_wrong_with_a_table_is_named_with_its_place() {
        check("ra,dec,gmag\n1,2,3\n", "column `mag` is not in the table; did you mean `gmag`?");
        check("a,b\n1,2\n", "column `ra` is not in the table; did you mean `a`?");
        check("time,flux_err\n", "column `ra` is not in the table, which has `time`, `flux_err`");
        check("ra,dec,mag\n1,2,3\n1,-91,3\n", "line 3, column `dec`: \"-91\", expected degrees in -90..=90");
        check("ra,dec,mag\n1,2,NaN\n", "line 2, column `mag`: \"NaN\", expected a magnitude");
        let none = "the table of stars has no rows; expected a header `ra,dec,mag` and a row a star";
        check("ra,dec,mag\n", none);
        check("", none);
        assert!(matches!(Stars::read_csv("ra,dec,mag\n1,2\n".as_bytes()), Err(Error::Csv(_))));
    }
}
