//! Pictures a person looks at: light curves with gaps, pixel stamps and maps of the sky as PNG.
//!
//! Slices go in, PNG bytes come out. No file is opened, no font or library of the system is used: the
//! typeface is inside. The same input gives the same bytes, run after run of one build.
//!
//! The typeface is DejaVu Sans 2.37, under the licences of Bitstream Vera and Arev, which let it be embedded
//! and distributed as long as their notice comes along; programs that link this crate owe that notice.
//!
//! What is deliberately absent: interaction, vector output, and any choice of colours or fonts.
//!
//! ```
//! use uranometria_plot::{LightCurvePlot, Series, light_curve_png};
//!
//! let x = [0.0, 0.02, 0.04, 0.06];
//! let y = [1.0, 1.001, f64::NAN, 0.999];
//! let series = [Series { label: "SAP", x: &x, y: &y, ..Series::default() }];
//! let plot = LightCurvePlot { title: "TIC 261136679", series: &series, ..LightCurvePlot::default() };
//! let png = light_curve_png(&plot)?;
//! assert_eq!(&png[1..4], b"PNG");
//! # Ok::<(), uranometria_plot::Error>(())
//! ```

mod axes;
mod bar;
mod canvas;
mod colour;
mod error;
mod font;
mod gallery;
mod header;
mod layer;
mod light_curve;
mod range;
mod segments;
mod sky_map;
mod stamp;
mod thin;
mod ticks;

pub use canvas::MAX_SIDE;
pub use error::Error;
pub use gallery::gallery_png;
pub use light_curve::{LightCurvePlot, Series, Style, light_curve_png};
pub use sky_map::{SkyMapPlot, sky_map_png};
pub use stamp::{StampPlot, stamp_png};
