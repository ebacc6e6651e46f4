//! Limits on the memory that all rules of a sweep take together. They are needed because a rule
//! file can contain a hundred thousand regular expressions, and each takes much more memory than
//! its text.

use crate::detect::predicate::Predicate;
use crate::detect::predicate::expression::Expression;
use crate::detect::splunk::search::Search;

/// The largest estimated size, in bytes, of the regular expressions of all rules of a sweep
/// together. A rule with which they would take more is refused. The thousands of published rules
/// take a hundredth of it.
pub const MOST_EXPRESSION_BYTES: usize = 64 << 20;

/// The largest number of comparisons of a field with a value in all rules of a sweep together. A
/// rule with which there would be more is refused. Each comparison takes about a kilobyte of
/// memory, including its share of the index by which a sweep selects the records that it decodes.
/// All published Sigma rules have less than a tenth of this number, and a rule with a hundred
/// thousand names has a quarter.
pub const MOST_COMPARISONS: usize = 400_000;

/// Returns the number of comparisons of a field with a value in the condition of a rule. The sum
/// over all rules is limited by [`MOST_COMPARISONS`].
pub(super) fn comparisons(predicate: &Predicate) -> usize {
    match predicate {
        Predicate::And(children) | Predicate::Or(children) => {
            children.iter().fold(0, |sum, child| sum.saturating_add(comparisons(child)))
        }
        Predicate::Not(child) => comparisons(child),
        Predicate::OneOf { patterns, .. } => patterns.len(),
        _ => 1,
    }
}

/// Returns the estimated size, in bytes, of the compiled regular expressions of a rule's search.
pub(super) fn expression_bytes(search: &Search) -> usize {
    let mut sum = 0_usize;
    search.each_expression(&mut |expression| sum = sum.saturating_add(expression.size()));
    sum
}

/// Compiles the regular expressions of a rule's search, unless they take more than
/// [`MOST_EXPRESSION_BYTES`]. The error message says what was expected and what was found.
pub(super) fn compile_expressions(search: &Search) -> Result<(), String> {
    let size = expression_bytes(search);
    if size > MOST_EXPRESSION_BYTES {
        return Err(memory_limit_error("its regular expressions", size));
    }
    let mut compiled = Ok(());
    search.each_expression(&mut |expression| {
        if compiled.is_ok() {
            compiled = expression.make_ready();
        }
    });
    compiled
}

/// Returns the error message for regular expressions that take too much memory. `what` names them,
/// and `size` is their estimated size in bytes.
#[must_use]
pub fn memory_limit_error(what: &str, size: usize) -> String {
    format!("expected {what} to take at most {MOST_EXPRESSION_BYTES} bytes together, found about {size}")
}

/// Calls `see` with each regular expression of a rule's condition, including those inside functions
/// that the condition computes.
pub(super) fn each_expression(predicate: &Predicate, see: &mut dyn FnMut(&Expression)) {
    match predicate {
        Predicate::And(children) | Predicate::Or(children) => {
            for child in children {
                each_expression(child, see);
            }
        }
        Predicate::Not(child) => each_expression(child, see),
        Predicate::Fits { expression, .. } => see(expression),
        Predicate::Computed(computed) => computed.each_expression(see),
        _ => {}
    }
}
