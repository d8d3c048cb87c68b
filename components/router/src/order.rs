//! The order in which a route's targets are tried: by priority, and at random by weight within one.

use weir_core::config::Target;

/// The targets, in the order in which they are to be tried: lower priorities first; within a priority each next one
/// is drawn with a chance of its weight among those left; those of weight 0 come after the others of their
/// priority, as they stand in the configuration. The same seed gives the same order.
#[must_use]
pub fn order(targets: &[Target], seed: u64) -> Vec<&Target> {
    let mut random = Random(seed);
    let mut left: Vec<&Target> = targets.iter().collect();
    left.sort_by_key(|target| target.priority);
    let mut ordered = Vec::with_capacity(left.len());
    while let Some(first) = left.first() {
        let group = left.iter().take_while(|target| target.priority == first.priority).count();
        ordered.push(left.remove(draw(&left[..group], &mut random)));
    }
    ordered
}

/// The place of one of `group`, drawn by weight.
fn draw(group: &[&Target], random: &mut Random) -> usize {
    let total: u64 = group.iter().map(|target| u64::from(target.weight)).sum();
    let mut ticket = random.below(total);
    for (place, target) in group.iter().enumerate() {
        let weight = u64::from(target.weight);
        if ticket < weight {
            return place;
        }
        ticket -= weight;
    }
    // Only weights of 0 are left.
    0
}

/// SplitMix64: a few draws from one seed need no more. Nothing here is secret.
struct Random(u64);

impl Random {
    /// A number below `bound`; 0 where there is none.
    fn below(&mut self, bound: u64) -> u64 {
        let wide = u128::from(self.next()) * u128::from(bound);
        u64::try_from(wide >> 64).unwrap_or_default()
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn target(name: &str, weight: u32, priority: u32) -> Target {
        Target { backend: name.to_owned(), model: None, weight, priority }
    }

    fn names(targets: &[Target], seed: u64) -> Vec<&str> {
        order(targets, seed).into_iter().map(|target| target.backend.as_str()).collect()
    }

    #[test]
    fn priorities_come_before_weights_and_weight_0_comes_last() {
        let targets = [
            target("spare", 0, 0),
            target("later", 1_000, 1),
            target("a", 1, 0),
            target("b", 5, 0),
            target("spare2", 0, 0),
        ];
        for seed in 0..1_000 {
            let order = names(&targets, seed);
            assert_eq!(order[2..], ["spare", "spare2", "later"]);
        }
    }

    #[test]
    fn weights_hold_within_a_percent_over_1e5() {
        let targets = [target("a", 70, 0), target("b", 20, 0), target("c", 10, 0)];
        const DRAWS: u64 = 100_000;
        let mut first = std::collections::BTreeMap::<&str, u64>::new();
        let mut second_after_a = std::collections::BTreeMap::<&str, u64>::new();
        for seed in 0..DRAWS {
            let order = names(&targets, seed);
            *first.entry(order[0]).or_default() += 1;
            if order[0] == "a" {
                *second_after_a.entry(order[1]).or_default() += 1;
            }
        }
        let near = |count: u64, of: u64, share: f64| (count as f64 / of as f64 - share).abs() < 0.01;
        assert!(
            near(first["a"], DRAWS, 0.7) && near(first["b"], DRAWS, 0.2) && near(first["c"], DRAWS, 0.1),
            "{first:?}"
        );
        // Without replacement: what is left shares by its own weights.
        assert!(near(second_after_a["b"], first["a"], 2.0 / 3.0), "{second_after_a:?}");
    }

    proptest! {
        #[test]
        fn each_target_stands_in_the_order_once(
            shape in prop::collection::vec((0_u32..4, 0_u32..3), 0..8),
            seed: u64,
        ) {
            let targets: Vec<Target> =
                shape.iter().enumerate().map(|(i, (weight, priority))| target(&i.to_string(), *weight, *priority)).collect();
            let ordered = order(&targets, seed);
            let mut seen: Vec<&str> = ordered.iter().map(|target| target.backend.as_str()).collect();
            prop_assert!(ordered.is_sorted_by_key(|target| target.priority));
            seen.sort_unstable();
            seen.dedup();
            prop_assert_eq!(seen.len(), targets.len());
            prop_assert_eq!(names(&targets, seed), names(&targets, seed));
        }
    }
}
