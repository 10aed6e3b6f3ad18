//! Where does the tenant live? Domain to tenant to cell, from memory.

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod table;

pub use table::{Applied, ReferenceDraft, ReferenceTable, RouteTable};
