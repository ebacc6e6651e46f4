//! All ways to choose a given number of a Sigma rule's named parts (such as `selection1`), for
//! conditions such as `2 of selection*`. The ways are counted before they are built, so that a rule
//! cannot fill the memory.

use super::compiler::joined;
use crate::detect::predicate::Predicate;

/// The most ways in which a Sigma condition such as `2 of selection*` may choose parts of the rule.
/// The condition becomes an OR of all ways, each an AND of the chosen parts. This takes memory, so
/// a condition with more ways is refused.
const MOST_ALTERNATIVES: usize = 1_000;
/// The largest number of ways to choose some parts of a Sigma rule that [`choices`] returns
/// exactly. It is far above [`MOST_ALTERNATIVES`], so a condition with more ways is refused in any
/// case.
const COUNTING_LIMIT: usize = 1 << 20;

/// Returns an error if there are more than [`MOST_ALTERNATIVES`] ways to choose `count` parts of a
/// Sigma rule (such as `selection1`) from the `all` parts that its condition selects.
pub(super) fn check_number(all: usize, count: usize) -> Result<(), String> {
    if choices(all, count) > MOST_ALTERNATIVES {
        return Err(format!("expected at most {MOST_ALTERNATIVES} combinations of parts, found more"));
    }
    Ok(())
}

/// Returns the number of conditions on single fields of an event that a predicate consists of. Each
/// pattern of a set of patterns counts as one.
pub(super) fn condition_count(predicate: &Predicate) -> usize {
    match predicate {
        Predicate::And(children) | Predicate::Or(children) => children.iter().map(condition_count).sum(),
        Predicate::Not(child) => condition_count(child),
        Predicate::OneOf { patterns, .. } => patterns.len(),
        _ => 1,
    }
}

/// The number of ways to choose `count` of `all` parts (such as `selection`) of a Sigma rule. It is
/// exact up to [`COUNTING_LIMIT`]; a larger result only says that the number is above the limit.
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

/// Chooses `count` of `parts` in every possible way. For each way, adds to `chosen` an AND of the
/// predicates in `taken` and of the chosen parts. The caller must pass an empty `taken`; the
/// function calls itself with the parts that it has chosen so far. [`choices`] returns the number
/// of ways.
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
