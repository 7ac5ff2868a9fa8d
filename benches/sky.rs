//! How long does it take to find the cells of positions, and to test which of them are inside a region?
//!
//! Rivals, in turn on the same positions, spread evenly over the sky or around a place, each on one thread and timed by
//! its processor time, so that other programs disturb little:
//! - cells: [`healpix::hash_slice`] and a loop over cdshealpix, at three depths; that both find the same is checked at
//!   all depths;
//! - regions: `contains_slice` of a cone and of polygons, the cone by a loop over unit vectors made beforehand, and the
//!   bound, the sum of the same two columns;
//! - coverage: ours and cdshealpix's of the same cone to the same depth;
//! - epochs: [`Astrometry::propagate_slice`].
//!
//!     cargo bench -p uranometria-benches --bench sky -- --rounds 15

#![allow(clippy::print_stdout)]

use std::hint::black_box;

use clap::Parser;
use uranometria_benches::input::Error;
use uranometria_benches::measure::{Spread, machine, timed};
use uranometria_sky::{Angle, Astrometry, Cone, Cost, Direction, Motion, Polygon, Region, healpix};

#[derive(Parser)]
struct Args {
    /// Positions
    #[arg(long, num_args = 1.., default_values_t = [100_000, 5_000_000])]
    rows: Vec<usize>,
    /// How often each rival is run
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    /// Given by cargo bench; without it only the way is tried, on next to nothing
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<(), Error> {
    let mut args = Args::parse();
    if !args.bench {
        (args.rows, args.rounds) = (vec![1000], 1);
    }
    println!("{}\n", machine(&std::env::temp_dir()));
    println!("| rows | question | rival | runs | ns a row | times the first |");
    println!("|---|---|---|---|---|---|");
    for &rows in &args.rows {
        let sky = Positions::everywhere(rows);
        for depth in [6, 12, 29] {
            cells(depth, &sky, args.rounds);
        }
        same_cells(&sky)?;
        moves(&sky, args.rounds)?;
        regions("all the sky", &sky, args.rounds)?;
        regions("its surroundings", &Positions::around(rows, 56.75, 24.12, 2.0), args.rounds)?;
    }
    coverages(args.rounds)
}

struct Positions {
    ra: Vec<f64>,
    dec: Vec<f64>,
}

impl Positions {
    /// Evenly over the sky in no order, the same on every machine (the R2 sequence).
    fn everywhere(rows: usize) -> Self {
        let along = |n: usize, step: f64| (n as f64 * step).fract();
        let ra = (0..rows).map(|n| 360.0 * along(n, 0.754_877_666_246_693)).collect();
        let dec =
            (0..rows).map(|n| (2.0 * along(n, 0.569_840_290_998_053) - 1.0).asin().to_degrees()).collect();
        Self { ra, dec }
    }

    /// Evenly in a field of a half width in both coordinates.
    fn around(rows: usize, ra: f64, dec: f64, half: f64) -> Self {
        let along = |n: usize, step: f64| half * (2.0 * (n as f64 * step).fract() - 1.0);
        Self {
            ra: (0..rows).map(|n| ra + along(n, 0.754_877_666_246_693)).collect(),
            dec: (0..rows).map(|n| dec + along(n, 0.569_840_290_998_053)).collect(),
        }
    }
}

type Rival<'a> = (&'a str, Box<dyn FnMut() + 'a>);

/// Runs rivals in turn and prints a line for each, beside the first of them.
fn race(rows: usize, question: &str, rounds: usize, rivals: &mut [Rival<'_>]) {
    let mut spent = vec![Vec::new(); rivals.len()];
    for (_, run) in rivals.iter_mut() {
        run();
    }
    for _ in 0..rounds {
        for ((_, run), spent) in rivals.iter_mut().zip(&mut spent) {
            spent.push(timed(run).1.cpu_s);
        }
    }
    for ((name, _), taken) in rivals.iter().zip(&spent) {
        let each = Spread::of(taken.iter().copied()).times(1e9 / rows as f64);
        let ratio = Spread::of_ratios(taken, &spent[0]);
        println!("| {rows} | {question} | {name} | {rounds} | {each} | {ratio} |");
    }
}

fn cells(depth: u8, sky: &Positions, rounds: usize) {
    let rows = sky.ra.len();
    let (mut ours, mut theirs) = (vec![0; rows], vec![0; rows]);
    race(
        rows,
        &format!("cells of depth {depth}"),
        rounds,
        &mut [
            (
                "hash_slice",
                Box::new(|| {
                    healpix::hash_slice(depth, &sky.ra, &sky.dec, black_box(&mut ours)).unwrap_or_default()
                }),
            ),
            ("cdshealpix, a loop", Box::new(|| cdshealpix_cells(depth, sky, black_box(&mut theirs)))),
        ],
    );
}

fn cdshealpix_cells(depth: u8, sky: &Positions, out: &mut [u64]) {
    let layer = cdshealpix::nested::get(depth);
    for ((ra, dec), out) in sky.ra.iter().zip(&sky.dec).zip(out) {
        *out = layer.hash(ra.to_radians(), dec.to_radians());
    }
}

fn same_cells(sky: &Positions) -> Result<(), Error> {
    let (mut ours, mut theirs) = (vec![0; sky.ra.len()], vec![0; sky.ra.len()]);
    for depth in 0..=healpix::MAX_DEPTH {
        healpix::hash_slice(depth, &sky.ra, &sky.dec, &mut ours)?;
        cdshealpix_cells(depth, sky, &mut theirs);
        if ours != theirs {
            return Err(Error::from(format!("cells of depth {depth} differ")));
        }
    }
    Ok(())
}

fn moves(sky: &Positions, rounds: usize) -> Result<(), Error> {
    let rows = sky.ra.len();
    let motion: Vec<f64> = (0..rows).map(|n| ((n * 7919) % 200) as f64 - 100.0).collect();
    let motion = Motion { pmra_mas_yr: &motion, pmdec_mas_yr: &motion, parallax_mas: None, rv_km_s: None };
    let (mut ra, mut dec) = (sky.ra.clone(), sky.dec.clone());
    let mut years = 1.0;
    race(
        rows,
        "another epoch",
        rounds,
        &mut [(
            "propagate_slice",
            Box::new(|| {
                years = -years;
                Astrometry::propagate_slice(years, black_box(&mut ra), &mut dec, &motion).unwrap_or_default();
            }),
        )],
    );
    Ok(())
}

fn regions(place: &str, sky: &Positions, rounds: usize) -> Result<(), Error> {
    let rows = sky.ra.len();
    let centre = Direction::from_degrees(56.75, 24.12)?;
    let cone = Region::from(Cone::new(centre, Angle::from_degrees(1.0))?);
    let ring = |corners: usize| -> Result<Region, Error> {
        let corner = |k: usize| {
            let (north, east) = (k as f64 / corners as f64 * std::f64::consts::TAU).sin_cos();
            Direction::from_degrees(56.75 + east, 24.12 + 0.9 * north)
        };
        Ok(Polygon::new(&(0..corners).map(corner).collect::<Result<Vec<_>, _>>()?)?.into())
    };
    let (four, forty) = (ring(4)?, ring(40)?);
    let [mut a, mut b, mut c, mut d] = [const { Vec::new() }; 4].map(|mut out: Vec<bool>| {
        out.resize(rows, false);
        out
    });
    let vectors: Vec<[f64; 3]> = sky
        .ra
        .iter()
        .zip(&sky.dec)
        .filter_map(|(ra, dec)| Some(Direction::from_degrees(*ra, *dec).ok()?.unit_vector()))
        .collect();
    let [x, y, z] = centre.unit_vector();
    let limit = 1_f64.to_radians().cos();
    let test = |region: &Region, out: &mut Vec<bool>| {
        region.contains_slice(&sky.ra, &sky.dec, black_box(out)).unwrap_or_default();
    };
    race(
        rows,
        &format!("inside, of {place}"),
        rounds,
        &mut [
            (
                "the bound: both columns summed",
                Box::new(|| {
                    black_box(sky.ra.iter().sum::<f64>() + sky.dec.iter().sum::<f64>());
                }),
            ),
            (
                "unit vectors made beforehand, a product",
                Box::new(|| {
                    for (v, out) in vectors.iter().zip(black_box(&mut d)) {
                        *out = v[0] * x + v[1] * y + v[2] * z >= limit;
                    }
                }),
            ),
            ("cone", Box::new(|| test(&cone, &mut a))),
            ("polygon of 4", Box::new(|| test(&four, &mut b))),
            ("polygon of 40", Box::new(|| test(&forty, &mut c))),
        ],
    );
    if a == d { Ok(()) } else { Err(Error::from("cones differ")) }
}

fn coverages(rounds: usize) -> Result<(), Error> {
    const CONES: usize = 200;
    let places: Vec<Direction> = {
        let Positions { ra, dec } = Positions::everywhere(CONES);
        ra.into_iter().zip(dec).map(|(ra, dec)| Direction::from_degrees(ra, dec)).collect::<Result<_, _>>()?
    };
    for (more, radius) in [(0, 0.1), (3, 0.1), (5, 0.1)] {
        let radius = Angle::from_degrees(radius);
        let depth = cdshealpix::best_starting_depth(radius.radians()) + more;
        let cones: Vec<Region> =
            places.iter().map(|at| Ok(Cone::new(*at, radius)?.into())).collect::<Result<_, Error>>()?;
        race(
            CONES,
            &format!("coverage {more} deeper, a cone a row"),
            rounds,
            &mut [
                (
                    "coverage",
                    Box::new(|| {
                        for cone in &cones {
                            black_box(cone.coverage(Cost::Depth(depth)));
                        }
                    }),
                ),
                (
                    "cdshealpix",
                    Box::new(|| {
                        for at in &places {
                            let (lon, lat) = (at.ra_deg().to_radians(), at.dec_deg().to_radians());
                            black_box(cdshealpix::nested::cone_coverage_approx(
                                depth,
                                lon,
                                lat,
                                radius.radians(),
                            ));
                        }
                    }),
                ),
            ],
        );
    }
    Ok(())
}
