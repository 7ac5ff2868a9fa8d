//! Alerts as batches.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int32Type, Int64Type};
use arrow_array::{
    Array, ArrayRef, Float32Array, Float64Array, Int32Array, Int64Array, ListArray, RecordBatch, StringArray,
    StructArray, UInt32Array,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::DataType;
use arrow_select::take::{take, take_record_batch};
use jiff::civil::Date;

use super::model::{Kind, LIMIT, Object, Truth};
use super::random::Random;
use crate::{CUTOUTS, Container, DecodeOptions, Decoder, Error, Projection, Schema, Slice};

/// What is simulated.
#[derive(Clone, Debug)]
pub struct NightOptions {
    /// How many different alerts.
    pub alerts: u64,
    /// The seed of everything random.
    pub seed: u64,
    /// The night, UTC.
    pub night: Date,
    /// Packets that are damaged, among the alerts.
    pub corrupt: u64,
    /// Alerts that are there twice.
    pub duplicates: u64,
    /// Alerts of the night before, in a file of their own, among the alerts.
    pub late: u64,
    /// Without cutouts.
    pub reduced: bool,
    /// Alerts a file.
    pub per_file: u64,
}

impl Default for NightOptions {
    fn default() -> Self {
        NightOptions {
            alerts: 1000,
            seed: 1,
            night: jiff::civil::date(2021, 6, 17),
            corrupt: 0,
            duplicates: 0,
            late: 0,
            reduced: false,
            per_file: 10_000,
        }
    }
}

/// A night that is made batch by batch.
pub struct Simulated {
    options: NightOptions,
    /// One row: the real alert.
    template: RecordBatch,
    /// Its history.
    items: StructArray,
    schema: Schema,
}

const TEMPLATE: &[u8] = include_bytes!("../../data/ztf-3.3.avro");

impl Simulated {
    /// Prepares a night.
    ///
    /// # Errors
    /// None for the packet that is built in; else those of reading it.
    pub fn new(options: NightOptions) -> Result<Self, Error> {
        let failed = |source| Error::io("read the packet that is built in", source);
        let wrong = |damage| Error::Packet { packet: 1, damage };
        let mut container = Container::open(Slice::new(TEMPLATE)).map_err(failed)?.map_err(wrong)?;
        let schema = Schema::parse(&String::from_utf8_lossy(container.schema()))?;
        let projection = if options.reduced { Projection::without(CUTOUTS) } else { Projection::all() };
        let mut decoder = Decoder::new(&schema, &DecodeOptions { projection, ..DecodeOptions::default() })?;
        let block = container.next_block().map_err(failed)?.ok_or(Error::NoFiles)?.map_err(wrong)?;
        decoder.decode(block.data).map_err(wrong)?;
        let template = decoder.finish()?;
        let items = template
            .column_by_name("prv_candidates")
            .map(|list| list.as_list::<i32>().values().as_struct().clone());
        let items = items.ok_or(Error::NoFiles)?;
        Ok(Simulated { options, template, items, schema })
    }

    /// The schema of the real packet.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// What is simulated.
    pub fn options(&self) -> &NightOptions {
        &self.options
    }

    /// The alerts of some numbers, from 0, with what is true of them.
    ///
    /// # Errors
    /// [`Error::Arrow`], which does not happen for the packet that is built in.
    pub fn alerts(&self, numbers: std::ops::Range<u64>) -> Result<(RecordBatch, Vec<Truth>), Error> {
        let failed = Error::arrow("simulate alerts");
        let count = (numbers.end - numbers.start) as usize;
        let mut made = Made::default();
        let truth: Vec<Truth> = numbers.map(|number| self.alert(number, &mut made)).collect();
        let same = UInt32Array::from(vec![0; count]);
        let base = take_record_batch(&self.template, &same).map_err(&failed)?;
        let history = take(&self.items, &UInt32Array::from(made.picks.clone()), None).map_err(&failed)?;
        let history = made.history(history.as_struct()).map_err(&failed)?;
        let schema = base.schema();
        let columns = schema.fields().iter().zip(base.columns()).map(|(field, column)| {
            Ok(match (field.name().as_str(), field.data_type()) {
                ("objectId", _) => {
                    Arc::new(StringArray::from_iter_values(truth.iter().map(|truth| &truth.object)))
                        as ArrayRef
                }
                ("candid", _) => {
                    Arc::new(Int64Array::from_iter_values(truth.iter().map(|truth| truth.candid)))
                }
                ("candidate", _) => Arc::new(made.candidate(column.as_struct(), &truth)?),
                ("prv_candidates", DataType::List(item)) => {
                    let lens = truth.iter().map(|truth| truth.history as usize);
                    let nulls: NullBuffer = truth.iter().map(|truth| truth.history > 0).collect();
                    let spans = OffsetBuffer::from_lengths(lens);
                    Arc::new(ListArray::try_new(item.clone(), spans, Arc::new(history.clone()), Some(nulls))?)
                }
                _ => column.clone(),
            })
        });
        let columns = columns.collect::<Result<Vec<_>, _>>().map_err(&failed)?;
        Ok((RecordBatch::try_new(schema.clone(), columns).map_err(failed)?, truth))
    }

    fn alert(&self, number: u64, made: &mut Made) -> Truth {
        let NightOptions { seed, alerts, late, night, .. } = self.options;
        // Three in four alerts are of objects with one alert a night, the others of some with two.
        let object = Object::new(seed, number - number / 4);
        let random = &mut Random::new(seed, number);
        let is_late = number >= alerts.saturating_sub(late);
        // From three to eleven hours UTC.
        let days = random.between(0.125, 0.46) - 0.29;
        let epoch = jiff::civil::date(1970, 1, 1);
        let day = f64::from((night - epoch).get_days()) - if is_late { 1.0 } else { 0.0 };
        let middle = 2_440_587.5 + day + 0.29;
        let jd = middle + days;
        // What is too faint would have given no alert.
        let (magnitude, positive) = object.difference(days, random);
        let magnitude = magnitude.min(LIMIT);
        let (ra, dec) = (object.ra + 2e-5 * random.normal(), object.dec + 2e-5 * random.normal());
        let ra = ra.rem_euclid(360.0);
        let fid = 1 + (random.below(2) as i32);
        let sigma = 0.02 + 0.2 * libm::pow(10.0, 0.4 * (magnitude - 20.5));
        let bogus = object.kind == Kind::Bogus;
        let moves = object.kind == Kind::Asteroid;
        let candid = 1_000_000_000_000_000_000
            + (night - epoch).get_days() as i64 * 10_000_000_000
            // Up to 80,000 seeds have numbers of their own.
            + (seed % 10) as i64 * 1_000_000_000
            + (seed / 10 % 8000) as i64 * 1_000_000_000_000_000
            + number as i64;
        for before in (1..=object.epochs).rev() {
            let back = f64::from(before) * 30.0 / f64::from(object.epochs + 1) - 0.3 * random.uniform();
            let (magnitude, positive) = object.difference(days - back, random);
            made.picks.push(random.below(self.items.len() as u64) as u32);
            made.jd.push(jd - back);
            made.fid.push(1 + (random.below(2) as i32));
            made.magpsf.push((magnitude < LIMIT).then_some(magnitude as f32));
            made.positive.push((magnitude < LIMIT).then_some(positive));
            made.ra.push(ra + 2e-5 * random.normal());
            made.dec.push(dec + 2e-5 * random.normal());
            made.candid.push((magnitude < LIMIT).then_some(candid - 1000 * i64::from(before)));
        }
        made.extra.push(Extra {
            sigma: sigma as f32,
            rb: if bogus { random.between(0.0, 0.4) } else { random.between(0.6, 1.0) } as f32,
            nbad: if bogus { 1 + random.below(4) as i32 } else { 0 },
            fwhm: if bogus { random.between(4.0, 9.0) } else { random.between(1.5, 4.0) } as f32,
            elong: if bogus { random.between(1.1, 3.0) } else { random.between(1.0, 1.2) } as f32,
            magdiff: (if bogus { 0.4 } else { 0.03 } * random.normal()) as f32,
            distnr: object.distnr as f32,
            magnr: object.magnr as f32,
            positive,
            moving: if moves { random.between(0.1, 5.0) } else { -999.0 } as f32,
            detections: object.detections as i32,
            began: match object.kind {
                Kind::Variable => jd - random.between(300.0, 1200.0),
                _ => jd - 30.0 * f64::from(object.epochs) / f64::from(object.epochs + 1),
            },
        });
        let file = String::new();
        let history = object.epochs;
        Truth {
            candid,
            object: object.name,
            kind: object.kind,
            jd,
            ra,
            dec,
            fid,
            magpsf: magnitude as f32,
            history,
            file,
            damaged: false,
            copies: 1,
        }
    }
}

/// What is put in the place of what the real alert has.
#[derive(Default)]
struct Made {
    picks: Vec<u32>,
    jd: Vec<f64>,
    fid: Vec<i32>,
    magpsf: Vec<Option<f32>>,
    positive: Vec<Option<bool>>,
    ra: Vec<f64>,
    dec: Vec<f64>,
    candid: Vec<Option<i64>>,
    extra: Vec<Extra>,
}

struct Extra {
    sigma: f32,
    rb: f32,
    nbad: i32,
    fwhm: f32,
    elong: f32,
    magdiff: f32,
    distnr: f32,
    magnr: f32,
    positive: bool,
    moving: f32,
    detections: i32,
    began: f64,
}

impl Made {
    fn candidate(
        &self,
        base: &StructArray,
        truth: &[Truth],
    ) -> Result<StructArray, arrow_schema::ArrowError> {
        let double = |of: &dyn Fn(&Truth) -> f64| -> Option<ArrayRef> {
            Some(Arc::new(Float64Array::from_iter_values(truth.iter().map(of))))
        };
        let float = |of: &dyn Fn(&Extra) -> f32| -> Option<ArrayRef> {
            Some(Arc::new(Float32Array::from_iter_values(self.extra.iter().map(of))))
        };
        let int = |of: &dyn Fn(&Extra) -> i32| -> Option<ArrayRef> {
            Some(Arc::new(Int32Array::from_iter_values(self.extra.iter().map(of))))
        };
        replace(base, |name| match name {
            "jd" | "jdendhist" => double(&|truth| truth.jd),
            "ra" => double(&|truth| truth.ra),
            "dec" => double(&|truth| truth.dec),
            "jdstarthist" => {
                Some(Arc::new(Float64Array::from_iter_values(self.extra.iter().map(|extra| extra.began))))
            }
            "fid" => Some(Arc::new(Int32Array::from_iter_values(truth.iter().map(|truth| truth.fid)))),
            "candid" => Some(Arc::new(Int64Array::from_iter_values(truth.iter().map(|truth| truth.candid)))),
            "magpsf" | "magap" => {
                Some(Arc::new(Float32Array::from_iter_values(truth.iter().map(|truth| truth.magpsf))))
            }
            "sigmapsf" => float(&|extra| extra.sigma),
            "rb" | "drb" => float(&|extra| extra.rb),
            "fwhm" => float(&|extra| extra.fwhm),
            "elong" => float(&|extra| extra.elong),
            "magdiff" => float(&|extra| extra.magdiff),
            "distnr" => float(&|extra| extra.distnr),
            "magnr" => float(&|extra| extra.magnr),
            "ssdistnr" => float(&|extra| extra.moving),
            "nbad" => int(&|extra| extra.nbad),
            "ndethist" => int(&|extra| extra.detections),
            "isdiffpos" => Some(Arc::new(StringArray::from_iter_values(
                self.extra.iter().map(|extra| sign(extra.positive)),
            ))),
            "ssnamenr" => Some(Arc::new(StringArray::from_iter_values(truth.iter().zip(&self.extra).map(
                |(truth, extra)| {
                    if extra.moving > 0.0 {
                        format!("{}", truth.candid.rem_euclid(600_000))
                    } else {
                        "null".to_string()
                    }
                },
            )))),
            _ => None,
        })
    }

    fn history(&self, base: &StructArray) -> Result<StructArray, arrow_schema::ArrowError> {
        let magnitudes = || -> Option<ArrayRef> { Some(Arc::new(Float32Array::from(self.magpsf.clone()))) };
        // Measurements of a limit are null, as those of its magnitude.
        let measured: NullBuffer = self.magpsf.iter().map(Option::is_some).collect();
        let masked = |name: &str| {
            let column = base.column_by_name(name)?;
            let nulls = NullBuffer::union(column.nulls(), Some(&measured));
            let made: ArrayRef = match column.data_type() {
                DataType::Float32 => {
                    Arc::new(Float32Array::new(column.as_primitive::<Float32Type>().values().clone(), nulls))
                }
                DataType::Float64 => {
                    Arc::new(Float64Array::new(column.as_primitive::<Float64Type>().values().clone(), nulls))
                }
                DataType::Int32 => {
                    Arc::new(Int32Array::new(column.as_primitive::<Int32Type>().values().clone(), nulls))
                }
                DataType::Int64 => {
                    Arc::new(Int64Array::new(column.as_primitive::<Int64Type>().values().clone(), nulls))
                }
                _ => return None,
            };
            Some(made)
        };
        let place = |values: &[f64]| -> Option<ArrayRef> {
            Some(Arc::new(Float64Array::new(values.to_vec().into(), Some(measured.clone()))))
        };
        replace(base, |name| match name {
            "jd" => Some(Arc::new(Float64Array::from(self.jd.clone()))),
            "fid" => Some(Arc::new(Int32Array::from(self.fid.clone()))),
            "magpsf" | "magap" => magnitudes(),
            "isdiffpos" => Some(Arc::new(StringArray::from_iter(
                self.positive.iter().map(|positive| positive.map(sign)),
            ))),
            "sigmapsf" => Some(Arc::new(Float32Array::from_iter(
                self.magpsf.iter().map(|magnitude| magnitude.map(|_| 0.1)),
            ))),
            "ra" => place(&self.ra),
            "dec" => place(&self.dec),
            "candid" => Some(Arc::new(Int64Array::from(self.candid.clone()))),
            "diffmaglim" => Some(Arc::new(Float32Array::from(vec![LIMIT as f32; self.jd.len()]))),
            "chipsf" | "magdiff" | "fwhm" | "elong" | "nbad" | "nneg" | "rb" | "distnr" | "magnr" => {
                masked(name)
            }
            _ => None,
        })
    }
}

/// As ZTF has it: whether what is new is brighter.
fn sign(positive: bool) -> &'static str {
    if positive { "t" } else { "f" }
}

/// A struct with other columns in some places, where they are of the same type.
fn replace(
    base: &StructArray,
    with: impl Fn(&str) -> Option<ArrayRef>,
) -> Result<StructArray, arrow_schema::ArrowError> {
    let columns = base.fields().iter().zip(base.columns()).map(|(field, column)| {
        with(field.name())
            .filter(|made| made.data_type() == column.data_type())
            .unwrap_or_else(|| column.clone())
    });
    StructArray::try_new_with_length(
        base.fields().clone(),
        columns.collect(),
        base.nulls().cloned(),
        base.len(),
    )
}
