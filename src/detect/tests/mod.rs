//! What rules mean, by cases that need several modules.

mod language;
mod spelling;
