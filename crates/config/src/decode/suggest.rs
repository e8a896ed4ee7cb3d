//! The nearest known name.

/// The name among `known` that `given` most likely means; `None` if none is near. Case doesn't count.
pub fn nearest<'k>(given: &str, known: &[&'k str]) -> Option<&'k str> {
    // Input may be of any size; no option is longer than this.
    if given.len() > 64 {
        return None;
    }
    let given = given.to_lowercase();
    let limit = (given.chars().count() / 3).clamp(1, 4);
    known
        .iter()
        .map(|name| (distance(&given, &name.to_lowercase()), *name))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Edits (insert, delete, replace, swap of neighbours) from `a` to `b`.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let row = |i: usize| {
        (0..=b.len())
            .map(|j| {
                if i == 0 {
                    j
                } else if j == 0 {
                    i
                } else {
                    0
                }
            })
            .collect()
    };
    let mut rows: Vec<Vec<usize>> = (0..=a.len()).map(row).collect();
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let replace = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replace.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found_for_typical_slips() {
        let known = ["address", "asDefault", "forwardedHeaders", "transport"];
        for (given, expected) in [
            ("adress", Some("address")),
            ("addresss", Some("address")),
            ("ASDEFALUT", Some("asDefault")),
            ("forwardHeaders", Some("forwardedHeaders")),
            ("nothing", None),
            ("", None),
        ] {
            assert_eq!(nearest(given, &known), expected, "{given}");
        }
    }

    #[test]
    fn a_swap_of_neighbours_counts_once() {
        assert_eq!(distance("prot", "port"), 1);
        assert_eq!(distance("", "port"), 4);
        assert_eq!(distance("port", "port"), 0);
    }
}
