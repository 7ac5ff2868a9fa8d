//! SIP distortion polynomials and their inverse.
//!
//! Forward they are sums: a pixel (u, v) counted from CRPIX moves to (u + f(u, v), v + g(u, v)).
//! Back there is no formula. The AP and BP polynomials that headers carry are fits to the inverse,
//! wrong by up to 0.08 px on TESS chips, so they are not read: Newton's method with the exact
//! derivatives needs three or four evaluations on a chip, one of which AP and BP would save.
//!
//! Shupe et al. 2005, ADASS XIV, ASP 347, 491.

use crate::Error;

/// The highest order the convention allows.
pub(crate) const MAX_ORDER: usize = 9;

/// One SIP polynomial: f (keywords A_p_q) or g (keywords B_p_q).
///
/// The sum over p + q <= order of a coefficient times u^p v^q, where u and v are pixels counted
/// from CRPIX along the first and second axis, and the sum is in pixels too.
#[derive(Clone, Debug, PartialEq)]
pub struct Sip {
    order: usize,
    /// Row p holds the coefficients of u^p v^0, u^p v^1, ... as far as the order goes.
    coefficients: Vec<f64>,
}

impl Sip {
    /// Makes a polynomial of `order` 0 to 9 from its terms `((p, q), coefficient)`.
    ///
    /// Terms left out are zero; one given twice keeps the last value.
    ///
    /// # Errors
    /// [`Error::BadValue`] for an order above 9, a term with p + q above the order, and a
    /// coefficient that is not finite.
    pub fn new(order: usize, terms: impl IntoIterator<Item = ((usize, usize), f64)>) -> Result<Self, Error> {
        if order > MAX_ORDER {
            return Err(Error::BadValue { what: "SIP order".into(), found: order as f64, wanted: "0..=9" });
        }
        let mut sip = Self { order, coefficients: vec![0.0; terms_of(order)] };
        for ((p, q), value) in terms {
            let what = || format!("SIP coefficient of u^{p} v^{q}");
            if !value.is_finite() {
                return Err(Error::BadValue { what: what(), found: value, wanted: "a finite number" });
            }
            let Some(place) = sip.place(p, q) else {
                return Err(Error::BadValue { what: what(), found: value, wanted: "p + q within the order" });
            };
            sip.coefficients[place] = value;
        }
        Ok(sip)
    }

    /// The order: no term has a higher p + q.
    pub fn order(&self) -> usize {
        self.order
    }

    /// The coefficient of u^p v^q; 0 beyond the order.
    pub fn coefficient(&self, p: usize, q: usize) -> f64 {
        self.place(p, q).map_or(0.0, |place| self.coefficients[place])
    }

    /// Every `((p, q), coefficient)` that is not zero, p then q ascending.
    pub fn terms(&self) -> impl Iterator<Item = ((usize, usize), f64)> + '_ {
        pairs(self.order).zip(self.coefficients.iter().copied()).filter(|(_, value)| *value != 0.0)
    }

    fn place(&self, p: usize, q: usize) -> Option<usize> {
        let inside = p <= self.order && q <= self.order - p;
        // Rows before p have order + 1, order, ... coefficients.
        inside.then(|| p * (self.order + 1) - p * p.saturating_sub(1) / 2 + q)
    }
}

/// How many coefficients a polynomial has.
fn terms_of(order: usize) -> usize {
    (order + 1) * (order + 2) / 2
}

/// All (p, q) with p + q <= order, p then q ascending.
pub(crate) fn pairs(order: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..=order).flat_map(move |p| (0..=order - p).map(move |q| (p, q)))
}

/// Both polynomials, laid out for evaluation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Distortion {
    a: Sip,
    b: Sip,
    order: usize,
    /// Coefficients of f and g side by side in the order in which Horner's rule takes them: the
    /// highest power of u first, within it the highest power of v.
    horner: Vec<[f64; 2]>,
}

/// (u + f, v + g) and its derivatives after u and after v.
struct Moved {
    to: [f64; 2],
    by_u: [f64; 2],
    by_v: [f64; 2],
}

/// Newton steps tried before fixed-point ones. Chips take three; 20 is for the far field.
const NEWTON_STEPS: usize = 20;
/// Fixed-point steps; each gains a digit or two on a chip.
const FIXED_POINT_STEPS: usize = 60;

impl Distortion {
    pub(crate) fn new(a: Sip, b: Sip) -> Self {
        let order = a.order.max(b.order);
        let mut horner: Vec<_> =
            pairs(order).map(|(p, q)| [a.coefficient(p, q), b.coefficient(p, q)]).collect();
        horner.reverse();
        Self { a, b, order, horner }
    }

    pub(crate) fn a(&self) -> &Sip {
        &self.a
    }

    pub(crate) fn b(&self) -> &Sip {
        &self.b
    }

    /// (u + f, v + g).
    #[inline]
    pub(crate) fn apply(&self, [u, v]: [f64; 2]) -> [f64; 2] {
        let mut sum = [0.0; 2];
        let mut rest = self.horner.as_slice();
        for length in 1..=self.order + 1 {
            let (row, after) = rest.split_at(length);
            rest = after;
            let mut in_v = [0.0; 2];
            for c in row {
                in_v = [in_v[0] * v + c[0], in_v[1] * v + c[1]];
            }
            sum = [sum[0] * u + in_v[0], sum[1] * u + in_v[1]];
        }
        [u + sum[0], v + sum[1]]
    }

    #[inline]
    fn apply_with_derivatives(&self, [u, v]: [f64; 2]) -> Moved {
        let (mut sum, mut by_u, mut by_v) = ([0.0; 2], [0.0; 2], [0.0; 2]);
        let mut rest = self.horner.as_slice();
        for length in 1..=self.order + 1 {
            let (row, after) = rest.split_at(length);
            rest = after;
            let (mut in_v, mut slope) = ([0.0; 2], [0.0; 2]);
            for c in row {
                for k in 0..2 {
                    slope[k] = slope[k] * v + in_v[k];
                    in_v[k] = in_v[k] * v + c[k];
                }
            }
            for k in 0..2 {
                by_u[k] = by_u[k] * u + sum[k];
                by_v[k] = by_v[k] * u + slope[k];
                sum[k] = sum[k] * u + in_v[k];
            }
        }
        Moved { to: [u + sum[0], v + sum[1]], by_u: [1.0 + by_u[0], by_u[1]], by_v: [by_v[0], 1.0 + by_v[1]] }
    }

    /// The (u, v) that [`Distortion::apply`] moves to `target`, looked for from `guess`.
    ///
    /// None where no such point is found, or where the one found lies beyond a fold of the
    /// polynomials (their Jacobian determinant is not positive there, as it is at CRPIX), since
    /// what lies beyond is an image of the chip seen in a mirror.
    pub(crate) fn undo(&self, target: [f64; 2], guess: [f64; 2]) -> Option<[f64; 2]> {
        self.newton(target, guess).or_else(|| {
            let near = self.fixed_point(target)?;
            self.newton(target, near)
        })
    }

    /// Newton's method, each step halved while it does not come nearer. A point is returned only
    /// after its residual was seen to be rounding, so a wrong basin cannot be mistaken for a root.
    fn newton(&self, target: [f64; 2], guess: [f64; 2]) -> Option<[f64; 2]> {
        let scale = target[0].abs().max(target[1].abs());
        // Far below 1e-8 px, and above the rounding of a sum of terms as large as the target.
        let done = 1e-11 + 2e-15 * scale;
        let acceptable = 1e-9 + 1e-13 * scale;
        let (mut at, mut best, mut best_distance) = (guess, guess, f64::INFINITY);
        for _ in 0..NEWTON_STEPS {
            let moved = self.apply_with_derivatives(at);
            let left = [moved.to[0] - target[0], moved.to[1] - target[1]];
            let distance = left[0].abs().max(left[1].abs());
            let determinant = moved.by_u[0] * moved.by_v[1] - moved.by_v[0] * moved.by_u[1];
            // Written so that NaN fails.
            if !(distance < best_distance && determinant > 0.0) {
                if best_distance <= acceptable {
                    return Some(best);
                }
                if best_distance.is_infinite() {
                    return None;
                }
                at = [0.5 * (at[0] + best[0]), 0.5 * (at[1] + best[1])];
                continue;
            }
            if distance <= done {
                return Some(at);
            }
            (best, best_distance) = (at, distance);
            at = [
                at[0] - (left[0] * moved.by_v[1] - left[1] * moved.by_v[0]) / determinant,
                at[1] - (left[1] * moved.by_u[0] - left[0] * moved.by_u[1]) / determinant,
            ];
        }
        (best_distance <= acceptable).then_some(best)
    }

    /// Subtracts the distortion at the last estimate, again and again: slow, and content with a
    /// start from which Newton's first step leaps over the fold.
    fn fixed_point(&self, target: [f64; 2]) -> Option<[f64; 2]> {
        let mut at = target;
        for _ in 0..FIXED_POINT_STEPS {
            let to = self.apply(at);
            let left = [to[0] - target[0], to[1] - target[1]];
            at = [at[0] - left[0], at[1] - left[1]];
            if !(at[0].is_finite() && at[1].is_finite()) {
                return None;
            }
            if left[0].abs().max(left[1].abs()) < 1e-3 {
                break;
            }
        }
        Some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Distortion {
        let a = Sip::new(3, [((2, 0), 2e-5), ((1, 1), -3e-6), ((0, 3), 4e-10)]).unwrap();
        let b = Sip::new(2, [((1, 0), 1e-3), ((0, 2), -1e-5)]).unwrap();
        Distortion::new(a, b)
    }

    #[test]
    fn horner_gives_the_sum_of_the_terms() {
        let (u, v) = (812.5_f64, -401.25_f64);
        let [x, y] = example().apply([u, v]);
        assert!((x - (u + 2e-5 * u * u - 3e-6 * u * v + 4e-10 * v.powi(3))).abs() < 1e-12);
        assert!((y - (v + 1e-3 * u - 1e-5 * v * v)).abs() < 1e-12);
    }

    #[test]
    fn derivatives_are_those_of_the_polynomials() {
        let (u, v) = (812.5, -401.25);
        let moved = example().apply_with_derivatives([u, v]);
        assert_eq!(moved.to, example().apply([u, v]));
        assert!((moved.by_u[0] - (1.0 + 4e-5 * u - 3e-6 * v)).abs() < 1e-15);
        assert!((moved.by_v[0] - (-3e-6 * u + 12e-10 * v * v)).abs() < 1e-15);
        assert!((moved.by_u[1] - 1e-3).abs() < 1e-15);
        assert!((moved.by_v[1] - (1.0 - 2e-5 * v)).abs() < 1e-15);
    }

    #[test]
    fn a_point_that_the_polynomials_never_reach_has_no_inverse() {
        // u - 1e-4 u^2 is at most 2500, at u = 5000.
        let a = Sip::new(2, [((2, 0), -1e-4)]).unwrap();
        let folded = Distortion::new(a, Sip::new(2, []).unwrap());
        assert_eq!(folded.undo([2501.0, 0.0], [2501.0, 0.0]), None);
        let [u, v] = folded.undo([2400.0, 7.0], [2400.0, 7.0]).unwrap();
        assert!((u - 4000.0).abs() < 1e-9 && (v - 7.0).abs() < 1e-12);
        // 6000 is beyond the fold and maps to 2400 too.
        let [u, _] = folded.undo([2400.0, 7.0], [6000.0, 7.0]).unwrap();
        assert!((u - 4000.0).abs() < 1e-9);
    }

    #[test]
    fn terms_come_back_as_they_were_given() {
        let terms = [((0, 3), 1.0), ((1, 1), 2.0), ((2, 0), 3.0), ((3, 0), 4.0)];
        let sip = Sip::new(3, terms).unwrap();
        assert_eq!(sip.terms().collect::<Vec<_>>(), terms);
        assert_eq!(sip.coefficient(4, 0), 0.0);
        assert_eq!(sip.coefficient(usize::MAX, usize::MAX), 0.0);
    }

    #[test]
    fn orders_and_coefficients_outside_the_convention_are_refused() {
        assert!(matches!(Sip::new(10, []), Err(Error::BadValue { .. })));
        assert!(matches!(Sip::new(2, [((2, 1), 1.0)]), Err(Error::BadValue { .. })));
        assert!(matches!(Sip::new(2, [((1, 1), f64::NAN)]), Err(Error::BadValue { .. })));
    }
}
