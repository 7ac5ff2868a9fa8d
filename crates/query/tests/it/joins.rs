//! Joins by position, against each row compared with each.

use std::collections::BTreeSet;

use uranometria_sky::Direction;

use crate::support::Archive;

/// Numbers that look random.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

struct Sky {
    archive: Archive,
    a: Vec<Option<Direction>>,
    b: Vec<Option<Direction>>,
    /// Of the first, degrees.
    radius: Vec<f64>,
}

/// Two tables with neighbours at all distances, some at the poles and the wrap, some without a position.
fn sky() -> Sky {
    let mut random = Random(3);
    let (mut a, mut b, mut radius) = (Vec::new(), Vec::new(), Vec::new());
    for row in 0..600 {
        let (lon, lat) = match row % 5 {
            0 => (random.next() * 360.0, 90.0 - random.next() * 0.2),
            1 => ((random.next() * 0.4 + 359.8) % 360.0, random.next() - 0.5),
            _ => (random.next() * 20.0, random.next() * 20.0 - 50.0),
        };
        let first = Direction::from_degrees(lon, lat).unwrap();
        radius.push(10.0_f64.powf(random.next() * 3.0 - 3.0));
        let angle = uranometria_sky::Angle::from_degrees(random.next() * 360.0);
        let apart = uranometria_sky::Angle::from_degrees(10.0_f64.powf(random.next() * 4.0 - 4.0));
        a.push((row % 50 != 7).then_some(first));
        b.push((row % 40 != 9).then_some(first.offset_by(angle, apart)));
    }
    let mut archive = Archive::empty(&uranometria_query::Resources::default());
    for (name, places) in [("t.a", &a), ("t.b", &b)] {
        let of = |value: fn(&Direction) -> f64| places.iter().map(|at| at.as_ref().map(value)).collect();
        archive.add(
            name,
            &[
                ("id", (0..places.len()).map(|row| Some(row as f64)).collect()),
                ("ra", of(Direction::ra_deg)),
                ("dec", of(Direction::dec_deg)),
                ("r", radius.iter().copied().map(Some).collect()),
            ],
        );
    }
    Sky { archive, a, b, radius }
}

impl Sky {
    fn pairs(
        &self,
        radius: impl Fn(usize) -> f64,
        more: impl Fn(usize, usize) -> bool,
    ) -> BTreeSet<(usize, usize)> {
        let mut pairs = BTreeSet::new();
        for (row, first) in self.a.iter().enumerate() {
            for (other, second) in self.b.iter().enumerate() {
                let apart = first.zip(*second).map(|(first, second)| first.separation(&second).degrees());
                if apart.is_some_and(|apart| apart <= radius(row)) && more(row, other) {
                    pairs.insert((row, other));
                }
            }
        }
        pairs
    }

    fn found(&self, query: &str) -> BTreeSet<(String, String)> {
        let plan = self.archive.plan(query);
        assert!(plan.contains("PositionJoin") && !plan.contains("NestedLoopJoin"), "{query}\n{plan}");
        let rows = self.archive.texts(query);
        let pairs: BTreeSet<_> =
            rows.iter().map(|row| row.split_once('|').map(|(a, b)| (a.into(), b.into())).unwrap()).collect();
        assert_eq!(pairs.len(), rows.len(), "{query}: a pair was found twice");
        pairs
    }
}

fn texts(pairs: &BTreeSet<(usize, usize)>) -> BTreeSet<(String, String)> {
    pairs.iter().map(|(a, b)| (format!("{a}.0"), format!("{b}.0"))).collect()
}

#[test]
fn pairs_are_those_of_comparing_each_with_each() {
    let sky = sky();
    for radius in [0.001, 0.05, 1.0, 30.0, 170.0] {
        let wanted = texts(&sky.pairs(|_| radius, |_, _| true));
        assert!(wanted.len() > 20);
        for condition in [
            format!("1 = CONTAINS(POINT(b.ra, b.dec), CIRCLE(a.ra, a.dec, {radius}))"),
            format!("DISTANCE(POINT(a.ra, a.dec), POINT(b.ra, b.dec)) <= {radius}"),
        ] {
            let query = format!("SELECT a.id AS x, b.id AS y FROM t.a AS a JOIN t.b AS b ON {condition}");
            assert!(sky.found(&query) == wanted, "{query}");
            let query = format!("SELECT a.id AS x, b.id AS y FROM t.b AS b, t.a AS a WHERE {condition}");
            assert!(sky.found(&query) == wanted, "{query}");
        }
    }
    // A radius of each row, and a condition besides.
    let wanted = texts(&sky.pairs(|row| sky.radius[row], |a, b| (a + b) % 2 == 0));
    let query = "SELECT a.id AS x, b.id AS y FROM t.a AS a JOIN t.b AS b ON DISTANCE(a.ra, a.dec, b.ra, b.dec) <= a.r \
                 AND MOD(CAST(a.id + b.id AS INTEGER), 2) = 0";
    assert!(wanted.len() > 20 && sky.found(query) == wanted);
    // Whichever of the sides the engine begins with.
    let query = query.replace(
        "FROM t.a AS a JOIN t.b AS b",
        "FROM (SELECT TOP 5 id, ra, dec FROM t.b) AS b JOIN t.a AS a",
    );
    let first: BTreeSet<_> = wanted.into_iter().filter(|(_, b)| b.parse::<f64>().unwrap() < 5.0).collect();
    assert!(sky.found(&query) == first, "{query}");
}

#[test]
fn within_however_small_a_radius_a_pair_is_found_once() {
    let mut random = Random(5);
    for rows in [1, 7, 1000] {
        let mut archive = Archive::empty(&uranometria_query::Resources::default());
        let places: Vec<_> =
            (0..rows).map(|_| (random.next() * 360.0, random.next() * 180.0 - 90.0)).collect();
        for name in ["t.a", "t.b"] {
            archive.add(
                name,
                &[
                    ("id", (0..rows).map(|row| Some(f64::from(row))).collect()),
                    ("ra", places.iter().map(|place| Some(place.0)).collect()),
                    ("dec", places.iter().map(|place| Some(place.1)).collect()),
                ],
            );
        }
        for radius in ["2.8e-10", "2.8e-8", "2.8e-7", "2.8e-6", "2.8e-5", "2.8e-4"] {
            for kind in ["INNER", "LEFT OUTER", "FULL OUTER"] {
                let query = format!(
                    "SELECT COUNT(*) AS n, COUNT(DISTINCT a.id) AS m FROM t.a AS a {kind} JOIN t.b AS b \
                     ON DISTANCE(a.ra, a.dec, b.ra, b.dec) < {radius}"
                );
                assert_eq!(archive.texts(&query), [format!("{rows}|{rows}")], "{query}");
            }
        }
    }
}

#[test]
fn rows_without_a_partner_stay_in_outer_joins() {
    let sky = sky();
    let pairs = sky.pairs(|_| 0.01, |_, _| true);
    let lonely = |side: fn(&(usize, usize)) -> usize| {
        let met: BTreeSet<usize> = pairs.iter().map(side).collect();
        (0..600).filter(|row| !met.contains(row)).map(|row| format!("{row}.0")).collect::<Vec<_>>()
    };
    let (without_b, without_a) = (lonely(|pair| pair.0), lonely(|pair| pair.1));
    assert!(without_a.len() > 100 && pairs.len() > 100);
    let left: BTreeSet<_> = without_b.iter().map(|row| (row.clone(), "-".to_string())).collect();
    let right: BTreeSet<_> = without_a.iter().map(|row| ("-".to_string(), row.clone())).collect();
    for (kind, more) in [("LEFT", vec![&left]), ("RIGHT", vec![&right]), ("FULL", vec![&left, &right])] {
        let mut wanted = texts(&pairs);
        more.into_iter().for_each(|more| wanted.extend(more.iter().cloned()));
        let query = format!(
            "SELECT a.id AS x, b.id AS y FROM t.a AS a {kind} OUTER JOIN t.b AS b \
             ON DISTANCE(a.ra, a.dec, b.ra, b.dec) <= 0.01"
        );
        assert!(sky.found(&query) == wanted, "{query}");
    }
    for (not, wanted) in [("", 600 - without_b.len()), ("NOT ", without_b.len())] {
        let query = format!(
            "SELECT a.id FROM t.a AS a WHERE {not}EXISTS (SELECT b.id FROM t.b AS b \
             WHERE DISTANCE(a.ra, a.dec, b.ra, b.dec) <= 0.01)"
        );
        assert_eq!(sky.archive.rows(&query).num_rows(), wanted, "{query}");
    }
}

#[test]
fn stars_of_two_catalogues_meet() {
    let archive = Archive::of_stars();
    let query = "SELECT h.hip, g.source_id FROM hip.main AS h JOIN gaia.source AS g \
                 ON DISTANCE(h.ra, h.dec, g.ra, g.dec) < 0.0005";
    let plan = archive.plan(query);
    assert!(plan.contains("PositionJoin") && plan.matches("CatalogScan").count() == 2, "{plan}");
    let all = "SELECT h.hip, g.source_id FROM hip.main AS h, gaia.source AS g \
               WHERE h.hip > 0 AND DISTANCE(h.ra, h.dec, g.ra, g.dec) + 0 < 0.0005";
    assert!(!archive.plan(all).contains("PositionJoin"));
    let (mut near, mut compared) = (archive.texts(query), archive.texts(all));
    near.sort();
    compared.sort();
    assert!(near.len() > 50);
    assert_eq!(near, compared);
}

#[test]
fn sides_of_many_partitions_and_steps_give_each_row_once() {
    let archive = Archive::of_stars();
    let near = "DISTANCE(h.ra, h.dec, g.ra, g.dec) <= 0.3";
    // The engine's own join, which a sum keeps from being one by position.
    let compared = "DISTANCE(h.ra, h.dec, g.ra, g.dec) + 0 <= 0.3";
    let means = "(SELECT hip, AVG(ra) AS ra, AVG(dec) AS dec FROM hip.main GROUP BY hip)";
    let closest = "(SELECT a.hip, a.ra, a.dec FROM hip.main AS a JOIN gaia.source AS b \
                   ON DISTANCE(a.ra, a.dec, b.ra, b.dec) < 0.001)";
    for (left, right) in [("hip.main", "gaia.source"), (means, "gaia.source"), (closest, "gaia.source")] {
        for kind in ["INNER", "LEFT OUTER", "RIGHT OUTER", "FULL OUTER"] {
            let query = |condition: &str| {
                format!("SELECT h.hip, g.source_id FROM {left} AS h {kind} JOIN {right} AS g ON {condition}")
            };
            let plan = archive.plan(&query(near));
            assert!(plan.contains("PositionJoin"), "{plan}");
            let (mut found, mut wanted) = (archive.texts(&query(near)), archive.texts(&query(compared)));
            found.sort();
            wanted.sort();
            assert!(
                found.len() > 200 && found == wanted,
                "{}: {} and {}",
                query(near),
                found.len(),
                wanted.len()
            );
        }
    }
}
