//! The document: read strictly, written in one way, encoded to what is signed.

use attestry_circuits::{Credential, Header, HolderCommitment, IssuerId};
use serde_json::{Map, Value, json};

use super::{ATTESTRY_CONTEXT, CREDENTIALS_CONTEXT, read_time, schema_url, write_time};
use crate::{
    error::{CredentialError, Rule},
    json::{self, Node, Object},
    schema::{Schema, Subject},
};

/// The member of `credentialSubject` that names the holder.
pub const HOLDER_COMMITMENT: &str = "holderCommitment";
const TYPE: &str = "VerifiableCredential";
const STATUS_TYPE: &str = "BitstringStatusListEntry";
const SCHEMA_TYPE: &str = "JsonSchema";

/// Where a credential's revocation bit stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusEntry {
    /// URL of the status list credential.
    pub list: String,
    /// The bit's index, below 131,072.
    pub index: u32,
}

impl StatusEntry {
    /// The entry as a BitstringStatusListEntry for revocation.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "id": format!("{}#{}", self.list, self.index),
            "type": STATUS_TYPE,
            "statusPurpose": "revocation",
            "statusListIndex": self.index.to_string(),
            "statusListCredential": self.list,
        })
    }
}

/// A verifiable credential of one of our schemas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    id: String,
    issuer: String,
    issuer_id: IssuerId,
    holder: HolderCommitment,
    valid_from: u64,
    valid_until: u64,
    status: StatusEntry,
    subject: Subject,
}

impl Document {
    /// A document that states `subject`.
    ///
    /// `id` is a URI; `issuer` a `did:ethr` identifier with an address; the times are Unix
    /// seconds.
    ///
    /// # Errors
    /// The first part that breaks a rule.
    pub fn new(
        id: String,
        issuer: String,
        holder: HolderCommitment,
        validity: (u64, u64),
        status: StatusEntry,
        subject: Subject,
    ) -> Result<Self, CredentialError> {
        let issuer_id = issuer_id(&issuer).map_err(|rule| rule.at("issuer"))?;
        let document = Self {
            id,
            issuer,
            issuer_id,
            holder,
            valid_from: validity.0,
            valid_until: validity.1,
            status,
            subject,
        };
        // What is issued must be readable.
        Self::from_json(&document.to_json()?)
    }

    /// The credential's own identifier.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The issuer's DID.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The schema.
    pub fn schema(&self) -> Schema {
        self.subject.schema()
    }

    /// Whose it is.
    pub fn holder(&self) -> HolderCommitment {
        self.holder
    }

    /// First second of validity, Unix.
    pub fn valid_from(&self) -> u64 {
        self.valid_from
    }

    /// Last second of validity, Unix.
    pub fn valid_until(&self) -> u64 {
        self.valid_until
    }

    /// Where its revocation bit stands.
    pub fn status(&self) -> &StatusEntry {
        &self.status
    }

    /// What it states.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// What the issuer attests: header and claims, under a salt.
    ///
    /// # Errors
    /// If the claims or the header break a rule.
    pub fn credential(&self, salt: [u8; 16]) -> Result<Credential, CredentialError> {
        let header = Header {
            schema: self.schema().id(),
            issuer_id: self.issuer_id,
            holder: self.holder,
            status_index: self.status.index,
            valid_from: self.valid_from,
            valid_until: self.valid_until,
            salt,
        };
        header
            .validate()
            .map_err(|error| Rule::worded(format!("cannot be attested: {error}")).at("$"))?;
        Ok(Credential { header, claims: self.subject.claims(&salt)? })
    }

    /// The document without a proof.
    ///
    /// # Errors
    /// If a time does not fit the calendar.
    pub fn to_json(&self) -> Result<Value, CredentialError> {
        let time = |name: &str, seconds| write_time(seconds).map_err(|rule| rule.at(name));
        let mut subject = match serde_json::to_value(&self.subject) {
            Ok(Value::Object(subject)) => subject,
            _ => Map::new(),
        };
        subject.insert(HOLDER_COMMITMENT.to_owned(), Value::from(self.holder.to_string()));
        Ok(json!({
            "@context": [CREDENTIALS_CONTEXT, ATTESTRY_CONTEXT],
            "id": self.id,
            "type": [TYPE, self.schema().type_name()],
            "issuer": self.issuer,
            "validFrom": time("validFrom", self.valid_from)?,
            "validUntil": time("validUntil", self.valid_until)?,
            "credentialSubject": subject,
            "credentialStatus": self.status.to_json(),
            "credentialSchema": { "id": schema_url(self.schema()), "type": SCHEMA_TYPE },
        }))
    }

    /// Reads a document's bytes: see [`Document::from_json`].
    ///
    /// # Errors
    /// Those of [`Document::from_json`].
    pub fn from_slice(bytes: &[u8]) -> Result<Self, CredentialError> {
        Self::from_json(&json::parse(bytes)?)
    }

    /// Reads a document, with or without a proof, which is not looked at.
    ///
    /// # Errors
    /// The first member that is unknown, missing, of another form than [`Document::to_json`]
    /// writes, or that breaks a rule of its schema.
    pub fn from_json(value: &Value) -> Result<Self, CredentialError> {
        let root = Node::root(value, "").object()?;
        root.only(&[
            "@context",
            "id",
            "type",
            "issuer",
            "validFrom",
            "validUntil",
            "credentialSubject",
            "credentialStatus",
            "credentialSchema",
            "proof",
        ])?;
        exactly(&root, "@context", &json!([CREDENTIALS_CONTEXT, ATTESTRY_CONTEXT]))?;
        let schema = schema_of(&root)?;
        let stated = root.require("credentialSchema")?.object()?;
        stated.only(&["id", "type"])?;
        exactly(&stated, "id", &json!(schema_url(schema)))?;
        exactly(&stated, "type", &json!(SCHEMA_TYPE))?;

        let id = root.require("id")?;
        if !id.text()?.contains(':') {
            return Err(id.refuse("is not a URI"));
        }
        let issuer = root.require("issuer")?;
        let subject = root.require("credentialSubject")?.object()?;
        let holder = subject.require(HOLDER_COMMITMENT)?;
        let document = Self {
            id: id.text()?.to_owned(),
            issuer: issuer.text()?.to_owned(),
            issuer_id: issuer_id(issuer.text()?).map_err(|rule| rule.at("issuer"))?,
            holder: holder
                .text()?
                .parse()
                .map_err(|_| holder.refuse("is not a canonical field element"))?,
            valid_from: read_time(&root.require("validFrom")?)?,
            valid_until: read_time(&root.require("validUntil")?)?,
            status: read_status(&root.require("credentialStatus")?)?,
            subject: Subject::read(schema, &subject, &[HOLDER_COMMITMENT])?,
        };
        if document.valid_until < document.valid_from {
            return Err(CredentialError::invalid("validUntil", "is before validFrom"));
        }
        Ok(document)
    }
}

fn schema_of(root: &Object<'_>) -> Result<Schema, CredentialError> {
    let types = root.require("type")?;
    let mut schemas = Schema::ALL.into_iter();
    let schema = schemas.find(|schema| *types.value == json!([TYPE, schema.type_name()]));
    schema.ok_or_else(|| {
        types.refuse("is not VerifiableCredential and ProviderCredential or ConsentGrant")
    })
}

fn exactly(object: &Object<'_>, name: &str, expected: &Value) -> Result<(), CredentialError> {
    let node = object.require(name)?;
    if node.value == expected {
        Ok(())
    } else {
        Err(node.refuse("is not the one that this schema has"))
    }
}

fn read_status(node: &Node<'_>) -> Result<StatusEntry, CredentialError> {
    let status = node.object()?;
    status.only(&["id", "type", "statusPurpose", "statusListIndex", "statusListCredential"])?;
    exactly(&status, "type", &json!(STATUS_TYPE))?;
    exactly(&status, "statusPurpose", &json!("revocation"))?;
    let index = status.require("statusListIndex")?;
    let text = index.text()?;
    let number: Option<u32> = text.parse().ok();
    let in_list = number
        .filter(|n| n.to_string() == text && (*n as usize) < attestry_circuits::status::LIST_SIZE);
    let index = in_list.ok_or_else(|| index.refuse("is not a number below 131072"))?;
    let list = status.require("statusListCredential")?;
    let url = list.text()?;
    if !url.contains(':') {
        return Err(list.refuse("is not a URL"));
    }
    exactly(&status, "id", &json!(format!("{url}#{index}")))?;
    Ok(StatusEntry { list: url.to_owned(), index })
}

/// The address of a `did:ethr` identifier, with or without a network.
fn issuer_id(did: &str) -> Result<IssuerId, Rule> {
    let wrong = || Rule::new("is not did:ethr with an address of 20 bytes");
    let rest = did.strip_prefix("did:ethr:").ok_or_else(wrong)?;
    let (network, address) = rest.rsplit_once(':').unwrap_or(("", rest));
    if network.contains([':', '#', '?', '/']) {
        return Err(wrong());
    }
    let digits = address.strip_prefix("0x").ok_or_else(wrong)?;
    let mut bytes = [0; 20];
    hex::decode_to_slice(digits, &mut bytes).map_err(|_| wrong())?;
    Ok(IssuerId::from_address(bytes))
}
