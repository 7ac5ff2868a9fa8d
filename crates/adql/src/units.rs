//! Units as VOUnits 1.1 and its forerunners write them, and the number that turns one into another.
//!
//! A unit is a number, a power of ten and powers of bases. Powers of ten are kept apart, so that milliarcseconds are
//! arcseconds over 1000 and not times the double next to 0.001.

use std::collections::BTreeMap;

use crate::error::{Error, Kind, Span};

/// What a unit measures: bases with their powers. `arcsec` is a base, as degrees are whole numbers of it.
type Dimensions = BTreeMap<&'static str, f64>;

#[derive(Debug, Clone, PartialEq)]
struct Unit {
    factor: f64,
    ten: i32,
    dimensions: Dimensions,
}

/// Why there is no number that turns one unit into another.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Misfit {
    /// A unit that is not understood: the word in it, and the known one most like it.
    Unknown(String, Option<&'static str>),
    /// Units of different things.
    Differ,
}

impl Misfit {
    /// The error at a place, where `from` was to become `to`.
    pub(crate) fn at(self, span: Span, [from, to]: [&str; 2]) -> Error {
        let (message, near) = match self {
            Misfit::Differ => (format!("`{from}` cannot be turned into `{to}`"), None),
            Misfit::Unknown(word, near) => (format!("no unit `{word}`"), near),
        };
        let error = Error::new(Kind::Unit, span, message);
        near.map_or(error.clone(), |near| error.hint(format!("did you mean `{near}`?")))
    }
}

/// A symbol, its number, its power of ten, its bases, and whether prefixes may stand before it.
type Known = (&'static str, f64, i32, &'static [(&'static str, f64)], bool);

const ARCSEC_A_RADIAN: f64 = 206_264.806_247_096_36;
const YEAR: f64 = 31_557_600.0;

/// Table 1 to 4 of VOUnits 1.1, and what archives write besides.
const KNOWN: [Known; 78] = [
    ("m", 1.0, 0, &[("m", 1.0)], true),
    ("g", 1.0, 0, &[("g", 1.0)], true),
    ("s", 1.0, 0, &[("s", 1.0)], true),
    ("A", 1.0, 0, &[("A", 1.0)], true),
    ("K", 1.0, 0, &[("K", 1.0)], true),
    ("mol", 1.0, 0, &[("mol", 1.0)], true),
    ("cd", 1.0, 0, &[("cd", 1.0)], true),
    ("rad", ARCSEC_A_RADIAN, 0, &[("arcsec", 1.0)], true),
    ("sr", ARCSEC_A_RADIAN * ARCSEC_A_RADIAN, 0, &[("arcsec", 2.0)], true),
    ("Hz", 1.0, 0, &[("s", -1.0)], true),
    ("N", 1.0, 3, &[("g", 1.0), ("m", 1.0), ("s", -2.0)], true),
    ("Pa", 1.0, 3, &[("g", 1.0), ("m", -1.0), ("s", -2.0)], true),
    ("J", 1.0, 3, &[("g", 1.0), ("m", 2.0), ("s", -2.0)], true),
    ("W", 1.0, 3, &[("g", 1.0), ("m", 2.0), ("s", -3.0)], true),
    ("C", 1.0, 0, &[("A", 1.0), ("s", 1.0)], true),
    ("V", 1.0, 3, &[("g", 1.0), ("m", 2.0), ("s", -3.0), ("A", -1.0)], true),
    ("S", 1.0, -3, &[("g", -1.0), ("m", -2.0), ("s", 3.0), ("A", 2.0)], true),
    ("F", 1.0, -3, &[("g", -1.0), ("m", -2.0), ("s", 4.0), ("A", 2.0)], true),
    ("Ohm", 1.0, 3, &[("g", 1.0), ("m", 2.0), ("s", -3.0), ("A", -2.0)], true),
    ("ohm", 1.0, 3, &[("g", 1.0), ("m", 2.0), ("s", -3.0), ("A", -2.0)], true),
    ("Wb", 1.0, 3, &[("g", 1.0), ("m", 2.0), ("s", -2.0), ("A", -1.0)], true),
    ("T", 1.0, 3, &[("g", 1.0), ("s", -2.0), ("A", -1.0)], true),
    ("H", 1.0, 3, &[("g", 1.0), ("m", 2.0), ("s", -2.0), ("A", -2.0)], true),
    ("lm", 1.0, 0, &[("cd", 1.0)], true),
    ("lx", 1.0, 0, &[("cd", 1.0), ("m", -2.0)], true),
    ("min", 60.0, 0, &[("s", 1.0)], false),
    ("h", 3600.0, 0, &[("s", 1.0)], false),
    ("d", 86_400.0, 0, &[("s", 1.0)], false),
    ("day", 86_400.0, 0, &[("s", 1.0)], false),
    ("a", YEAR, 0, &[("s", 1.0)], true),
    ("yr", YEAR, 0, &[("s", 1.0)], true),
    ("year", YEAR, 0, &[("s", 1.0)], false),
    ("deg", 3600.0, 0, &[("arcsec", 1.0)], false),
    ("degree", 3600.0, 0, &[("arcsec", 1.0)], false),
    ("degrees", 3600.0, 0, &[("arcsec", 1.0)], false),
    ("arcmin", 60.0, 0, &[("arcsec", 1.0)], false),
    ("arcsec", 1.0, 0, &[("arcsec", 1.0)], true),
    ("as", 1.0, 0, &[("arcsec", 1.0)], true),
    ("mas", 1.0, -3, &[("arcsec", 1.0)], false),
    ("uas", 1.0, -6, &[("arcsec", 1.0)], false),
    ("hourangle", 54_000.0, 0, &[("arcsec", 1.0)], false),
    ("pc", 3.085_677_581_491_367_3, 16, &[("m", 1.0)], true),
    ("lyr", 9_460_730_472_580_800.0, 0, &[("m", 1.0)], true),
    ("AU", 149_597_870_700.0, 0, &[("m", 1.0)], false),
    ("au", 149_597_870_700.0, 0, &[("m", 1.0)], false),
    ("Angstrom", 1.0, -10, &[("m", 1.0)], false),
    ("angstrom", 1.0, -10, &[("m", 1.0)], false),
    ("solMass", 1.988_409_870_698_050_7, 33, &[("g", 1.0)], false),
    ("solRad", 6.957, 8, &[("m", 1.0)], false),
    ("solLum", 3.828, 29, &[("g", 1.0), ("m", 2.0), ("s", -3.0)], false),
    ("Jy", 1.0, -23, &[("g", 1.0), ("s", -2.0)], true),
    ("erg", 1.0, -4, &[("g", 1.0), ("m", 2.0), ("s", -2.0)], false),
    ("eV", 1.602_176_634, -16, &[("g", 1.0), ("m", 2.0), ("s", -2.0)], true),
    ("barn", 1.0, -28, &[("m", 2.0)], true),
    ("G", 1.0, -1, &[("g", 1.0), ("s", -2.0), ("A", -1.0)], true),
    ("u", 1.660_539_068_92, -24, &[("g", 1.0)], true),
    ("mag", 1.0, 0, &[("mag", 1.0)], true),
    ("dex", 1.0, 0, &[("dex", 1.0)], false),
    ("dB", 0.1, 0, &[("dex", 1.0)], false),
    ("ct", 1.0, 0, &[("ct", 1.0)], true),
    ("count", 1.0, 0, &[("ct", 1.0)], true),
    ("photon", 1.0, 0, &[("ph", 1.0)], true),
    ("ph", 1.0, 0, &[("ph", 1.0)], true),
    ("electron", 1.0, 0, &[("electron", 1.0)], false),
    ("e-", 1.0, 0, &[("electron", 1.0)], false),
    ("adu", 1.0, 0, &[("adu", 1.0)], true),
    ("pix", 1.0, 0, &[("pix", 1.0)], true),
    ("pixel", 1.0, 0, &[("pix", 1.0)], true),
    ("voxel", 1.0, 0, &[("voxel", 1.0)], true),
    ("bit", 1.0, 0, &[("bit", 1.0)], true),
    ("byte", 8.0, 0, &[("bit", 1.0)], true),
    ("B", 8.0, 0, &[("bit", 1.0)], true),
    ("beam", 1.0, 0, &[("beam", 1.0)], false),
    ("bin", 1.0, 0, &[("bin", 1.0)], false),
    ("chan", 1.0, 0, &[("chan", 1.0)], false),
    ("Sun", 1.0, 0, &[("Sun", 1.0)], false),
    ("%", 1.0, -2, &[], false),
    ("cy", YEAR, 2, &[("s", 1.0)], false),
];

const PREFIXES: [(&str, i32); 24] = [
    ("da", 1),
    ("q", -30),
    ("r", -27),
    ("y", -24),
    ("z", -21),
    ("a", -18),
    ("f", -15),
    ("p", -12),
    ("n", -9),
    ("u", -6),
    ("µ", -6),
    ("m", -3),
    ("c", -2),
    ("d", -1),
    ("h", 2),
    ("k", 3),
    ("M", 6),
    ("G", 9),
    ("T", 12),
    ("P", 15),
    ("E", 18),
    ("Z", 21),
    ("Y", 24),
    ("R", 27),
];

/// The number by which a value in one unit is multiplied to be one in another.
pub(crate) fn factor(from: &str, to: &str) -> Result<f64, Misfit> {
    if from.trim() == to.trim() {
        return Ok(1.0);
    }
    let (from, to) = (parse(from)?, parse(to)?);
    if from.dimensions != to.dimensions {
        return Err(Misfit::Differ);
    }
    let (ratio, ten) = (from.factor / to.factor, from.ten - to.ten);
    // Powers of ten up to 22 are doubles; dividing by one rounds once.
    let factor = if ten < 0 { ratio / 10_f64.powi(-ten) } else { ratio * 10_f64.powi(ten) };
    if factor.is_finite() && factor > 0.0 { Ok(factor) } else { Err(Misfit::Differ) }
}

/// Errs where text is no unit; nothing is none.
pub(crate) fn known(text: &str) -> Result<(), Misfit> {
    if text.trim().is_empty() { Err(Misfit::Unknown(String::new(), None)) } else { parse(text).map(drop) }
}

fn parse(text: &str) -> Result<Unit, Misfit> {
    let mut unit = Unit { factor: 1.0, ten: 0, dimensions: Dimensions::new() };
    let unknown = |word: &str| Misfit::Unknown(word.to_string(), nearest(word));
    let mut rest = text.trim();
    let mut sign = 1.0;
    while !rest.is_empty() {
        let end = rest.find(['.', '*', '/', ' ', '(', ')']).unwrap_or(rest.len());
        let end = match &rest[..end] {
            // A period within a number, and the number of a power of ten.
            "10" if rest[end..].starts_with("**") => end,
            word if word.bytes().all(|byte| byte.is_ascii_digit()) && rest[end..].starts_with('.') => {
                let more =
                    rest[end + 1..].find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len() - end - 1);
                end + 1 + more
            }
            _ => end,
        };
        let (word, behind) = rest.split_at(end);
        let (word, power, behind) = powered(word, behind).ok_or_else(|| unknown(rest))?;
        if let Ok(number) = word.parse::<f64>() {
            match word {
                "10" if power.fract() == 0.0 && power.abs() < 100.0 => unit.ten += (sign * power) as i32,
                _ if number > 0.0 => unit.factor *= number.powf(sign * power),
                _ => return Err(unknown(word)),
            }
        } else {
            let (known, prefix) = symbol(word).ok_or_else(|| unknown(word))?;
            let power = sign * power;
            let ten = f64::from(known.2 + prefix) * power;
            unit.factor *= known.1.powf(power);
            if ten.fract() == 0.0 && ten.abs() < 1000.0 {
                unit.ten += ten as i32;
            } else {
                unit.factor *= 10_f64.powf(ten);
            }
            for (base, of_base) in known.3 {
                let sum = unit.dimensions.entry(base).or_insert(0.0);
                *sum += of_base * power;
                if *sum == 0.0 {
                    unit.dimensions.remove(base);
                }
            }
        }
        let next = behind.trim_start();
        // Only what follows a solidus directly is divided by, as in `W/m**2/Hz`.
        (sign, rest) = match next.strip_prefix('/') {
            Some(divided) => (-1.0, divided.trim_start()),
            None => (1.0, next.strip_prefix(['.', '*']).unwrap_or(next).trim_start()),
        };
        if rest.is_empty() && behind.trim_end().ends_with(['.', '*', '/']) {
            return Err(unknown(text));
        }
    }
    Ok(unit)
}

/// A word without its power, which may be written `**2`, `^2`, `2` or in parentheses, and what is behind.
fn powered<'a>(word: &'a str, behind: &'a str) -> Option<(&'a str, f64, &'a str)> {
    let number = |text: &str| -> Option<f64> {
        let value = match text.split_once('/') {
            Some((a, b)) => a.trim().parse::<f64>().ok()? / b.trim().parse::<f64>().ok()?,
            None => text.trim().parse::<f64>().ok()?,
        };
        (value.is_finite() && value.abs() <= 100.0).then_some(value)
    };
    if let Some(power) = behind.strip_prefix("**") {
        if let Some((inside, after)) = power.strip_prefix('(').and_then(|power| power.split_once(')')) {
            return Some((word, number(inside)?, after));
        }
        let end = power.find(|c: char| !c.is_ascii_digit() && c != '-' && c != '+').unwrap_or(power.len());
        return Some((word, number(&power[..end])?, &power[end..]));
    }
    if let Some((symbol, power)) = word.split_once('^') {
        if power.is_empty() {
            let (inside, after) = behind.strip_prefix('(')?.split_once(')')?;
            return Some((symbol, number(inside)?, after));
        }
        return Some((symbol, number(power)?, behind));
    }
    if behind.starts_with(['(', ')']) {
        return None;
    }
    let digits = word.trim_end_matches(|c: char| c.is_ascii_digit());
    let symbol = digits.strip_suffix(['-', '+']).filter(|_| digits.len() < word.len()).unwrap_or(digits);
    if symbol.is_empty() || symbol.len() == word.len() || symbol.starts_with(|c: char| c.is_ascii_digit()) {
        return Some((word, 1.0, behind));
    }
    Some((symbol, number(&word[symbol.len()..])?, behind))
}

fn symbol(word: &str) -> Option<(&'static Known, i32)> {
    let known = |name: &str| KNOWN.iter().find(|known| known.0 == name);
    if let Some(whole) = known(word) {
        return Some((whole, 0));
    }
    PREFIXES.iter().find_map(|(prefix, ten)| {
        let known = known(word.strip_prefix(prefix)?).filter(|known| known.4)?;
        Some((known, *ten))
    })
}

fn nearest(word: &str) -> Option<&'static str> {
    let alike = KNOWN
        .iter()
        .map(|known| (strsim::jaro_winkler(&known.0.to_lowercase(), &word.to_lowercase()), known.0));
    alike.max_by(|a, b| a.0.total_cmp(&b.0)).filter(|(likeness, _)| *likeness > 0.8).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_are_those_of_astropy() {
        let mut count = 0;
        for line in include_str!("../../../data-fixtures/adql/units.csv")
            .lines()
            .filter(|line| !line.starts_with('#'))
            .skip(1)
        {
            let fields: Vec<&str> = line.split(',').collect();
            let [from, to, wanted] = fields[..] else { panic!("{line}") };
            match wanted {
                "" => assert_eq!(factor(from, to), Err(Misfit::Differ), "{line}"),
                wanted => {
                    let wanted: f64 = wanted.parse().unwrap();
                    let found = factor(from, to).unwrap_or_else(|misfit| panic!("{line}: {misfit:?}"));
                    assert!((found / wanted - 1.0).abs() < 4e-16, "{line}: {found}");
                }
            }
            count += 1;
        }
        assert!(count > 60);
    }

    #[test]
    fn what_is_no_unit_is_told() {
        for (text, word, near) in [
            ("arcsecs", "arcsecs", Some("arcsec")),
            ("km/parsnip", "parsnip", None),
            ("log(s)", "log(s)", None),
            ("m/", "m/", Some("m")),
            ("m**", "m**", None),
            ("m**999", "m**999", None),
            ("0m", "0m", None),
        ] {
            match factor(text, "m") {
                Err(Misfit::Unknown(found, nearest)) => {
                    assert_eq!(found, word);
                    if near.is_some() {
                        assert_eq!(nearest, near, "{text}");
                    }
                }
                other => panic!("{text}: {other:?}"),
            }
        }
        assert_eq!(factor("log(s)", "log(s)"), Ok(1.0));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_unit_or_none(text in ".{0,40}", other in "[a-zA-Zµ0-9 .*/^()+-]{0,20}") {
            let _ = factor(&text, &other);
            let _ = factor(&other, "km.s-1");
        }
    }
}
