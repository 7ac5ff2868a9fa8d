//! The types of ADQL and which of them can stand for which.
//!
//! ADQL 2.1, section 3; names as in VOSI tables and TAP_SCHEMA.

/// The type of a column, a parameter or a value.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Type {
    Boolean,
    SmallInt,
    Integer,
    BigInt,
    Real,
    Double,
    Char,
    Varchar,
    Clob,
    Timestamp,
    Interval,
    Binary,
    Point,
    Circle,
    Polygon,
    /// Any region, and what is only known to be a geometry.
    Region,
    /// Arrays and whatever else nothing is known of; fits everywhere.
    Unknown,
}

/// Types that can stand for one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    Number,
    Text,
    Time,
    Geometry,
    Other,
    Any,
}

impl Type {
    /// Reads the name of a type, such as `DOUBLE PRECISION` or `VARCHAR(10)`; arrays are unknown.
    pub fn parse(name: &str) -> Option<Self> {
        let upper = name.trim().to_ascii_uppercase();
        if upper.ends_with(']') || upper.contains("ARRAY") {
            return Some(Self::Unknown);
        }
        let base = upper.split(['(', '*']).next().unwrap_or_default().trim();
        let base = base.strip_prefix("ADQL:").unwrap_or(base);
        Some(match base.split_whitespace().collect::<Vec<_>>().join(" ").as_str() {
            "BOOLEAN" | "BOOL" | "BIT" => Self::Boolean,
            "SMALLINT" | "SHORT" | "INT2" => Self::SmallInt,
            "INTEGER" | "INT" | "INT4" => Self::Integer,
            "BIGINT" | "LONG" | "INT8" => Self::BigInt,
            "REAL" | "FLOAT" | "FLOAT4" => Self::Real,
            "DOUBLE" | "DOUBLE PRECISION" | "NUMERIC" | "DECIMAL" | "FLOAT8" => Self::Double,
            "CHAR" | "CHARACTER" => Self::Char,
            "VARCHAR" | "STRING" | "TEXT" | "UNICODECHAR" | "CHARACTER VARYING" => Self::Varchar,
            "CLOB" => Self::Clob,
            "TIMESTAMP" | "DATE" | "DATETIME" => Self::Timestamp,
            "INTERVAL" => Self::Interval,
            "BINARY" | "VARBINARY" | "BLOB" | "BYTE" => Self::Binary,
            "POINT" | "POSITION" => Self::Point,
            "CIRCLE" => Self::Circle,
            "POLYGON" => Self::Polygon,
            "REGION" | "GEOMETRY" | "BOX" | "MOC" | "SHAPE" => Self::Region,
            "UNKNOWN" | "ANY" | "ANYTYPE" => Self::Unknown,
            _ => return None,
        })
    }

    /// The name in ADQL.
    pub fn name(self) -> &'static str {
        match self {
            Self::Boolean => "BOOLEAN",
            Self::SmallInt => "SMALLINT",
            Self::Integer => "INTEGER",
            Self::BigInt => "BIGINT",
            Self::Real => "REAL",
            Self::Double => "DOUBLE PRECISION",
            Self::Char => "CHAR",
            Self::Varchar => "VARCHAR",
            Self::Clob => "CLOB",
            Self::Timestamp => "TIMESTAMP",
            Self::Interval => "INTERVAL",
            Self::Binary => "VARBINARY",
            Self::Point => "POINT",
            Self::Circle => "CIRCLE",
            Self::Polygon => "POLYGON",
            Self::Region => "REGION",
            Self::Unknown => "UNKNOWN",
        }
    }

    pub(crate) fn family(self) -> Family {
        match self {
            Self::SmallInt | Self::Integer | Self::BigInt | Self::Real | Self::Double => Family::Number,
            Self::Char | Self::Varchar | Self::Clob => Family::Text,
            Self::Timestamp => Family::Time,
            Self::Point | Self::Circle | Self::Polygon | Self::Region => Family::Geometry,
            Self::Boolean | Self::Interval | Self::Binary => Family::Other,
            Self::Unknown => Family::Any,
        }
    }

    /// Says whether a value of this type is a whole number.
    pub(crate) fn is_whole(self) -> bool {
        matches!(self, Self::SmallInt | Self::Integer | Self::BigInt)
    }

    /// Says whether a value of this type can be passed for `parameter`: a string for a timestamp, any geometry for a
    /// region, any number for any other.
    pub(crate) fn fits(self, parameter: Self) -> bool {
        match (self.family(), parameter.family()) {
            (Family::Any, _) | (_, Family::Any) => true,
            (Family::Text, Family::Time) => true,
            (Family::Geometry, Family::Geometry) => {
                self == parameter || self == Self::Region || parameter == Self::Region
            }
            (Family::Other, Family::Other) => self == parameter,
            (a, b) => a == b,
        }
    }

    /// Says whether two values can be compared or stand in one column.
    pub(crate) fn comparable(self, other: Self) -> bool {
        self.fits(other) || other.fits(self)
    }

    /// The type that holds both, for sums and columns of a set operator.
    pub(crate) fn wider(self, other: Self) -> Self {
        let rank = |t: Self| match t {
            Self::SmallInt => 1,
            Self::Integer => 2,
            Self::BigInt => 3,
            Self::Real => 4,
            Self::Double => 5,
            _ => 0,
        };
        if rank(self) == 0 || rank(other) == 0 {
            return if self == Self::Unknown { other } else { self };
        }
        if rank(self).max(rank(other)) == 4 && rank(self).min(rank(other)) >= 2 && self != other {
            return Self::Double;
        }
        if rank(self) >= rank(other) { self } else { other }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_types_come_back() {
        for t in [Type::Double, Type::BigInt, Type::Varchar, Type::Timestamp, Type::Region, Type::Point] {
            assert_eq!(Type::parse(t.name()), Some(t));
        }
        assert_eq!(Type::parse(" double   precision "), Some(Type::Double));
        assert_eq!(Type::parse("varchar(12)"), Some(Type::Varchar));
        assert_eq!(Type::parse("INTEGER[]"), Some(Type::Unknown));
        assert_eq!(Type::parse("WIBBLE"), None);
    }

    #[test]
    fn a_string_serves_as_timestamp_and_a_circle_as_region() {
        assert!(Type::Varchar.fits(Type::Timestamp) && !Type::Double.fits(Type::Timestamp));
        assert!(Type::Circle.fits(Type::Region) && !Type::Circle.fits(Type::Point));
        assert!(Type::Integer.fits(Type::Real) && !Type::Varchar.fits(Type::Real));
    }
}
