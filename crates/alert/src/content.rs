//! How much of an alert goes out: the light curve, all but the images, the images, all, or chosen fields.

use std::str::FromStr;

use arrow_schema::{DataType, Field, Fields as ArrowFields, Schema, SchemaRef};

use crate::Error;
use crate::condition::{Fields, leaves, nearest};
use crate::packet::meta;

/// How much of an alert is wanted.
///
/// The fields of the survey's own packets are told from those that a broker added by name: at the root of a schema all
/// others are added values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Names, the current measurement and all added values.
    ///
    /// Of ZTF `objectId`, `candid` and of `candidate` magpsf, sigmapsf, fid, jd, ra, dec and ssnamenr. Of Rubin
    /// `diaSourceId`, of `diaSource` diaObjectId, ssObjectId, midpointMjdTai, band, psfFlux, psfFluxErr, scienceFlux,
    /// scienceFluxErr, ra, dec, snr and reliability, and of `diaObject` diaObjectId.
    Light,
    /// All but the images.
    Medium,
    /// Names and images.
    Cutouts,
    /// All.
    Full,
    /// Chosen fields: structs and lists whole, or fields in them by their path. Structs are kept.
    Fields(Vec<String>),
}

impl FromStr for Content {
    type Err = Error;

    /// `light`, `medium`, `cutouts`, `full`, or fields with commas between.
    fn from_str(text: &str) -> Result<Self, Error> {
        Ok(match text.trim() {
            "light" => Content::Light,
            "medium" => Content::Medium,
            "cutouts" => Content::Cutouts,
            "full" => Content::Full,
            fields => {
                let fields: Vec<String> = fields.split(',').map(|field| field.trim().to_string()).collect();
                if fields.iter().any(String::is_empty) {
                    let wanted = "light, medium, cutouts, full, or fields such as objectId,candidate.magpsf";
                    let found = text.to_string();
                    return Err(Error::Option { option: "--content", found, wanted: wanted.into() });
                }
                Content::Fields(fields)
            }
        })
    }
}

/// The columns of a content for alerts of some schema.
#[derive(Clone, Debug)]
pub struct Columns {
    /// Numbers of the leaves wanted, ascending, as parquet numbers its columns.
    pub leaves: Vec<usize>,
    /// What comes out.
    pub schema: SchemaRef,
}

/// Fields at the root of the surveys' own packets.
const OWN: [&str; 19] = [
    "schemavsn",
    "publisher",
    "objectId",
    "candid",
    "candidate",
    "prv_candidates",
    "fp_hists",
    "cutoutScience",
    "cutoutTemplate",
    "cutoutDifference",
    "diaSourceId",
    "diaSource",
    "prvDiaSources",
    "prvDiaForcedSources",
    "diaObject",
    "ssSource",
    "mpc_orbits",
    "observation_reason",
    "target_name",
];

const NAMES: [&[&str]; 5] = [
    &["objectId"],
    &["candid"],
    &["diaSourceId"],
    &["diaSource", "diaObjectId"],
    &["diaObject", "diaObjectId"],
];

const MEASUREMENT: [&[&str]; 18] = [
    &["candidate", "magpsf"],
    &["candidate", "sigmapsf"],
    &["candidate", "fid"],
    &["candidate", "jd"],
    &["candidate", "ra"],
    &["candidate", "dec"],
    &["candidate", "ssnamenr"],
    &["diaSource", "ssObjectId"],
    &["diaSource", "midpointMjdTai"],
    &["diaSource", "band"],
    &["diaSource", "psfFlux"],
    &["diaSource", "psfFluxErr"],
    &["diaSource", "scienceFlux"],
    &["diaSource", "scienceFluxErr"],
    &["diaSource", "ra"],
    &["diaSource", "dec"],
    &["diaSource", "snr"],
    &["diaSource", "reliability"],
];

fn is_cutout(name: &str) -> bool {
    name.starts_with("cutout")
}

impl Content {
    /// The columns for alerts of a schema.
    ///
    /// # Errors
    /// [`Error::Fields`] for chosen fields that there are not, with the nearest name, and where nothing would be left.
    pub fn columns(&self, schema: &SchemaRef) -> Result<Columns, Error> {
        let fields = Fields::new(schema.fields(), 0);
        let mut wanted = vec![false; schema.fields().iter().map(|field| leaves(field.data_type())).sum()];
        let mut want = |first: usize, data_type: &DataType| {
            wanted[first..first + leaves(data_type)].fill(true);
        };
        let roots = || fields.iter().filter(|field| field.path.len() == 1);
        let mut want_all = |paths: &[&[&str]]| {
            for field in paths.iter().filter_map(|path| fields.at(path)) {
                want(field.leaf, &field.data_type);
            }
        };
        match self {
            Content::Full => wanted.fill(true),
            Content::Medium => {
                for field in roots().filter(|field| !is_cutout(&field.path[0])) {
                    want(field.leaf, &field.data_type);
                }
            }
            Content::Light => {
                want_all(&NAMES);
                want_all(&MEASUREMENT);
                for field in roots().filter(|field| !OWN.contains(&field.path[0].as_str())) {
                    want(field.leaf, &field.data_type);
                }
            }
            Content::Cutouts => {
                want_all(&NAMES);
                for field in roots().filter(|field| is_cutout(&field.path[0])) {
                    want(field.leaf, &field.data_type);
                }
            }
            Content::Fields(names) => {
                for name in names {
                    let (first, data_type) = chosen(&fields, name)?;
                    want(first, &data_type);
                }
            }
        }
        let leaves: Vec<usize> = (0..wanted.len()).filter(|leaf| wanted[*leaf]).collect();
        if leaves.is_empty() {
            let reason =
                "nothing of these alerts is in the content that is wanted; choose fields by name".into();
            return Err(Error::Fields { reason });
        }
        Ok(Columns { schema: narrowed(schema, &wanted).into(), leaves })
    }
}

/// A field that was chosen by name: its first leaf and its type.
fn chosen(fields: &Fields, name: &str) -> Result<(usize, DataType), Error> {
    let words: Vec<String> = name.split('.').map(|word| word.trim().to_string()).collect();
    if let Ok(field) = fields.find(&words) {
        return Ok((field.leaf, field.data_type.clone()));
    }
    // A field of the elements of a list.
    for at in 1..words.len() {
        let Ok(list) = fields.find(&words[..at]) else { continue };
        let Some(DataType::Struct(inner)) = list.element().map(Field::data_type) else { continue };
        if let Ok(field) = Fields::new(inner, list.leaf).find(&words[at..]) {
            return Ok((field.leaf, field.data_type.clone()));
        }
    }
    let names: Vec<String> = fields.iter().map(|field| field.name()).collect();
    let hint = match nearest(name, names.iter().map(String::as_str)) {
        Some(near) => format!("; did you mean `{near}`?"),
        None => String::new(),
    };
    Err(Error::Fields { reason: format!("there is no field `{name}` to choose{hint}") })
}

/// A schema with the leaves that are wanted, structs kept around them. Of the metadata only the name of the packets stays:
/// other may tell of columns that are not there any more, as that of pandas does.
fn narrowed(schema: &Schema, wanted: &[bool]) -> Schema {
    let mut metadata = schema.metadata().clone();
    metadata.retain(|key, _| key == meta::NAME);
    Schema::new_with_metadata(narrow_all(schema.fields(), wanted), metadata)
}

fn narrow_all(fields: &ArrowFields, wanted: &[bool]) -> Vec<Field> {
    let mut leaf = 0;
    let kept = fields.iter().filter_map(|field| {
        let own = leaf..leaf + leaves(field.data_type());
        leaf = own.end;
        narrow(field, &wanted[own])
    });
    kept.collect()
}

fn narrow(field: &Field, wanted: &[bool]) -> Option<Field> {
    if wanted.iter().all(|wanted| *wanted) {
        return Some(field.clone());
    }
    if !wanted.contains(&true) {
        return None;
    }
    let data_type = match field.data_type() {
        DataType::Struct(inner) => DataType::Struct(narrow_all(inner, wanted).into()),
        DataType::List(inner) => DataType::List(narrow(inner, wanted)?.into()),
        DataType::LargeList(inner) => DataType::LargeList(narrow(inner, wanted)?.into()),
        other => other.clone(),
    };
    Some(field.clone().with_data_type(data_type))
}
