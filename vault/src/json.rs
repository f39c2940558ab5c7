//! Secrets as JSON, in memory that is zeroized.

use serde::Serialize;
use std::io::{self, Write};
use zeroize::Zeroizing;

/// The value as JSON. The length is counted first: a buffer that grew would leave copies behind.
///
/// # Errors
/// What the value's own serialization refuses.
pub fn to_json(value: &impl Serialize) -> Result<Zeroizing<Vec<u8>>, serde_json::Error> {
    let mut counter = Counter(0);
    serde_json::to_writer(&mut counter, value)?;
    let mut text = Zeroizing::new(Vec::with_capacity(counter.0));
    serde_json::to_writer(&mut *text, value)?;
    Ok(text)
}

struct Counter(usize);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_fills_its_buffer() {
        let text = to_json(&["a", "longer text"]).unwrap();
        assert_eq!(text.as_slice(), br#"["a","longer text"]"#);
        assert_eq!(text.capacity(), text.len());
    }
}
