//! BitstringStatusListCredential: the same bits as the Poseidon-committed list of the registry.

use attestry_circuits::status::{LIST_SIZE, StatusList};
use serde_json::{Value, json};
use ssi::status::bitstring_status_list::{EncodedList, SizedBitString, StatusSize};

use super::{
    Refusal,
    did::DidEthr,
    proof::{ProofPolicy, sign_json, verify_proof},
    signer::DocumentSigner,
};
use crate::{
    error::CredentialError,
    json::Node,
    vcdm::{CREDENTIALS_CONTEXT, StatusEntry, write_time},
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
    let expected = json!(["VerifiableCredential", "BitstringStatusListCredential"]);
    let subject = root.require("credentialSubject")?.object()?;
    let is_list = *root.require("type")?.value == expected
        && subject.require("type")?.value == "BitstringStatusList"
        && subject.require("statusPurpose")?.value == "revocation";
    if !is_list {
        return Err(Refusal::EncodedList.into());
    }
    Ok(VerifiedStatusList {
        url: root.require("id")?.text()?.to_owned(),
        issuer: root.require("issuer")?.text()?.to_owned(),
        list: decode(subject.require("encodedList")?.text()?)?,
    })
}

fn encode(list: &StatusList) -> Result<String, Refusal> {
    let bits = SizedBitString::from_bytes(StatusSize::DEFAULT, list.to_bitstring());
    match serde_json::to_value(bits.encode()) {
        Ok(Value::String(text)) => Ok(text),
        _ => Err(Refusal::EncodedList),
    }
}

fn decode(text: &str) -> Result<StatusList, Refusal> {
    const BYTES: usize = LIST_SIZE / 8;
    let encoded: EncodedList =
        serde_json::from_value(Value::from(text)).map_err(|_| Refusal::EncodedList)?;
    let bytes = encoded.decode(Some(BYTES as u64)).map_err(|_| Refusal::EncodedList)?;
    if bytes.len() != BYTES {
        return Err(Refusal::EncodedList);
    }
    let bits = SizedBitString::from_bytes(StatusSize::DEFAULT, bytes);
    let set = (0..LIST_SIZE as u32).zip(bits.iter()).filter(|(_, bit)| *bit == 1);
    let set: Vec<u32> = set.map(|(index, _)| index).collect();
    let mut list = StatusList::new();
    list.flip_all(&set).map_err(|_| Refusal::EncodedList)?;
    Ok(list)
}
