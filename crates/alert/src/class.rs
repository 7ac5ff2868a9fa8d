//! Classes of alerts by the names that Fink gives them.
//!
//! Where alerts carry their class it is taken; where they carry what it is made of, as nights of Fink do, it is made by
//! the rules of `extract_fink_classification` of fink-filters 7.45: the class of SIMBAD first, `Ambiguous` where several
//! of microlensing, supernova and the two of the Solar System hold, then the most particular one, or `Unknown`.

use arrow_schema::SchemaRef;

use crate::Error;
use crate::condition::Fields;

/// What SIMBAD may say of a supernova's host or of nothing: `return_list_of_eg_host` of fink-utils 0.79.
const HOSTS: &str = "'BClG', 'BlueCompG', 'Candidate_SN*', 'ClG', 'Compact_Gr_G', 'EmG', 'Fail', 'Fail 504', \
'Galaxy', 'GinCl', 'GinGroup', 'GinPair', 'GravLens_Candidate', 'GroupG', 'HII_G', 'High_z_G', 'IG', 'LINER', \
'LSB_G', 'PairG', 'PartofG', 'Possible_ClG', 'Possible_SClG', 'SN', 'SN*_Candidate', 'Seyfert', 'Seyfert_1', \
'Seyfert_2', 'StarburstG', 'SuperClG', 'Transient', 'Unknown', 'Void', 'galaxy'";

/// What the class of Fink is made of.
const MADE_OF: [&[&str]; 13] = [
    &["cdsxmatch"],
    &["roid"],
    &["mulens"],
    &["snn_snia_vs_nonia"],
    &["snn_sn_vs_all"],
    &["rf_snia_vs_nonia"],
    &["rf_kn_vs_nonkn"],
    &["tracklet"],
    &["candidate", "ndethist"],
    &["candidate", "drb"],
    &["candidate", "classtar"],
    &["candidate", "jd"],
    &["candidate", "jdstarthist"],
];

/// Classes of which an alert must have one; none means any.
///
/// `All` is any. `(TNS) x` is the class of the Transient Name Server, `(SIMBAD) x` the one of SIMBAD, all other names
/// are those of Fink: `Early SN Ia candidate`, `SN candidate`, `Kilonova candidate`, `Microlensing candidate`,
/// `Solar System MPC`, `Solar System candidate`, `Tracklet`, `Ambiguous`, `Unknown`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Classes(pub Vec<String>);

impl Classes {
    /// The condition that alerts of a schema must meet, as text; none where all do.
    ///
    /// # Errors
    /// [`Error::Fields`] where alerts neither have the class nor what it is made of.
    pub fn condition(&self, schema: &SchemaRef) -> Result<Option<String>, Error> {
        let names: Vec<&str> = self.0.iter().map(|name| name.trim()).collect();
        if names.is_empty() || names.iter().any(|name| name.eq_ignore_ascii_case("all")) {
            return Ok(None);
        }
        let fields = Fields::new(schema.fields(), 0);
        let quoted = |name: &str| format!("'{}'", name.replace('\'', "''"));
        // Fields, and the names that each may have: looked up at once, and ruled out by footers.
        let mut any: Vec<(String, Vec<String>)> = Vec::new();
        for name in names {
            let (field, name) = if let Some(name) = name.strip_prefix("(TNS)") {
                let known: [&[&str]; 3] = [&["tnsclass"], &["tns"], &["xm", "tns_type"]];
                (Some(column(&fields, &known, "(TNS)")?), name.trim())
            } else if let Some(name) = name.strip_prefix("(SIMBAD)") {
                let known: [&[&str]; 2] = [&["cdsxmatch"], &["xm", "simbad_otype"]];
                (Some(column(&fields, &known, "(SIMBAD)")?), name.trim())
            } else {
                (None, name)
            };
            let field = match field {
                Some(field) => field,
                None => format!("({})", expression(schema)?),
            };
            match any.iter_mut().find(|(other, _)| *other == field) {
                Some((_, names)) => names.push(quoted(name)),
                None => any.push((field, vec![quoted(name)])),
            }
        }
        let each = any.iter().map(|(field, names)| format!("{field} IN ({})", names.join(", ")));
        Ok(Some(each.collect::<Vec<_>>().join(" OR ")))
    }
}

/// The first of some fields that there is, as conditions name it.
fn column(fields: &Fields, known: &[&[&str]], class: &str) -> Result<String, Error> {
    let found = known.iter().find(|path| fields.at(path).is_some());
    let names = || known.iter().map(|path| path.join(".")).collect::<Vec<_>>().join(" nor ");
    found.map(|path| path.join(".")).ok_or_else(|| Error::Fields {
        reason: format!(
            "classes of the kind {class} need a field that these alerts lack: neither {}",
            names()
        ),
    })
}

/// The expression that gives the class of an alert of a schema.
///
/// # Errors
/// [`Error::Fields`] where alerts neither have it nor what it is made of.
pub(crate) fn expression(schema: &SchemaRef) -> Result<String, Error> {
    let fields = Fields::new(schema.fields(), 0);
    let has = |path: &[&str]| fields.at(path).is_some();
    if has(&["finkclass"]) {
        return Ok("finkclass".into());
    }
    if has(&["pred", "main_label_crossmatch"]) {
        return Ok("COALESCE(pred.main_label_crossmatch, 'Unknown')".into());
    }
    let missing: Vec<String> = MADE_OF.iter().filter(|path| !has(path)).map(|path| path.join(".")).collect();
    if !missing.is_empty() {
        let reason = format!(
            "these alerts have no class: neither finkclass nor what it is made of; missing {}",
            missing.join(", ")
        );
        return Err(Error::Fields { reason });
    }
    let simbad =
        "NOT (cdsxmatch IN ('Unknown', 'Transient') OR cdsxmatch LIKE 'Fail%' OR cdsxmatch LIKE 'Galaxy%')";
    let real = format!(
        "(snn_snia_vs_nonia > 0.5 OR snn_sn_vs_all > 0.5) AND cdsxmatch IN ({HOSTS}) \
         AND candidate.drb > 0.5 AND candidate.classtar > 0.4"
    );
    let young = "candidate.jd - candidate.jdstarthist";
    let supernova = format!("{real} AND {young} <= 90 AND candidate.ndethist > 1 AND roid <> 3");
    let early = format!("{real} AND candidate.ndethist <= 20 AND rf_snia_vs_nonia > 0.5");
    let kilonova = format!(
        "rf_kn_vs_nonkn > 0.5 AND candidate.drb > 0.5 AND candidate.classtar > 0.4 AND {young} < 5 \
         AND candidate.ndethist < 20 AND roid <> 3 AND cdsxmatch IN ({HOSTS})"
    );
    Ok(format!(
        "CASE WHEN {simbad} THEN cdsxmatch \
         WHEN IF(mulens > 0, 1, 0) + IF({supernova}, 1, 0) + IF(roid = 2, 1, 0) + IF(roid = 3, 1, 0) > 1 \
         THEN 'Ambiguous' \
         WHEN roid = 3 THEN 'Solar System MPC' WHEN tracklet LIKE 'TRCK\\_%' THEN 'Tracklet' \
         WHEN roid = 2 THEN 'Solar System candidate' WHEN {kilonova} THEN 'Kilonova candidate' \
         WHEN {early} THEN 'Early SN Ia candidate' WHEN {supernova} THEN 'SN candidate' \
         WHEN mulens > 0 THEN 'Microlensing candidate' ELSE 'Unknown' END"
    ))
}
