//! Choosing a server.

use std::sync::atomic::{AtomicU32, Ordering};

/// Longest order that is worked out; larger sums of weights are scaled down to it.
const MAX_ORDER: u64 = 4_096;

/// Weighted round robin in smooth order: of weights 3 and 1 it makes `a a b a`, not `a a a b`.
///
/// The order is worked out when the table is compiled; a request takes the next place in it.
#[derive(Debug)]
pub struct WeightedRoundRobin {
    order: Box<[u32]>,
    next: std::sync::Arc<AtomicU32>,
}

impl WeightedRoundRobin {
    /// An order over the indices of `weights`; a weight of 0 gets no turn. `position` is where it goes on, shared with
    /// the order before it, so that a change of servers does not start over.
    pub fn new(weights: &[u32], position: std::sync::Arc<AtomicU32>) -> Self {
        Self {
            order: smooth_order(weights),
            next: position,
        }
    }

    /// Index of the next server; `None` if none has a weight.
    pub fn next(&self) -> Option<usize> {
        let len = u32::try_from(self.order.len())
            .ok()
            .filter(|len| *len > 0)?;
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        self.order
            .get((turn % len) as usize)
            .map(|index| *index as usize)
    }
}

fn smooth_order(weights: &[u32]) -> Box<[u32]> {
    let divisor = weights
        .iter()
        .copied()
        .filter(|w| *w > 0)
        .fold(0, gcd)
        .max(1);
    let mut weights: Vec<u64> = weights.iter().map(|w| u64::from(w / divisor)).collect();
    let sum: u64 = weights.iter().sum();
    if sum > MAX_ORDER {
        for weight in weights.iter_mut().filter(|w| **w > 0) {
            *weight = (*weight * MAX_ORDER / sum).max(1);
        }
    }
    let total: u64 = weights.iter().sum();
    if weights.iter().all(|w| *w <= 1) {
        return weights
            .iter()
            .enumerate()
            .filter(|(_, w)| **w == 1)
            .map(|(i, _)| i as u32)
            .collect();
    }
    // nginx's smooth weighted round robin: everybody gains its weight each turn, the richest pays the sum.
    let mut credit = vec![0_i64; weights.len()];
    (0..total)
        .filter_map(|_| {
            for (credit, weight) in credit.iter_mut().zip(&weights) {
                *credit += *weight as i64;
            }
            let (richest, _) = credit
                .iter()
                .enumerate()
                .filter(|(index, _)| weights.get(*index).is_some_and(|w| *w > 0))
                .max_by_key(|(index, credit)| (**credit, std::cmp::Reverse(*index)))?;
            if let Some(credit) = credit.get_mut(richest) {
                *credit -= total as i64;
            }
            Some(richest as u32)
        })
        .collect()
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(weights: &[u32], count: usize) -> Vec<usize> {
        let robin = WeightedRoundRobin::new(weights, std::sync::Arc::default());
        (0..count).filter_map(|_| robin.next()).collect()
    }

    #[test]
    fn equal_servers_take_turns() {
        assert_eq!(turns(&[1, 1, 1], 4), [0, 1, 2, 0]);
    }

    #[test]
    fn weights_are_spread_smoothly() {
        assert_eq!(turns(&[5, 1, 1], 7), [0, 0, 1, 0, 2, 0, 0]);
        assert_eq!(turns(&[30, 10], 4), [0, 0, 1, 0]);
    }

    #[test]
    fn no_weight_no_turn() {
        assert_eq!(turns(&[0, 2, 0], 3), [1, 1, 1]);
        assert!(turns(&[0, 0], 3).is_empty());
        assert!(turns(&[], 3).is_empty());
    }

    #[test]
    fn huge_weights_keep_their_shares_and_a_bound() {
        let robin = WeightedRoundRobin::new(&[u32::MAX, 1], std::sync::Arc::default());
        assert!(robin.order.len() as u64 <= MAX_ORDER + 2);
        assert!(robin.order.contains(&1), "the small one is not starved");
    }

    #[test]
    fn the_position_is_kept_over_a_change() {
        let position = std::sync::Arc::new(AtomicU32::new(0));
        let before = WeightedRoundRobin::new(&[1, 1, 1], position.clone());
        before.next();
        let after = WeightedRoundRobin::new(&[1, 1, 1], position);
        assert_eq!(after.next(), Some(1));
    }
}
