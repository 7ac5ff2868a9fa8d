//! Names and types against tables, and the SQL that comes of it.

use uranometria_adql::{Column, Engine, Functions, Kind, Options, Tables, Type, check, parse, translate};

fn tables() -> Tables {
    let mut tables = Tables::default();
    let star = vec![
        Column::new("source_id", Type::BigInt),
        Column::new("ra", Type::Double),
        Column::new("dec", Type::Double),
        Column::new("Name", Type::Varchar),
        Column::new("pos", Type::Point),
    ];
    tables.add("gaia.source", star);
    tables.add(
        "tap_upload.mine",
        vec![
            Column::new("ra", Type::Double),
            Column::new("dec", Type::Double),
            Column::new("Id", Type::Integer),
            Column::new("id", Type::Integer),
        ],
    );
    tables
        .add("ivoa.obscore", vec![Column::new("s_region", Type::Region), Column::new("t_min", Type::Double)]);
    tables
}

fn mistake(query: &str, kind: Kind, at: &str, hint: &str) {
    let tree = parse(query, &Options::strict()).unwrap_or_else(|e| panic!("{}", e.render(query)));
    let errors = check(&tree, &tables(), &Functions::default()).expect_err(query);
    let error = errors.first();
    assert_eq!(
        (error.kind, &query[error.span.start..error.span.end]),
        (kind, at),
        "{}",
        errors.render(query)
    );
    assert!(error.to_string().contains(hint), "{}", errors.render(query));
}

fn sql(query: &str, engine: Engine) -> String {
    let tree = parse(query, &Options::strict()).unwrap_or_else(|e| panic!("{}", e.render(query)));
    let checked =
        check(&tree, &tables(), &Functions::default()).unwrap_or_else(|e| panic!("{}", e.render(query)));
    translate(&checked.query, engine).unwrap_or_else(|e| panic!("{}", e.render(query)))
}

#[test]
fn unknown_and_ambiguous_names_are_found_with_the_nearest_one() {
    mistake("SELECT ra FROM gaia.sorce", Kind::UnknownTable, "gaia.sorce", "did you mean `gaia.source`?");
    mistake(
        "SELECT source_di FROM gaia.source",
        Kind::UnknownColumn,
        "source_di",
        "did you mean `source_id`?",
    );
    mistake("SELECT s.ra FROM gaia.source", Kind::UnknownColumn, "s.ra", "no column");
    mistake("SELECT \"name\" FROM gaia.source", Kind::UnknownColumn, "\"name\"", "did you mean `Name`?");
    mistake(
        "SELECT ra FROM gaia.source, mine",
        Kind::Ambiguous,
        "ra",
        "write gaia.source.ra or tap_upload.mine.ra",
    );
    mistake("SELECT * FROM mine, mine", Kind::Ambiguous, "mine", "give each an alias");
    mistake("SELECT x.* FROM mine AS y", Kind::UnknownTable, "x", "in FROM");
    mistake(
        "SELECT ra FROM mine JOIN obscore USING (ra)",
        Kind::UnknownColumn,
        "ra",
        "on the right of the join",
    );
    mistake(
        "SELECT * FROM gaia.source NATURAL JOIN mine JOIN obscore USING (ID)",
        Kind::Ambiguous,
        "ID",
        "more than one",
    );
    mistake("SELECT ra FROM gaia.source JOIN mine ON 1 = 1", Kind::Ambiguous, "ra", "write gaia.source.ra");
    // A join knows its own tables alone.
    mistake(
        "SELECT source_id FROM obscore, gaia.source JOIN mine ON t_min = id",
        Kind::UnknownColumn,
        "t_min",
        "no column",
    );
    mistake(
        "SELECT t_min FROM obscore JOIN gaia.source JOIN mine ON obscore.t_min = 1 ON 1 = 1",
        Kind::UnknownColumn,
        "obscore.t_min",
        "in the tables of FROM",
    );
    mistake(
        "SELECT n FROM gaia.source AS a JOIN (SELECT dec AS n, name AS ra FROM gaia.source) AS b USING (ra)",
        Kind::Type,
        "ra",
        "DOUBLE PRECISION on the left and VARCHAR on the right",
    );
    mistake(
        "SELECT x.ra FROM (SELECT ra, dec AS ra FROM mine) AS x",
        Kind::Ambiguous,
        "x.ra",
        "more than one",
    );
    mistake(
        "SELECT s.ra, m.ra FROM gaia.source AS s JOIN mine AS m ON s.source_id = m.id ORDER BY ra",
        Kind::Ambiguous,
        "ra",
        "write s.ra or m.ra",
    );
    mistake("SELECT ra FROM mine ORDER BY 2", Kind::UnknownColumn, "2", "the query has 1");
}

#[test]
fn several_mistakes_are_found_at_once() {
    let query = "SELECT raa, dek, SQRT(\"Name\") FROM gaia.source WHERE nothing = 1";
    let tree = parse(query, &Options::strict()).unwrap();
    let errors = check(&tree, &tables(), &Functions::default()).unwrap_err();
    let kinds: Vec<Kind> = errors.iter().map(|error| error.kind).collect();
    assert_eq!(kinds, [Kind::UnknownColumn, Kind::UnknownColumn, Kind::Type, Kind::UnknownColumn]);
}

#[test]
fn values_of_wrong_types_are_found() {
    mistake("SELECT SQRT(name) FROM gaia.source", Kind::Type, "name", "a number is wanted");
    mistake("SELECT ra || pos FROM gaia.source", Kind::Type, "pos", "POINT");
    mistake("SELECT LOWER(ra) FROM gaia.source", Kind::Type, "ra", "text is wanted");
    mistake("SELECT ra FROM gaia.source WHERE ra = name", Kind::Type, "ra = name", "compared");
    mistake(
        "SELECT ra FROM gaia.source WHERE 1 = CONTAINS(ra, CIRCLE(1, 2, 3))",
        Kind::Type,
        "ra",
        "a geometry is wanted",
    );
    mistake(
        "SELECT COORD1(s_region) FROM obscore WHERE t_min < s_region",
        Kind::Type,
        "t_min < s_region",
        "compared",
    );
    mistake("SELECT ivo_hasword(ra, 'x') FROM gaia.source", Kind::Type, "ra", "`haystack`");
}

#[test]
fn aggregates_and_set_operators_are_checked() {
    mistake("SELECT ra, COUNT(*) FROM gaia.source", Kind::Aggregate, "ra", "not in GROUP BY");
    mistake("SELECT dec FROM gaia.source GROUP BY ra", Kind::Aggregate, "dec", "add it to GROUP BY");
    mistake("SELECT ra FROM gaia.source WHERE MAX(ra) > 1", Kind::Aggregate, "MAX(ra)", "HAVING");
    mistake(
        "SELECT ra, COUNT(*) AS n FROM mine GROUP BY ra ORDER BY dec",
        Kind::Aggregate,
        "dec",
        "not in GROUP BY",
    );
    mistake("SELECT ra FROM mine GROUP BY ra HAVING dec > 1", Kind::Aggregate, "dec", "not in GROUP BY");
    mistake("SELECT * FROM obscore GROUP BY t_min", Kind::Aggregate, "obscore", "`s_region` of `*`");
    mistake(
        "SELECT dec AS ra, COUNT(*) AS n FROM mine GROUP BY ra",
        Kind::Aggregate,
        "dec",
        "not in GROUP BY",
    );
    mistake("SELECT DISTINCT ra FROM mine ORDER BY dec", Kind::Query, "dec", "add it to the select list");
    mistake("SELECT t.* FROM mine AS t, obscore AS T", Kind::Ambiguous, "t", "can be t or T");
    mistake(
        "SELECT DISTINCT COUNT(*) AS n FROM mine GROUP BY ra ORDER BY ra",
        Kind::Query,
        "ra",
        "select list",
    );
    mistake("SELECT MAX(ra) AS m FROM mine GROUP BY m", Kind::Aggregate, "m", "in GROUP BY");
    mistake("SELECT ra FROM mine ORDER BY COUNT(*)", Kind::Aggregate, "COUNT(*)", "not grouped");
    mistake(
        "SELECT ra, LOWER(ivo_string_agg(name, ',')) FROM gaia.source",
        Kind::Aggregate,
        "ra",
        "not in GROUP BY",
    );
    mistake(
        "SELECT ra AS k, COUNT(*) AS n FROM mine GROUP BY k HAVING EXISTS (SELECT 1 FROM obscore WHERE t_min = k)",
        Kind::UnknownColumn,
        "k",
        "no column",
    );
    mistake("SELECT SUM(MAX(ra)) FROM gaia.source", Kind::Aggregate, "MAX(ra)", "within");
    mistake("SELECT ra FROM mine UNION SELECT * FROM mine", Kind::Query, "mine", "1 columns on the left");
    mistake(
        "SELECT ra FROM mine UNION SELECT name FROM gaia.source",
        Kind::Query,
        "name",
        "VARCHAR on the right",
    );
    mistake("SELECT ra FROM mine WHERE ra IN (SELECT ra, dec FROM mine)", Kind::Query, "ra", "one is wanted");
    for fine in [
        "SELECT ROUND(ra / 10) AS band, COUNT(*) AS n FROM gaia.source GROUP BY band ORDER BY n",
        "SELECT source.ra, MAX(dec) - MIN(dec) FROM gaia.source GROUP BY ra HAVING COUNT(*) > 2",
        "SELECT ra FROM gaia.source AS a WHERE EXISTS (SELECT * FROM mine WHERE mine.ra = a.ra)",
        "WITH q AS (SELECT ra AS r FROM mine) SELECT r, q.r FROM q UNION SELECT ra, dec FROM gaia.source ORDER BY r",
        "SELECT ra FROM gaia.source JOIN mine USING (ra)",
        "SELECT ra, dec FROM gaia.source NATURAL JOIN mine",
        "SELECT \"Id\", \"id\" FROM mine",
        "SELECT ra, MAX(dec) AS most FROM mine GROUP BY ra HAVING most > 1 AND COUNT(*) > ra ORDER BY most - ra",
        "SELECT ra FROM mine AS m WHERE ra IN (SELECT MAX(ra) FROM gaia.source GROUP BY dec HAVING MIN(ra) > m.ra)",
        "SELECT DISTINCT ra + 1 AS x, dec FROM mine ORDER BY ra + 1, dec, x",
        "SELECT DISTINCT * FROM obscore ORDER BY t_min",
        "SELECT ROUND(ra, 0) AS ra, COUNT(*) AS n FROM mine GROUP BY ROUND(ra, 0)",
        "SELECT ra + dec AS z, COUNT(*) AS ra FROM mine GROUP BY mine.ra + (dec) ORDER BY ra",
        "SELECT DISTINCT mine.ra + 1 AS x FROM mine ORDER BY (ra) + 1",
        "SELECT ra, COUNT(*) AS n FROM mine GROUP BY ra ORDER BY COUNT(*) DESC, ra",
        "SELECT DISTINCT ra, COUNT(*) AS n FROM mine GROUP BY ra ORDER BY COUNT(*)",
        "SELECT COUNT(*) AS n, 1 AS k FROM mine GROUP BY k",
        "SELECT LOWER(ivo_string_agg(name, ',')) AS all_names, MAX(ra) AS most FROM gaia.source",
        // Names of the result go before those of tables.
        "SELECT s.ra FROM gaia.source AS s JOIN mine AS m ON s.source_id = m.id ORDER BY ra",
    ] {
        sql(fine, Engine::PgSphere);
    }
}

#[test]
fn names_of_results_are_values_where_engines_do_not_know_them() {
    let query =
        "SELECT ra AS r, MAX(dec) - 1 AS most FROM mine GROUP BY r HAVING most > 1 ORDER BY 2 * most, most";
    assert_eq!(
        sql(query, Engine::Q3c),
        "SELECT \"ra\" AS \"r\", MAX(\"dec\") - 1 AS \"most\" FROM \"tap_upload\".\"mine\" GROUP BY \"ra\" \
         HAVING (MAX(\"dec\") - 1) > 1 ORDER BY 2 * (MAX(\"dec\") - 1), \"most\""
    );
}

#[test]
fn what_a_join_makes_one_of_has_the_unit_of_both() {
    let mut tables = Tables::default();
    for (name, unit) in [("s.a", "deg"), ("s.b", "deg"), ("s.c", "rad")] {
        let ra = Column {
            unit: Some(unit.into()),
            description: Some("place".into()),
            ..Column::new("ra", Type::Double)
        };
        tables.add(name, vec![ra]);
    }
    let checked =
        |query: &str| check(&parse(query, &Options::strict()).unwrap(), &tables, &Functions::default());
    let column =
        checked("SELECT ra, IN_UNIT(ra, 'arcmin') AS m FROM a FULL JOIN b USING (ra)").unwrap().columns;
    let known = column.iter().map(|c| (c.unit.as_deref(), c.description.as_deref())).collect::<Vec<_>>();
    assert_eq!(known, [(Some("deg"), Some("place")), (Some("arcmin"), None)]);
    assert_eq!(checked("SELECT ra FROM a FULL JOIN c USING (ra)").unwrap().columns[0].unit, None);
}

#[test]
fn names_are_spelt_as_the_engine_knows_them() {
    let query = "SELECT NAME, S.Ra AS Alpha, S.ra + 1 FROM Gaia.Source AS S ORDER BY alpha OFFSET 3";
    assert_eq!(
        sql(query, Engine::DataFusion),
        "SELECT \"Name\", \"S\".\"ra\" AS \"Alpha\", \"S\".\"ra\" + 1 AS \"column_3\" \
         FROM \"gaia\".\"source\" AS \"S\" ORDER BY \"Alpha\" OFFSET 3"
    );
}

fn region(condition: &str, datafusion: &str, q3c: &str, pgsphere: &str) {
    for (engine, wanted) in
        [(Engine::DataFusion, datafusion), (Engine::Q3c, q3c), (Engine::PgSphere, pgsphere)]
    {
        let query = format!("SELECT TOP 5 ra FROM source AS s WHERE {condition}");
        let sql = sql(&query, engine).replace("\"s\".", "").replace('"', "");
        let start = "SELECT ra FROM gaia.source AS s WHERE ";
        assert_eq!(
            sql.strip_prefix(start).and_then(|s| s.strip_suffix(" LIMIT 5")),
            Some(wanted),
            "{condition}"
        );
    }
}

#[test]
fn all_ways_to_ask_for_a_cone_become_what_the_index_serves() {
    let sphere =
        "(spoint(radians(ra), radians(dec)) @ scircle(spoint(radians(10), radians(-20)), radians(0.5)))";
    let (ours, q3c) = ("sky_in_circle(ra, dec, 10, -20, 0.5)", "q3c_radial_query(ra, dec, 10, -20, 0.5)");
    for condition in [
        "1 = CONTAINS(POINT('ICRS', ra, dec), CIRCLE('ICRS', 10, -20, 0.5))",
        "CONTAINS(POINT(ra, dec), CIRCLE(POINT(10, -20), 0.5)) = 1",
        "0 <> CONTAINS(POINT(ra, dec), CIRCLE(10, -20, 0.5))",
        "1 = INTERSECTS(CIRCLE(10, -20, 0.5), POINT(ra, dec))",
        "1 = CONTAINS(POINT(ra, dec), REGION('Circle ICRS 10 -20 0.5'))",
    ] {
        region(condition, ours, q3c, sphere);
    }
    for condition in [
        "DISTANCE(ra, dec, 10, -20) <= 0.5",
        "DISTANCE(POINT(10, -20), POINT(ra, dec)) <= 0.5",
        "0.5 >= DISTANCE(ra, dec, 10, -20)",
    ] {
        region(condition, &format!("({ours})"), &format!("({q3c})"), sphere);
    }
    region(
        "0.5 > DISTANCE(10, -20, ra, dec)",
        &format!("({ours} AND sky_distance(ra, dec, 10, -20) < 0.5)"),
        &format!("({q3c} AND q3c_dist(ra, dec, 10, -20) < 0.5)"),
        &sphere.replace(
            "radians(0.5)))",
            "radians(0.5)) AND degrees(spoint(radians(ra), radians(dec)) <-> spoint(radians(10), radians(-20))) < 0.5)",
        ),
    );
    region(
        "0 = CONTAINS(POINT(ra, dec), CIRCLE(10, -20, 0.5))",
        &format!("(NOT {ours})"),
        &format!("(NOT {q3c})"),
        &format!("(NOT {sphere})"),
    );
}

#[test]
fn polygons_and_boxes_are_translated() {
    region(
        "1 = CONTAINS(POINT(ra, dec), POLYGON(1, 2, 3, 4, 5, 6))",
        "sky_in_polygon(ra, dec, 1, 2, 3, 4, 5, 6)",
        "q3c_poly_query(ra, dec, ARRAY[1, 2, 3, 4, 5, 6])",
        "(spoint(radians(ra), radians(dec)) @ (SELECT spoly(v.p ORDER BY v.n) FROM (VALUES (0, spoint(radians(1), \
         radians(2))), (1, spoint(radians(3), radians(4))), (2, spoint(radians(5), radians(6)))) AS v(n, p)))",
    );
    let sql =
        sql("SELECT ra FROM source WHERE 1 = CONTAINS(POINT(ra, dec), BOX(1, 2, 3, 4))", Engine::DataFusion);
    assert!(sql.contains("sky_in_box(\"ra\", \"dec\", 1, 2, 3, 4)"), "{sql}");
}

#[test]
fn positional_joins_use_the_index_of_the_left_table() {
    let query = "SELECT s.source_id FROM gaia.source AS s JOIN tap_upload.mine AS m \
                 ON 1 = CONTAINS(POINT(s.ra, s.dec), CIRCLE(m.ra, m.dec, 0.001))";
    let end = |engine| sql(query, engine).split(" ON ").nth(1).unwrap().replace('"', "");
    assert_eq!(end(Engine::DataFusion), "sky_in_circle(s.ra, s.dec, m.ra, m.dec, 0.001)");
    assert_eq!(end(Engine::Q3c), "q3c_join(m.ra, m.dec, s.ra, s.dec, 0.001)");
    let sphere = "(spoint(radians(s.ra), radians(s.dec)) @ scircle(spoint(radians(m.ra), radians(m.dec)), radians(0.001)))";
    assert_eq!(end(Engine::PgSphere), sphere);
}

#[test]
fn what_an_engine_lacks_is_an_error_with_a_place() {
    for (query, engine) in [
        ("SELECT POINT(ra, dec) FROM gaia.source", Engine::Q3c),
        ("SELECT ra FROM gaia.source WHERE 1 = CONTAINS(pos, CIRCLE(1, 2, 3))", Engine::Q3c),
        (
            "SELECT ra FROM gaia.source WHERE 1 = CONTAINS(POINT('GALACTIC', ra, dec), CIRCLE(1, 2, 3))",
            Engine::PgSphere,
        ),
        ("SELECT IN_UNIT(ra, 'rad') FROM gaia.source", Engine::DataFusion),
    ] {
        let tree = parse(query, &Options::strict()).unwrap();
        let error = translate(&tree, engine).expect_err(query);
        assert_eq!(error.kind, Kind::Unsupported);
        assert!(error.span.end > error.span.start, "{query}: {error:?}");
    }
}

#[test]
fn values_are_turned_into_units() {
    let mut tables = Tables::default();
    let with_unit =
        |name: &str, unit: &str| Column { unit: Some(unit.to_string()), ..Column::new(name, Type::Double) };
    tables.add(
        "hip.main",
        vec![
            with_unit("pmra", "mas/yr"),
            with_unit("plx", "mas"),
            with_unit("odd", "furlong"),
            Column::new("n", Type::Integer),
        ],
    );
    let checked = |query: &str| {
        let tree = parse(query, &Options::strict()).unwrap();
        check(&tree, &tables, &Functions::default())
    };
    let query = "SELECT IN_UNIT(pmra, 'arcsec/yr') AS mu, IN_UNIT(-MAX(plx), 'deg') FROM main GROUP BY pmra";
    let done = checked(query).unwrap();
    let units: Vec<Option<&str>> = done.columns.iter().map(|column| column.unit.as_deref()).collect();
    assert_eq!(units, [Some("arcsec/yr"), Some("deg")]);
    for engine in [Engine::DataFusion, Engine::Q3c, Engine::PgSphere] {
        assert_eq!(
            translate(&done.query, engine).unwrap(),
            "SELECT (CAST(\"pmra\" AS DOUBLE PRECISION) * 0.001) AS \"mu\", (CAST(-MAX(\"plx\") AS DOUBLE PRECISION) \
             * 2.7777777777777776e-7) AS \"column_2\" FROM \"hip\".\"main\" GROUP BY \"pmra\""
        );
    }
    for (query, at, told) in [
        (
            "SELECT IN_UNIT(pmra, 'deg') FROM main",
            "IN_UNIT(pmra, 'deg')",
            "`mas/yr` cannot be turned into `deg`",
        ),
        ("SELECT IN_UNIT(odd, 'm') FROM main", "IN_UNIT(odd, 'm')", "no unit `furlong`"),
        ("SELECT IN_UNIT(n, 'm') FROM main", "n", "nobody says the unit of this"),
        ("SELECT IN_UNIT(plx * 2, 'deg') FROM main", "plx * 2", "give IN_UNIT a column that has one"),
        ("SELECT IN_UNIT(plxx, 'deg') FROM main", "plxx", "no column `plxx`; did you mean `plx`?"),
    ] {
        let errors = checked(query).unwrap_err();
        let error = errors.first();
        assert_eq!(&query[error.span.start..error.span.end], at);
        assert!(errors.render(query).contains(told), "{}", errors.render(query));
    }
}
