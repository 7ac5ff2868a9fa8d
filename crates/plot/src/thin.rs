//! Fewer vertices for a line that will look the same.
//!
//! Of the vertices that fall on one pixel column the first, the lowest, the highest and the last are kept,
//! in their order: what the column shows depends on these alone (the M4 argument).
//!
//! Jugel et al. 2014, "M4: A Visualization-Oriented Time Series Data Aggregation", VLDB 7(10).

/// Thins one run of vertices whose x ascends, in pixels.
pub(crate) fn by_column(run: &[(f32, f32)]) -> Vec<(f32, f32)> {
    let mut kept = Vec::with_capacity(run.len().min(4096));
    for column in run.chunk_by(|a, b| a.0.floor() == b.0.floor()) {
        if column.len() <= 4 {
            kept.extend_from_slice(column);
            continue;
        }
        let (mut low, mut high) = (0, 0);
        for (i, vertex) in column.iter().enumerate() {
            if vertex.1 < column[low].1 {
                low = i;
            }
            if vertex.1 > column[high].1 {
                high = i;
            }
        }
        let mut chosen = [0, low, high, column.len() - 1];
        chosen.sort_unstable();
        let mut last = None;
        for i in chosen {
            if last != Some(i) {
                kept.push(column[i]);
            }
            last = Some(i);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extremes_and_ends_of_each_column_stay_in_order() {
        let run: Vec<_> =
            [(0.0, 5.0), (0.1, 9.0), (0.2, 4.0), (0.3, 1.0), (0.4, 6.0), (0.9, 5.5), (1.5, 2.0)]
                .into_iter()
                .collect();
        assert_eq!(by_column(&run), [(0.0, 5.0), (0.1, 9.0), (0.3, 1.0), (0.9, 5.5), (1.5, 2.0)]);
    }

    #[test]
    fn a_million_vertices_become_four_a_column_at_most() {
        let run: Vec<_> =
            (0..1_000_000u64).map(|i| (i as f32 / 1000.0, ((i * 7919) % 1013) as f32)).collect();
        assert!(by_column(&run).len() <= 4000);
        assert!(by_column(&[]).is_empty());
    }
}
