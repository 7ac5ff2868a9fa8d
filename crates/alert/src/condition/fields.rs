//! The fields of a schema by name, through structs to any depth.
//!
//! Leaves are numbered as parquet numbers its columns: in the order of the schema, depth first.

use arrow_schema::{DataType, Field, Fields as ArrowFields};

/// A field that conditions may name.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    /// From the outermost struct inwards.
    pub(crate) path: Vec<String>,
    pub(crate) data_type: DataType,
    /// The first leaf in it.
    pub(crate) leaf: usize,
}

impl Named {
    pub(crate) fn name(&self) -> String {
        self.path.join(".")
    }

    /// The element of a list.
    pub(crate) fn element(&self) -> Option<&Field> {
        match &self.data_type {
            DataType::List(element) | DataType::LargeList(element) | DataType::FixedSizeList(element, _) => {
                Some(element)
            }
            _ => None,
        }
    }
}

/// All fields that are not in lists.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields {
    all: Vec<Named>,
}

/// Why a name is no field.
#[derive(Debug, PartialEq)]
pub(crate) enum NotFound {
    Unknown,
    /// The fields it may be.
    Ambiguous(Vec<String>),
}

impl Fields {
    /// Those of a schema, or of the structs in a list; `leaf` is the number of the first leaf.
    pub(crate) fn new(fields: &ArrowFields, leaf: usize) -> Self {
        let mut all = Vec::new();
        gather(fields, leaf, &[], &mut all);
        Fields { all }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Named> {
        self.all.iter()
    }

    /// The field of exactly this path.
    pub(crate) fn at(&self, path: &[&str]) -> Option<&Named> {
        self.all.iter().find(|field| field.path.iter().map(String::as_str).eq(path.iter().copied()))
    }

    /// Finds a field by its path, or by the end of its path if no other ends so; letters of the other case will do
    /// where nothing fits better.
    pub(crate) fn find(&self, words: &[String]) -> Result<&Named, NotFound> {
        let ends = |field: &&Named, same: fn(&str, &str) -> bool| {
            let path = &field.path;
            path.len() >= words.len()
                && path[path.len() - words.len()..].iter().zip(words).all(|(a, b)| same(a, b))
        };
        let exact: fn(&str, &str) -> bool = |a, b| a == b;
        let any_case: fn(&str, &str) -> bool = |a, b| a.to_lowercase() == b.to_lowercase();
        for whole in [true, false] {
            for same in [exact, any_case] {
                let mut found: Vec<&Named> = self.all.iter().filter(|field| ends(field, same)).collect();
                found.retain(|field| !whole || field.path.len() == words.len());
                match found.as_slice() {
                    [] => {}
                    [one] => return Ok(one),
                    several => {
                        return Err(NotFound::Ambiguous(several.iter().map(|field| field.name()).collect()));
                    }
                }
            }
        }
        Err(NotFound::Unknown)
    }
}

fn gather(fields: &ArrowFields, mut leaf: usize, above: &[String], all: &mut Vec<Named>) {
    for field in fields {
        let path: Vec<String> = above.iter().chain([field.name()]).cloned().collect();
        if let DataType::Struct(inner) = field.data_type() {
            gather(inner, leaf, &path, all);
        }
        all.push(Named { path, data_type: field.data_type().clone(), leaf });
        leaf += leaves(field.data_type());
    }
}

/// How many leaves a type has.
pub(crate) fn leaves(data_type: &DataType) -> usize {
    match data_type {
        DataType::Struct(fields) => fields.iter().map(|field| leaves(field.data_type())).sum(),
        DataType::List(field)
        | DataType::LargeList(field)
        | DataType::ListView(field)
        | DataType::LargeListView(field)
        | DataType::FixedSizeList(field, _)
        | DataType::Map(field, _) => leaves(field.data_type()),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use arrow_schema::Schema;

    use super::*;

    fn field(name: &str, data_type: DataType) -> Field {
        Field::new(name, data_type, true)
    }

    #[test]
    fn a_field_is_found_by_the_end_of_its_path_unless_several_end_so() {
        let inner = |names: &[&str]| {
            DataType::Struct(names.iter().map(|name| field(name, DataType::Float64)).collect())
        };
        let list = DataType::List(field("element", inner(&["jd", "fid"])).into());
        let schema = Schema::new(vec![
            field("candid", DataType::Int64),
            field("candidate", inner(&["jd", "candid", "ra"])),
            field("history", list),
            field("host", inner(&["ra"])),
        ]);
        let fields = Fields::new(&schema.fields, 0);
        let find = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| word.to_string()).collect();
            fields.find(&words).map(|field| (field.name(), field.leaf))
        };
        assert_eq!(find(&["jd"]), Ok(("candidate.jd".into(), 1)));
        assert_eq!(find(&["candid"]), Ok(("candid".into(), 0)));
        assert_eq!(find(&["Candidate", "RA"]), Ok(("candidate.ra".into(), 3)));
        assert_eq!(find(&["host"]), Ok(("host".into(), 6)));
        assert_eq!(find(&["fid"]), Err(NotFound::Unknown));
        assert_eq!(find(&["ra"]), Err(NotFound::Ambiguous(vec!["candidate.ra".into(), "host.ra".into()])));
    }
}
