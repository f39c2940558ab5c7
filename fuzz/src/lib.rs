//! What the targets share: a small world whose parts the seeds are made of.

pub mod toy;
pub mod vault;
pub mod world;

/// The first part of the input and the rest, parted by a zero byte, which no JSON text has.
pub fn parts(data: &[u8]) -> (&[u8], &[u8]) {
    match data.iter().position(|byte| *byte == 0) {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (data, &[]),
    }
}
