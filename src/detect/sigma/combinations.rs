//! All ways to choose some of a rule's parts, for conditions such as `2 of selection*`. The choices
//! are counted before they are built, so that a rule cannot fill the memory.

use super::compiler::joined;
use crate::detect::predicate::Predicate;

/// The most choices that a condition may come to. `2 of x*` becomes an OR of all pairs.
const MOST_ALTERNATIVES: usize = 1_000;
/// The number up to which [`choices`] counts exactly.
const COUNTING_LIMIT: usize = 1 << 20;

/// Refuses a condition `count of` `all` parts that comes to more than [`MOST_ALTERNATIVES`]
/// choices.
pub(super) fn check_number(all: usize, count: usize) -> Result<(), String> {
    if choices(all, count) > MOST_ALTERNATIVES {
        return Err(format!("expected at most {MOST_ALTERNATIVES} combinations of parts, found more"));
    }
    Ok(())
}

/// The number of conditions on a field in a predicate.
pub(super) fn condition_count(predicate: &Predicate) -> usize {
    match predicate {
        Predicate::And(children) | Predicate::Or(children) => children.iter().map(condition_count).sum(),
        Predicate::Not(child) => condition_count(child),
        _ => 1,
    }
}

/// The number of ways to choose `count` parts out of `all`: exact up to [`COUNTING_LIMIT`],
/// otherwise only known to be larger than the limit.
pub(super) fn choices(all: usize, count: usize) -> usize {
    let count = count.min(all.saturating_sub(count));
    let mut choices = 1_usize;
    for place in 0..count {
        // The division is exact: a product of n consecutive numbers is a multiple of n!.
        choices = choices.saturating_mul(all - place) / (place + 1);
        if choices > COUNTING_LIMIT {
            break;
        }
    }
    choices
}

/// Adds to `chosen` an AND of the predicates in `taken` and `count` of `parts`, for each way to
/// choose them. [`choices`] returns the number of ways.
pub(super) fn choose(
    parts: &[Predicate],
    count: usize,
    taken: &mut Vec<Predicate>,
    chosen: &mut Vec<Predicate>,
) {
    if count == 0 {
        chosen.push(joined(taken.clone(), Predicate::And));
        return;
    }
    for (place, part) in parts.iter().enumerate().take((parts.len() + 1).saturating_sub(count)) {
        taken.push(part.clone());
        choose(parts.get(place + 1..).unwrap_or_default(), count - 1, taken, chosen);
        taken.pop();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_count_is_the_number_of_choices_built(all in 1usize..9, count in 1usize..9) {
            let count = count.min(all);
            let parts = vec![Predicate::Sysmon; all];
            let mut chosen = Vec::new();
            choose(&parts, count, &mut Vec::new(), &mut chosen);
            prop_assert_eq!(chosen.len(), choices(all, count));
            let of_each = choices(all.saturating_sub(1), count.saturating_sub(1));
            prop_assert_eq!(chosen.iter().map(condition_count).sum::<usize>(), all * of_each);
        }
    }

    #[test]
    fn counting_stops_above_the_limit() {
        assert!(choices(15_000, 7_500) > COUNTING_LIMIT);
        assert_eq!((choices(900, 899), choices(40, 2), choices(5, 5)), (900, 780, 1));
        assert!(check_number(1_000, 1).is_ok() && check_number(1_001, 1).is_err());
    }
}
