//! Every gadget against its native counterpart, and against provers that forge.

mod bits;
mod curve;
mod gadgets;
mod poseidon;
mod trial;
