//! Bounds on what the rules of a sweep may take together: a file of one megabyte can hold tens of
//! thousands of regular expressions.

use crate::detect::predicate::Predicate;
use crate::detect::predicate::expression::Expression;
use crate::detect::splunk::search::Search;

/// Bytes that all expressions of a sweep may take together, by their estimates. Those of the
/// thousands of published rules take a hundredth.
pub const MOST_EXPRESSION_BYTES: usize = 64 << 20;

/// How many comparisons the rules of a sweep may have together. Each takes about a kilobyte with
/// what it is found by. All published rules of Sigma's have less than a tenth of that, and a list
/// of a hundred thousand names a quarter.
pub const MOST_COMPARISONS: usize = 400_000;

/// How many comparisons of a field the predicate of a search has.
pub(super) fn comparisons(predicate: &Predicate) -> usize {
    match predicate {
        Predicate::And(children) | Predicate::Or(children) => {
            children.iter().fold(0, |sum, child| sum.saturating_add(comparisons(child)))
        }
        Predicate::Not(child) => comparisons(child),
        _ => 1,
    }
}

/// About how many bytes the expressions of a search take together.
pub(super) fn expression_bytes(search: &Search) -> usize {
    let mut sum = 0_usize;
    search.each_expression(&mut |expression| sum = sum.saturating_add(expression.size()));
    sum
}

/// Compiles the regular expressions of a search, unless they take too much memory. The error says
/// what was expected and found.
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

/// Says what was expected and what was found.
#[must_use]
pub fn memory_limit_error(what: &str, size: usize) -> String {
    format!("expected {what} to take at most {MOST_EXPRESSION_BYTES} bytes together, found about {size}")
}

/// Calls `see` with each regular expression of a predicate.
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
