//! What is on the sky: the sources and their light, known exactly.

use std::f64::consts::TAU;
use std::fmt::Write;

/// What a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A given star of constant light.
    Star,
    /// A made-up faint star of constant light.
    Synthetic,
    /// A star, given or made up, whose light swings.
    Variable,
    /// A star, given or made up, with a planet in front of it at times.
    Transit,
    /// A new star.
    Transient,
    /// An asteroid.
    Mover,
}

/// The word for it in truth.csv.
impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Kind::Star => "star",
            Kind::Synthetic => "synthetic",
            Kind::Variable => "variable",
            Kind::Transit => "transit",
            Kind::Transient => "transient",
            Kind::Mover => "mover",
        })
    }
}

/// How the light of a source changes. Times are BTJD (TDB), spans days.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Signal {
    /// Not at all.
    Constant,
    /// 1 + `amplitude` sin(2 pi (t - `epoch_btjd`) / `period_d`).
    Sine {
        /// Half the swing, as a fraction of the flux.
        amplitude: f64,
        /// The period.
        period_d: f64,
        /// A time at which the flux rises through its mean.
        epoch_btjd: f64,
    },
    /// A trapezoid, whose way down and way up each take [`Signal::INGRESS`] of its duration.
    Transit {
        /// The light lost in the middle, as a fraction of the flux.
        depth: f64,
        /// From one transit to the next.
        period_d: f64,
        /// The middle of a transit.
        epoch_btjd: f64,
        /// From first to last contact.
        duration_d: f64,
    },
    /// Dark, a straight rise during a quarter of `duration_d` up to 1 at `epoch_btjd`, then an exponential decay.
    Transient {
        /// The peak.
        epoch_btjd: f64,
        /// The time in which the decay divides the light by e.
        duration_d: f64,
    },
}

impl Signal {
    /// The part of a transit's duration that its way down takes, and its way up.
    pub const INGRESS: f64 = 0.15;

    /// The factor on the flux of the source at a time in BTJD (TDB).
    pub fn factor(&self, btjd: f64) -> f64 {
        match *self {
            Signal::Constant => 1.0,
            Signal::Sine { amplitude, period_d, epoch_btjd } => {
                1.0 + amplitude * libm::sin(TAU * ((btjd - epoch_btjd) / period_d))
            }
            Signal::Transit { depth, period_d, epoch_btjd, duration_d } => {
                let turns = (btjd - epoch_btjd) / period_d;
                let from_middle_d = (turns - turns.round()).abs() * period_d;
                let inside = (duration_d / 2.0 - from_middle_d) / (Self::INGRESS * duration_d);
                1.0 - depth * inside.clamp(0.0, 1.0)
            }
            Signal::Transient { epoch_btjd, duration_d } => {
                let since = (btjd - epoch_btjd) / duration_d;
                if since < 0.0 { (1.0 + 4.0 * since).max(0.0) } else { libm::exp(-since) }
            }
        }
    }
}

/// One source.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// Its name: the id of a given star, `synthetic-N`, `transient-N` or `mover-N`.
    pub id: String,
    /// What it is.
    pub kind: Kind,
    /// Right ascension, ICRS degrees, proper motion up to the middle of the sector applied; a mover's in the first
    /// frame.
    pub ra_deg: f64,
    /// Declination likewise.
    pub dec_deg: f64,
    /// Column of a frame without pointing offset, 0-based; may lie up to 7 px off the frame.
    pub x: f64,
    /// Row likewise.
    pub y: f64,
    /// Magnitude of the flux below.
    pub mag: f64,
    /// Flux in electrons a second, spread over all pixels, to which `signal` is a factor: the mean of a variable,
    /// the flux out of transit, the peak of a transient.
    pub flux_e_per_s: f64,
    /// How its light changes.
    pub signal: Signal,
    /// Pixels (x, y) it moves a day; 0 but for a mover.
    pub velocity_px_per_d: (f64, f64),
}

/// The way of a mover over the sky.
#[derive(Clone, Debug, PartialEq)]
pub struct Track {
    /// The id of its source.
    pub id: String,
    /// Time of mid-exposure in BTJD (TDB), right ascension and declination in ICRS degrees; one a frame.
    pub points: Vec<[f64; 3]>,
}

/// Everything on the sky of a sector, and where it moves.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Truth {
    /// Given stars first, in their order, then made-up ones, transients and movers.
    pub sources: Vec<Source>,
    /// One a mover, in the order of the sources.
    pub tracks: Vec<Track>,
    /// Indices into `sources` of some that are worth a look: all transits and transients, the variables with the
    /// largest swing in electrons, the brightest stars. Movers have tracks instead.
    pub targets: Vec<usize>,
}

impl Truth {
    /// The sources of one kind.
    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Source> {
        self.sources.iter().filter(move |source| source.kind == kind)
    }

    /// All sources as CSV; a cell is empty where it does not apply.
    ///
    /// Columns: id, kind, ra, dec (degrees), x, y (0-based pixels), mag, flux_e_per_s, amplitude (fraction),
    /// period_d, epoch_btjd, depth (fraction), duration_d.
    pub fn to_csv(&self) -> String {
        let mut out = String::from(
            "id,kind,ra,dec,x,y,mag,flux_e_per_s,amplitude,period_d,epoch_btjd,depth,duration_d\n",
        );
        for source in &self.sources {
            let Source { kind, ra_deg, dec_deg, x, y, mag, flux_e_per_s, .. } = source;
            let signal = match source.signal {
                Signal::Constant => ",,,,".to_string(),
                Signal::Sine { amplitude, period_d, epoch_btjd } => {
                    format!("{amplitude},{period_d},{epoch_btjd},,")
                }
                Signal::Transit { depth, period_d, epoch_btjd, duration_d } => {
                    format!(",{period_d},{epoch_btjd},{depth},{duration_d}")
                }
                Signal::Transient { epoch_btjd, duration_d } => format!(",,{epoch_btjd},,{duration_d}"),
            };
            let id = quoted(&source.id);
            // Writing to a string cannot fail.
            let _ =
                writeln!(out, "{id},{kind},{ra_deg},{dec_deg},{x:.6},{y:.6},{mag},{flux_e_per_s},{signal}");
        }
        out
    }

    /// The targets as CSV with columns ra, dec (degrees) and name, fit for names of files.
    pub fn targets_csv(&self) -> String {
        let mut out = String::from("ra,dec,name\n");
        for source in self.targets.iter().filter_map(|&at| self.sources.get(at)) {
            let id = source.id.strip_prefix("transient-").unwrap_or(&source.id);
            let fit = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' };
            let id: String = id.chars().map(fit).collect();
            let _ = writeln!(out, "{},{},{}-{id}", source.ra_deg, source.dec_deg, source.kind);
        }
        out
    }
}

impl Track {
    /// The track as CSV with columns time (BTJD), ra and dec (degrees).
    pub fn to_csv(&self) -> String {
        let mut out = String::from("time,ra,dec\n");
        for [time, ra, dec] in &self.points {
            let _ = writeln!(out, "{time},{ra},{dec}");
        }
        out
    }
}

/// A cell of CSV, quoted if it must be.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transit_is_a_trapezoid_of_its_depth_and_duration() {
        let transit = Signal::Transit { depth: 0.01, period_d: 3.0, epoch_btjd: 100.0, duration_d: 0.2 };
        for (btjd, wanted) in
            [(100.0, 0.99), (97.06, 0.99), (106.085, 0.995), (100.1001, 1.0), (101.5, 1.0), (98.5, 1.0)]
        {
            assert!((transit.factor(btjd) - wanted).abs() < 1e-9, "{btjd}: {}", transit.factor(btjd));
        }
    }

    #[test]
    fn a_transient_is_dark_rises_and_fades() {
        let transient = Signal::Transient { epoch_btjd: 10.0, duration_d: 2.0 };
        for (btjd, wanted) in [(9.0, 0.0), (9.5, 0.0), (9.75, 0.5), (10.0, 1.0), (12.0, (-1f64).exp())] {
            assert!((transient.factor(btjd) - wanted).abs() < 1e-12, "{btjd}");
        }
    }

    #[test]
    fn names_of_targets_are_fit_for_files_and_odd_ids_are_quoted() {
        let source = Source {
            id: "HD 1, \"x\"/y".into(),
            kind: Kind::Star,
            ra_deg: 1.5,
            dec_deg: -2.0,
            x: 0.0,
            y: 0.0,
            mag: 5.0,
            flux_e_per_s: 100.0,
            signal: Signal::Constant,
            velocity_px_per_d: (0.0, 0.0),
        };
        let truth = Truth { sources: vec![source], tracks: vec![], targets: vec![0] };
        assert_eq!(truth.targets_csv(), "ra,dec,name\n1.5,-2,star-HD_1___x__y\n");
        let row = "\"HD 1, \"\"x\"\"/y\",star,1.5,-2,0.000000,0.000000,5,100,,,,,";
        assert_eq!(truth.to_csv().lines().nth(1), Some(row));
    }
}
