//! Conditions that are ready to run.

use arrow_array::{Array, BooleanArray, RecordBatch, StringArray};
use arrow_buffer::BooleanBuffer;
use arrow_schema::SchemaRef;
use uranometria_adql::{Error as Mistake, Kind};

use super::bounds::{Bounds, Decided, decide};
use super::compile::{Compiler, Cost, Typed};
use super::evaluate::{Evaluator, taken};
use super::expr::{Leaf, List, Text, Truth};
use super::mistake::{Help, Mistakes, mistake};
use super::parse::parse;
use super::source::Sources;
use super::tree::Expr;
use crate::Error;

/// Conditions of which all must hold, compiled for alerts of one schema.
///
/// The text has conditions parted by `;` or by line, comments behind `--`, and expressions of SQL in each:
/// fields by their whole path or by the end of it where no other ends so, arithmetic, comparisons, `AND`, `OR`, `NOT`,
/// `IN`, `BETWEEN`, `LIKE`, `ILIKE`, `IS NULL`, `IS TRUE`, `CASE`, and functions. A line that begins with an operator,
/// `AND` or `OR` goes on with the condition before.
///
/// Whole numbers are reckoned with as such, in 64 bits, but `/` always gives a fraction: `1 / 2 = 0.5`.
///
/// NULL is unknown, as in SQL, and NaN is NULL; so is what is divided by zero and the logarithm of what is not positive.
/// An alert passes where every condition is true, neither false nor unknown.
///
/// Lists are looked at by `ANY`, `ALL`, `COUNT`, `MIN`, `MAX`, `MEAN`, `MEDIAN`, `SUM`, `STDDEV`, `FIRST`, `LAST`, `RATE`,
/// `MAX_GAP`, `SLOPE` and `SLOPE_R2`, as in `MIN(prv_candidates, magpsf WHERE fid = 1)`: names behind the list are those of its
/// elements first. `prv_candidates` and `prvDiaSources` have earlier detections only; `history` is the one of them that
/// the alert has and the current detection behind it. A list that is NULL is an empty one.
///
/// Places are ICRS degrees and, unless given, the one of the current detection.
///
/// ```
/// use std::sync::Arc;
///
/// use arrow_array::{Float64Array, RecordBatch};
/// use uranometria_alert::{Conditions, NoSources};
///
/// let magnitudes = Arc::new(Float64Array::from(vec![Some(19.9), Some(18.2), None]));
/// let alerts = RecordBatch::try_from_iter([("magpsf", magnitudes as _)])?;
/// let faint = Conditions::new("magpsf > 19.5; -- faint", &alerts.schema(), &NoSources)?;
/// assert_eq!(faint.evaluate(&alerts)?.true_count(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Conditions {
    pub(super) parts: Vec<Part>,
    leaves: Vec<Leaf>,
    lists: Vec<List>,
}

/// One of the conditions.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// As it was written.
    text: String,
    pub(super) truth: Truth,
    cost: Cost,
    /// Numbers of the leaves it needs, ascending.
    needs: Vec<usize>,
}

impl Conditions {
    /// Compiles a text for alerts of a schema.
    ///
    /// # Errors
    /// [`Mistakes`]: everything that is wrong, each with its bytes, what was expected, and the nearest name.
    pub fn new(text: &str, schema: &SchemaRef, sources: &dyn Sources) -> Result<Self, Mistakes> {
        let exprs = parse(text).map_err(|mistakes| Mistakes::new(text, mistakes))?;
        Self::of_exprs(text, &exprs, schema, sources).map_err(|mistakes| Mistakes::new(text, mistakes))
    }

    /// Says whether a text is well formed; names and types are not looked at.
    ///
    /// # Errors
    /// [`Mistakes`].
    pub fn check_grammar(text: &str) -> Result<usize, Mistakes> {
        parse(text).map(|all| all.len()).map_err(|mistakes| Mistakes::new(text, mistakes))
    }

    pub(super) fn of_exprs(
        text: &str,
        exprs: &[Expr],
        schema: &SchemaRef,
        sources: &dyn Sources,
    ) -> Result<Self, Vec<Mistake>> {
        let mut compiler = Compiler::new(schema, sources);
        let mut parts = Vec::new();
        for expr in exprs {
            let (truth, cost, needs) = compiler.condition(expr);
            let written = text.get(expr.span.start..expr.span.end).unwrap_or_default();
            let needs = needs.into_iter().collect();
            parts.push(Part { text: written.to_string(), truth, cost, needs });
        }
        if !compiler.mistakes.is_empty() {
            return Err(compiler.mistakes);
        }
        Ok(Conditions { parts, leaves: compiler.leaves, lists: compiler.lists })
    }

    /// How many conditions there are.
    pub fn len(&self) -> usize {
        self.parts.len()
    }

    /// Whether there is none, so that every alert passes.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// The conditions as they were written.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().map(|part| part.text.as_str())
    }

    /// The leaves that are needed, numbered as parquet numbers its columns: in the order of the schema, depth first.
    pub fn leaves(&self) -> Vec<usize> {
        let mut all: Vec<usize> = self.parts.iter().flat_map(|part| part.needs.clone()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Conditions in stages, cheap ones first: their places in [`Conditions::texts`] and the leaves they need.
    pub(crate) fn stages(&self) -> Vec<Stage> {
        let mut stages: Vec<Stage> = Vec::new();
        for cost in [Cost::Scalar, Cost::Sky, Cost::History, Cost::Lookup] {
            let parts: Vec<usize> = (0..self.parts.len()).filter(|at| self.parts[*at].cost == cost).collect();
            if parts.is_empty() {
                continue;
            }
            let mut leaves: Vec<usize> = parts.iter().flat_map(|at| self.parts[*at].needs.clone()).collect();
            leaves.sort_unstable();
            leaves.dedup();
            // Regions look at single values too: nothing is won by reading these apart.
            match stages.last_mut() {
                Some(before) if cost == Cost::Sky => {
                    before.parts.extend(parts);
                    before.leaves.extend(leaves);
                    before.leaves.sort_unstable();
                    before.leaves.dedup();
                }
                _ => stages.push(Stage { parts, leaves, cost }),
            }
        }
        stages
    }

    /// The alerts that pass: no value of the result is null. `batch` may have more columns than are needed.
    ///
    /// # Errors
    /// [`Error::Fields`] for a batch that lacks a field that is needed; [`Error::Lookup`].
    pub fn evaluate(&self, batch: &RecordBatch) -> Result<BooleanArray, Error> {
        let all: Vec<usize> = self.stages().into_iter().flat_map(|stage| stage.parts).collect();
        let mut removed = vec![0; self.parts.len()];
        Ok(BooleanArray::new(self.run(&all, batch, &mut removed)?, None))
    }

    /// Runs some of the conditions in this order, and counts how many alerts each removed of those that came to it.
    pub(crate) fn run(
        &self,
        parts: &[usize],
        batch: &RecordBatch,
        removed: &mut [u64],
    ) -> Result<BooleanBuffer, Error> {
        let rows = batch.num_rows();
        let mut passed = BooleanBuffer::new_set(rows);
        let mut left = rows;
        let evaluator = Evaluator::new(&self.leaves, &self.lists, batch);
        // Those left, where they are few and what comes is dear.
        let mut few: Option<(RecordBatch, BooleanBuffer)> = None;
        for at in parts {
            if left == 0 {
                break;
            }
            let part = &self.parts[*at];
            if few.is_none() && part.cost > Cost::Scalar && left * 2 < rows {
                few = Some((taken(batch, &passed)?, passed.clone()));
            }
            let met = match &few {
                None => evaluator.met(&part.truth)?,
                Some((batch, places)) => {
                    let met = Evaluator::new(&self.leaves, &self.lists, batch).met(&part.truth)?;
                    let mut all = arrow_buffer::BooleanBufferBuilder::new(rows);
                    all.append_n(rows, false);
                    for (place, met) in places.set_indices().zip(met.iter()) {
                        all.set_bit(place, met);
                    }
                    all.finish()
                }
            };
            passed = &passed & &met;
            let now = passed.count_set_bits();
            removed[*at] += (left - now) as u64;
            left = now;
        }
        Ok(passed)
    }

    /// What statistics tell about rows before they are read: `bounds` gives those of a leaf, by its number.
    pub fn decide(&self, bounds: &dyn Fn(usize) -> Option<Bounds>) -> Decided {
        self.parts.iter().map(|part| decide(&part.truth, &self.leaves, bounds)).fold(
            Decided::All,
            |all, part| match (all, part) {
                (Decided::None, _) | (_, Decided::None) => Decided::None,
                (Decided::All, Decided::All) => Decided::All,
                _ => Decided::Some,
            },
        )
    }
}

/// Conditions that are run together.
#[derive(Clone, Debug)]
pub(crate) struct Stage {
    pub(crate) parts: Vec<usize>,
    pub(crate) leaves: Vec<usize>,
    cost: Cost,
}

impl Stage {
    /// When it comes: single values, lists, or positions that are looked up, which is done for many at once.
    pub(crate) fn rank(&self) -> usize {
        match self.cost {
            Cost::Scalar | Cost::Sky => 0,
            Cost::History => 1,
            Cost::Lookup => 2,
        }
    }
}

/// An expression that gives a text for each alert, such as its class.
#[derive(Clone, Debug)]
pub struct TextExpression {
    text: Text,
    leaves: Vec<Leaf>,
    lists: Vec<List>,
    needs: Vec<usize>,
}

impl TextExpression {
    /// Compiles an expression for alerts of a schema. It has to be a text: numbers are refused.
    ///
    /// # Errors
    /// [`Mistakes`], among them that it is no text.
    pub fn new(text: &str, schema: &SchemaRef, sources: &dyn Sources) -> Result<Self, Mistakes> {
        let told = |mistakes| Mistakes::new(text, mistakes);
        let exprs = parse(text).map_err(told)?;
        let [expr] = exprs.as_slice() else {
            let span = uranometria_adql::Span::new(0, text.len());
            let wrong = mistake(Kind::Syntax, span, format!("these are {} expressions", exprs.len()));
            return Err(told(vec![wrong.expecting("one")]));
        };
        let mut compiler = Compiler::new(schema, sources);
        let typed = compiler.typed(expr);
        if !compiler.mistakes.is_empty() {
            return Err(told(compiler.mistakes));
        }
        let needs = std::mem::take(&mut compiler.used).into_iter().collect();
        let text = match typed {
            Typed::Text(text) => text,
            Typed::Null => Text::Constant(None),
            _ => {
                return Err(told(vec![
                    mistake(Kind::Type, expr.span, "this is no text").expecting("a text"),
                ]));
            }
        };
        Ok(TextExpression { text, leaves: compiler.leaves, lists: compiler.lists, needs })
    }

    /// The leaves that are needed, as [`Conditions::leaves`] has them.
    pub fn leaves(&self) -> &[usize] {
        &self.needs
    }

    /// The texts of the alerts.
    ///
    /// # Errors
    /// As [`Conditions::evaluate`].
    pub fn evaluate(&self, batch: &RecordBatch) -> Result<StringArray, Error> {
        let texts = Evaluator::new(&self.leaves, &self.lists, batch).texts(&self.text)?;
        debug_assert_eq!(texts.len(), batch.num_rows());
        Ok(texts)
    }
}
