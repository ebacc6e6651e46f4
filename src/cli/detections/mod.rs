//! What can be done with detections besides sweeping: list, show, check, explain, test. Each answer
//! is text to be printed, and an exit status.

mod data;
mod explanation;
mod listing;

pub use data::test;
pub use explanation::explain;
pub use listing::{check, list, show};

use std::fmt::Write;

use crate::detect::Tree;
use crate::exit::Exit;
use crate::report::escaped;

/// What was asked for, and how it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// For standard output. Text of rules and events is escaped.
    pub text: String,
    /// How it went.
    pub exit: Exit,
}

/// The lines of a tree, each as deep as it lies.
fn tree_lines(tree: &Tree, depth: usize, text: &mut String) {
    let verdict = match tree.holds {
        None => "",
        Some(true) => "yes  ",
        Some(false) => "no   ",
    };
    let _ = writeln!(text, "  {verdict}{}{}", "  ".repeat(depth), escaped(&tree.text));
    for child in &tree.children {
        tree_lines(child, depth + 1, text);
    }
}
