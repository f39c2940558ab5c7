//! Every gadget against its native counterpart, and against provers that forge.

mod bits;
mod curve;
mod derivation;
mod gadgets;
mod policy;
mod poseidon;
mod statement;
mod strategies;
mod trial;
mod uniqueness;
