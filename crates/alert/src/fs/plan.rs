//! A request compiled for the schema of a file.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_buffer::BooleanBuffer;
use arrow_schema::SchemaRef;

use super::night::{Night, Nights};
use super::open::OpenFile;
use crate::condition::{Bounds, Conditions, Decided, Sources, TextExpression};
use crate::{Classes, Columns, Content, Error, Filter, Survey, class};

/// How the folder that is written is parted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PartitionBy {
    /// By the night: `year=/month=/day=`.
    #[default]
    Time,
    /// By the class: `finkclass=`.
    Class,
    /// Not at all.
    Nothing,
}

/// Which alerts, and how much of them.
#[derive(Clone, Debug)]
pub struct Request {
    /// The nights.
    pub nights: Nights,
    /// Of one survey alone; files of others are passed over.
    pub survey: Option<Survey>,
    /// The classes.
    pub classes: Classes,
    /// A filter.
    pub filter: Option<Filter>,
    /// Conditions besides.
    pub conditions: String,
    /// How much of an alert.
    pub content: Content,
}

impl Request {
    /// All of some nights.
    pub fn new(nights: Nights) -> Self {
        let (classes, conditions) = (Classes::default(), String::new());
        Request { nights, survey: None, classes, filter: None, conditions, content: Content::Full }
    }
}

/// Conditions from one place.
#[derive(Debug)]
pub(super) struct Set {
    pub(super) origin: String,
    pub(super) conditions: Conditions,
}

/// What is run together: which conditions of which set.
#[derive(Debug, Default)]
pub(super) struct Step {
    pub(super) runs: Vec<(usize, Vec<usize>)>,
    pub(super) leaves: Vec<usize>,
    pub(super) lookup: bool,
}

/// A request for alerts of one schema.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) schema: SchemaRef,
    pub(super) sets: Vec<Set>,
    pub(super) steps: Vec<Step>,
    pub(super) columns: Columns,
    pub(super) class: Option<TextExpression>,
}

/// How many alerts each condition removed, by set and condition.
pub(super) type Removed = Vec<Vec<u64>>;

impl Plan {
    fn new(
        request: &Request,
        partition: PartitionBy,
        schema: &SchemaRef,
        sources: &dyn Sources,
    ) -> Result<Self, Error> {
        let mut sets = Vec::new();
        let mut add = |origin: String, text: &str| {
            let conditions = Conditions::new(text, schema, sources);
            let conditions =
                conditions.map_err(|mistakes| Error::Conditions { origin: origin.clone(), mistakes })?;
            if !conditions.is_empty() {
                sets.push(Set { origin, conditions });
            }
            Ok::<(), Error>(())
        };
        if let Some(text) = request.classes.condition(schema)? {
            add("--class".into(), &text)?;
        }
        if let Some(filter) = &request.filter {
            add(format!("filter {} version {}", filter.name, filter.version), &filter.text)?;
        }
        add("--where".into(), &request.conditions)?;
        let mut steps: Vec<Step> = Vec::new();
        for rank in 0..3 {
            let mut step = Step { lookup: rank == 2, ..Step::default() };
            for (at, set) in sets.iter().enumerate() {
                for stage in set.conditions.stages().into_iter().filter(|stage| stage.rank() == rank) {
                    step.leaves.extend(&stage.leaves);
                    step.runs.push((at, stage.parts));
                }
            }
            step.leaves.sort_unstable();
            step.leaves.dedup();
            if !step.runs.is_empty() {
                steps.push(step);
            }
        }
        let class = match partition {
            PartitionBy::Class => {
                let text = class::expression(schema)?;
                let origin = "the class".to_string();
                let compiled = TextExpression::new(&text, schema, sources);
                Some(compiled.map_err(|mistakes| Error::Conditions { origin, mistakes })?)
            }
            _ => None,
        };
        let columns = request.content.columns(schema)?;
        Ok(Plan { schema: schema.clone(), sets, steps, columns, class })
    }

    /// What the footer tells about a row group.
    pub(super) fn decide(&self, file: &OpenFile, group: usize) -> Decided {
        self.decide_by(&|leaf: usize| file.bounds(group, leaf))
    }

    /// What is told by the bounds of leaves.
    pub(super) fn decide_by(&self, bounds: &dyn Fn(usize) -> Option<Bounds>) -> Decided {
        self.sets.iter().map(|set| set.conditions.decide(bounds)).fold(Decided::All, |all, one| {
            match (all, one) {
                (Decided::None, _) | (_, Decided::None) => Decided::None,
                (Decided::All, Decided::All) => Decided::All,
                _ => Decided::Some,
            }
        })
    }

    /// Runs a step on a batch.
    pub(super) fn run(
        &self,
        step: &Step,
        batch: &RecordBatch,
        removed: &mut Removed,
    ) -> Result<BooleanBuffer, Error> {
        let mut passed: Option<BooleanBuffer> = None;
        for (set, parts) in &step.runs {
            let run = match &passed {
                // Few are left: only these are looked at by the next set.
                Some(before) if before.count_set_bits() < batch.num_rows() => {
                    if before.count_set_bits() == 0 {
                        break;
                    }
                    let rows = arrow_array::BooleanArray::new(before.clone(), None);
                    let fewer = arrow_select::filter::filter_record_batch(batch, &rows)
                        .map_err(Error::arrow("choose alerts"))?;
                    let met = self.sets[*set].conditions.run(parts, &fewer, &mut removed[*set])?;
                    narrowed(before, &met)
                }
                _ => self.sets[*set].conditions.run(parts, batch, &mut removed[*set])?,
            };
            passed = Some(run);
        }
        Ok(passed.unwrap_or_else(|| BooleanBuffer::new_set(batch.num_rows())))
    }

    /// All leaves that conditions need, ascending.
    pub(super) fn condition_leaves(&self) -> Vec<usize> {
        let mut leaves: Vec<usize> = self.steps.iter().flat_map(|step| step.leaves.iter().copied()).collect();
        leaves.sort_unstable();
        leaves.dedup();
        leaves
    }

    /// Counts of none.
    pub(super) fn none_removed(&self) -> Removed {
        self.sets.iter().map(|set| vec![0; set.conditions.len()]).collect()
    }
}

/// The rows of a selection that are met, given for each that is selected.
pub(super) fn narrowed(selected: &BooleanBuffer, met: &BooleanBuffer) -> BooleanBuffer {
    let mut all = arrow_buffer::BooleanBufferBuilder::new(selected.len());
    all.append_n(selected.len(), false);
    for (row, met) in selected.set_indices().zip(met.iter()) {
        if met {
            all.set_bit(row, true);
        }
    }
    all.finish()
}

/// Plans for all schemas that were met so far.
pub(super) struct Plans<'a> {
    request: &'a Request,
    partition: PartitionBy,
    sources: &'a dyn Sources,
    /// Whether the nights have alerts of several surveys, as the names of their files tell.
    mixed: bool,
    made: Vec<Arc<Plan>>,
}

impl<'a> Plans<'a> {
    pub(super) fn new(
        request: &'a Request,
        partition: PartitionBy,
        sources: &'a dyn Sources,
        nights: &[Night],
    ) -> Self {
        let mut surveys = nights.iter().flat_map(|night| &night.parts).filter_map(|part| part.survey);
        let first = surveys.next();
        let mixed = surveys.any(|survey| Some(survey) != first);
        Plans { request, partition, sources, mixed, made: Vec::new() }
    }

    /// The plan for a file; none where it is of another survey than is asked for.
    pub(super) fn of(&mut self, file: &OpenFile) -> Result<Option<Arc<Plan>>, Error> {
        if self.request.survey.is_some_and(|asked| Survey::of(file.schema()) != Some(asked)) {
            return Ok(None);
        }
        if let Some(plan) = self.made.iter().find(|plan| &plan.schema == file.schema()) {
            return Ok(Some(plan.clone()));
        }
        let several = "these nights have alerts of several surveys; choose one with --survey";
        let told = |error| match error {
            error if !self.mixed || self.request.survey.is_some() => error,
            Error::Conditions { origin, mistakes } => {
                Error::Conditions { origin: format!("{origin} ({several})"), mistakes }
            }
            Error::Fields { reason } => Error::Fields { reason: format!("{reason} ({several})") },
            other => other,
        };
        let plan = Plan::new(self.request, self.partition, file.schema(), self.sources)
            .map_err(|error| told(error).in_file(&file.path))?;
        self.made.push(Arc::new(plan));
        Ok(self.made.last().cloned())
    }
}
