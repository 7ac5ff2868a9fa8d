//! No input whatever makes a picture panic.

use proptest::prelude::*;
use uranometria_plot::{LightCurvePlot, Series, StampPlot, Style, gallery_png, light_curve_png, stamp_png};

/// Numbers that plots stumble over, among ordinary ones.
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => -10.0..10.0f64,
        2 => 2_459_000.0..2_459_030.0f64,
        1 => any::<f64>(),
        2 => prop::sample::select(vec![
            0.0, -0.0, 1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN,
            f64::MIN_POSITIVE, 5e-324, 1e300, -1e300, 1e-300, 1e15,
        ]),
    ]
}

fn side() -> impl Strategy<Value = u32> {
    prop_oneof![8 => 1..500u32, 1 => prop::sample::select(vec![0, 1, 2, 8193, u32::MAX])]
}

fn style() -> impl Strategy<Value = Style> {
    prop::sample::select(vec![Style::Points, Style::Line, Style::PointsAndLine])
}

fn is_png(result: &Result<Vec<u8>, uranometria_plot::Error>) -> bool {
    result.as_ref().is_ok_and(|png| png.starts_with(b"\x89PNG"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn light_curves_of_any_numbers_and_size_are_pictures(
        points in prop::collection::vec((number(), number(), number(), any::<bool>()), 0..60),
        (title, label) in (".{0,30}", ".{0,30}"),
        gap in prop::option::of(number()),
        (style, break_axis, sorted) in (style(), any::<bool>(), any::<bool>()),
        (width, height) in (side(), side()),
    ) {
        let mut points = points;
        if sorted {
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
        }
        let x: Vec<f64> = points.iter().map(|p| p.0).collect();
        let y: Vec<f64> = points.iter().map(|p| p.1).collect();
        let err: Vec<f64> = points.iter().map(|p| p.2).collect();
        let flags: Vec<bool> = points.iter().map(|p| p.3).collect();
        let series = [
            Series { label: &label, x: &x, y: &y, y_err: Some(&err), flagged: Some(&flags) },
            Series { label: "", x: &y, y: &x, ..Series::default() },
        ];
        let plot = LightCurvePlot {
            title: &title, subtitle: &label, x_label: &label, y_label: &title,
            series: &series, gap, break_axis, full_range: sorted, style, width, height,
        };
        let sound = (1..=8192).contains(&width)
            && (1..=8192).contains(&height)
            && gap.is_none_or(|gap| gap >= 0.0);
        prop_assert_eq!(is_png(&light_curve_png(&plot)), sound);
    }

    #[test]
    fn stamps_of_any_numbers_and_size_are_pictures(
        (columns, rows) in (0..40usize, 0..40usize),
        values in prop::collection::vec(number(), 1600),
        marker in prop::option::of((number(), number())),
        (column0, row0) in (any::<i64>(), any::<i64>()),
        north_east in prop::option::of(([number(), number()], [number(), number()])),
        (title, unit) in (".{0,30}", ".{0,30}"),
        (width, height) in (side(), side()),
    ) {
        let pixels: Vec<f32> = values[..columns * rows].iter().map(|&v| v as f32).collect();
        let aperture: Vec<bool> = pixels.iter().map(|&v| v > 0.0).collect();
        let stamp = StampPlot {
            title: &title, subtitle: &title, columns, rows, pixels: &pixels, aperture: Some(&aperture),
            marker, column0, row0, unit: &unit, north_east, width, height,
        };
        let sound = (1..=8192).contains(&width) && (1..=8192).contains(&height);
        prop_assert_eq!(is_png(&stamp_png(&stamp)), sound);
        let gallery = gallery_png(&[(stamp, LightCurvePlot::default())], &title, width);
        prop_assert_eq!(is_png(&gallery), (1..=8192).contains(&width));
    }
}
