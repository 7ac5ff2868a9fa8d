//! Schemas from JSON.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::{Field, Kind, Logical, MAX_DEPTH, MAX_TEXT, Named, Schema, Type};
use crate::Error;

impl Schema {
    /// Reads a schema from its JSON.
    ///
    /// # Errors
    /// [`Error::Schema`] with the place in it and what is wrong there.
    pub fn parse(text: &str) -> Result<Self, Error> {
        Self::parse_set(&[text])
    }

    /// Puts together a schema from texts that refer to one another by name, in any order. The outermost type is the one
    /// that no other text refers to.
    ///
    /// # Errors
    /// [`Error::Schema`], also where no text or more than one is not referred to.
    ///
    /// ```
    /// use uranometria_alert::Schema;
    ///
    /// let alert = r#"{"type": "record", "namespace": "s", "name": "alert", "fields":
    ///     [{"name": "id", "type": "long"}, {"name": "source", "type": "s.source"}]}"#;
    /// let source = r#"{"type": "record", "name": "s.source", "fields": [{"name": "ra", "type": "double"}]}"#;
    /// let schema = Schema::parse_set(&[source, alert])?;
    /// assert_eq!(schema.name(), Some("s.alert"));
    /// # Ok::<(), uranometria_alert::Error>(())
    /// ```
    pub fn parse_set(texts: &[&str]) -> Result<Self, Error> {
        let mut trees = Vec::new();
        for (n, text) in (1..).zip(texts) {
            let place = if texts.len() == 1 { String::new() } else { format!("text {n}") };
            if text.len() > MAX_TEXT {
                return Err(wrong(&place, format!("{} bytes", text.len()), &format!("at most {MAX_TEXT}")));
            }
            let tree: Value =
                serde_json::from_str(text).map_err(|error| wrong(&place, error.to_string(), "JSON"))?;
            trees.push(tree);
        }
        let mut parser =
            Parser { texts: HashMap::new(), places: HashMap::new(), named: Vec::new(), path: Vec::new() };
        for tree in &trees {
            if let Some(name) = tree.as_object().and_then(|object| full_name(object, "")) {
                parser.texts.insert(name, tree);
            }
        }
        let root = match trees.as_slice() {
            [] => return Err(wrong("", "no text".into(), "a schema")),
            [one] => one,
            many => outermost(many)?,
        };
        let kind = parser.kind(root, "")?;
        let named: Option<Vec<Named>> = parser.named.into_iter().collect();
        let named = named.ok_or_else(|| wrong("", "a type without an end".into(), "one with"))?;
        Ok(Schema { named, root: kind })
    }
}

/// The one of several schemas whose name occurs in no other.
fn outermost(trees: &[Value]) -> Result<&Value, Error> {
    let names: Vec<Option<String>> =
        trees.iter().map(|tree| tree.as_object().and_then(|object| full_name(object, ""))).collect();
    let mut used = std::collections::HashSet::new();
    for (tree, own) in trees.iter().zip(&names) {
        let space = own.as_deref().and_then(|name| name.rsplit_once('.')).map_or("", |(space, _)| space);
        references(tree, space, &mut |name| {
            if Some(name) != own.as_deref() {
                used.insert(name.to_string());
            }
        });
    }
    let mut free =
        trees.iter().zip(&names).filter(|(_, name)| !name.as_ref().is_some_and(|name| used.contains(name)));
    match (free.next(), free.next()) {
        (Some((tree, _)), None) => Ok(tree),
        (None, _) => Err(wrong("", "that each text is referred to by another".into(), "one that is not")),
        (Some(_), Some(_)) => {
            let free: Vec<String> =
                names.iter().flatten().filter(|name| !used.contains(*name)).cloned().collect();
            Err(wrong("", format!("no text that refers to {}", free.join(" and ")), "one outermost type"))
        }
    }
}

/// Tells every text in the place of a type, with its namespace.
fn references(tree: &Value, space: &str, tell: &mut dyn FnMut(&str)) {
    match tree {
        Value::String(name) => {
            tell(name);
            if !space.is_empty() && !name.contains('.') {
                tell(&format!("{space}.{name}"));
            }
        }
        Value::Array(branches) => branches.iter().for_each(|branch| references(branch, space, tell)),
        Value::Object(object) => {
            for key in ["type", "items", "values"] {
                object.get(key).into_iter().for_each(|inner| references(inner, space, tell));
            }
            if let Some(Value::Array(fields)) = object.get("fields") {
                fields.iter().for_each(|field| references(field, space, tell));
            }
        }
        _ => {}
    }
}

fn wrong(place: &str, found: String, wanted: &str) -> Error {
    Error::Schema { place: place.to_string(), found, wanted: wanted.to_string() }
}

/// The full name of a definition.
fn full_name(object: &Map<String, Value>, space: &str) -> Option<String> {
    let name = object.get("name")?.as_str()?;
    let space = object.get("namespace").and_then(Value::as_str).unwrap_or(space);
    Some(qualified(name, space))
}

fn qualified(name: &str, space: &str) -> String {
    // A name that begins with a point is one of no namespace.
    if let Some(name) = name.strip_prefix('.') {
        return name.to_string();
    }
    if name.contains('.') || space.is_empty() { name.to_string() } else { format!("{space}.{name}") }
}

fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// A name whose parts are joined by points.
pub(crate) fn is_full_name(text: &str) -> bool {
    text.split('.').all(is_name)
}

struct Parser<'a> {
    /// Texts that define a name.
    texts: HashMap<String, &'a Value>,
    /// Where the types with names are, and of what they were made.
    places: HashMap<String, (usize, &'a Value)>,
    /// Nothing while a type is being read.
    named: Vec<Option<Named>>,
    /// Where in the schema we are.
    path: Vec<String>,
}

impl<'a> Parser<'a> {
    fn wrong(&self, found: impl Into<String>, wanted: &str) -> Error {
        wrong(&self.path.join("."), found.into(), wanted)
    }

    fn kind(&mut self, tree: &'a Value, space: &str) -> Result<Type, Error> {
        if self.path.len() > MAX_DEPTH {
            return Err(wrong("", format!("types more than {MAX_DEPTH} deep"), "fewer"));
        }
        match tree {
            Value::String(name) => self.reference(name, space),
            Value::Array(branches) => self.union(branches, space),
            Value::Object(object) => self.object(tree, object, space),
            other => Err(self.wrong(short(other), "a type: a name, an object or a list")),
        }
    }

    fn reference(&mut self, name: &str, space: &str) -> Result<Type, Error> {
        if let Some(primitive) = primitive(name) {
            return Ok(primitive);
        }
        let full = qualified(name, space);
        for name in [full.as_str(), name] {
            if let Some((at, _)) = self.places.get(name) {
                return Ok(Type::Named(*at));
            }
            if let Some(text) = self.texts.get(name).copied() {
                return self.kind(text, "");
            }
        }
        let known = self.places.keys().chain(self.texts.keys());
        let nearest = known.max_by(|a, b| strsim::jaro(&full, a).total_cmp(&strsim::jaro(&full, b)));
        let hint = nearest.map_or(String::new(), |name| format!("; did you mean {name}?"));
        Err(self.wrong(format!("{name:?}"), &format!("a type that is defined before{hint}")))
    }

    fn union(&mut self, branches: &'a [Value], space: &str) -> Result<Type, Error> {
        let mut kinds: Vec<Type> = Vec::new();
        for branch in branches {
            self.path.push("union".into());
            let kind = self.kind(branch, space)?;
            self.path.pop();
            if matches!(kind.base(), Type::Union(_)) {
                return Err(self.wrong("a union in a union", "other types"));
            }
            let same = |other: &Type| match (other.base(), kind.base()) {
                (Type::Array(_), Type::Array(_)) | (Type::Map(_), Type::Map(_)) => true,
                (a, b) => a == b,
            };
            if kinds.iter().any(same) {
                return Err(self.wrong(format!("{} twice in a union", short(branch)), "each type once"));
            }
            kinds.push(kind);
        }
        if kinds.is_empty() {
            return Err(self.wrong("a union of nothing", "at least one type"));
        }
        Ok(Type::Union(kinds))
    }

    fn object(
        &mut self,
        tree: &'a Value,
        object: &'a Map<String, Value>,
        space: &str,
    ) -> Result<Type, Error> {
        let Some(kind) = object.get("type") else {
            return Err(self.wrong("an object without \"type\"", "a type"));
        };
        let base = match kind.as_str() {
            Some("array") => Type::Array(Box::new(self.inner(object, "items", space)?)),
            Some("map") => Type::Map(Box::new(self.inner(object, "values", space)?)),
            Some(word @ ("record" | "error" | "enum" | "fixed")) => self.define(word, tree, object, space)?,
            // `{"type": {"type": …}}` is a type too.
            _ => {
                self.path.push("type".into());
                let inner = self.kind(kind, space)?;
                self.path.pop();
                inner
            }
        };
        Ok(match logical(object, &base, &self.named) {
            Some(logical) => Type::Logical(logical, Box::new(base)),
            None => base,
        })
    }

    fn inner(&mut self, object: &'a Map<String, Value>, key: &str, space: &str) -> Result<Type, Error> {
        let Some(tree) = object.get(key) else {
            return Err(self.wrong(format!("no {key:?}"), "a type"));
        };
        self.path.push(key.into());
        let kind = self.kind(tree, space)?;
        self.path.pop();
        Ok(kind)
    }

    fn define(
        &mut self,
        word: &str,
        tree: &'a Value,
        object: &'a Map<String, Value>,
        space: &str,
    ) -> Result<Type, Error> {
        let Some(name) = full_name(object, space) else {
            return Err(self.wrong(format!("{word} without a name"), "a name"));
        };
        if !is_full_name(&name) {
            return Err(self.wrong(format!("name {name:?}"), "letters, digits and _, parts joined by points"));
        }
        if primitive(&name).is_some() {
            return Err(self.wrong(format!("name {name:?}"), "another than that of a primitive type"));
        }
        if let Some((at, before)) = self.places.get(&name) {
            if *before == tree {
                return Ok(Type::Named(*at));
            }
            return Err(self.wrong(format!("{name} defined a second time and otherwise"), "one definition"));
        }
        let at = self.named.len();
        self.places.insert(name.clone(), (at, tree));
        self.named.push(None);
        let space = name.rsplit_once('.').map_or("", |(space, _)| space).to_string();
        let kind = match word {
            "enum" => self.enumeration(object)?,
            "fixed" => match object.get("size").and_then(Value::as_u64) {
                Some(size) if size <= i32::MAX as u64 => Kind::Fixed(size as usize),
                _ => {
                    let found = object.get("size").map_or("no size".to_string(), short);
                    return Err(self.wrong(found, "a number of bytes below 2 GiB"));
                }
            },
            _ => Kind::Record(self.fields(object, &space)?),
        };
        let aliases = texts(object.get("aliases")).map(|alias| qualified(alias, &space)).collect();
        self.named[at] = Some(Named { name, aliases, kind });
        Ok(Type::Named(at))
    }

    fn enumeration(&self, object: &Map<String, Value>) -> Result<Kind, Error> {
        let symbols: Vec<String> = texts(object.get("symbols")).map(str::to_string).collect();
        let mut sorted: Vec<&String> = symbols.iter().collect();
        sorted.sort();
        if sorted.windows(2).any(|pair| pair[0] == pair[1]) || symbols.is_empty() {
            return Err(self.wrong("symbols of an enum that are none or the same", "different ones"));
        }
        let default = object.get("default").and_then(Value::as_str).map(str::to_string);
        if let Some(default) = default.as_ref().filter(|default| !symbols.contains(default)) {
            return Err(self.wrong(format!("default {default:?}"), "one of the symbols"));
        }
        Ok(Kind::Enum { symbols, default })
    }

    fn fields(&mut self, object: &'a Map<String, Value>, space: &str) -> Result<Vec<Field>, Error> {
        let Some(Value::Array(trees)) = object.get("fields") else {
            return Err(self.wrong("a record without a list of fields", "\"fields\""));
        };
        let mut fields: Vec<Field> = Vec::with_capacity(trees.len());
        let mut seen = std::collections::HashSet::new();
        for tree in trees {
            let name = tree.get("name").and_then(Value::as_str).unwrap_or_default();
            if !is_name(name) {
                return Err(self.wrong(format!("field {name:?}"), "a name of letters, digits and _"));
            }
            if !seen.insert(name) {
                return Err(self.wrong(format!("field {name} twice"), "each name once"));
            }
            let Some(kind) = tree.get("type") else {
                return Err(self.wrong(format!("field {name} without a type"), "a type"));
            };
            self.path.push(name.to_string());
            let kind = self.kind(kind, space)?;
            self.path.pop();
            fields.push(Field {
                name: name.to_string(),
                aliases: texts(tree.get("aliases")).map(str::to_string).collect(),
                kind,
                default: tree.get("default").cloned(),
                doc: tree.get("doc").and_then(Value::as_str).map(str::to_string),
            });
        }
        Ok(fields)
    }
}

fn primitive(name: &str) -> Option<Type> {
    Some(match name {
        "null" => Type::Null,
        "boolean" => Type::Boolean,
        "int" => Type::Int,
        "long" => Type::Long,
        "float" => Type::Float,
        "double" => Type::Double,
        "bytes" => Type::Bytes,
        "string" => Type::String,
        _ => return None,
    })
}

fn texts(list: Option<&Value>) -> impl Iterator<Item = &str> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// The beginning of a value, for messages.
fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn logical(object: &Map<String, Value>, base: &Type, named: &[Option<Named>]) -> Option<Logical> {
    let number = |key: &str| object.get(key).and_then(Value::as_u64);
    let name = object.get("logicalType")?.as_str()?;
    Some(match (name, base) {
        ("date", Type::Int) => Logical::Date,
        ("time-millis", Type::Int) => Logical::TimeMillis,
        ("time-micros", Type::Long) => Logical::TimeMicros,
        ("timestamp-millis", Type::Long) => Logical::TimestampMillis,
        ("timestamp-micros", Type::Long) => Logical::TimestampMicros,
        ("timestamp-nanos", Type::Long) => Logical::TimestampNanos,
        ("local-timestamp-millis", Type::Long) => Logical::LocalTimestampMillis,
        ("local-timestamp-micros", Type::Long) => Logical::LocalTimestampMicros,
        ("local-timestamp-nanos", Type::Long) => Logical::LocalTimestampNanos,
        ("uuid", Type::String) => Logical::Uuid,
        ("decimal", Type::Bytes | Type::Named(_)) => {
            let (precision, scale) = (number("precision")?, number("scale").unwrap_or(0));
            let most = match base {
                // Digits that surely fit in so many bytes.
                Type::Named(at) => match named.get(*at)?.as_ref()?.kind {
                    Kind::Fixed(size) => {
                        (((8 * size).saturating_sub(1)) as f64 * std::f64::consts::LOG10_2) as u64
                    }
                    _ => return None,
                },
                _ => 1000,
            };
            if precision == 0 || precision > most.min(1000) || scale > precision {
                return None;
            }
            Logical::Decimal { precision: precision as u32, scale: scale as u32 }
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_without_a_namespace_are_those_of_the_record_around_them() {
        let schema = Schema::parse(
            r#"{"type": "record", "name": "a.b.outer", "aliases": ["old", "x.y"], "fields": [
                {"name": "one", "type": {"type": "fixed", "name": "four", "size": 4}},
                {"name": "two", "type": "four"}, {"name": "three", "type": "a.b.four"},
                {"name": "four", "type": ["null", {"type": "enum", "name": "z.e", "symbols": ["P", "Q"]}]},
                {"name": "five", "type": {"type": "long", "logicalType": "timestamp-micros"}},
                {"name": "six", "type": {"type": "long", "logicalType": "of-nobody"}},
                {"name": "seven", "type": ["null", "outer"]}]}"#,
        )
        .unwrap();
        let names: Vec<&str> = schema.named.iter().map(|named| named.name.as_str()).collect();
        assert_eq!(names, ["a.b.outer", "a.b.four", "z.e"]);
        assert_eq!(schema.named[0].aliases, ["a.b.old", "x.y"]);
        let kinds: Vec<&Type> = schema.fields().iter().map(|field| &field.kind).collect();
        assert_eq!(kinds[..3], [&Type::Named(1), &Type::Named(1), &Type::Named(1)]);
        assert_eq!(kinds[4], &Type::Logical(Logical::TimestampMicros, Box::new(Type::Long)));
        assert_eq!(kinds[5], &Type::Long);
        assert_eq!(kinds[6], &Type::Union(vec![Type::Null, Type::Named(0)]));
    }

    #[test]
    fn what_is_written_is_read_as_the_same() {
        let text = r#"{"type": "record", "name": "n.r", "doc": "d", "fields": [
            {"name": "a", "type": ["int", "null"], "default": 3, "doc": "the a", "aliases": ["b"]},
            {"name": "m", "type": {"type": "map", "values": {"type": "array", "items": {"type": "fixed", "name": "f",
                "size": 9, "logicalType": "decimal", "precision": 12, "scale": 3}}}},
            {"name": "again", "type": {"type": "array", "items": "n.f"}},
            {"name": "e", "type": {"type": "enum", "name": "o.e", "symbols": ["A", "B"], "default": "B"}},
            {"name": "t", "type": {"type": "int", "logicalType": "time-millis"}}]}"#;
        let schema = Schema::parse(text).unwrap();
        assert_eq!(Schema::parse(&schema.to_json()).unwrap(), schema);
    }

    #[test]
    fn wrong_schemas_are_refused_with_the_place() {
        let nested = format!("{}\"int\"{}", r#"{"type":"array","items":"#.repeat(100), "}".repeat(100));
        for (text, told) in [
            ("{", "JSON"),
            ("7", "a type"),
            ("[]", "a union of nothing"),
            (r#"["int", "int"]"#, "twice in a union"),
            (r#"["int", ["null"]]"#, "a union in a union"),
            (
                r#"{"type": "record", "name": "r", "fields": [{"name": "x", "type": "strin"}]}"#,
                "x: found \"strin\"",
            ),
            (
                r#"{"type": "record", "name": "r", "fields": [{"name": "x y", "type": "int"}]}"#,
                "field \"x y\"",
            ),
            (
                r#"{"type": "record", "name": "r", "fields": [{"name": "x", "type": "int"}, {"name": "x", "type": "int"}]}"#,
                "x twice",
            ),
            (r#"{"type": "record", "name": "r"}"#, "without a list of fields"),
            (r#"{"type": "record", "fields": []}"#, "without a name"),
            (r#"{"type": "fixed", "name": "f", "size": -1}"#, "a number of bytes"),
            (r#"{"type": "enum", "name": "f", "symbols": ["A", "A"]}"#, "different ones"),
            (r#"{"type": "enum", "name": "int", "symbols": ["A"]}"#, "primitive"),
            (&nested, "deep"),
        ] {
            let error = Schema::parse(text).unwrap_err().to_string();
            assert!(error.contains(told), "{text}: {error}");
        }
        let two = r#"{"type": "record", "name": "NAME", "fields": []}"#;
        let error = Schema::parse_set(&[&two.replace("NAME", "a"), &two.replace("NAME", "b")]).unwrap_err();
        assert!(error.to_string().contains("a and b"), "{error}");
    }
}
