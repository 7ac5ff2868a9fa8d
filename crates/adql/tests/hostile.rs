//! Queries that mean harm: deep, long, or with SQL where a name or a string should be.

use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::tokenizer::{Token, Tokenizer, Whitespace};
use uranometria_adql::{Engine, Kind, Options, parse, translate};

const ENGINES: [Engine; 3] = [Engine::DataFusion, Engine::Q3c, Engine::PgSphere];

fn sql(query: &str, engine: Engine) -> String {
    let tree = parse(query, &Options::default()).unwrap_or_else(|errors| panic!("{}", errors.render(query)));
    translate(&tree, engine).unwrap_or_else(|error| panic!("{engine:?}: {}", error.render(query)))
}

#[test]
fn nesting_without_end_is_an_error_and_not_a_crash() {
    let deep = |open: &str, middle: &str, close: &str, n: usize| {
        format!("SELECT {}{middle}{} FROM t", open.repeat(n), close.repeat(n))
    };
    let queries = [
        deep("(", "a", ")", 100_000),
        deep("ABS(", "a", ")", 100_000),
        deep("- ", "a", "", 100_000),
        deep("~", "a", "", 100_000),
        deep("a + ", "a", "", 100_000),
        deep("a || ", "a", "", 100_000),
        format!("SELECT a FROM t WHERE a = 1{}", " OR a = 1".repeat(100_000)),
        format!("SELECT a FROM t{}", " JOIN t".repeat(100_000)),
        format!("SELECT a FROM t{}{}", " LEFT JOIN t".repeat(3000), " ON a = 1".repeat(3000)),
        format!("SELECT a FROM t WHERE {} a = 1", "NOT ".repeat(100_000)),
        format!("SELECT a FROM t WHERE {}a = 1{}", "(".repeat(100_000), ")".repeat(100_000)),
        format!("SELECT a FROM {}t{}", "(SELECT a FROM ".repeat(50_000), ") AS x".repeat(50_000)),
        format!("SELECT a FROM t{}", " UNION SELECT a FROM t".repeat(50_000)),
        format!("SELECT a FROM t WHERE a IN {}1", "(SELECT a FROM t WHERE a IN ".repeat(50_000)),
    ];
    for query in queries {
        let errors = parse(&query, &Options::default()).unwrap_err();
        let kind = errors.first().kind;
        assert_eq!(kind, Kind::TooDeep, "{}…: {errors}", &query[..60]);
    }
}

#[test]
fn what_is_just_within_the_limits_parses_prints_and_translates() {
    let queries = [
        format!("SELECT {}a{} FROM t", "(".repeat(60), ")".repeat(60)),
        format!("SELECT a{} FROM t", " + a".repeat(280)),
        format!("SELECT a FROM t WHERE a = 1{}", " OR a = 1".repeat(2500)),
        format!("SELECT a FROM t WHERE a IN (1{})", ", 2".repeat(100_000)),
        format!("SELECT a FROM t{}", " UNION SELECT a FROM t".repeat(200)),
        format!("SELECT a FROM t{}", " JOIN t ON a = 1".repeat(200)),
        format!("SELECT a FROM t{}", " NATURAL LEFT OUTER JOIN t".repeat(200)),
        format!("SELECT a FROM t{}{}", " JOIN t".repeat(50), " ON a = 1".repeat(50)),
        format!("SELECT a FROM {}t{}", "(SELECT a FROM ".repeat(60), ") AS x".repeat(60)),
    ];
    for query in queries {
        let tree = parse(&query, &Options::default()).unwrap_or_else(|e| panic!("{}…: {e}", &query[..60]));
        assert_eq!(parse(&tree.to_string(), &Options::default()).unwrap(), tree);
        assert!(translate(&tree, Engine::PgSphere).unwrap().len() > 10);
    }
}

#[test]
fn names_and_strings_stay_names_and_strings_whatever_is_in_them() {
    let hostile = [
        "a\"; DROP TABLE t; --",
        "' OR 1=1 --",
        "\\'; DROP TABLE t; --",
        "\\",
        "/* */",
        "$$",
        "x\" AS \"y",
        "--",
        ";",
        "\u{2019}",
        "a\nb",
        "\"\"",
        "''",
        "E'",
        "U&\"d\"",
        "%s",
        "?",
        "{fn x}",
        "\\\"",
    ];
    for evil in hostile {
        let (name, text) = (evil.replace('"', "\"\""), evil.replace('\'', "''"));
        let query = format!(
            "SELECT \"{name}\" AS \"{name}\", LOWER('{text}') FROM \"{name}\" AS \"{name}\" JOIN u USING (\"{name}\")
            WHERE x = '{text}' AND y LIKE '{text}' -- {evil}\n AND \"{name}\".\"{name}\" IN ('{text}') ORDER BY \"{name}\"",
            evil = evil.replace('\n', " ")
        );
        for engine in ENGINES {
            let sql = sql(&query, engine);
            let tokens = Tokenizer::new(&PostgreSqlDialect {}, &sql)
                .tokenize()
                .unwrap_or_else(|e| panic!("{e}: {sql}"));
            let (mut names, mut texts) = (0, 0);
            for token in tokens {
                match token {
                    Token::Word(word) if word.quote_style.is_some() => {
                        names += usize::from(word.value == evil);
                        assert!([evil, "u", "x", "y"].contains(&word.value.as_str()), "{sql}: {word:?}");
                    }
                    Token::Word(word) => {
                        const OURS: &str = " SELECT AS lower FROM JOIN USING WHERE AND LIKE IN ORDER BY ";
                        assert!(OURS.contains(&format!(" {} ", word.value)), "{sql}: {word:?}");
                    }
                    Token::SingleQuotedString(text) | Token::EscapedStringLiteral(text) => {
                        texts += usize::from(text == evil);
                        assert_eq!(text, evil, "{sql}");
                    }
                    Token::Whitespace(space) => assert_eq!(space, Whitespace::Space, "{sql}"),
                    Token::LParen | Token::RParen | Token::Comma | Token::Period | Token::Eq => {}
                    other => panic!("{other:?} in {sql}"),
                }
            }
            assert_eq!((names, texts), (8, 4), "{sql}");
        }
    }
}

#[test]
fn calls_of_unknown_functions_and_second_statements_never_come_through() {
    for query in [
        "SELECT pg_sleep(10) FROM t",
        "SELECT pg_read_file('x') FROM t",
        "SELECT \"pg_sleep\"(10) FROM t",
        "SELECT public.pg_sleep(10) FROM t",
        "SELECT a FROM pg_sleep(10)",
        "SELECT a FROM t; DROP TABLE t",
        "SELECT a FROM t;--\nDROP TABLE t",
        "SELECT a FROM t WHERE a = 'x'';DROP TABLE t",
        "SELECT a FROM t FOR UPDATE",
        "SELECT a FROM ROWS FROM (pg_sleep(1))",
        "SELECT $$a$$ FROM t",
        "SELECT E'a' FROM t",
        "SELECT a\0 FROM t",
        "SELECT 'a\0' FROM t",
    ] {
        assert!(parse(query, &Options::default()).is_err(), "{query}");
    }
}
