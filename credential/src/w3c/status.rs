//! BitstringStatusListCredential: the same bits as the Poseidon-committed list of the registry.

use attestry_circuits::status::{LIST_SIZE, StatusList};
use serde_json::{Value, json};
use ssi::status::bitstring_status_list::{EncodedList, SizedBitString, StatusSize};

use super::{
    Refusal,
    did::{DidEthr, Purpose},
    generic::StatusSource,
    graph::{canonical_graph, unsecured},
    proof::{ProofPolicy, check_proofs, check_validity, issuer, sign_json, verify_proof},
    signer::DocumentSigner,
};
use crate::{
    error::CredentialError,
    json::{Node, Object},
    vcdm::{
        CREDENTIALS_CONTEXT, StatusEntry,
        conforming::{check_credential, each, types},
        write_time,
    },
};

/// What an issuer publishes of its revocations.
#[derive(Debug)]
pub struct StatusListCredential<'a> {
    /// URL at which it is served, and which credentials name.
    pub url: &'a str,
    /// The issuer's DID.
    pub issuer: &'a str,
    /// First second of validity, Unix.
    pub valid_from: u64,
    /// Last second of validity, Unix: how long verifiers may rely on it.
    pub valid_until: u64,
    /// The bits.
    pub list: &'a StatusList,
}

impl StatusListCredential<'_> {
    /// The signed credential, served as `application/vc+ld+json`.
    ///
    /// # Errors
    /// Those of [`sign_json`]; a time that does not fit the calendar.
    pub async fn sign(
        &self,
        key: &dyn DocumentSigner,
        method: &str,
        now: u64,
    ) -> Result<Value, CredentialError> {
        let time = |name: &str, seconds| write_time(seconds).map_err(|rule| rule.at(name));
        let credential = json!({
            "@context": [CREDENTIALS_CONTEXT],
            "id": self.url,
            "type": ["VerifiableCredential", "BitstringStatusListCredential"],
            "issuer": self.issuer,
            "validFrom": time("validFrom", self.valid_from)?,
            "validUntil": time("validUntil", self.valid_until)?,
            "credentialSubject": {
                "id": format!("{}#list", self.url),
                "type": "BitstringStatusList",
                "statusPurpose": "revocation",
                "encodedList": encode(self.list)?,
            },
        });
        sign_json(&credential, key, method, now).await
    }
}

/// A status list whose proof holds.
#[derive(Clone, Debug)]
pub struct VerifiedStatusList {
    url: String,
    issuer: String,
    list: StatusList,
}

impl VerifiedStatusList {
    /// Where it is served.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Who signed it.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The bits.
    pub fn list(&self) -> &StatusList {
        &self.list
    }

    /// Looks up a credential of an issuer.
    ///
    /// # Errors
    /// [`Refusal::StatusList`] if the credential names another list or has another issuer;
    /// [`Refusal::Revoked`] if its bit is set.
    pub fn check(&self, issuer: &str, entry: &StatusEntry) -> Result<(), Refusal> {
        if entry.list != self.url || issuer != self.issuer {
            return Err(Refusal::StatusList);
        }
        match self.list.get(entry.index) {
            Ok(false) => Ok(()),
            Ok(true) => Err(Refusal::Revoked),
            Err(_) => Err(Refusal::StatusList),
        }
    }
}

/// Checks a status list credential's proof and reads its bits.
///
/// # Errors
/// Those of [`verify_proof`]; [`Refusal::EncodedList`] if it is no revocation list of the one
/// size.
pub async fn verify_status_list(
    credential: &Value,
    policy: &ProofPolicy,
    ledger: &impl DidEthr,
) -> Result<VerifiedStatusList, CredentialError> {
    verify_proof(credential, policy, ledger).await?;
    let root = Node::root(credential, "").object()?;
    let list = Bits::read(&root)?;
    if list.purposes != ["revocation"] || list.bytes.len() != LIST_SIZE / 8 {
        return Err(Refusal::EncodedList.into());
    }
    Ok(VerifiedStatusList {
        url: root.require("id")?.text()?.to_owned(),
        issuer: root.require("issuer")?.text()?.to_owned(),
        list: list.own()?,
    })
}

/// Looks up one entry of `credentialStatus`, whose form is checked. Returns whether the entry
/// speaks for the credential without reserve: not so if it says that a newer one can be had.
///
/// The list must be vouched for by the credential's own issuer, be valid, and hold at least the
/// 131,072 bits that hide a holder among others.
pub(super) async fn check_entry(
    entry: &Node<'_>,
    issuer_of_credential: &str,
    now: u64,
    ledger: &(impl DidEthr + Sync),
    statuses: &(impl StatusSource + Sync),
) -> Result<bool, CredentialError> {
    let entry = entry.object()?;
    let purpose = entry.require("statusPurpose").and_then(|purpose| purpose.text());
    let one_bit = entry.get("statusSize").is_none_or(|size| *size.value == 1);
    let (true, true, Ok(purpose @ ("revocation" | "suspension" | "refresh"))) =
        (types(&entry)? == ["BitstringStatusListEntry"], one_bit, purpose)
    else {
        return Err(Refusal::StatusKind.into());
    };
    let url = entry.require("statusListCredential")?.text()?;
    let credential = statuses.status_list(url).await.map_err(|_| Refusal::StatusUnavailable)?;
    let unverified = |_: CredentialError| Refusal::StatusUnverified;
    check_credential(&credential).map_err(unverified)?;
    let root = Node::root(&credential, "").object()?;
    if root.get("id").is_some_and(|id| id.value != url) {
        return Err(Refusal::StatusList.into());
    }
    let vouched = async {
        if issuer(&credential)? != issuer_of_credential || root.get("credentialStatus").is_some() {
            return Err(Refusal::StatusUnverified);
        }
        canonical_graph(&unsecured(&credential)).await?;
        check_validity(&root, now)?;
        let (signer, policy) = (Some(issuer_of_credential), ProofPolicy::at(now));
        check_proofs(&credential, signer, Purpose::Assertion, &policy, ledger).await
    };
    vouched.await.map_err(|_| Refusal::StatusUnverified)?;
    let list = Bits::read(&root)?;
    if !list.purposes.contains(&purpose) {
        return Err(Refusal::StatusKind.into());
    }
    let index = entry.require("statusListIndex")?.text()?.parse().ok();
    match (list.get(index).ok_or(Refusal::StatusRange)?, purpose) {
        (false, _) => Ok(true),
        (true, "revocation") => Err(Refusal::Revoked.into()),
        (true, "suspension") => Err(Refusal::Suspended.into()),
        (true, _) => Ok(false),
    }
}

/// The list of a status list credential, as anybody may publish it.
struct Bits<'a> {
    purposes: Vec<&'a str>,
    bytes: Vec<u8>,
}

impl<'a> Bits<'a> {
    /// Reads the subject of a status list credential.
    fn read(root: &Object<'a>) -> Result<Self, CredentialError> {
        let subject = root.require("credentialSubject")?.object()?;
        let purposes = each(&subject, "statusPurpose")?;
        let purposes = purposes.iter().map(|purpose| purpose.value.as_str());
        let purposes: Option<Vec<_>> = purposes.collect();
        let is_list = types(root)?.contains(&"BitstringStatusListCredential")
            && types(&subject)? == ["BitstringStatusList"];
        let Some(purposes) = purposes.filter(|purposes| is_list && !purposes.is_empty()) else {
            return Err(Refusal::EncodedList.into());
        };
        Ok(Self { purposes, bytes: decode(subject.require("encodedList")?.text()?)? })
    }

    /// The bit at an index; the first is the highest of the first byte.
    fn get(&self, index: Option<usize>) -> Option<bool> {
        let index = index?;
        let byte = self.bytes.get(index / 8)?;
        Some(byte >> (7 - index % 8) & 1 == 1)
    }

    /// The list as ours are.
    fn own(self) -> Result<StatusList, Refusal> {
        let set: Vec<u32> = (0..LIST_SIZE as u32)
            .filter(|index| self.get(usize::try_from(*index).ok()) == Some(true))
            .collect();
        let mut list = StatusList::new();
        list.flip_all(&set).map_err(|_| Refusal::EncodedList)?;
        Ok(list)
    }
}

fn encode(list: &StatusList) -> Result<String, Refusal> {
    let bits = SizedBitString::from_bytes(StatusSize::DEFAULT, list.to_bitstring());
    match serde_json::to_value(bits.encode()) {
        Ok(Value::String(text)) => Ok(text),
        _ => Err(Refusal::EncodedList),
    }
}

/// The bytes of `encodedList`: at least as many as ours have, at most 2 MiB.
fn decode(text: &str) -> Result<Vec<u8>, Refusal> {
    const MOST_BYTES: u64 = 1 << 21;
    let encoded: EncodedList =
        serde_json::from_value(Value::from(text)).map_err(|_| Refusal::EncodedList)?;
    let bytes = encoded.decode(Some(MOST_BYTES)).map_err(|_| Refusal::EncodedList)?;
    Some(bytes).filter(|bytes| bytes.len() >= LIST_SIZE / 8).ok_or(Refusal::EncodedList)
}
