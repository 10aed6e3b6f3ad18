//! Reports as text for people, as JSON for programs, and as SARIF 2.1.0 for what collects the findings of
//! such programs.

mod json;
mod sarif;
mod text;

pub use json::json;
pub use sarif::sarif;
pub use text::text;
