//! Where an axis has its ticks, and what stands beside them.
//!
//! Steps are 1, 2 or 5 times a power of ten. Labels are whole numbers that can be read alone: no offset or
//! factor is hidden elsewhere on the axis.

/// The ticks of one axis or one panel of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Ticks {
    /// Places with a label, ascending.
    pub(crate) major: Vec<(f64, String)>,
    /// Places without one.
    pub(crate) minor: Vec<f64>,
}

/// A step of 1, 2 or 5 times a power of ten.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Step {
    mantissa: u8,
    exponent: i32,
}

impl Step {
    /// Gives the smallest step not below `value`, which is positive and finite.
    pub(crate) fn at_least(value: f64) -> Step {
        let exponent = value.log10().floor().clamp(-300.0, 300.0) as i32;
        let start = Step { mantissa: 1, exponent };
        // A hair of tolerance, or 0.30000000000000004 / 3 asks for 0.2.
        std::iter::successors(Some(start), |step| Some(step.next()))
            .take(6)
            .find(|step| step.size() >= value * (1.0 - 1e-9))
            .unwrap_or(start)
    }

    /// Gives the next larger step.
    pub(crate) fn next(self) -> Step {
        match self.mantissa {
            1 => Step { mantissa: 2, ..self },
            2 => Step { mantissa: 5, ..self },
            _ => Step { mantissa: 1, exponent: self.exponent + 1 },
        }
    }

    /// Gives the next smaller step.
    pub(crate) fn previous(self) -> Step {
        match self.mantissa {
            5 => Step { mantissa: 2, ..self },
            2 => Step { mantissa: 1, ..self },
            _ => Step { mantissa: 5, exponent: self.exponent - 1 },
        }
    }

    pub(crate) fn size(self) -> f64 {
        f64::from(self.mantissa) * 10f64.powi(self.exponent)
    }

    /// Gives the power of ten of the last digit of all multiples.
    pub(crate) fn exponent(self) -> i32 {
        self.exponent
    }

    /// Gives the multiples of the step within `low..=high`, at most a thousand.
    fn multiples(self, low: f64, high: f64) -> Vec<f64> {
        let size = self.size();
        let (first, last) = ((low / size - 1e-9).ceil(), (high / size + 1e-9).floor());
        let count = (last - first + 1.0).clamp(0.0, 1000.0) as usize;
        // Dividing by a power of ten rounds once where multiplying by 0.1 rounds twice.
        let place = |n: f64| match self.exponent {
            0.. => n * size,
            _ => n * f64::from(self.mantissa) / 10f64.powi(-self.exponent),
        };
        (0..count).map(|i| place(first + i as f64) + 0.0).filter(|v| v.is_finite()).collect()
    }
}

/// Puts ticks at the multiples of `step` within `low..=high`.
pub(crate) fn at_step(low: f64, high: f64, step: Step) -> Ticks {
    let places = step.multiples(low, high);
    let labels = labels(&places, step);
    let fine =
        Step { mantissa: if step.mantissa == 2 { 5 } else { step.mantissa }, exponent: step.exponent - 1 };
    let fine = match step.mantissa {
        1 => Step { mantissa: 2, ..fine },
        2 => fine,
        _ => Step { mantissa: 1, exponent: step.exponent },
    };
    let near = step.size() * 1e-6;
    let minor = fine
        .multiples(low, high)
        .into_iter()
        .filter(|v| places.iter().all(|p| (p - v).abs() > near))
        .collect();
    Ticks { major: places.into_iter().zip(labels).collect(), minor }
}

/// Writes numbers that lie on multiples of `step`: all digits that tell them apart, none more.
fn labels(values: &[f64], step: Step) -> Vec<String> {
    let largest = values.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    let plain = largest == 0.0 || (1e-4..1e7).contains(&largest) && step.exponent > -12;
    values
        .iter()
        .map(|&value| if plain { decimal(value, -step.exponent) } else { scientific(value, step.exponent) })
        .collect()
}

/// Writes `value` with so many digits after the point, with a true minus sign.
pub(crate) fn decimal(value: f64, digits: i32) -> String {
    let digits = digits.clamp(0, 17) as usize;
    let text = format!("{:.*}", digits, value.abs());
    let zero = text.bytes().all(|b| matches!(b, b'0' | b'.'));
    if value < 0.0 && !zero { format!("−{text}") } else { text }
}

/// Writes `value` as m×10ⁿ, down to the digit of 10^`finest`.
pub(crate) fn scientific(value: f64, finest: i32) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let rough = value.abs().log10().floor() as i32;
    // Rust's own formatting rounds 9.99 up to 1.0e1 where a hand-made mantissa would say 10.0.
    let text = format!("{:.*e}", (rough - finest).clamp(0, 16) as usize, value.abs());
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let raised: String = exponent.chars().map(superscript).collect();
    format!("{}{mantissa}×10{raised}", if value < 0.0 { "−" } else { "" })
}

fn superscript(c: char) -> char {
    match c {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        '0' | '4'..='9' => char::from_u32(0x2070 + (c as u32 - '0' as u32)).unwrap_or(c),
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Puts ticks at the finest step that gives at most `most` of them, two at least if any step does.
    fn at_most(low: f64, high: f64, most: usize) -> Ticks {
        let span = high - low;
        if !(span.is_finite() && span > 0.0) {
            return Ticks::default();
        }
        let mut step = Step::at_least(span / most.max(2) as f64);
        if step.multiples(low, high).len() < 2 {
            step = step.previous();
        }
        at_step(low, high, step)
    }

    fn check(low: f64, high: f64, most: usize, expected: &[&str]) {
        let ticks = at_most(low, high, most);
        let labels: Vec<_> = ticks.major.iter().map(|(_, l)| l.as_str()).collect();
        assert_eq!(labels, expected, "{low}..{high}");
    }

    #[test]
    fn labels_are_nice_numbers_without_a_hidden_offset() {
        check(0.0, 1.0, 5, &["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        check(-0.1, 0.1, 4, &["−0.10", "−0.05", "0.00", "0.05", "0.10"]);
        check(2_459_000.2, 2_459_001.7, 3, &["2459000.5", "2459001.0", "2459001.5"]);
        check(0.9981, 1.0012, 4, &["0.999", "1.000", "1.001"]);
        check(1.2e8, 3.1e8, 2, &["2×10⁸", "3×10⁸"]);
        check(-3e-7, 3e-7, 3, &["−2×10⁻⁷", "0", "2×10⁻⁷"]);
        check(1653.9, 1682.1, 6, &["1655", "1660", "1665", "1670", "1675", "1680"]);
        check(0.0, 12345.0, 3, &["0", "5000", "10000"]);
    }

    #[test]
    fn every_axis_of_any_size_has_a_bounded_number_of_ticks() {
        for exponent in -290..300 {
            for mantissa in [1.0, 1.7, 3.3, 9.99] {
                let span = mantissa * 10f64.powi(exponent);
                for (low, high) in [(0.0, span), (-span / 2.0, span / 3.0), (-span, -span / 7.0)] {
                    let ticks = at_most(low, high, 6);
                    assert!((1..=13).contains(&ticks.major.len()), "{low}..{high}: {ticks:?}");
                    assert!(ticks.minor.len() < 100);
                }
            }
        }
        for (low, high) in [(0.0, f64::INFINITY), (f64::NAN, 1.0), (1.0, 1.0), (2.0, 1.0)] {
            assert_eq!(at_most(low, high, 5), Ticks::default());
        }
    }
}
