//! Secret bytes and the text that holds them: zeroized, never printed.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::io::{self, Write};
use zeroize::Zeroizing;

/// 32 secret bytes.
pub(crate) struct SecretBytes(Zeroizing<[u8; 32]>);

impl SecretBytes {
    pub(crate) fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    pub(crate) fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretBytes(redacted)")
    }
}

impl Serialize for SecretBytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for SecretBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <[u8; 32]>::deserialize(deserializer).map(Self::new)
    }
}

/// The value as JSON in memory that is zeroized. The length is counted first: a buffer that grew
/// would leave copies behind.
pub(crate) fn to_json(value: &impl Serialize) -> Result<Zeroizing<Vec<u8>>, serde_json::Error> {
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
    fn a_secret_reads_back_and_is_not_printed() {
        let secret = SecretBytes::new([7; 32]);
        let text = to_json(&secret).unwrap();
        assert_eq!(text.capacity(), text.len());
        let read: SecretBytes = serde_json::from_slice(&text).unwrap();
        assert_eq!(read.expose(), secret.expose());
        assert_eq!(format!("{secret:?}"), "SecretBytes(redacted)");
    }
}
