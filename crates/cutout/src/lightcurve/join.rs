//! Light curves of several sectors as one.

use std::collections::HashMap;

use super::background::median_of_sorted;
use uranometria_sky::Direction;

use super::{FluxUnit, LightCurve, Part};
use crate::Error;

/// Puts light curves together and sorts their rows by time.
///
/// A row without a time stays behind the row it followed. Fluxes are left as they are: another camera or aperture
/// in each sector makes steps between them, which [`stitch`] takes out.
///
/// # Errors
/// [`Error::NothingToJoin`]; [`Error::Mismatch`] where units or the reference of the times differ or where TICID or
/// positions that are further apart than two pixels and any proper motion say that the targets do; [`Error::Twice`] where
/// two have the same frame; [`Error::Length`].
pub fn join(curves: Vec<LightCurve>) -> Result<LightCurve, Error> {
    let mut order: Vec<(f64, usize)> = Vec::new();
    for (index, curve) in curves.iter().enumerate() {
        curve.check()?;
        check_same(&curves[0], curve, index + 1)?;
        for time in filled(&curve.time) {
            order.push((time, order.len()));
        }
    }
    refuse_twice(&curves)?;
    let mut curves = curves.into_iter();
    let mut joined = curves.next().ok_or(Error::NothingToJoin)?;
    for curve in curves {
        joined.time.extend(curve.time);
        joined.timecorr.extend(curve.timecorr);
        joined.cadenceno.extend(curve.cadenceno);
        joined.flux.extend(curve.flux);
        joined.flux_err.extend(curve.flux_err);
        joined.background.extend(curve.background);
        joined.background_err.extend(curve.background_err);
        joined.quality.extend(curve.quality);
        joined.sector.extend(curve.sector);
        joined.parts.extend(curve.parts);
    }
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    let order: Vec<usize> = order.into_iter().map(|(_, row)| row).collect();
    joined.time = sorted(&joined.time, &order);
    joined.timecorr = sorted(&joined.timecorr, &order);
    joined.cadenceno = sorted(&joined.cadenceno, &order);
    joined.flux = sorted(&joined.flux, &order);
    joined.flux_err = sorted(&joined.flux_err, &order);
    joined.background = sorted(&joined.background, &order);
    joined.background_err = sorted(&joined.background_err, &order);
    joined.quality = sorted(&joined.quality, &order);
    joined.sector = sorted(&joined.sector, &order);
    Ok(joined)
}

/// Divides each light curve by its median and joins them; the unit becomes [`FluxUnit::Relative`].
///
/// Each one should hold one sector. The median is over finite fluxes whose QUALITY is 0. Errors and backgrounds are
/// divided by it too.
///
/// # Errors
/// [`Error::Median`] where there is no such flux or the median is not above 0; as [`join`].
pub fn stitch(mut curves: Vec<LightCurve>) -> Result<LightCurve, Error> {
    for curve in &mut curves {
        curve.check()?;
        let sector = curve.sector.first().copied().unwrap_or(0);
        let unflagged = curve.flux.iter().zip(&curve.quality).filter(|(_, quality)| **quality == 0);
        let mut fluxes: Vec<f64> = unflagged.map(|(flux, _)| *flux).filter(|flux| flux.is_finite()).collect();
        if fluxes.is_empty() {
            let found = format!("that of none of {} frames, all flagged or without flux", curve.len());
            return Err(Error::Median { sector, found });
        }
        fluxes.sort_by(f64::total_cmp);
        let median = median_of_sorted(&fluxes);
        if median <= 0.0 {
            return Err(Error::Median { sector, found: format!("{median}") });
        }
        let LightCurve { flux, flux_err, background, background_err, .. } = curve;
        for column in [flux, flux_err, background, background_err] {
            column.iter_mut().for_each(|value| *value /= median);
        }
        curve.unit = FluxUnit::Relative;
        for part in &mut curve.parts {
            part.normalised_by = Some(median);
        }
    }
    join(curves)
}

fn check_same(first: &LightCurve, curve: &LightCurve, index: usize) -> Result<(), Error> {
    let mismatch = |what, found, wanted, way_out| {
        let files = Box::new([curve, first].map(origin));
        Err(Error::Mismatch { index, files, what, found, wanted, way_out })
    };
    let (found, wanted) = (curve.time_reference(), first.time_reference());
    if found != wanted {
        let way_out =
            "correct the times at the spacecraft to the barycentre first, or join files of one product";
        return mismatch("times", found.to_string(), wanted.to_string(), way_out);
    }
    if first.unit != curve.unit {
        let name = |unit: &FluxUnit| match unit {
            FluxUnit::Named(name) => name.clone(),
            FluxUnit::Unknown => "unknown".to_string(),
            FluxUnit::Relative => "relative".to_string(),
        };
        let way_out = "normalise each sector (stitch) before joining";
        return mismatch("the unit", name(&curve.unit), name(&first.unit), way_out);
    }
    let target = |curve: &LightCurve| curve.parts.iter().find_map(|part| part.integer("TICID"));
    const ONE: &str = "join light curves of one target";
    if let (Some(found), Some(wanted)) = (target(curve), target(first)) {
        // A star that moves fast may be cut at its place of each year.
        return match found == wanted {
            true => Ok(()),
            false => mismatch("TICID", found.to_string(), wanted.to_string(), ONE),
        };
    }
    let part = |curve: &LightCurve| curve.parts.first().cloned();
    let (Some(found), Some(wanted)) = (part(curve), part(first)) else { return Ok(()) };
    if found.is_moving() != wanted.is_moving() {
        let name =
            |part: &Part| if part.is_moving() { "a moving target" } else { "a fixed place" }.to_string();
        return mismatch("the stamps of", name(&found), name(&wanted), ONE);
    }
    // A moving target is elsewhere in another sector; a fixed one is a pixel or two beside its place at most.
    if !found.is_moving()
        && let (Some(here), Some(there)) = (found.position(), wanted.position())
        && here.separation(&there).arcsec() > SAME_PLACE_ARCSEC + FASTEST_ARCSEC * years_between(first, curve)
    {
        let name = |place: Direction| format!("RA {:.6} Dec {:+.6}", place.ra_deg(), place.dec_deg());
        return mismatch("the position", name(here), name(there), ONE);
    }
    Ok(())
}

/// Two pixels.
const SAME_PLACE_ARCSEC: f64 = 42.0;

/// What the star of the greatest proper motion, Barnard's, moves in a year.
const FASTEST_ARCSEC: f64 = 10.4;

/// The years between the first times of two light curves; 0 where one has none.
fn years_between(a: &LightCurve, b: &LightCurve) -> f64 {
    let first = |curve: &LightCurve| curve.time.iter().copied().find(|time| time.is_finite());
    first(a).zip(first(b)).map_or(0.0, |(a, b)| (a - b).abs() / 365.25)
}

fn origin(curve: &LightCurve) -> String {
    curve.parts.first().map_or(String::new(), |part| part.origin.clone())
}

/// Errs where two light curves have the same frame: a cut and its copy, two sizes of stamps, two moving targets.
fn refuse_twice(curves: &[LightCurve]) -> Result<(), Error> {
    let twice = |index: usize, other: usize, frame: String| {
        let files = Box::new([&curves[index], &curves[other]].map(origin));
        Err(Error::Twice { index: index + 1, other: other + 1, files, frame })
    };
    let mut numbered = HashMap::new();
    let mut times = Vec::new();
    for (index, curve) in curves.iter().enumerate() {
        let finite = curve.time.iter().copied().filter(|time| time.is_finite());
        times.extend(finite.map(|time| (time, index)));
        for (&sector, &cadence) in curve.sector.iter().zip(&curve.cadenceno) {
            let part = curve.parts.iter().find(|part| part.sector == sector);
            let Some(part) = part.filter(|part| part.numbered && sector != 0) else { continue };
            let chip = ["CAMERA", "CCD"].map(|keyword| part.integer(keyword));
            let other = *numbered.entry((sector, chip, cadence)).or_insert(index);
            if other != index {
                return twice(index, other, format!("cadence {cadence} of sector {sector}"));
            }
        }
    }
    // Where frames have no numbers, or others from another program, their times tell.
    times.sort_by(|a, b| a.0.total_cmp(&b.0));
    for pair in times.windows(2) {
        let [(before, one), (after, other)] = [pair[0], pair[1]];
        if one != other && after - before < SAME_TIME_DAYS {
            return twice(one.max(other), one.min(other), format!("time {before:.6}"));
        }
    }
    Ok(())
}

/// A second: the cadences of a mission are further apart, the corrections of one place to the barycentre nearer.
const SAME_TIME_DAYS: f64 = 1.0 / 86_400.0;

/// Times in which a NaN has the time before it, at the beginning the first one.
fn filled(times: &[f64]) -> impl Iterator<Item = f64> + '_ {
    let first = times.iter().copied().find(|time| !time.is_nan()).unwrap_or(f64::INFINITY);
    times.iter().scan(first, |last, &time| {
        *last = if time.is_nan() { *last } else { time };
        Some(*last)
    })
}

fn sorted<T: Copy>(column: &[T], order: &[usize]) -> Vec<T> {
    order.iter().map(|&row| column[row]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aperture::Aperture;
    use crate::lightcurve::Background;
    use crate::tpf::testing::File;

    fn curve(sector: i32, start: f64, level: f32) -> LightCurve {
        let mut file =
            File::new(4, 1, 2, |frame, _, column| level * (1.0 + frame as f32 + 0.0 * column as f32));
        file.sector = sector;
        file.time = (0..4).map(|frame| start + f64::from(frame)).collect();
        let tpf = file.tpf();
        LightCurve::extract(&tpf, &Aperture::all(&tpf).unwrap(), Background::None).unwrap()
    }

    #[test]
    fn sectors_are_sorted_by_time_and_rows_without_a_time_follow_their_neighbour() {
        let mut late = curve(2, 1360.0, 1.0);
        late.time[0] = f64::NAN;
        late.time[2] = f64::NAN;
        let joined = join(vec![late, curve(1, 1325.0, 10.0)]).unwrap();
        assert_eq!(joined.sector, [1, 1, 1, 1, 2, 2, 2, 2]);
        assert_eq!(joined.flux, [20.0, 40.0, 60.0, 80.0, 2.0, 4.0, 6.0, 8.0]);
        assert!(joined.time[4].is_nan() && joined.time[5] == 1361.0 && joined.time[6].is_nan());
        assert_eq!(joined.parts.len(), 2);
    }

    #[test]
    fn stitched_sectors_have_an_unflagged_median_of_one() {
        let mut first = curve(1, 1325.0, 10.0);
        first.quality[3] = 4096;
        let stitched = stitch(vec![first, curve(2, 1360.0, 1.0)]).unwrap();
        assert_eq!(stitched.flux, [0.5, 1.0, 1.5, 2.0, 0.4, 0.8, 1.2, 1.6]);
        assert_eq!(stitched.unit, FluxUnit::Relative);
        assert_eq!(stitched.parts[0].normalised_by, Some(40.0));
    }

    #[test]
    fn times_at_the_spacecraft_are_not_joined_with_barycentric_ones() {
        let mut local = curve(2, 1360.0, 1.0).with_origin("tica.fits");
        local.parts[0].primary.set("TIMEREF", "LOCAL", "");
        let curves = vec![curve(1, 1325.0, 1.0).with_origin("spoc.fits"), local.clone()];
        let wanted = "light curve 2 (tica.fits) has times JD - 2457000, the first one (spoc.fits) has BJD - 2457000; \
                      correct the times at the spacecraft to the barycentre first, or join files of one product";
        // Their units differ too, but stitching makes them the same.
        assert_eq!(stitch(curves.clone()).unwrap_err().to_string(), wanted);
        assert_eq!(join(curves).unwrap_err().to_string(), wanted);
        assert_eq!(join(vec![local.clone()]).unwrap().time_reference(), "JD - 2457000");
        // astrocut says SOLARSYSTEM of all its cutouts.
        local.parts[0].primary.set("TIMEREF", "SOLARSYSTEM", "");
        local.parts[0].primary.set("FFI_TYPE", "TICA", "");
        assert_eq!(local.time_reference(), "JD - 2457000");
    }

    #[test]
    fn no_frame_is_joined_twice_whatever_it_is_known_by() {
        let error = |curves: Vec<LightCurve>| join(curves).unwrap_err().to_string();
        let first = curve(1, 1325.0, 1.0).with_origin("a.fits");
        // A copy, which has the numbers of the frames.
        let copy = first.clone().with_origin("b.fits");
        let numbered = |mut curve: LightCurve, from: i32| {
            curve.cadenceno = (from..).take(curve.len()).collect();
            curve.parts.iter_mut().for_each(|part| part.numbered = true);
            curve
        };
        let wanted = "light curve 2 (b.fits) has the frame of cadence 7 of sector 1, and so has light curve 1 (a.fits); \
                      join only one of them";
        let other = numbered(copy.clone(), 7);
        assert_eq!(error(vec![numbered(first.clone(), 7), other.clone()]), wanted);
        // A moving target has other corrections of its times.
        let mut late = other.clone();
        late.time.iter_mut().for_each(|time| *time += 0.002);
        assert_eq!(error(vec![numbered(first.clone(), 7), late]), wanted);
        // The same frames of a program that does not number them.
        let mut unnumbered = first.clone();
        unnumbered.parts[0].numbered = false;
        let wanted = "light curve 2 (b.fits) has the frame of time 1325.000000, and so has light curve 1 (a.fits); \
                      join only one of them";
        assert_eq!(error(vec![unnumbered.clone(), other]), wanted);
        // What such a program made of two halves of a sector, or of sectors that it does not tell.
        for sector in [0, 1] {
            let mut halves = [unnumbered.clone(), unnumbered.clone()];
            halves[1].time.iter_mut().for_each(|time| *time += 4.0);
            for half in &mut halves {
                half.sector.fill(sector);
                half.parts[0].sector = sector;
                half.cadenceno = vec![0, 1, 2, 3];
            }
            assert_eq!(join(halves.to_vec()).unwrap().len(), 8);
        }
    }

    #[test]
    fn a_fast_star_may_have_moved_between_its_sectors() {
        let place = |mut curve: LightCurve, arcsec: f64| {
            curve.parts[0].primary.set("RA_OBJ", 60.0, "");
            curve.parts[0].primary.set("DEC_OBJ", -45.0 + arcsec / 3600.0, "");
            curve
        };
        let years = |years: f64, arcsec| {
            let late = place(curve(9, 1325.0 + 365.25 * years, 1.0), arcsec);
            join(vec![place(curve(1, 1325.0, 1.0), 0.0), late])
        };
        assert!(years(7.0, 56.0).is_ok() && years(0.1, 42.0).is_ok());
        assert!(years(1.0, 56.0).unwrap_err().to_string().contains("the position"));
    }

    #[test]
    fn what_cannot_be_joined_says_why() {
        assert_eq!(join(vec![]).unwrap_err().to_string(), "no light curve to join, expected at least one");
        let mut other = curve(2, 1360.0, 1.0);
        other.unit = FluxUnit::Named("electrons".into());
        assert_eq!(
            join(vec![curve(1, 1325.0, 1.0), other]).unwrap_err().to_string(),
            "light curve 2 has the unit electrons, the first one has e-/s; normalise each sector (stitch) before \
             joining"
        );
        let error = stitch(vec![curve(7, 1325.0, -1.0)]).unwrap_err().to_string();
        assert!(error.starts_with("the median flux of sector 7 is -5, expected above 0"), "{error}");
        let mut flagged = curve(7, 1325.0, 1.0);
        flagged.quality.fill(1);
        let error = stitch(vec![flagged]).unwrap_err().to_string();
        assert!(error.contains("that of none of 4 frames"), "{error}");
        let mut short = curve(1, 1325.0, 1.0);
        short.quality.pop();
        let error = join(vec![short]).unwrap_err().to_string();
        assert_eq!(error, "column quality of the light curve has 3 rows, expected 4 as time has");
    }
}
