//! A query that is printed parses to the same tree, on generated queries.

use proptest::prelude::*;
use uranometria_adql::{Engine, Options, parse, translate};

fn name() -> BoxedStrategy<String> {
    prop_oneof![
        Just("ra".to_owned()),
        Just("B1".to_owned()),
        "[a-z]{1,5}_q".prop_map(|s| s),
        "[a-zA-Z \"';%\\\\-]{1,6}".prop_map(|s| format!("\"{}\"", s.replace('"', "\"\""))),
    ]
    .boxed()
}

fn primary() -> BoxedStrategy<String> {
    prop_oneof![
        name(),
        (name(), name()).prop_map(|(a, b)| format!("{a}.{b}")),
        "[0-9]{1,5}(\\.[0-9]{0,3})?(e-?[0-9])?".prop_map(|s| s),
        "0x[0-9A-F]{1,8}".prop_map(|s| s),
        "[a-z'\\\\;-]{0,5}".prop_map(|s| format!("'{}'", s.replace('\'', "''"))),
        Just("COUNT(*)".to_owned()),
    ]
    .boxed()
}

fn number() -> BoxedStrategy<String> {
    primary()
        .prop_recursive(4, 24, 3, |inner| {
            let operator = prop::sample::select(vec!["+", "-", "*", "/", "%", "&", "|", "^"]);
            prop_oneof![
                (inner.clone(), operator, inner.clone()).prop_map(|(a, o, b)| format!("{a} {o} {b}")),
                inner.clone().prop_map(|a| format!("({a})")),
                inner.clone().prop_map(|a| format!("-({a})")),
                inner.clone().prop_map(|a| format!("~ ABS({a})")),
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("POWER({a}, {b})")),
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("COALESCE({a}, {b})")),
                inner.clone().prop_map(|a| format!("CAST({a} AS DOUBLE PRECISION)")),
                (inner.clone(), inner)
                    .prop_map(|(a, b)| format!("DISTANCE({a}, {b}, 1, POINT(1, 2))"))
                    .prop_map(|s| s.replace(", 1, POINT(1, 2))", ", 1, 2)")),
            ]
        })
        .boxed()
}

fn geometry() -> BoxedStrategy<String> {
    prop_oneof![
        (number(), number()).prop_map(|(a, b)| format!("POINT({a}, {b})")
            .replace("POINT('", "POINT(-('")
            .replace("POINT(-('", "POINT('ICRS', '")),
        (name(), number()).prop_map(|(p, r)| format!("CIRCLE({p}, {r})")),
        (number(), number()).prop_map(|(a, b)| format!("BOX('ICRS', {a}, {b}, 1, 2)")),
        (number(), number()).prop_map(|(a, b)| format!("POLYGON('', {a}, {b}, 1, 2, 3, 4)")),
        Just("REGION('Circle ICRS 1 2 3')".to_owned()),
        name(),
    ]
    .prop_filter("a string first is a frame", |text| {
        parse(&format!("SELECT {text} FROM t"), &Options::strict()).is_ok()
    })
    .boxed()
}

fn condition() -> BoxedStrategy<String> {
    let comparison = prop::sample::select(vec!["=", "<>", "!=", "<", "<=", ">", ">="]);
    prop_oneof![
        (number(), comparison.clone(), number()).prop_map(|(a, o, b)| format!("{a} {o} {b}")),
        (number(), number(), number()).prop_map(|(a, b, c)| format!("{a} NOT BETWEEN {b} AND {c}")),
        (number(), number(), number()).prop_map(|(a, b, c)| format!("{a} IN ({b}, {c})")),
        (name(), name()).prop_map(|(a, b)| format!("{a} || 'x' ILIKE {b}")),
        name().prop_map(|a| format!("{a} IS NOT NULL")),
        (geometry(), geometry(), prop::sample::select(vec!["1 =", "0 =", "1 <>"]))
            .prop_map(|(a, b, o)| format!("{o} CONTAINS({a}, {b})")),
        (number(), number(), comparison).prop_map(|(a, b, o)| format!("DISTANCE({a}, 1, 2, 3) {o} {b}")),
    ]
    .prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} AND {b}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) OR {b}")),
            inner.clone().prop_map(|a| format!("NOT ({a})")),
            inner.prop_map(|a| format!("EXISTS (SELECT * FROM t WHERE {a})")),
        ]
    })
    .boxed()
}

fn query() -> BoxedStrategy<String> {
    (number(), geometry(), condition(), condition(), name(), any::<(bool, u16)>())
        .prop_map(|(a, g, c, d, n, (distinct, rows))| {
            let distinct = if distinct { "DISTINCT " } else { "" };
            format!(
                "SELECT {distinct}TOP {rows} {a} AS {n}, {g}, t.* FROM s.t AS t LEFT OUTER JOIN (u JOIN v USING (k)) ON {c}, \
                 (SELECT * FROM w) x WHERE {d} GROUP BY {n}, {a}"
            )
        })
        .prop_recursive(2, 6, 2, |inner| {
            let set = prop::sample::select(vec!["UNION", "EXCEPT ALL", "INTERSECT"]);
            prop_oneof![
                (inner.clone(), set, inner.clone()).prop_map(|(a, s, b)| format!("{a} {s} {b}")),
                inner.prop_map(|a| format!("({a} ORDER BY 1 DESC, ra OFFSET 3)")),
            ]
        })
        .boxed()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn printed_queries_parse_to_the_same_tree(query in query()) {
        let options = Options::strict();
        let tree = parse(&query, &options).map_err(|errors| TestCaseError::fail(errors.render(&query)))?;
        let printed = tree.to_string();
        let again = parse(&printed, &options).map_err(|errors| TestCaseError::fail(errors.render(&printed)))?;
        prop_assert_eq!(&again, &tree, "{}", printed);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "(SELECT|FROM|WHERE|[ ,.()'\"*+-]|[a-z0-9]{1,3}|\\PC){0,30}") {
        for options in [Options::strict(), Options::default()] {
            match parse(&text, &options) {
                Ok(tree) => { let _ = translate(&tree, Engine::PgSphere); }
                Err(errors) => prop_assert!(errors.render(&text).contains("line ")),
            }
        }
    }
}
