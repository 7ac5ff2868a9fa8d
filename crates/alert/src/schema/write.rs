//! Schemas to JSON.

use serde_json::{Map, Value, json};

use super::{Kind, Logical, Schema, Type};

impl Schema {
    /// The schema as JSON. Types with names are defined where they first occur; all names are full ones.
    pub fn to_json(&self) -> String {
        let mut defined = vec![false; self.named.len()];
        self.value(&self.root, &mut defined).to_string()
    }

    fn value(&self, kind: &Type, defined: &mut [bool]) -> Value {
        match kind {
            Type::Array(items) => json!({ "type": "array", "items": self.value(items, defined) }),
            Type::Map(values) => json!({ "type": "map", "values": self.value(values, defined) }),
            Type::Union(branches) => branches.iter().map(|branch| self.value(branch, defined)).collect(),
            Type::Named(at) => self.definition(*at, defined),
            Type::Logical(logical, base) => {
                let base = self.value(base, defined);
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

    fn definition(&self, at: usize, defined: &mut [bool]) -> Value {
        let Some(named) = self.named.get(at) else { return Value::Null };
        if std::mem::replace(&mut defined[at], true) {
            return named.name.as_str().into();
        }
        let mut object = Map::new();
        object.insert("name".into(), named.name.as_str().into());
        if !named.aliases.is_empty() {
            object.insert("aliases".into(), named.aliases.clone().into());
        }
        let word = match &named.kind {
            Kind::Record(fields) => {
                let fields = fields.iter().map(|field| {
                    let mut object = Map::new();
                    object.insert("name".into(), field.name.as_str().into());
                    object.insert("type".into(), self.value(&field.kind, defined));
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
