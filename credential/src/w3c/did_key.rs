//! Keys that are their own identifiers: `did:key`.

use std::fmt;

use crate::{
    base58::{from_base58, to_base58},
    did::ED25519,
};

const P256: [u8; 2] = [0x80, 0x24];
const METHOD: &str = "did:key:";

/// A public key that signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DidKey {
    /// An Ed25519 key.
    Ed25519([u8; 32]),
    /// A point of P-256 in compressed form; whether it is on the curve is not known.
    P256([u8; 33]),
}

impl DidKey {
    /// The key of a DID URL that names it, `did:key:z…#z…`; none if it is of another kind or form.
    pub fn from_url(url: &str) -> Option<Self> {
        let (key, fragment) = url.strip_prefix(METHOD)?.split_once('#')?;
        if key != fragment {
            return None;
        }
        let bytes = from_base58(key.strip_prefix('z')?)?;
        let (codec, key) = bytes.split_first_chunk()?;
        match *codec {
            ED25519 => key.try_into().ok().map(Self::Ed25519),
            P256 => key.try_into().ok().map(Self::P256),
            _ => None,
        }
    }
}

impl DidKey {
    /// Its one verification method, a DID URL.
    pub fn method(&self) -> String {
        let did = self.to_string();
        let (_, key) = did.split_at(METHOD.len());
        format!("{did}#{key}")
    }
}

/// The DID.
impl fmt::Display for DidKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = match self {
            Self::Ed25519(key) => [&ED25519[..], key].concat(),
            Self::P256(point) => [&P256[..], point].concat(),
        };
        write!(f, "{METHOD}z{}", to_base58(&bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Identifiers of the method's specification.
    #[test]
    fn published_identifiers_read_and_write_the_same() {
        for did in [
            "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp",
            "did:key:zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU2169",
        ] {
            let fragment = did.strip_prefix(METHOD).unwrap();
            let method = format!("{did}#{fragment}");
            let key = DidKey::from_url(&method).unwrap();
            assert_eq!((key.to_string(), key.method()), (did.to_owned(), method));
            assert_eq!(DidKey::from_url(did), None);
            assert_eq!(DidKey::from_url(&format!("{did}#z")), None);
        }
        // An X25519 key does not sign.
        let agreement = "z6LSbysY2xFMRpGMhb7tFTLMpeuPRaqaWM1yECx2AtzE3KCc";
        assert_eq!(DidKey::from_url(&format!("{METHOD}{agreement}#{agreement}")), None);
    }
}
