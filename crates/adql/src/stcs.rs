//! Regions written as STC-S, the text that `REGION('…')` takes, and names of frames.
//!
//! Understood are Position, Circle, Ellipse, Box, Polygon, AllSky, Union, Intersection, Difference and Not, with a frame,
//! a reference position and a flavour of spherical coordinates; of the optional fields only `unit deg`.
//!
//! STC-S as in TAP 1.0, appendix A (6), and the IVOA note "STC-S: Space-Time Coordinate (STC) Metadata Linear String
//! Implementation" 1.33.

use crate::error::nearest;

/// A region on the sky; all numbers are degrees.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    /// The frame, in upper case; none if none was written.
    pub frame: Option<String>,
    /// What it is.
    pub kind: ShapeKind,
}

/// What a region is.
#[derive(Debug, Clone, PartialEq)]
pub enum ShapeKind {
    /// A point: longitude, latitude.
    Position([f64; 2]),
    /// A circle: longitude, latitude, radius.
    Circle([f64; 3]),
    /// An ellipse: longitude, latitude, semi-axes, position angle.
    Ellipse([f64; 5]),
    /// A box: longitude and latitude of the centre, width, height.
    Box([f64; 4]),
    /// A polygon: the vertices.
    Polygon(Vec<[f64; 2]>),
    /// Everything.
    AllSky,
    /// What is in one of these.
    Union(Vec<Shape>),
    /// What is in all of these.
    Intersection(Vec<Shape>),
    /// What is in the first and not in the second.
    Difference(Vec<Shape>),
    /// What is not in this.
    Not(Box<Shape>),
}

const FRAMES: [&str; 13] = [
    "ICRS",
    "FK4",
    "FK5",
    "GALACTIC",
    "GALACTIC_I",
    "GALACTIC_II",
    "SUPER_GALACTIC",
    "ECLIPTIC",
    "J2000",
    "B1950",
    "UNKNOWN",
    "UNKNOWNFRAME",
    "RELOCATABLE",
];
const POSITIONS: [&str; 8] = [
    "BARYCENTER",
    "GEOCENTER",
    "HELIOCENTER",
    "LSR",
    "TOPOCENTER",
    "GALACTIC_CENTER",
    "RELOCATABLE",
    "UNKNOWNREFPOS",
];
const FLAVOURS: [&str; 4] = ["SPHERICAL2", "CARTESIAN2", "CARTESIAN3", "SPHERICAL3"];
const SHAPES: [&str; 11] = [
    "POSITION",
    "CIRCLE",
    "ELLIPSE",
    "BOX",
    "POLYGON",
    "ALLSKY",
    "UNION",
    "INTERSECTION",
    "DIFFERENCE",
    "NOT",
    "CONVEX",
];
/// Regions within each other.
const MAX_DEPTH: usize = 32;

/// Says what is wrong with the frame argument of a geometry: a frame, a reference position and a flavour, all optional.
pub(crate) fn check_frame(text: &str) -> Result<(), String> {
    let mut words = text.split_whitespace().peekable();
    for list in [&FRAMES[..], &POSITIONS, &FLAVOURS] {
        words.next_if(|word| list.iter().any(|known| known.eq_ignore_ascii_case(word)));
    }
    match words.next() {
        None => Ok(()),
        Some(word) => Err(match nearest(word, FRAMES) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known frames are {}", FRAMES[..4].join(", ")),
        }),
    }
}

/// Parses a region; the error says what is wrong, in words.
pub(crate) fn parse(text: &str) -> Result<Shape, String> {
    let spaced = text.replace('(', " ( ").replace(')', " ) ");
    let mut words: Vec<&str> = spaced.split_whitespace().collect();
    words.reverse();
    let mut parser = Parser { words };
    let shape = parser.shape(0)?;
    match parser.words.pop() {
        None => Ok(shape),
        Some(word) => Err(format!("`{word}` after the end of the region")),
    }
}

struct Parser<'a> {
    /// What is left, the next word last.
    words: Vec<&'a str>,
}

impl Parser<'_> {
    fn take(&mut self, list: &[&str]) -> Option<String> {
        let word = self.words.last()?.to_ascii_uppercase();
        list.contains(&word.as_str()).then(|| {
            self.words.pop();
            word
        })
    }

    fn shape(&mut self, depth: usize) -> Result<Shape, String> {
        if depth > MAX_DEPTH {
            return Err(format!("regions more than {MAX_DEPTH} deep"));
        }
        let Some(name) = self.take(&SHAPES) else {
            return Err(match self.words.last() {
                None => "the region ends too early".into(),
                Some(word) => match nearest(word, SHAPES) {
                    Some(near) => format!("`{word}` is no region; did you mean {near}?"),
                    None => {
                        format!("`{word}` is no region; known are Position, Circle, Box, Polygon, Union, …")
                    }
                },
            });
        };
        if name == "UNION" || name == "INTERSECTION" || name == "DIFFERENCE" || name == "NOT" {
            let frame = self.frame();
            self.word("(")?;
            let mut shapes = Vec::new();
            while self.words.last() != Some(&")") {
                shapes.push(self.shape(depth + 1)?);
            }
            self.word(")")?;
            let count = shapes.len();
            let kind = match (name.as_str(), count) {
                ("NOT", 1) => ShapeKind::Not(Box::new(shapes.swap_remove(0))),
                ("UNION", 2..) => ShapeKind::Union(shapes),
                ("INTERSECTION", 2..) => ShapeKind::Intersection(shapes),
                ("DIFFERENCE", 2) => ShapeKind::Difference(shapes),
                _ => return Err(format!("{name} of {count} regions")),
            };
            return Ok(Shape { frame, kind });
        }
        let frame = self.frame();
        let kind = match name.as_str() {
            "POSITION" => ShapeKind::Position(self.numbers(&name)?),
            "CIRCLE" => ShapeKind::Circle(self.numbers(&name)?),
            "ELLIPSE" => ShapeKind::Ellipse(self.numbers(&name)?),
            "BOX" => ShapeKind::Box(self.numbers(&name)?),
            "ALLSKY" => ShapeKind::AllSky,
            "POLYGON" => {
                let mut vertices = Vec::new();
                while self.words.last().is_some_and(|word| number(word).is_some()) {
                    vertices.push(self.numbers::<2>(&name)?);
                }
                if vertices.len() < 3 {
                    return Err(format!("a polygon of {} vertices", vertices.len()));
                }
                ShapeKind::Polygon(vertices)
            }
            _ => return Err(format!("{name} is not understood; write a Polygon")),
        };
        if self.take(&["UNIT"]).is_some() {
            self.take(&["DEG"]).ok_or("regions are in degrees here")?;
        }
        Ok(Shape { frame, kind })
    }

    fn frame(&mut self) -> Option<String> {
        // FILLFACTOR stands before the frame and says nothing about which points are inside.
        if self.take(&["FILLFACTOR"]).is_some() {
            self.words.pop();
        }
        let frame = self.take(&FRAMES);
        self.take(&POSITIONS);
        self.take(&FLAVOURS);
        frame
    }

    fn word(&mut self, wanted: &str) -> Result<(), String> {
        match self.words.pop() {
            Some(word) if word == wanted => Ok(()),
            Some(word) => Err(format!("`{word}` in the place of `{wanted}`")),
            None => Err(format!("the region ends before `{wanted}`")),
        }
    }

    fn numbers<const N: usize>(&mut self, name: &str) -> Result<[f64; N], String> {
        let mut values = [0.0; N];
        for value in &mut values {
            let word = self.words.pop().ok_or_else(|| format!("{name} takes {N} numbers"))?;
            *value = number(word).ok_or_else(|| format!("{name} takes {N} numbers, `{word}` is none"))?;
        }
        Ok(values)
    }
}

/// A finite number; words such as `inf` and `nan` are none.
fn number(word: &str) -> Option<f64> {
    word.parse().ok().filter(|value: &f64| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_of_the_note_are_understood() {
        let circle = parse("Circle ICRS GEOCENTER 10 20 0.5").unwrap();
        assert_eq!(circle, Shape { frame: Some("ICRS".into()), kind: ShapeKind::Circle([10.0, 20.0, 0.5]) });
        let union = parse("Union ICRS (Position 1 2 Intersection (circle 1 2 3 box 1 2 3 4))").unwrap();
        let ShapeKind::Union(parts) = union.kind else { panic!("no union") };
        assert!(matches!(&parts[1].kind, ShapeKind::Intersection(inner) if inner.len() == 2));
        assert!(matches!(parse("NOT(circle 1 2 3)").unwrap().kind, ShapeKind::Not(_)));
        assert!(
            matches!(parse("Polygon 1 2 3 4 5 6 unit deg").unwrap().kind, ShapeKind::Polygon(v) if v.len() == 3)
        );
    }

    #[test]
    fn what_is_no_region_is_refused_in_words() {
        for (text, says) in [
            ("", "ends too early"),
            ("Circel 1 2 3", "did you mean CIRCLE?"),
            ("Circle 1 2", "CIRCLE takes 3 numbers"),
            ("Circle 1 2 nan", "`nan` is none"),
            ("Polygon 1 2 3 4", "2 vertices"),
            ("Polygon 1 2 3 4 5 6 7", "POLYGON takes 2 numbers"),
            ("Not (circle 1 2 3 circle 1 2 3)", "NOT of 2"),
            ("Position 1 2 3", "after the end"),
            (&"Not (".repeat(100), "deep"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn frames_are_checked_word_by_word() {
        for frame in ["", "ICRS", "icrs geocenter", "FK5", "ICRS BARYCENTER SPHERICAL2", "GALACTIC"] {
            assert_eq!(check_frame(frame), Ok(()), "{frame}");
        }
        assert_eq!(check_frame("ICSR"), Err("did you mean `ICRS`?".into()));
        assert!(check_frame("QUARK").is_err() && check_frame("ICRS ICRS").is_err());
    }
}
