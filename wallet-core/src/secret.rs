//! Secret bytes: zeroized, never printed.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
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

#[cfg(test)]
mod tests {
    use super::*;
    use attestry_vault::to_json;

    #[test]
    fn a_secret_reads_back_and_is_not_printed() {
        let secret = SecretBytes::new([7; 32]);
        let text = to_json(&secret).unwrap();
        let read: SecretBytes = serde_json::from_slice(&text).unwrap();
        assert_eq!(read.expose(), secret.expose());
        assert_eq!(format!("{secret:?}"), "SecretBytes(redacted)");
    }
}
