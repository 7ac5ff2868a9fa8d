//! Defaults of fields, from JSON to bytes.

use serde_json::Value;

use super::values::{counted, long};
use crate::Error;
use crate::schema::{Kind, MAX_DEPTH, Schema, Type};

/// The bytes of a default, as a writer of its type would write it. That of a union is of its first type; where it is
/// of another, as some schemas have it, of the first that it fits.
pub(crate) fn encode_default(
    schema: &Schema,
    kind: &Type,
    value: &Value,
    path: &str,
) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    if write(schema, kind, value, &mut out, 0).is_some() {
        return Ok(out);
    }
    let (field, found) = (path.to_string(), format!("default {value}"));
    Err(Error::Resolution { field, found, wanted: schema.describe(kind) })
}

/// Nothing where the value does not fit the type.
fn write(schema: &Schema, kind: &Type, value: &Value, out: &mut Vec<u8>, depth: usize) -> Option<()> {
    if depth > MAX_DEPTH {
        return None;
    }
    let inner = |kind: &Type, value: &Value, out: &mut Vec<u8>| write(schema, kind, value, out, depth + 1);
    // Bytes are the code points of a text.
    let bytes = || value.as_str()?.chars().map(|c| u8::try_from(c as u32).ok()).collect::<Option<Vec<u8>>>();
    match kind.base() {
        Type::Null => value.is_null().then_some(())?,
        Type::Boolean => out.push(value.as_bool()?.into()),
        Type::Int => long(i32::try_from(value.as_i64()?).ok()?.into(), out),
        Type::Long => long(value.as_i64()?, out),
        Type::Float => out.extend((number(value)? as f32).to_le_bytes()),
        Type::Double => out.extend(number(value)?.to_le_bytes()),
        Type::Bytes => counted(&bytes()?, out),
        Type::String => counted(value.as_str()?.as_bytes(), out),
        Type::Array(items) => {
            let list = value.as_array()?;
            if !list.is_empty() {
                long(list.len() as i64, out);
                list.iter().try_for_each(|value| inner(items, value, out))?;
            }
            out.push(0);
        }
        Type::Map(values) => {
            let map = value.as_object()?;
            if !map.is_empty() {
                long(map.len() as i64, out);
                for (key, value) in map {
                    counted(key.as_bytes(), out);
                    inner(values, value, out)?;
                }
            }
            out.push(0);
        }
        Type::Union(branches) => {
            let start = out.len();
            let fits = (0..).zip(branches).any(|(place, branch)| {
                out.truncate(start);
                long(place, out);
                inner(branch, value, out).is_some()
            });
            fits.then_some(())?;
        }
        Type::Named(at) => match &schema.named().get(*at)?.kind {
            Kind::Enum { symbols, .. } => {
                let word = value.as_str()?;
                long(symbols.iter().position(|symbol| symbol == word)? as i64, out);
            }
            Kind::Fixed(size) => {
                let bytes = bytes()?;
                (bytes.len() == *size).then_some(())?;
                out.extend(bytes);
            }
            Kind::Record(fields) => {
                let object = value.as_object()?;
                for field in fields {
                    inner(&field.kind, object.get(&field.name).or(field.default.as_ref())?, out)?;
                }
            }
        },
        Type::Logical(..) => return None,
    }
    Some(())
}

/// JSON has no NaN and no infinities; writers put them as text.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| match value.as_str()? {
        "NaN" => Some(f64::NAN),
        "Infinity" | "INF" => Some(f64::INFINITY),
        "-Infinity" | "-INF" => Some(f64::NEG_INFINITY),
        _ => None,
    })
}
