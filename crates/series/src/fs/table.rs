//! What every format can do: whole columns x and y, chosen rows, rows anywhere.

use std::ops::Range;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, SchemaRef};

use crate::Error;

/// Batches of x, if it has a column, and y.
pub(super) type Batches<'a> = Box<dyn Iterator<Item = Result<RecordBatch, Error>> + 'a>;

/// One file of a series.
pub(super) trait Table: Send + Sync {
    /// How many rows it has.
    fn rows(&self) -> usize;

    /// All of its columns.
    fn schema(&self) -> &SchemaRef;

    /// The types of x and y as [`batches`](Table::batches) has them.
    fn types(&self) -> (Option<DataType>, DataType);

    /// The rows in portions that may be read at the same time. They depend on the file alone.
    fn units(&self) -> Vec<Range<usize>>;

    /// Begins to read x and y of one of the units.
    fn batches(&self, rows: Range<usize>) -> Result<Batches<'_>, Error>;

    /// Reads rows, given in ascending order: all columns, or x and y alone.
    fn take(&self, rows: &[usize], points_only: bool) -> Result<Vec<RecordBatch>, Error>;
}

/// The columns asked for.
pub(super) struct Wanted<'a> {
    pub(super) x: Option<&'a str>,
    pub(super) y: Option<&'a str>,
}

/// Where they stand among the columns of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Places {
    pub(super) x: Option<usize>,
    pub(super) y: usize,
}

impl Wanted<'_> {
    /// How many of the columns are there.
    pub(super) fn there(&self, names: &[&str]) -> usize {
        let is_there = |wanted: &&str| names.iter().any(|name| name.eq_ignore_ascii_case(wanted));
        self.x.iter().chain(&self.y).filter(|wanted| is_there(wanted)).count()
    }

    /// Finds the columns by name; capitals matter only between names that differ in nothing else.
    ///
    /// # Errors
    /// [`Error::NoColumn`] with the most similar name; [`Error::WhichColumn`]; [`Error::TwoColumns`].
    pub(super) fn among(&self, names: &[&str]) -> Result<Places, Error> {
        let there = || names.iter().map(|name| (*name).to_string()).collect::<Vec<_>>();
        let find = |wanted: &str| {
            let alike = || names.iter().position(|name| name.eq_ignore_ascii_case(wanted));
            let place = names.iter().position(|name| *name == wanted).or_else(alike);
            if let Some(found) = place.map(|place| names[place])
                && names.iter().filter(|name| **name == found).count() > 1
            {
                return Err(Error::TwoColumns { name: found.to_string() });
            }
            place.ok_or_else(|| Error::NoColumn {
                wanted: wanted.to_string(),
                nearest: nearest(wanted, names),
                there: there(),
            })
        };
        let x = self.x.map(find).transpose()?;
        let y = match self.y {
            Some(name) => find(name)?,
            None => return Err(Error::WhichColumn { there: there() }),
        };
        Ok(Places { x, y })
    }
}

impl Places {
    /// Where x and y are in a batch that has these columns alone, in the order of the file.
    pub(super) fn order(&self) -> Vec<usize> {
        match self.x {
            None => vec![0],
            Some(x) if x == self.y => vec![0, 0],
            Some(x) if x < self.y => vec![0, 1],
            Some(_) => vec![1, 0],
        }
    }
}

/// The name most similar to one that is not there, if any is similar.
fn nearest(wanted: &str, names: &[&str]) -> Option<String> {
    let wanted = wanted.to_lowercase();
    let distance = |name: &&&str| strsim::damerau_levenshtein(&wanted, &name.to_lowercase());
    let best = names.iter().min_by_key(distance)?;
    (distance(&best) <= wanted.chars().count() / 2).then(|| (*best).to_string())
}

/// Neighbouring numbers of an ascending list as ranges, counted from `origin`.
pub(super) fn runs(rows: &[usize], origin: usize) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for row in rows.iter().map(|row| row - origin) {
        match runs.last_mut() {
            Some(run) if run.end == row => run.end += 1,
            _ => runs.push(row..row + 1),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_whatever_their_capitals_and_missed_ones_have_a_neighbour() {
        let names = ["TIME", "sap_flux", "SAP_FLUX"];
        let find = |x, y| Wanted { x, y }.among(&names);
        assert_eq!(find(Some("time"), Some("SAP_FLUX")).unwrap(), Places { x: Some(0), y: 2 });
        assert_eq!(find(None, Some("Sap_Flux")).unwrap(), Places { x: None, y: 1 });
        let message = |found: Result<Places, Error>| found.unwrap_err().to_string();
        assert_eq!(
            message(find(None, Some("sapflux"))),
            "column sapflux is not there; did you mean sap_flux?"
        );
        assert_eq!(
            message(find(Some("quality"), None)),
            "column quality is not there; there are TIME, sap_flux, SAP_FLUX"
        );
        assert_eq!(
            message(find(None, None)),
            "it has several columns and none was named as y; name one of TIME, sap_flux, SAP_FLUX"
        );
    }

    #[test]
    fn neighbours_are_one_run() {
        assert_eq!(runs(&[3, 4, 5, 9, 11, 12], 3), [0..3, 6..7, 8..10]);
        assert!(runs(&[], 0).is_empty());
    }
}
