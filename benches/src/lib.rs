//! Measurements beside named alternatives.
//!
//! Inputs are rotated: arithmetic on a repeated input is faster than in use, for branches are
//! predicted. Figures are medians, of one run, on all cores unless said.

pub mod bare;
pub mod compare;
pub mod ledger;
pub mod measure;
pub mod memory;
pub mod register;
pub mod report;
pub mod show;
pub mod verifier;
