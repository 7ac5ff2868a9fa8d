//! Which rows of a partition can be in given cells, and reading no others.
//!
//! The page index says the least and the greatest cell of every page. That of an open partition is kept as a list that
//! is searched by bisection; row groups without page index count as one page. What the index says of other columns rules
//! out pages whose rows cannot meet a condition.

use std::ops::Range;

use arrow_schema::DataType;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReaderBuilder, RowSelection};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::page_index::offset_index::OffsetIndexMetaData;
use parquet::file::statistics::Statistics;

use super::chunks::Chunks;
use super::decoder::Decoded;
use crate::condition::Ends;
use crate::{Condition, Error};

/// Rows that are decoded together, and their cells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// Rows in the partition.
    pub(super) rows: Range<usize>,
    /// The least and the greatest cell.
    pub(super) cells: (i64, i64),
}

/// The pages of a partition.
#[derive(Debug)]
pub(super) struct Pages {
    spans: Vec<Span>,
    /// Whether each page's cells come behind those of the page before.
    sorted: bool,
    /// The first row of each row group, and the row behind the last.
    groups: Vec<usize>,
}

impl Pages {
    /// Of the column of cells with that name, if there is one.
    pub(super) fn of(metadata: &ArrowReaderMetadata, name: Option<&str>) -> Self {
        let (file, mut spans, mut groups) = (metadata.metadata(), Vec::new(), vec![0_usize]);
        let leaf = file.file_metadata().schema_descr().columns().iter().position(|column| {
            let path = column.path().parts();
            path.len() == 1 && Some(path[0].as_str()) == name
        });
        for (n, group) in file.row_groups().iter().enumerate() {
            let first = groups[n];
            let end = first.saturating_add(usize::try_from(group.num_rows()).unwrap_or(0));
            groups.push(end);
            let pages = leaf.and_then(|leaf| pages_of(file, n, leaf));
            if let Some((ColumnIndexMetaData::INT64(cells), places)) = pages {
                let places = places.page_locations();
                let start = |page: usize| {
                    places.get(page).map_or(end, |place| first + place.first_row_index as usize)
                };
                spans.extend((0..places.len()).map(|page| {
                    let least = cells.min_value(page).copied().unwrap_or(i64::MIN);
                    let most = cells.max_value(page).copied().unwrap_or(i64::MAX);
                    Span { rows: start(page)..start(page + 1), cells: (least, most) }
                }));
                continue;
            }
            let cells = match leaf.and_then(|leaf| group.column(leaf).statistics()) {
                Some(Statistics::Int64(cells)) => (
                    cells.min_opt().copied().unwrap_or(i64::MIN),
                    cells.max_opt().copied().unwrap_or(i64::MAX),
                ),
                _ => (i64::MIN, i64::MAX),
            };
            spans.push(Span { rows: first..end, cells });
        }
        let sorted = spans.windows(2).all(|pair| pair[0].cells.1 <= pair[1].cells.0);
        Pages { spans, sorted, groups }
    }

    /// The rows of pages that may have cells in the ranges, which ascend and are apart; neighbours joined.
    pub(super) fn select(&self, ranges: &[Range<u64>]) -> Vec<Range<usize>> {
        let mut rows: Vec<Range<usize>> = Vec::new();
        let mut add = |span: &Span| match rows.last_mut() {
            Some(last) if last.end >= span.rows.start => last.end = last.end.max(span.rows.end),
            _ => rows.push(span.rows.clone()),
        };
        let touches = |span: &Span, range: &Range<u64>| {
            i64::try_from(range.start).is_ok_and(|start| span.cells.1 >= start)
                && i64::try_from(range.end).is_ok_and(|end| span.cells.0 < end)
        };
        if !self.sorted {
            self.spans.iter().filter(|span| ranges.iter().any(|range| touches(span, range))).for_each(add);
            return rows;
        }
        let mut next = 0;
        for range in ranges {
            let start = i64::try_from(range.start).unwrap_or(i64::MAX);
            next += self.spans[next..].partition_point(|span| span.cells.1 < start);
            while let Some(span) = self.spans.get(next).filter(|span| touches(span, range)) {
                add(span);
                next += 1;
            }
            // The page may touch the next range as well.
            next = next.saturating_sub(1);
        }
        rows
    }

    /// Of some rows, ascending and apart, those of pages that may meet a condition on a column of the top level.
    pub(super) fn meeting(
        &self,
        metadata: &ArrowReaderMetadata,
        rows: Vec<Range<usize>>,
        (column, condition): (usize, &Condition),
    ) -> Vec<Range<usize>> {
        let file = metadata.metadata();
        let schema = file.file_metadata().schema_descr();
        let mut leaves = (0..schema.num_columns()).filter(|leaf| schema.get_column_root_idx(*leaf) == column);
        let (Some(leaf), None) = (leaves.next(), leaves.next()) else { return rows };
        let data_type = metadata.schema().field(column).data_type();
        let mut kept: Vec<Range<usize>> = Vec::new();
        for group in 0..self.groups.len() - 1 {
            let (start, end) = (self.groups[group], self.groups[group + 1]);
            let here: Vec<Range<usize>> = self.rows_in(group, &rows).collect();
            if here.is_empty() {
                continue;
            }
            let ruled_out = |ends: Option<Ends<'_>>| ends.is_some_and(|ends| !condition.may_be_met(ends));
            let mut keep = |part: Range<usize>| {
                let from = here.partition_point(|rows| rows.end <= part.start);
                for rows in here[from..].iter().take_while(|rows| rows.start < part.end) {
                    let rows = start + rows.start.max(part.start)..start + rows.end.min(part.end);
                    match kept.last_mut() {
                        Some(last) if last.end == rows.start => last.end = rows.end,
                        _ => kept.push(rows),
                    }
                }
            };
            match pages_of(file, group, leaf) {
                Some((index, places)) => {
                    let places = places.page_locations();
                    let first = |page: usize| {
                        places.get(page).map_or(end - start, |place| place.first_row_index as usize)
                    };
                    for page in 0..places.len() {
                        if !index.is_null_page(page) && !ruled_out(page_ends(index, page, data_type)) {
                            keep(first(page)..first(page + 1));
                        }
                    }
                }
                None => {
                    let statistics = file.row_group(group).column(leaf).statistics();
                    if !ruled_out(statistics.and_then(|statistics| group_ends(statistics, data_type))) {
                        keep(0..end - start);
                    }
                }
            }
        }
        kept
    }

    /// The rows of pages that are all in one cell of `29 - shift / 2`, with that cell, and the rows of the others.
    pub(super) fn divided(&self, shift: u8) -> (Vec<(u64, usize)>, Vec<Range<usize>>) {
        let (mut alike, mut mixed) = (Vec::new(), Vec::new());
        for span in &self.spans {
            let (least, most) = span.cells;
            if least >= 0 && most < i64::MAX && least >> shift == most >> shift {
                alike.push(((least >> shift) as u64, span.rows.len()));
            } else {
                mixed.push(span.rows.clone());
            }
        }
        (alike, mixed)
    }

    /// The rows that are in a row group, counted from its first.
    fn rows_in(&self, group: usize, rows: &[Range<usize>]) -> impl Iterator<Item = Range<usize>> {
        let (start, end) = (self.groups[group], self.groups[group + 1]);
        let first = rows.partition_point(|rows| rows.end <= start);
        let here = rows[first..].iter().take_while(move |rows| rows.start < end);
        here.map(move |rows| rows.start.max(start) - start..rows.end.min(end) - start)
    }

    /// Where in the file what some rows of a row group need is.
    fn bytes(
        &self,
        metadata: &ArrowReaderMetadata,
        mask: &ProjectionMask,
        group: usize,
        rows: &[Range<usize>],
    ) -> Vec<Range<u64>> {
        let (file, mut bytes) = (metadata.metadata(), Vec::new());
        let columns = file.row_group(group).columns();
        let len = self.groups[group + 1] - self.groups[group];
        let selection = RowSelection::from_consecutive_ranges(self.rows_in(group, rows), len);
        for (leaf, column) in columns.iter().enumerate().filter(|(leaf, _)| mask.leaf_included(*leaf)) {
            let (start, len) = column.byte_range();
            let places = places_of(file, group, leaf).map(|index| index.page_locations());
            match places.and_then(|places| Some((u64::try_from(places.first()?.offset).ok()?, places))) {
                Some((first, places)) => {
                    // The dictionary lies before the pages.
                    bytes.push(start..first.max(start));
                    bytes.extend(selection.scan_ranges(places));
                }
                None => bytes.push(start..start.saturating_add(len)),
            }
        }
        bytes
    }

    /// Reads some columns of some rows.
    pub(super) fn read(
        &self,
        (chunks, metadata): (&Chunks, &ArrowReaderMetadata),
        mask: ProjectionMask,
        rows: &[Range<usize>],
        batch_rows: usize,
    ) -> Result<Decoded, Error> {
        let touched = |group: &usize| {
            let (start, end) = (self.groups[*group], self.groups[*group + 1]);
            let at = rows.partition_point(|rows| rows.end <= start);
            rows.get(at).is_some_and(|rows| rows.start < end)
        };
        let groups: Vec<usize> = match rows {
            [] => Vec::new(),
            [first, ..] => {
                let from = self.groups.partition_point(|start| *start <= first.start) - 1;
                let to = self.groups.partition_point(|start| *start < rows[rows.len() - 1].end);
                (from..to.min(self.groups.len() - 1)).filter(touched).collect()
            }
        };
        // Rows counted in the chosen row groups alone.
        let (mut inside, mut before) = (Vec::new(), 0);
        for &group in &groups {
            inside.extend(self.rows_in(group, rows).map(|rows| rows.start + before..rows.end + before));
            before += self.groups[group + 1] - self.groups[group];
        }
        let selected: usize = inside.iter().map(ExactSizeIterator::len).sum();
        let selection = RowSelection::from_consecutive_ranges(inside.into_iter(), before);
        let chunks = chunks
            .fetched(|| groups.iter().flat_map(|&group| self.bytes(metadata, &mask, group, rows)).collect())
            .map_err(|source| Error::io("read its pages", source))?;
        Decoded::new(|| {
            ParquetRecordBatchReaderBuilder::new_with_metadata(chunks, metadata.clone())
                .with_projection(mask)
                .with_row_groups(groups)
                .with_row_selection(selection)
                .with_batch_size(batch_rows.min(selected).max(1))
                .build()
        })
    }
}

/// The ends of a page as its column's type has them; None where they are not known or of no use.
fn page_ends<'a>(index: &'a ColumnIndexMetaData, page: usize, data_type: &DataType) -> Option<Ends<'a>> {
    match index {
        ColumnIndexMetaData::INT32(index) => integers(
            index.min_value(page).copied()?.into(),
            index.max_value(page).copied()?.into(),
            data_type,
        ),
        ColumnIndexMetaData::INT64(index) => {
            integers(*index.min_value(page)?, *index.max_value(page)?, data_type)
        }
        ColumnIndexMetaData::FLOAT(index) => {
            Some(Ends::Numbers((*index.min_value(page)?).into(), (*index.max_value(page)?).into()))
        }
        ColumnIndexMetaData::DOUBLE(index) => {
            Some(Ends::Numbers(*index.min_value(page)?, *index.max_value(page)?))
        }
        ColumnIndexMetaData::BYTE_ARRAY(index) if is_text(data_type) => {
            Some(Ends::Texts(index.min_value(page)?, index.max_value(page)?))
        }
        _ => None,
    }
}

/// The ends of a row group.
fn group_ends<'a>(statistics: &'a Statistics, data_type: &DataType) -> Option<Ends<'a>> {
    // Those of old writers are ordered as signed bytes.
    if statistics.is_min_max_deprecated() {
        return None;
    }
    match statistics {
        Statistics::Int32(ends) => integers((*ends.min_opt()?).into(), (*ends.max_opt()?).into(), data_type),
        Statistics::Int64(ends) => integers(*ends.min_opt()?, *ends.max_opt()?, data_type),
        Statistics::Float(ends) => Some(Ends::Numbers((*ends.min_opt()?).into(), (*ends.max_opt()?).into())),
        Statistics::Double(ends) => Some(Ends::Numbers(*ends.min_opt()?, *ends.max_opt()?)),
        Statistics::ByteArray(ends) if is_text(data_type) => {
            Some(Ends::Texts(ends.min_opt()?.data(), ends.max_opt()?.data()))
        }
        _ => None,
    }
}

/// Integers are stored as signed ones of 32 or 64 bits, whatever they are.
fn integers(least: i64, most: i64, data_type: &DataType) -> Option<Ends<'static>> {
    let value = |stored: i64| match data_type {
        DataType::UInt64 => i128::from(stored as u64),
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 => i128::from(stored as u32),
        _ => i128::from(stored),
    };
    // Decimals are integers here, and others in a batch.
    data_type.is_integer().then(|| Ends::Integers(value(least), value(most)))
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// Where the pages of a column chunk lie, where the file says so and they follow one another.
fn places_of(file: &ParquetMetaData, group: usize, leaf: usize) -> Option<&OffsetIndexMetaData> {
    let places = file.offset_index()?.get(group)?.get(leaf)?;
    let rows = places.page_locations();
    let ascend = rows.windows(2).all(|pair| pair[0].first_row_index < pair[1].first_row_index);
    let (first, last) = (rows.first()?.first_row_index, rows.last()?.first_row_index);
    (first == 0 && ascend && last < file.row_group(group).num_rows().max(1)).then_some(places)
}

/// What is known of the pages of a column chunk, and where they lie.
fn pages_of(
    file: &ParquetMetaData,
    group: usize,
    leaf: usize,
) -> Option<(&ColumnIndexMetaData, &OffsetIndexMetaData)> {
    let (index, places) = (file.column_index()?.get(group)?.get(leaf)?, places_of(file, group, leaf)?);
    // Nothing is known of a column with a page of NaN alone, and a damaged file may tell of other pages than there are.
    (!matches!(index, ColumnIndexMetaData::NONE) && index.num_pages() == places.page_locations().len() as u64)
        .then_some((index, places))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pages(spans: Vec<Span>) -> Pages {
        let sorted = spans.windows(2).all(|pair| pair[0].cells.1 <= pair[1].cells.0);
        let end = spans.last().map_or(0, |span| span.rows.end);
        Pages { spans, sorted, groups: vec![0, end] }
    }

    proptest! {
        #[test]
        fn bisection_finds_the_pages_that_looking_at_all_finds(
            steps in prop::collection::vec((0_i64..5, 0_i64..5, 1_usize..4), 1..30),
            cuts in prop::collection::btree_set(0_u64..160, 0..20),
        ) {
            let (mut cell, mut row, mut spans) = (0, 0, Vec::new());
            for (gap, width, rows) in steps {
                spans.push(Span { rows: row..row + rows, cells: (cell + gap, cell + gap + width) });
                (cell, row) = (cell + gap + width, row + rows);
            }
            let cuts: Vec<u64> = cuts.into_iter().collect();
            let ranges: Vec<Range<u64>> = cuts.chunks_exact(2).map(|cut| cut[0]..cut[1]).collect();
            let sorted = pages(spans.clone());
            let unsorted = Pages { spans, sorted: false, groups: vec![] };
            prop_assert!(sorted.sorted);
            prop_assert_eq!(sorted.select(&ranges), unsorted.select(&ranges));
        }
    }
}
