//! Schemas to JSON.

use serde_json::{Map, Value, json};

use super::{Kind, Logical, Schema, Type};

impl Schema {
    /// The schema as JSON. Types with names are defined where they first occur; all names are full ones.
    pub fn to_json(&self) -> String {
        let mut defined = vec![false; self.named.len()];
        self.value(&self.root, "", &mut defined).to_string()
    }

    /// A type as it is written inside a namespace.
    fn value(&self, kind: &Type, space: &str, defined: &mut [bool]) -> Value {
        match kind {
            Type::Array(items) => json!({ "type": "array", "items": self.value(items, space, defined) }),
            Type::Map(values) => json!({ "type": "map", "values": self.value(values, space, defined) }),
            Type::Union(branches) => {
                branches.iter().map(|branch| self.value(branch, space, defined)).collect()
            }
            Type::Named(at) => self.definition(*at, space, defined),
            Type::Logical(logical, base) => {
                let base = self.value(base, space, defined);
                let mut object = match base {
                    Value::Object(object) => object,
                    other => Map::from_iter([("type".to_string(), other)]),
                };
                object.insert("logicalType".into(), logical.name().into());
                if let Logical::Decimal { precision, scale } = logical {
                    object.insert("precision".into(), (*precision).into());
                    object.insert("scale".into(), (*scale).into());
                }
                Value::Object(object)
            }
            plain => plain.primitive().unwrap_or_default().into(),
        }
    }

    fn definition(&self, at: usize, space: &str, defined: &mut [bool]) -> Value {
        let Some(named) = self.named.get(at) else { return Value::Null };
        let own = named.name.rsplit_once('.').map_or("", |(space, _)| space);
        if std::mem::replace(&mut defined[at], true) {
            // Without a point it would be that of the namespace, where that has one of this name too.
            let other = format!("{space}.{}", named.name);
            let hidden = own.is_empty() && self.named.iter().any(|named| named.name == other);
            return if hidden { format!(".{}", named.name).into() } else { named.name.as_str().into() };
        }
        let mut object = Map::new();
        object.insert("name".into(), named.name.as_str().into());
        if own.is_empty() && !space.is_empty() {
            object.insert("namespace".into(), "".into());
        }
        if !named.aliases.is_empty() {
            let alias = |alias: &String| {
                if own.is_empty() || alias.contains('.') { alias.clone() } else { format!(".{alias}") }
            };
            object.insert("aliases".into(), named.aliases.iter().map(alias).collect());
        }
        let word = match &named.kind {
            Kind::Record(fields) => {
                let fields = fields.iter().map(|field| {
                    let mut object = Map::new();
                    object.insert("name".into(), field.name.as_str().into());
                    object.insert("type".into(), self.value(&field.kind, own, defined));
                    if !field.aliases.is_empty() {
                        object.insert("aliases".into(), field.aliases.clone().into());
                    }
                    if let Some(default) = &field.default {
                        object.insert("default".into(), default.clone());
                    }
                    if let Some(doc) = &field.doc {
                        object.insert("doc".into(), doc.as_str().into());
                    }
                    Value::Object(object)
                });
                object.insert("fields".into(), fields.collect());
                "record"
            }
            Kind::Enum { symbols, default } => {
                object.insert("symbols".into(), symbols.clone().into());
                if let Some(default) = default {
                    object.insert("default".into(), default.as_str().into());
                }
                "enum"
            }
            Kind::Fixed(size) => {
                object.insert("size".into(), (*size).into());
                "fixed"
            }
        };
        object.insert("type".into(), word.into());
        Value::Object(object)
    }
}

impl Logical {
    fn name(self) -> &'static str {
        match self {
            Logical::Date => "date",
            Logical::TimeMillis => "time-millis",
            Logical::TimeMicros => "time-micros",
            Logical::TimestampMillis => "timestamp-millis",
            Logical::TimestampMicros => "timestamp-micros",
            Logical::TimestampNanos => "timestamp-nanos",
            Logical::LocalTimestampMillis => "local-timestamp-millis",
            Logical::LocalTimestampMicros => "local-timestamp-micros",
            Logical::LocalTimestampNanos => "local-timestamp-nanos",
            Logical::Decimal { .. } => "decimal",
            Logical::Uuid => "uuid",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_no_namespace_inside_one_are_read_back_as_themselves() {
        let text = r#"{"type": "record", "name": "a.b.outer", "aliases": [".old"], "fields": [
            {"name": "one", "type": {"type": "fixed", "name": ".four", "size": 4}},
            {"name": "two", "type": {"type": "record", "name": "plain", "namespace": "", "fields": [
                {"name": "x", "type": "four"}, {"name": "y", "type": {"type": "fixed", "name": "c.five", "size": 5}}]}},
            {"name": "three", "type": {"type": "fixed", "name": "a.b.four", "size": 3}},
            {"name": "four", "type": [".four", "a.b.four"]}]}"#;
        let schema = Schema::parse(text).unwrap();
        let names: Vec<&str> = schema.named.iter().map(|named| named.name.as_str()).collect();
        assert_eq!(names, ["a.b.outer", "four", "plain", "c.five", "a.b.four"]);
        assert_eq!(Schema::parse(&schema.to_json()).unwrap(), schema);
    }
}
