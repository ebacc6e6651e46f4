//! What is typed and shown: arguments and what they are resolved to, progress, what signals do, and
//! the commands about detections and the guide. The commands that read evidence are [`crate::sweep`] and
//! [`crate::verify`].

pub mod arguments;
pub mod detections;
pub mod guide;
pub mod interrupt;
pub mod progress;
pub mod resolve;
