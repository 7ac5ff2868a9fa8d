//! Columns of Arrow schemas.

use arrow_schema::{DataType, Field};

use crate::{Column, Type};

impl Column {
    /// The column that a field of an Arrow schema is: its name, type, and of its metadata `unit`, `ucd`, `description`.
    ///
    /// An `xtype` of DALI (`point`, `circle`, `polygon`, `timestamp`) says what lists and texts stand for. Integers without
    /// sign get the next wider type with one.
    pub fn of_field(field: &Field) -> Self {
        let of = |key: &str| field.metadata().get(key).filter(|value| !value.is_empty()).cloned();
        let datatype = match of("xtype").as_deref() {
            Some("point") => Type::Point,
            Some("circle") => Type::Circle,
            Some("polygon") => Type::Polygon,
            Some("shape" | "region" | "moc") => Type::Region,
            Some("timestamp") => Type::Timestamp,
            _ => Type::of_arrow(field.data_type()),
        };
        Column {
            unit: of("unit"),
            ucd: of("ucd"),
            description: of("description"),
            ..Self::new(field.name(), datatype)
        }
    }
}

impl Type {
    /// The type of values of an Arrow type; lists and what else ADQL lacks are unknown.
    pub fn of_arrow(data_type: &DataType) -> Self {
        match data_type {
            DataType::Boolean => Self::Boolean,
            DataType::Int8 | DataType::Int16 | DataType::UInt8 => Self::SmallInt,
            DataType::Int32 | DataType::UInt16 => Self::Integer,
            DataType::Int64 | DataType::UInt32 | DataType::UInt64 => Self::BigInt,
            DataType::Float16 | DataType::Float32 => Self::Real,
            DataType::Float64 | DataType::Decimal128(..) => Self::Double,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Self::Varchar,
            DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 => Self::Timestamp,
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView => Self::Binary,
            DataType::Dictionary(_, values) => Self::of_arrow(values),
            _ => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_brings_its_type_unit_ucd_and_description() {
        let said = [("unit", "deg"), ("ucd", "pos.eq.ra"), ("description", "where"), ("display", "F9.5")];
        let said = said.map(|(key, value)| (key.to_string(), value.to_string())).into();
        let column = Column::of_field(&Field::new("ra", DataType::Float64, true).with_metadata(said));
        assert_eq!((column.name.as_str(), column.datatype), ("ra", Type::Double));
        assert_eq!(column.unit.zip(column.ucd), Some(("deg".into(), "pos.eq.ra".into())));
        assert_eq!(column.description.as_deref(), Some("where"));
        let point = [("xtype".to_string(), "point".to_string()), ("unit".to_string(), String::new())].into();
        let list = DataType::new_fixed_size_list(DataType::Float64, 2, true);
        let column = Column::of_field(&Field::new("place", list, true).with_metadata(point));
        assert_eq!((column.datatype, column.unit), (Type::Point, None));
    }
}
