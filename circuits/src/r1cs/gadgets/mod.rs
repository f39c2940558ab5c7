//! Reusable constraints. Each says what it costs.

pub(super) mod bits;
pub(super) mod fixed_base;
pub(super) mod merkle;
pub(super) mod montgomery;
pub(super) mod poseidon;
pub(super) mod slopes;
