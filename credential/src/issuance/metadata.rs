//! What an issuer and its authorization server publish of themselves.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::{Endpoint, IssuanceError, IssuerIdentifier, PRE_AUTHORIZED_CODE, read};
use crate::{
    error::{CredentialError, Rule},
    json::{Node, Object},
    schema::Schema,
    vcdm::{ATTESTRY_CONTEXT, CREDENTIALS_CONTEXT},
};

/// Bytes of metadata, at most.
pub const MAX_METADATA: usize = 256 * 1024;

const FORMAT: &str = "ldp_vc";
const CRYPTOSUITE: &str = "eddsa-rdfc-2022";
const PROOF_TYPE: &str = "jwt";
const BINDING_BY_JWK: &str = "jwk";
const WALLET_ALGORITHM: &str = "EdDSA";
const TYPE: &str = "VerifiableCredential";
const MAX_CONFIGURATIONS: usize = 256;
const LONGEST_NAME: usize = 512;

/// A name for people, in one language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Display {
    /// The name.
    pub name: String,
    /// The language, by BCP 47.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
}

/// Credential Issuer Metadata, as far as it is served and read here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IssuerMetadata {
    /// The issuer.
    pub credential_issuer: IssuerIdentifier,
    /// Authorization servers; none if the issuer is its own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub authorization_servers: Vec<IssuerIdentifier>,
    /// Where credentials are asked for.
    pub credential_endpoint: Endpoint,
    /// Where nonces are had; none if proofs take none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce_endpoint: Option<Endpoint>,
    /// Where credentials are asked for that were not ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deferred_credential_endpoint: Option<Endpoint>,
    /// Where the issuer is told what became of a credential.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notification_endpoint: Option<Endpoint>,
    /// The issuer's name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub display: Vec<Display>,
    /// What the issuer issues, by configuration id.
    pub credential_configurations_supported: BTreeMap<String, CredentialConfiguration>,
    /// Whether the issuer answers, or reads, nothing that is not encrypted once more.
    #[serde(skip)]
    encryption_required: bool,
}

/// One kind of credential that an issuer issues.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CredentialConfiguration {
    /// The format, `ldp_vc` for ours.
    pub format: String,
    /// The OAuth scope that stands for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Data Integrity cryptosuites that credentials are signed with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub credential_signing_alg_values_supported: Vec<String>,
    /// In which forms the wallet's key is written.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cryptographic_binding_methods_supported: Vec<String>,
    /// Signature algorithms of key proofs, by proof type.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", serialize_with = "proof_types")]
    pub proof_types_supported: BTreeMap<String, Vec<String>>,
    /// Which credentials these are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential_definition: Option<CredentialDefinition>,
    /// The credential's name.
    #[serde(rename = "credential_metadata", serialize_with = "credential_metadata")]
    pub display: Vec<Display>,
}

/// Contexts and types of credentials of format `ldp_vc`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CredentialDefinition {
    /// The contexts, in order.
    #[serde(rename = "@context")]
    pub context: Vec<String>,
    /// The types.
    pub r#type: Vec<String>,
}

impl IssuerMetadata {
    /// The metadata of one of our issuers. Its endpoints are `/oid4vci/{credential,nonce,
    /// deferred,notification}` below the issuer's identifier, and its authorization server is
    /// itself.
    ///
    /// # Errors
    /// If the identifier is so long that an endpoint's URL becomes too long.
    pub fn of_issuer(
        issuer: &IssuerIdentifier,
        schemas: impl IntoIterator<Item = Schema>,
        display: Vec<Display>,
    ) -> Result<Self, Rule> {
        let configuration =
            |schema: Schema| (schema.versioned_name(), CredentialConfiguration::of(schema));
        Ok(Self {
            credential_issuer: issuer.clone(),
            authorization_servers: Vec::new(),
            credential_endpoint: issuer.endpoint("/oid4vci/credential")?,
            nonce_endpoint: Some(issuer.endpoint("/oid4vci/nonce")?),
            deferred_credential_endpoint: Some(issuer.endpoint("/oid4vci/deferred")?),
            notification_endpoint: Some(issuer.endpoint("/oid4vci/notification")?),
            display,
            credential_configurations_supported: schemas.into_iter().map(configuration).collect(),
            encryption_required: false,
        })
    }

    /// Reads the metadata that was fetched for `issuer`.
    ///
    /// # Errors
    /// [`IssuanceError::OtherIssuer`] if it is not that issuer's; [`IssuanceError::TooLong`];
    /// [`IssuanceError::Malformed`].
    pub fn from_json(bytes: &[u8], issuer: &IssuerIdentifier) -> Result<Self, IssuanceError> {
        let value = read::message("issuer metadata", bytes, MAX_METADATA)?;
        let object = Node::root(&value, "").object()?;
        if object.require("credential_issuer")?.text()? != issuer.as_str() {
            return Err(IssuanceError::OtherIssuer("issuer metadata"));
        }
        let servers = object.list("authorization_servers")?;
        let supported = object.require("credential_configurations_supported")?;
        let supported = supported.object()?;
        if supported.names().count() > MAX_CONFIGURATIONS {
            let rule = Rule::new("has more than 256 members");
            return Err(rule.at(&supported.path).into());
        }
        let configurations = supported.names().map(|id| {
            let configuration = supported.require(id)?.object()?;
            Ok((id.clone(), CredentialConfiguration::read(&configuration)?))
        });
        let encryption_required =
            ["credential_request_encryption", "credential_response_encryption"]
                .iter()
                .any(|name| value[*name]["encryption_required"] == true);
        Ok(Self {
            credential_issuer: issuer.clone(),
            authorization_servers: servers
                .iter()
                .map(Node::parse)
                .collect::<Result<_, CredentialError>>()?,
            credential_endpoint: object.require("credential_endpoint")?.parse()?,
            nonce_endpoint: object.optional("nonce_endpoint")?,
            deferred_credential_endpoint: object.optional("deferred_credential_endpoint")?,
            notification_endpoint: object.optional("notification_endpoint")?,
            display: displays(&object)?,
            credential_configurations_supported: configurations
                .collect::<Result<_, CredentialError>>()?,
            encryption_required,
        })
    }

    /// The configuration of this id, if it is one that a wallet of ours can take.
    ///
    /// # Errors
    /// [`IssuanceError::NotInMetadata`] if there is none; [`IssuanceError::Unsupported`].
    pub fn wallet_configuration(
        &self,
        id: &str,
    ) -> Result<(Schema, &CredentialConfiguration), IssuanceError> {
        let configuration = self.credential_configurations_supported.get(id);
        let configuration =
            configuration.ok_or(IssuanceError::NotInMetadata("the configuration that it names"))?;
        if self.encryption_required {
            return Err(IssuanceError::Unsupported("issuer metadata: asks for encrypted messages"));
        }
        let schema = configuration.schema().ok_or(IssuanceError::Unsupported(
            "offer: is of another credential format or type than this wallet holds",
        ))?;
        let algorithms = configuration.proof_types_supported.get(PROOF_TYPE);
        let provable = algorithms.is_some_and(|all| all.iter().any(|a| a == WALLET_ALGORITHM))
            && configuration
                .cryptographic_binding_methods_supported
                .iter()
                .any(|method| method == BINDING_BY_JWK);
        if provable {
            Ok((schema, configuration))
        } else {
            Err(IssuanceError::Unsupported(
                "issuer metadata: takes no proof of an Ed25519 key as JWK",
            ))
        }
    }
}

impl CredentialConfiguration {
    /// The configuration under which one of our issuers issues a schema.
    fn of(schema: Schema) -> Self {
        let texts = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let name = match schema {
            Schema::ProviderCredential => "Provider credential",
            Schema::ConsentGrant => "Consent grant",
        };
        Self {
            format: FORMAT.to_owned(),
            scope: Some(schema.versioned_name()),
            credential_signing_alg_values_supported: texts(&[CRYPTOSUITE]),
            cryptographic_binding_methods_supported: texts(&[BINDING_BY_JWK, "did:key"]),
            proof_types_supported: [(PROOF_TYPE.to_owned(), texts(&[WALLET_ALGORITHM, "ES256"]))]
                .into(),
            credential_definition: Some(CredentialDefinition {
                context: texts(&[CREDENTIALS_CONTEXT, ATTESTRY_CONTEXT]),
                r#type: texts(&[TYPE, schema.type_name()]),
            }),
            display: vec![Display { name: name.to_owned(), locale: Some("en".to_owned()) }],
        }
    }

    /// The schema of its credentials, if they are ours.
    pub fn schema(&self) -> Option<Schema> {
        let definition = self.credential_definition.as_ref().filter(|_| self.format == FORMAT)?;
        let types = definition.r#type.iter().map(String::as_str);
        let contexts = definition.context.iter().map(String::as_str);
        Schema::ALL.into_iter().find(|schema| {
            types.clone().eq([TYPE, schema.type_name()])
                && contexts.clone().eq([CREDENTIALS_CONTEXT, ATTESTRY_CONTEXT])
        })
    }

    fn read(object: &Object<'_>) -> Result<Self, CredentialError> {
        let format = object.require("format")?.text()?.to_owned();
        let mut proof_types_supported = BTreeMap::new();
        if let Some(types) = object.get("proof_types_supported") {
            let types = types.object()?;
            for name in types.names() {
                let algorithms = types.require(name)?.object()?;
                let algorithms = algorithms.list("proof_signing_alg_values_supported")?;
                proof_types_supported.insert(name.clone(), read::texts(&algorithms)?);
            }
        }
        // Other formats write their algorithms as they like, and have no definition.
        let ours = format == FORMAT;
        let definition = object.get("credential_definition").filter(|_| ours);
        let algorithms = match ours {
            true => object.list("credential_signing_alg_values_supported")?,
            false => Vec::new(),
        };
        let metadata = object.get("credential_metadata").map(|node| node.object()).transpose()?;
        let bindings = object.list("cryptographic_binding_methods_supported")?;
        Ok(Self {
            format,
            scope: object.get("scope").map(|node| node.text().map(str::to_owned)).transpose()?,
            credential_signing_alg_values_supported: read::texts(&algorithms)?,
            cryptographic_binding_methods_supported: read::texts(&bindings)?,
            proof_types_supported,
            credential_definition: definition
                .map(|node| CredentialDefinition::read(&node.object()?))
                .transpose()?,
            display: metadata.as_ref().map_or(Ok(Vec::new()), displays)?,
        })
    }
}

impl CredentialDefinition {
    fn read(object: &Object<'_>) -> Result<Self, CredentialError> {
        Ok(Self {
            context: read::texts(&object.list("@context")?)?,
            r#type: read::texts(&object.list("type")?)?,
        })
    }
}

fn displays(object: &Object<'_>) -> Result<Vec<Display>, CredentialError> {
    let all = object.list("display")?.into_iter().map(|node| {
        let display = node.object()?;
        let text = |name: &str| {
            display.get(name).map(|node| {
                let text = node.text()?;
                if text.len() <= LONGEST_NAME && !text.chars().any(char::is_control) {
                    Ok(text.to_owned())
                } else {
                    Err(node.refuse("is longer than 512 bytes or has control characters"))
                }
            })
        };
        let text = |name: &str| text(name).transpose();
        Ok(Display { name: text("name")?.unwrap_or_default(), locale: text("locale")? })
    });
    all.collect()
}

fn proof_types<S: serde::Serializer>(
    types: &BTreeMap<String, Vec<String>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let described = types.iter().map(|(name, algorithms)| {
        (name, json!({ "proof_signing_alg_values_supported": algorithms }))
    });
    serializer.collect_map(described)
}

fn credential_metadata<S: serde::Serializer>(
    display: &Vec<Display>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let metadata = if display.is_empty() { json!({}) } else { json!({ "display": display }) };
    Value::serialize(&metadata, serializer)
}

/// OAuth 2.0 Authorization Server Metadata (RFC 8414), as far as it is served and read here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServerMetadata {
    /// The authorization server.
    pub issuer: IssuerIdentifier,
    /// Where codes are traded for access tokens.
    pub token_endpoint: Endpoint,
    /// Grant types.
    pub grant_types_supported: Vec<String>,
    /// How clients authenticate themselves at the token endpoint.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub token_endpoint_auth_methods_supported: Vec<String>,
    /// Types of authorization details.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub authorization_details_types_supported: Vec<String>,
    /// Whether a pre-authorized code is taken from a client without an id.
    #[serde(rename = "pre-authorized_grant_anonymous_access_supported")]
    pub anonymous_access: bool,
}

impl ServerMetadata {
    /// The metadata of one of our issuers as its own authorization server, with the token endpoint
    /// `/oid4vci/token`.
    ///
    /// # Errors
    /// As [`IssuerMetadata::of_issuer`].
    pub fn of_issuer(issuer: &IssuerIdentifier) -> Result<Self, Rule> {
        let one = |text: &str| vec![text.to_owned()];
        Ok(Self {
            issuer: issuer.clone(),
            token_endpoint: issuer.endpoint("/oid4vci/token")?,
            grant_types_supported: one(PRE_AUTHORIZED_CODE),
            token_endpoint_auth_methods_supported: one("none"),
            authorization_details_types_supported: one("openid_credential"),
            anonymous_access: true,
        })
    }

    /// Reads the metadata that was fetched for `issuer`.
    ///
    /// # Errors
    /// As [`IssuerMetadata::from_json`]; [`IssuanceError::Unsupported`] if it takes no
    /// pre-authorized code, or none from a wallet without client id.
    pub fn from_json(bytes: &[u8], issuer: &IssuerIdentifier) -> Result<Self, IssuanceError> {
        let value = read::message("authorization server metadata", bytes, MAX_METADATA)?;
        let object = Node::root(&value, "").object()?;
        if object.require("issuer")?.text()? != issuer.as_str() {
            return Err(IssuanceError::OtherIssuer("authorization server metadata"));
        }
        let grants = read::texts(&object.list("grant_types_supported")?)?;
        let anonymous = object.get("pre-authorized_grant_anonymous_access_supported");
        let anonymous = anonymous.map_or(Ok(false), |node| node.boolean())?;
        if !anonymous || !grants.iter().any(|grant| grant == PRE_AUTHORIZED_CODE) {
            return Err(IssuanceError::Unsupported(
                "authorization server metadata: takes no pre-authorized code from anonymous wallets",
            ));
        }
        Ok(Self {
            issuer: issuer.clone(),
            token_endpoint: object.require("token_endpoint")?.parse()?,
            grant_types_supported: grants,
            token_endpoint_auth_methods_supported: Vec::new(),
            authorization_details_types_supported: Vec::new(),
            anonymous_access: true,
        })
    }
}
