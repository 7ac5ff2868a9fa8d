//! Which nights a request has done: beside what it wrote.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use uranometria_fits::fs::Durability;

use super::night::Part;
use super::plan::Request;
use super::select::{Condition, NightReport};
use super::sources::file_now;
use crate::Error;
use crate::Survey;
use crate::condition::SourceFile;

/// What inputs are: their names, lengths and times.
pub(super) fn inputs(parts: &[Part]) -> Result<Value, Error> {
    let each = parts.iter().map(|Part { path, .. }| {
        std::fs::metadata(path).map_err(Error::file(path))?;
        Ok(noted(&file_now(path)))
    });
    Ok(Value::Array(each.collect::<Result<_, Error>>()?))
}

fn noted(file: &SourceFile) -> Value {
    json!([file.path.to_string_lossy(), file.bytes, file.modified_ns])
}

/// The nights that are done.
pub(super) struct Journal {
    path: PathBuf,
    /// What was asked for, in full: names have a checksum of it only.
    key: String,
    nights: BTreeMap<String, Value>,
}

impl Journal {
    /// What cannot be read, or is of another request, is done again.
    pub(super) fn read(path: &Path, key: &str) -> Self {
        let text = std::fs::read(path).unwrap_or_default();
        let value: Value = serde_json::from_slice(&text).unwrap_or_default();
        let nights = value["nights"].as_object().filter(|_| value["key"] == key).cloned().unwrap_or_default();
        Journal { path: path.to_path_buf(), key: key.to_string(), nights: nights.into_iter().collect() }
    }

    /// What a night gave, if it is done, its inputs and the files that conditions look into are what they were, and its
    /// parts are there.
    pub(super) fn done(&self, night: &str, inputs: &Value, out: &Path) -> Option<NightReport> {
        let value = self.nights.get(night)?;
        if &value["inputs"] != inputs {
            return None;
        }
        for file in value["files"].as_array()? {
            if *file != noted(&file_now(Path::new(file[0].as_str()?))) {
                return None;
            }
        }
        let number = |value: &Value| value.as_u64();
        let mut parts = Vec::new();
        for part in value["parts"].as_array()? {
            let (path, bytes) = (PathBuf::from(part["path"].as_str()?), number(&part["bytes"])?);
            if std::fs::metadata(out.join(&path)).ok()?.len() != bytes {
                return None;
            }
            parts.push((path, bytes));
        }
        let mut conditions = Vec::new();
        for condition in value["conditions"].as_array()? {
            conditions.push(Condition {
                origin: condition["origin"].as_str()?.to_string(),
                text: condition["text"].as_str()?.to_string(),
                removed: number(&condition["removed"])?,
            });
        }
        Some(NightReport {
            night: night.to_string(),
            input: number(&value["input"])?,
            passed: number(&value["passed"])?,
            written: number(&value["written"])?,
            skipped: number(&value["skipped"])?,
            conditions,
            parts,
            resumed: true,
        })
    }

    /// Forgets a night; says whether it was known.
    pub(super) fn forget(&mut self, night: &str) -> bool {
        self.nights.remove(night).is_some()
    }

    pub(super) fn note(&mut self, night: &NightReport, inputs: Value, files: &[SourceFile]) {
        let parts: Vec<Value> = night
            .parts
            .iter()
            .map(|(path, bytes)| json!({ "path": path.to_string_lossy(), "bytes": bytes }))
            .collect();
        let conditions: Vec<Value> = night
            .conditions
            .iter()
            .map(|one| json!({ "origin": one.origin, "text": one.text, "removed": one.removed }))
            .collect();
        let files: Vec<Value> = files.iter().map(noted).collect();
        let value = json!({
            "inputs": inputs, "files": files, "input": night.input, "passed": night.passed, "written": night.written,
            "skipped": night.skipped, "conditions": conditions, "parts": parts,
        });
        self.nights.insert(night.night.clone(), value);
    }

    pub(super) fn write(&self, request: &Request) -> Result<(), Error> {
        let filter =
            request.filter.as_ref().map(|filter| json!({ "name": filter.name, "version": filter.version }));
        let all = json!({
            "key": self.key,
            "request": {
                "nights": request.nights.to_string(), "survey": request.survey.map(Survey::name), "classes": request.classes.0, "filter": filter,
                "conditions": request.conditions, "content": format!("{:?}", request.content).to_lowercase(),
            },
            "nights": self.nights,
        });
        Ok(uranometria_fits::fs::write(&self.path, format!("{all:#}\n").as_bytes(), Durability::Disk)?)
    }
}
