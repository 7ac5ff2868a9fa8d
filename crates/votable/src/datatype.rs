//! The primitive types of VOTable, and the shapes of arrays of them.
//!
//! VOTable 1.5, sections 2.1, 2.2 and 6.

/// A value of the attribute `datatype`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Datatype {
    Boolean,
    Bit,
    UnsignedByte,
    Short,
    Int,
    Long,
    Char,
    UnicodeChar,
    Float,
    Double,
    FloatComplex,
    DoubleComplex,
}

impl Datatype {
    pub(crate) const ALL: [Datatype; 12] = [
        Datatype::Boolean,
        Datatype::Bit,
        Datatype::UnsignedByte,
        Datatype::Short,
        Datatype::Int,
        Datatype::Long,
        Datatype::Char,
        Datatype::UnicodeChar,
        Datatype::Float,
        Datatype::Double,
        Datatype::FloatComplex,
        Datatype::DoubleComplex,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Datatype::Boolean => "boolean",
            Datatype::Bit => "bit",
            Datatype::UnsignedByte => "unsignedByte",
            Datatype::Short => "short",
            Datatype::Int => "int",
            Datatype::Long => "long",
            Datatype::Char => "char",
            Datatype::UnicodeChar => "unicodeChar",
            Datatype::Float => "float",
            Datatype::Double => "double",
            Datatype::FloatComplex => "floatComplex",
            Datatype::DoubleComplex => "doubleComplex",
        }
    }

    /// Finds a type by its name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|datatype| datatype.name() == name)
    }

    /// Bytes that `count` primitives take in BINARY; `None` where that is more than can be counted.
    pub(crate) fn bytes(self, count: usize) -> Option<usize> {
        let size = match self {
            Datatype::Bit => return Some(count.div_ceil(8)),
            Datatype::Boolean | Datatype::UnsignedByte | Datatype::Char => 1,
            Datatype::Short | Datatype::UnicodeChar => 2,
            Datatype::Int | Datatype::Float => 4,
            Datatype::Long | Datatype::Double | Datatype::FloatComplex => 8,
            Datatype::DoubleComplex => 16,
        };
        count.checked_mul(size)
    }
}

/// A value of the attribute `arraysize`: the fixed axes, the fastest first, and whether one of any length follows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ArraySize {
    pub(crate) fixed: Vec<usize>,
    pub(crate) variable: bool,
}

impl ArraySize {
    /// Reads `3`, `*`, `10*`, `3x4`, `3x*`, `3x10*`; the bound of a variable axis is not kept. `None` for anything else.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut size = ArraySize::default();
        let mut axes = text.trim().split('x').peekable();
        while let Some(axis) = axes.next() {
            let axis = axis.trim();
            let bound = axis.strip_suffix('*');
            if bound.is_some() && axes.peek().is_some() {
                return None;
            }
            if bound == Some("") {
                size.variable = true;
                continue;
            }
            let number = bound.unwrap_or(axis);
            let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
            // A bound may be any number; an axis of no elements is no axis.
            let number: usize = if digits { number.parse().ok()? } else { return None };
            if bound.is_some() {
                size.variable = true;
            } else if number == 0 {
                return None;
            } else {
                size.fixed.push(number);
            }
        }
        Some(size)
    }

    /// Elements of the fixed axes together; `None` where they are more than can be counted.
    pub(crate) fn elements(&self) -> Option<usize> {
        self.fixed.iter().try_fold(1usize, |product, &axis| product.checked_mul(axis))
    }

    /// The attribute.
    pub(crate) fn text(&self) -> String {
        let mut axes: Vec<String> = self.fixed.iter().map(usize::to_string).collect();
        if self.variable {
            axes.push("*".to_string());
        }
        axes.join("x")
    }
}

/// Axes as TDIM has them.
pub(crate) fn tdim(axes: &[usize]) -> String {
    let axes: Vec<String> = axes.iter().map(usize::to_string).collect();
    format!("({})", axes.join(","))
}

/// The axes of a TDIM; `None` for what is none.
pub(crate) fn parse_tdim(text: &str) -> Option<Vec<usize>> {
    let inner = text.trim().strip_prefix('(')?.strip_suffix(')')?;
    inner.split(',').map(|axis| axis.trim().parse().ok().filter(|&axis| axis > 0)).collect()
}

/// The attributes `width` and `precision` of a TDISP.
pub(crate) fn display_attributes(tdisp: &str) -> Option<(String, Option<String>)> {
    let tdisp = tdisp.trim();
    let letters = tdisp.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(tdisp.len());
    let (form, numbers) = tdisp.split_at(letters);
    // An exponent's width, `E10.3E2`, has no attribute.
    let numbers = numbers.split(['E', 'e']).next().unwrap_or("");
    let (width, decimals) = match numbers.split_once('.') {
        Some((width, decimals)) => (width, Some(decimals)),
        None => (numbers, None),
    };
    let number = |text: &str| text.parse::<u32>().is_ok_and(|number| number > 0);
    if !number(width) {
        return None;
    }
    let decimals = decimals.filter(|decimals| decimals.parse::<u32>().is_ok());
    let precision = match (form.to_ascii_uppercase().as_str(), decimals) {
        ("F", Some(decimals)) => Some(decimals.to_string()),
        ("E" | "D" | "G" | "EN" | "ES", Some(decimals)) if number(decimals) => Some(format!("E{decimals}")),
        _ => None,
    };
    Some((width.to_string(), precision))
}

/// A TDISP of the attributes `width` and `precision`.
pub(crate) fn display(datatype: Datatype, width: &str, precision: Option<&str>) -> Option<String> {
    let width: u32 = width.trim().parse().ok().filter(|&width| width > 0)?;
    let form = match datatype {
        Datatype::Float | Datatype::Double => {
            let precision = precision?.trim();
            let (form, decimals) = match precision.as_bytes().first()? {
                b'F' | b'f' => ('F', &precision[1..]),
                b'E' | b'e' => ('E', &precision[1..]),
                _ => ('F', precision),
            };
            let decimals: u32 = decimals.parse().ok()?;
            return Some(format!("{form}{width}.{decimals}"));
        }
        Datatype::UnsignedByte | Datatype::Short | Datatype::Int | Datatype::Long => 'I',
        Datatype::Char | Datatype::UnicodeChar => 'A',
        _ => return None,
    };
    Some(format!("{form}{width}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arraysizes_are_read_as_the_standard_has_them() {
        let check = |text: &str, wanted: Option<(&[usize], bool)>| {
            let found = ArraySize::parse(text);
            assert_eq!(found.as_ref().map(|size| (size.fixed.as_slice(), size.variable)), wanted, "{text:?}");
        };
        check("3", Some((&[3], false)));
        check("*", Some((&[], true)));
        check("10*", Some((&[], true)));
        check("3x4", Some((&[3, 4], false)));
        check("64x64x10*", Some((&[64, 64], true)));
        check(" 2 ", Some((&[2], false)));
        for wrong in ["", "x", "3x", "*x3", "0", "-1", "+1", "3,4", "99999999999999999999999", "three"] {
            check(wrong, None);
        }
        assert_eq!(ArraySize::parse("4294967296x4294967296x2").unwrap().elements(), None);
    }

    #[test]
    fn displays_go_there_and_back() {
        let check = |tdisp: &str, datatype, wanted: Option<(&str, Option<&str>)>| {
            let found = display_attributes(tdisp);
            let found = found.as_ref().map(|(width, precision)| (width.as_str(), precision.as_deref()));
            assert_eq!(found, wanted, "{tdisp}");
            if let Some((width, precision)) = wanted {
                assert_eq!(display(datatype, width, precision).as_deref(), Some(tdisp));
            }
        };
        check("F10.4", Datatype::Double, Some(("10", Some("4"))));
        check("E12.5", Datatype::Float, Some(("12", Some("E5"))));
        check("I6", Datatype::Int, Some(("6", None)));
        check("A20", Datatype::Char, Some(("20", None)));
        check("F", Datatype::Double, None);
        check("", Datatype::Double, None);
        check("ä3", Datatype::Double, None);
    }
}
