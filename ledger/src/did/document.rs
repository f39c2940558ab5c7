//! The DID document that a history of changes gives, by the rules of the did:ethr method and its reference resolver.

use super::history::{Change, ChangeKind};
use super::{DidKey, EthrDid, base58};
use alloy::primitives::{Address, U256};
use attestry_circuits::field::from_be_bytes;
use attestry_circuits::schnorr::VerifyingKey;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const CONTEXT: [&str; 3] = [
    "https://www.w3.org/ns/did/v1",
    "https://w3id.org/security/suites/secp256k1recovery-2020/v2",
    "https://w3id.org/security/v3-unstable",
];
const RECOVERY_METHOD: &str = "EcdsaSecp256k1RecoveryMethod2020";
const ED25519_METHOD: &str = "Ed25519VerificationKey2018";
const BABY_JUBJUB_METHOD: &str = "BabyJubJub";

/// A DID document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DidDocument {
    /// JSON-LD contexts.
    #[serde(rename = "@context")]
    pub context: Vec<String>,
    /// The DID.
    pub id: String,
    /// The keys that are valid now.
    pub verification_method: Vec<VerificationMethod>,
    /// Ids of keys that authenticate.
    pub authentication: Vec<String>,
    /// Ids of keys that sign assertions, among them credentials.
    pub assertion_method: Vec<String>,
    /// Ids of keys for encryption.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub key_agreement: Vec<String>,
    /// Services.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub service: Vec<Value>,
}

/// A key in a DID document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VerificationMethod {
    /// `<did>#controller` or `<did>#delegate-<number>`.
    pub id: String,
    /// The key's type.
    pub r#type: String,
    /// The DID that controls it.
    pub controller: String,
    /// A ledger account, `eip155:<chain>:<address>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blockchain_account_id: Option<String>,
    /// The key, hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key_hex: Option<String>,
    /// The key, base 58.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key_base58: Option<String>,
    /// The key, base 64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key_base64: Option<String>,
    /// The key, PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key_pem: Option<String>,
    /// The key in an encoding that the registry's attribute does not name, hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

impl VerificationMethod {
    /// The key, if it is one that we use.
    pub fn key(&self) -> Option<DidKey> {
        let bytes = match (&self.public_key_hex, &self.public_key_base58) {
            (Some(text), _) => hex::decode(text).ok()?,
            (None, Some(text)) => base58::decode(text)?,
            (None, None) => return None,
        };
        match self.r#type.as_str() {
            ED25519_METHOD => bytes.try_into().ok().map(DidKey::Ed25519),
            BABY_JUBJUB_METHOD => {
                let (x, y) = bytes.split_first_chunk::<32>()?;
                let (x, y) = (from_be_bytes(x).ok()?, from_be_bytes(y.try_into().ok()?).ok()?);
                VerifyingKey::from_coordinates(x, y).ok().map(DidKey::BabyJubJub)
            }
            _ => None,
        }
    }
}

impl DidDocument {
    /// The key with that id, if it may sign assertions and is one that we use.
    pub fn assertion_key(&self, id: &str) -> Option<DidKey> {
        let allowed = self.assertion_method.iter().any(|method| method == id);
        self.verification_method.iter().find(|method| allowed && method.id == id)?.key()
    }

    /// The id of a key that may sign assertions.
    pub fn assertion_method_of(&self, key: &DidKey) -> Option<&str> {
        let method =
            self.verification_method.iter().find(|method| method.key().as_ref() == Some(key))?;
        self.assertion_method.contains(&method.id).then_some(method.id.as_str())
    }
}

/// A document and what is known about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolution {
    /// The document; without keys if the identity is deactivated.
    pub document: DidDocument,
    /// Whether the identity was deactivated. Changes after that are not looked at.
    pub deactivated: bool,
    /// Block of the last change in the document, its version, and that block's time in Unix seconds; `None` if there
    /// was none.
    pub updated: Option<(u64, u64)>,
    /// The same of the first change after it, if an older version was asked for.
    pub next_update: Option<(u64, u64)>,
}

/// A document, and the blocks around it.
pub(super) struct Assembled {
    pub(super) document: DidDocument,
    pub(super) deactivated: bool,
    pub(super) version: Option<u64>,
    pub(super) next_version: Option<u64>,
}

/// Entries by key, in the order in which they were first set.
struct Ordered<T>(Vec<(String, T)>);

impl<T> Ordered<T> {
    fn set(&mut self, key: &str, value: T) {
        match self.0.iter_mut().find(|(known, _)| known == key) {
            Some((_, slot)) => *slot = value,
            None => self.0.push((key.to_owned(), value)),
        }
    }

    fn remove(&mut self, key: &str) {
        self.0.retain(|(known, _)| known != key);
    }

    fn into_values(self) -> impl Iterator<Item = T> {
        self.0.into_iter().map(|(_, value)| value)
    }
}

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

struct Assembly<'d> {
    did: &'d EthrDid,
    delegate_count: u32,
    service_count: u32,
    keys: Ordered<VerificationMethod>,
    authentication: Ordered<String>,
    assertion: Ordered<String>,
    agreement: Ordered<String>,
    services: Ordered<Value>,
}

/// The document of a DID as of `now`, with the changes of the blocks up to `last` only, if given.
pub(super) fn assemble(
    did: &EthrDid,
    history: &[Change],
    now: u64,
    last: Option<u64>,
) -> Assembled {
    let mut assembly = Assembly {
        did,
        delegate_count: 0,
        service_count: 0,
        keys: Ordered::default(),
        authentication: Ordered::default(),
        assertion: Ordered::default(),
        agreement: Ordered::default(),
        services: Ordered::default(),
    };
    let (mut version, mut next_version) = (None, None);
    let (mut owner, mut deactivated) = (did.address(), false);
    for change in history {
        if last.is_some_and(|last| change.block > last) {
            next_version = Some(change.block);
            break;
        }
        version = Some(change.block);
        match &change.kind {
            ChangeKind::Owner(new_owner) => {
                owner = *new_owner;
                deactivated = owner.is_zero();
            }
            ChangeKind::Delegate { role, delegate, valid_to } => {
                assembly.delegate(role, *delegate, is_valid(*valid_to, now));
            }
            ChangeKind::Attribute { name, value, valid_to } => {
                assembly.attribute(name, value, is_valid(*valid_to, now));
            }
        }
        if deactivated {
            break;
        }
    }
    let document = if deactivated { empty(did) } else { assembly.finish(owner) };
    Assembled { document, deactivated, version, next_version }
}

fn is_valid(valid_to: U256, now: u64) -> bool {
    !valid_to.is_zero() && valid_to >= U256::from(now)
}

fn empty(did: &EthrDid) -> DidDocument {
    DidDocument {
        context: CONTEXT.map(str::to_owned).to_vec(),
        id: did.to_string(),
        verification_method: Vec::new(),
        authentication: Vec::new(),
        assertion_method: Vec::new(),
        key_agreement: Vec::new(),
        service: Vec::new(),
    }
}

impl Assembly<'_> {
    fn account_method(&self, fragment: &str, account: Address) -> VerificationMethod {
        let account = account.to_checksum(None);
        VerificationMethod {
            id: format!("{}#{fragment}", self.did),
            r#type: RECOVERY_METHOD.into(),
            controller: self.did.to_string(),
            blockchain_account_id: Some(format!("eip155:{}:{account}", self.did.chain_id())),
            ..VerificationMethod::default()
        }
    }

    // Revoked and expired delegates count too: a key keeps its number for good.
    fn delegate(&mut self, role: &str, delegate: Address, valid: bool) {
        self.delegate_count += 1;
        let place = format!("delegate-{role}-{delegate}");
        if !valid {
            self.forget(&place);
            return;
        }
        if !matches!(role, "sigAuth" | "veriKey") {
            return;
        }
        let method = self.account_method(&format!("delegate-{}", self.delegate_count), delegate);
        if role == "sigAuth" {
            self.authentication.set(&place, method.id.clone());
        }
        self.assertion.set(&place, method.id.clone());
        self.keys.set(&place, method);
    }

    fn attribute(&mut self, name: &str, value: &[u8], valid: bool) {
        let place = format!("attribute-{name}-{}", hex::encode(value));
        if !valid {
            if name.starts_with("did/pub/") {
                self.delegate_count += 1;
            } else if name.starts_with("did/svc/") {
                self.service_count += 1;
            }
            self.forget(&place);
            return;
        }
        match AttributeName::parse(name) {
            Some(AttributeName { section: "pub", algorithm, purpose, encoding }) => {
                self.delegate_count += 1;
                self.key(&place, algorithm, purpose, encoding, value);
            }
            Some(AttributeName { section: "svc", algorithm, .. }) => {
                self.service_count += 1;
                if let Ok(text) = std::str::from_utf8(value) {
                    let endpoint = serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
                    let id = format!("{}#service-{}", self.did, self.service_count);
                    self.services.set(
                        &place,
                        json!({ "id": id, "type": algorithm, "serviceEndpoint": endpoint }),
                    );
                }
            }
            _ => {}
        }
    }

    fn key(
        &mut self,
        place: &str,
        algorithm: &str,
        purpose: Option<&str>,
        encoding: Option<&str>,
        value: &[u8],
    ) {
        let mut method = VerificationMethod {
            id: format!("{}#delegate-{}", self.did, self.delegate_count),
            r#type: method_type(algorithm, purpose).into(),
            controller: self.did.to_string(),
            ..VerificationMethod::default()
        };
        match encoding {
            None | Some("hex") => method.public_key_hex = Some(hex::encode(value)),
            Some("base58") => method.public_key_base58 = Some(base58::encode(value)),
            Some("base64") => method.public_key_base64 = Some(BASE64.encode(value)),
            Some("pem") => match std::str::from_utf8(value) {
                Ok(text) => method.public_key_pem = Some(text.to_owned()),
                Err(_) => return,
            },
            Some(_) => method.value = Some(hex::encode(value)),
        }
        let id = method.id.clone();
        self.keys.set(place, method);
        match purpose {
            Some("enc") => self.agreement.set(place, id),
            Some("sigAuth") => {
                self.authentication.set(place, id.clone());
                self.assertion.set(place, id);
            }
            _ => self.assertion.set(place, id),
        }
    }

    fn forget(&mut self, place: &str) {
        // As the reference resolver: a reference to an encryption key outlives its key.
        self.keys.remove(place);
        self.authentication.remove(place);
        self.assertion.remove(place);
        self.services.remove(place);
    }

    fn finish(self, owner: Address) -> DidDocument {
        let controller = self.account_method("controller", owner);
        let reference = controller.id.clone();
        let references = |more: Ordered<String>| {
            std::iter::once(reference.clone()).chain(more.into_values()).collect::<Vec<_>>()
        };
        DidDocument {
            verification_method: std::iter::once(controller)
                .chain(self.keys.into_values())
                .collect(),
            authentication: references(self.authentication),
            assertion_method: references(self.assertion),
            key_agreement: self.agreement.into_values().collect(),
            service: self.services.into_values().collect(),
            ..empty(self.did)
        }
    }
}

/// `did/<section>/<algorithm>[/<purpose>[/<encoding>]]`.
struct AttributeName<'n> {
    section: &'n str,
    algorithm: &'n str,
    purpose: Option<&'n str>,
    encoding: Option<&'n str>,
}

impl<'n> AttributeName<'n> {
    fn parse(name: &'n str) -> Option<Self> {
        let is_word = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        };
        let mut parts = name.strip_prefix("did/")?.split('/');
        let (section, algorithm) = (parts.next()?, parts.next()?);
        let (purpose, encoding) = (parts.next(), parts.next());
        let words = [Some(algorithm), purpose, encoding].into_iter().flatten().all(is_word);
        let known = matches!(section, "pub" | "svc");
        (words && known && parts.next().is_none()).then_some(Self {
            section,
            algorithm,
            purpose,
            encoding,
        })
    }
}

/// The type of a key. The reference resolver puts algorithm and purpose together and knows these.
fn method_type<'a>(algorithm: &'a str, purpose: Option<&str>) -> &'a str {
    let purpose = match purpose {
        Some("veriKey") => "VerificationKey2018",
        Some("sigAuth") => "SignatureAuthentication2018",
        Some("enc") => "KeyAgreementKey2019",
        other => other.unwrap_or_default(),
    };
    match format!("{algorithm}{purpose}").as_str() {
        "Secp256k1VerificationKey2018" | "Secp256k1SignatureAuthentication2018" => {
            "EcdsaSecp256k1VerificationKey2019"
        }
        ED25519_METHOD | "Ed25519SignatureAuthentication2018" => ED25519_METHOD,
        "RSAVerificationKey2018" => "RSAVerificationKey2018",
        "X25519KeyAgreementKey2019" => "X25519KeyAgreementKey2019",
        _ => algorithm,
    }
}
