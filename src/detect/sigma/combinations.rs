//! All ways to choose some parts of a rule, for `2 of selection*`. They are counted before they are
//! built.

use super::compiler::joined;
use crate::detect::predicate::Predicate;

/// `2 of x*` is written out as all pairs; more alternatives than these are refused.
const MOST_ALTERNATIVES: usize = 1_000;
/// The bound of counting: larger numbers are not computed exactly.
const COUNTING_LIMIT: usize = 1 << 20;

/// Refuses a condition with more choices than are written out.
pub(super) fn check_number(all: usize, count: usize) -> Result<(), String> {
    if choices(all, count) > MOST_ALTERNATIVES {
        return Err(format!("it comes to more than {MOST_ALTERNATIVES} alternatives"));
    }
    Ok(())
}

/// How many conditions on a field a predicate has.
pub(super) fn condition_count(predicate: &Predicate) -> usize {
    match predicate {
        Predicate::And(children) | Predicate::Or(children) => children.iter().map(condition_count).sum(),
        Predicate::Not(child) => condition_count(child),
        _ => 1,
    }
}

/// The number of ways to choose `count` parts out of `all`: exact up to [`COUNTING_LIMIT`], otherwise
/// only known to be larger than the limit.
pub(super) fn choices(all: usize, count: usize) -> usize {
    let count = count.min(all.saturating_sub(count));
    let mut choices = 1_usize;
    for place in 0..count {
        // The product of so many numbers in a row can be divided by that many.
        choices = choices.saturating_mul(all - place) / (place + 1);
        if choices > COUNTING_LIMIT {
            break;
        }
    }
    choices
}

/// All choices of so many parts, each as an AND. There are as many as [`choices`] says.
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
        fn as_many_are_made_as_were_counted(all in 1usize..9, count in 1usize..9) {
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
    fn what_is_too_many_is_not_counted_to_its_end() {
        assert!(choices(15_000, 7_500) > COUNTING_LIMIT);
        assert_eq!((choices(900, 899), choices(40, 2), choices(5, 5)), (900, 780, 1));
        assert!(check_number(1_000, 1).is_ok() && check_number(1_001, 1).is_err());
    }
}
