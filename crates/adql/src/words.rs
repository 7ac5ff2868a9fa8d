//! The words that ADQL keeps for itself.
//!
//! ADQL 2.1, sections 2.1.3 and 2.1.4 (`END-EXEC`, which no identifier can be, is left out).

use sqlparser::keywords::Keyword;

use crate::Version;

/// Reserved words by their first letter.
const RESERVED: [&[&str]; 26] = [
    &[
        "ABS",
        "ABSOLUTE",
        "ACOS",
        "ACTION",
        "ADD",
        "ALL",
        "ALLOCATE",
        "ALTER",
        "AND",
        "ANY",
        "ARE",
        "AREA",
        "AS",
        "ASC",
        "ASIN",
        "ASSERTION",
        "AT",
        "ATAN",
        "ATAN2",
        "AUTHORIZATION",
        "AVG",
    ],
    &["BEGIN", "BETWEEN", "BIGINT", "BIT", "BIT_LENGTH", "BOTH", "BOX", "BY"],
    &[
        "CASCADE",
        "CASCADED",
        "CASE",
        "CAST",
        "CATALOG",
        "CEILING",
        "CENTROID",
        "CHAR",
        "CHARACTER",
        "CHARACTER_LENGTH",
        "CHAR_LENGTH",
        "CHECK",
        "CIRCLE",
        "CLOSE",
        "COALESCE",
        "COLLATE",
        "COLLATION",
        "COLUMN",
        "COMMIT",
        "CONNECT",
        "CONNECTION",
        "CONSTRAINT",
        "CONSTRAINTS",
        "CONTAINS",
        "CONTINUE",
        "CONVERT",
        "COORD1",
        "COORD2",
        "COORDSYS",
        "CORRESPONDING",
        "COS",
        "COT",
        "COUNT",
        "CREATE",
        "CROSS",
        "CURRENT",
        "CURRENT_DATE",
        "CURRENT_TIME",
        "CURRENT_TIMESTAMP",
        "CURRENT_USER",
        "CURSOR",
    ],
    &[
        "DATE",
        "DAY",
        "DEALLOCATE",
        "DECIMAL",
        "DECLARE",
        "DEFAULT",
        "DEFERRABLE",
        "DEFERRED",
        "DEGREES",
        "DELETE",
        "DESC",
        "DESCRIBE",
        "DESCRIPTOR",
        "DIAGNOSTICS",
        "DISCONNECT",
        "DISTANCE",
        "DISTINCT",
        "DOMAIN",
        "DOUBLE",
        "DROP",
    ],
    &[
        "ELSE",
        "END",
        "ESCAPE",
        "EXCEPT",
        "EXCEPTION",
        "EXEC",
        "EXECUTE",
        "EXISTS",
        "EXP",
        "EXTERNAL",
        "EXTRACT",
    ],
    &["FALSE", "FETCH", "FIRST", "FLOAT", "FLOOR", "FOR", "FOREIGN", "FOUND", "FROM", "FULL"],
    &["GET", "GLOBAL", "GO", "GOTO", "GRANT", "GROUP"],
    &["HAVING", "HOUR"],
    &[
        "IDENTITY",
        "ILIKE",
        "IMMEDIATE",
        "IN",
        "INDICATOR",
        "INITIALLY",
        "INNER",
        "INPUT",
        "INSENSITIVE",
        "INSERT",
        "INT",
        "INTEGER",
        "INTERSECT",
        "INTERSECTS",
        "INTERVAL",
        "INTO",
        "IN_UNIT",
        "IS",
        "ISOLATION",
    ],
    &["JOIN"],
    &["KEY"],
    &["LANGUAGE", "LAST", "LEADING", "LEFT", "LEVEL", "LIKE", "LOCAL", "LOG", "LOG10", "LOWER"],
    &["MATCH", "MAX", "MIN", "MINUTE", "MOD", "MODULE", "MONTH"],
    &["NAMES", "NATIONAL", "NATURAL", "NCHAR", "NEXT", "NO", "NOT", "NULL", "NULLIF", "NUMERIC"],
    &[
        "OCTET_LENGTH",
        "OF",
        "OFFSET",
        "ON",
        "ONLY",
        "OPEN",
        "OPTION",
        "OR",
        "ORDER",
        "OUTER",
        "OUTPUT",
        "OVERLAPS",
    ],
    &[
        "PAD",
        "PARTIAL",
        "PI",
        "POINT",
        "POLYGON",
        "POSITION",
        "POWER",
        "PRECISION",
        "PREPARE",
        "PRESERVE",
        "PRIMARY",
        "PRIOR",
        "PRIVILEGES",
        "PROCEDURE",
        "PUBLIC",
    ],
    &[],
    &[
        "RADIANS",
        "RAND",
        "READ",
        "REAL",
        "REFERENCES",
        "REGION",
        "RELATIVE",
        "RESTRICT",
        "REVOKE",
        "RIGHT",
        "ROLLBACK",
        "ROUND",
        "ROWS",
    ],
    &[
        "SCHEMA",
        "SCROLL",
        "SECOND",
        "SECTION",
        "SELECT",
        "SESSION",
        "SESSION_USER",
        "SET",
        "SIN",
        "SIZE",
        "SMALLINT",
        "SOME",
        "SPACE",
        "SQL",
        "SQLCODE",
        "SQLERROR",
        "SQLSTATE",
        "SQRT",
        "SUBSTRING",
        "SUM",
        "SYSTEM_USER",
    ],
    &[
        "TABLE",
        "TAN",
        "TEMPORARY",
        "THEN",
        "TIME",
        "TIMESTAMP",
        "TIMEZONE_HOUR",
        "TIMEZONE_MINUTE",
        "TO",
        "TOP",
        "TRAILING",
        "TRANSACTION",
        "TRANSLATE",
        "TRANSLATION",
        "TRIM",
        "TRUE",
        "TRUNCATE",
    ],
    &["UNION", "UNIQUE", "UNKNOWN", "UPDATE", "UPPER", "USAGE", "USER", "USING"],
    &["VALUE", "VALUES", "VARCHAR", "VARYING", "VIEW"],
    &["WHEN", "WHENEVER", "WHERE", "WITH", "WORK", "WRITE"],
    &[],
    &["YEAR"],
    &["ZONE"],
];

/// Words that came with 2.1; the others were reserved in 2.0 already.
const NEW: [&str; 4] = ["BIGINT", "ILIKE", "IN_UNIT", "OFFSET"];

/// Whether a name can be written in a query of ADQL 2.1 without quotes.
pub fn is_regular(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !is_reserved(name, Version::V2_1)
}

/// Says whether an undelimited name is a reserved word.
pub(crate) fn is_reserved(name: &str, version: Version) -> bool {
    let Some(first) = name.bytes().next().filter(u8::is_ascii_alphabetic) else { return false };
    let list = RESERVED[usize::from(first.to_ascii_uppercase() - b'A')];
    list.iter().any(|word| word.eq_ignore_ascii_case(name))
        && (version == Version::V2_1 || !NEW.iter().any(|word| word.eq_ignore_ascii_case(name)))
}

/// Gives the keyword by which the parser knows a word that builds queries.
///
/// All other words are plain names to it; that is how LIMIT, LATERAL, OVER and their like cannot reach its rules.
pub(crate) fn keyword(name: &str) -> Keyword {
    let mut upper = [0; 9];
    let bytes = name.as_bytes();
    let Some(room) = upper.get_mut(..bytes.len()) else { return Keyword::NoKeyword };
    room.copy_from_slice(bytes);
    room.make_ascii_uppercase();
    match &*room {
        b"ALL" => Keyword::ALL,
        b"AND" => Keyword::AND,
        b"AS" => Keyword::AS,
        b"ASC" => Keyword::ASC,
        b"BETWEEN" => Keyword::BETWEEN,
        b"BY" => Keyword::BY,
        b"DESC" => Keyword::DESC,
        b"DISTINCT" => Keyword::DISTINCT,
        b"EXCEPT" => Keyword::EXCEPT,
        b"EXISTS" => Keyword::EXISTS,
        b"FROM" => Keyword::FROM,
        b"FULL" => Keyword::FULL,
        b"GROUP" => Keyword::GROUP,
        b"HAVING" => Keyword::HAVING,
        b"ILIKE" => Keyword::ILIKE,
        b"IN" => Keyword::IN,
        b"INNER" => Keyword::INNER,
        b"INTERSECT" => Keyword::INTERSECT,
        b"IS" => Keyword::IS,
        b"JOIN" => Keyword::JOIN,
        b"LEFT" => Keyword::LEFT,
        b"LIKE" => Keyword::LIKE,
        b"NATURAL" => Keyword::NATURAL,
        b"NOT" => Keyword::NOT,
        b"NULL" => Keyword::NULL,
        b"OFFSET" => Keyword::OFFSET,
        b"ON" => Keyword::ON,
        b"OR" => Keyword::OR,
        b"ORDER" => Keyword::ORDER,
        b"OUTER" => Keyword::OUTER,
        b"RIGHT" => Keyword::RIGHT,
        b"SELECT" => Keyword::SELECT,
        b"TOP" => Keyword::TOP,
        b"UNION" => Keyword::UNION,
        b"USING" => Keyword::USING,
        b"WHERE" => Keyword::WHERE,
        b"WITH" => Keyword::WITH,
        _ => Keyword::NoKeyword,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_need_no_quotes_are_words_and_not_reserved() {
        assert!(is_regular("ra") && is_regular("Gmag_2") && is_regular("abs_mag"));
        for quoted in ["size", "_cell", "2mass", "a-b", "", "Distance", "é"] {
            assert!(!is_regular(quoted), "{quoted}");
        }
    }

    #[test]
    fn words_are_reserved_in_any_case_and_by_version() {
        for word in ["size", "Size", "SELECT", "point", "log10", "coord1", "zone", "year"] {
            assert!(is_reserved(word, Version::V2_1) && is_reserved(word, Version::V2_0), "{word}");
        }
        for word in ["version", "limit", "ra", "_size", "", "\u{e9}t\u{e9}"] {
            assert!(!is_reserved(word, Version::V2_1), "{word}");
        }
        assert!(is_reserved("offset", Version::V2_1) && !is_reserved("offset", Version::V2_0));
    }

    #[test]
    fn every_keyword_of_the_parser_is_reserved() {
        for word in ["select", "ilike", "intersect", "natural", "offset"] {
            assert_ne!(keyword(word), Keyword::NoKeyword, "{word}");
            assert!(is_reserved(word, Version::V2_1), "{word}");
        }
        for word in ["limit", "lateral", "over", "values", "insert", "cross", "table", "recursive", "fetch"] {
            assert_eq!(keyword(word), Keyword::NoKeyword, "{word}");
        }
    }
}
