//! Which fields are wanted.

use std::collections::BTreeSet;

/// Which fields of a packet are decoded; names of nested ones are joined by points, through lists and maps:
/// `prv_candidates.magpsf`. A name stands for all that is inside of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Projection {
    only: Option<BTreeSet<String>>,
    without: BTreeSet<String>,
}

impl Projection {
    /// All fields.
    pub fn all() -> Self {
        Projection::default()
    }

    /// These fields and no others. Names that a schema does not have are passed over.
    pub fn only<T: Into<String>>(names: impl IntoIterator<Item = T>) -> Self {
        Projection { only: Some(names.into_iter().map(Into::into).collect()), without: BTreeSet::new() }
    }

    /// All but these fields.
    pub fn without<T: Into<String>>(names: impl IntoIterator<Item = T>) -> Self {
        Projection { only: None, without: names.into_iter().map(Into::into).collect() }
    }

    /// All but the pictures of ZTF and Rubin packets: `cutoutScience`, `cutoutTemplate` and `cutoutDifference`.
    pub fn without_cutouts() -> Self {
        Self::without(crate::CUTOUTS)
    }

    /// Whether anything at or below a path is wanted.
    pub fn wants(&self, path: &str) -> bool {
        if self.without.contains(path) {
            return false;
        }
        let Some(only) = &self.only else { return true };
        let inside = |name: &String| {
            name.len() > path.len() && name.starts_with(path) && name.as_bytes()[path.len()] == b'.'
        };
        let around = || path.match_indices('.').any(|(at, _)| only.contains(&path[..at]));
        path.is_empty() || only.contains(path) || only.iter().any(inside) || around()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_for_what_is_inside_of_it() {
        let only = Projection::only(["candidate", "prv.jd", "id"]);
        for (path, wanted) in [
            ("candidate", true),
            ("candidate.ra", true),
            ("prv", true),
            ("prv.jd", true),
            ("prv.ra", false),
            ("i", false),
            ("id", true),
            ("idle", false),
        ] {
            assert_eq!(only.wants(path), wanted, "{path}");
        }
        let without = Projection::without(["cutout", "prv.jd"]);
        assert!(!without.wants("cutout") && !without.wants("prv.jd") && without.wants("prv"));
    }
}
