//! The contracts of one deployment: how they come to be, and how they are found.

use super::LedgerClient;
use super::registry::{RegistryClient, word};
use crate::contracts::{
    AddressBook, Consortium, EthereumDIDRegistry, EvidenceAnchor, IssuerRegistry, PoseidonT2,
    PoseidonT6, PresentationVerifier,
};
use crate::{Account, LedgerError};
use alloy::primitives::{Address, B256, Bytes};
use alloy::sol_types::SolConstructor;
use attestry_circuits::registry::RegistryTree;
use attestry_circuits::status::StatusList;
use serde::{Deserialize, Serialize};

const DID_REGISTRY: &str = "EthereumDIDRegistry";
const CONSORTIUM: &str = "Consortium";
const ISSUER_REGISTRY: &str = "IssuerRegistry";
const EVIDENCE_ANCHOR: &str = "EvidenceAnchor";
const PRESENTATION_VERIFIER: &str = "PresentationVerifier";

/// The contracts of one deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// The address book, from which the others are found.
    pub address_book: Address,
    /// ERC-1056.
    pub did_registry: Address,
    /// The members who govern.
    pub consortium: Address,
    /// The issuers, and the root of trust.
    pub issuer_registry: Address,
    /// Roots of batches of evidence.
    pub evidence_anchor: Address,
    /// Presentations and withdrawals on the ledger, if the deployment takes them.
    pub presentation_verifier: Option<Address>,
}

impl Deployment {
    /// Names and addresses, as the book has them.
    fn entries(&self) -> Vec<(B256, Address)> {
        let always = [
            (DID_REGISTRY, self.did_registry),
            (CONSORTIUM, self.consortium),
            (ISSUER_REGISTRY, self.issuer_registry),
            (EVIDENCE_ANCHOR, self.evidence_anchor),
        ];
        let verifier = self.presentation_verifier.map(|address| (PRESENTATION_VERIFIER, address));
        always.into_iter().chain(verifier).map(|(text, address)| (name(text), address)).collect()
    }
}

impl RegistryClient {
    /// Deploys the contracts, governed by `members` of whom `threshold` must approve; without one
    /// that checks presentations, for which see [`RegistryClient::deploy_presentation_verifier`].
    ///
    /// # Errors
    /// [`LedgerError::Reverted`] if the members or the threshold are not possible; those of sending.
    pub async fn deploy(
        client: LedgerClient,
        deployer: &Account,
        members: &[Address],
        threshold: u16,
    ) -> Result<Self, LedgerError> {
        let did_registry = client.create(deployer, EthereumDIDRegistry::BYTECODE.clone()).await?;
        let founders =
            Consortium::constructorCall { founders: members.to_vec(), initialThreshold: threshold };
        let consortium =
            client.create(deployer, init_code(&Consortium::BYTECODE, &founders)).await?;
        let poseidon = client.create(deployer, PoseidonT6::BYTECODE.clone()).await?;
        let registry = IssuerRegistry::constructorCall {
            consortium_: consortium,
            poseidon_: poseidon,
            emptyStatusRoot_: word(StatusList::new().root().as_field()),
        };
        let issuer_registry =
            client.create(deployer, init_code(&IssuerRegistry::BYTECODE, &registry)).await?;
        let evidence_anchor = client.create(deployer, EvidenceAnchor::BYTECODE.clone()).await?;
        let contracts = Deployment {
            address_book: Address::ZERO,
            did_registry,
            consortium,
            issuer_registry,
            evidence_anchor,
            presentation_verifier: None,
        };
        Self::publish(client, deployer, contracts).await
    }

    /// Deploys a contract that checks presentations with this verifying key, in the words of
    /// `attestry_keys::interop::solidity::verifying_key_words`, and a new address book in which it
    /// stands beside the contracts of this deployment. The old book stays as it is: whoever uses it
    /// knows the old verifier, whose nullifiers and withdrawals do not come along.
    ///
    /// # Errors
    /// [`LedgerError::Reverted`] if the key is not one of the presentation circuit; those of sending.
    pub async fn deploy_presentation_verifier(
        &self,
        deployer: &Account,
        verifying_key: &[u8],
    ) -> Result<Self, LedgerError> {
        let poseidon = self.client.create(deployer, PoseidonT2::BYTECODE.clone()).await?;
        let arguments = PresentationVerifier::constructorCall {
            registry_: self.deployment.issuer_registry,
            poseidon_: poseidon,
            verifyingKey: Bytes::copy_from_slice(verifying_key),
        };
        let code = init_code(&PresentationVerifier::BYTECODE, &arguments);
        let verifier = self.client.create(deployer, code).await?;
        let contracts = Deployment { presentation_verifier: Some(verifier), ..self.deployment };
        Self::publish(self.client.clone(), deployer, contracts).await
    }

    async fn publish(
        client: LedgerClient,
        deployer: &Account,
        contracts: Deployment,
    ) -> Result<Self, LedgerError> {
        let (names_, addresses) = contracts.entries().into_iter().unzip();
        let book = AddressBook::constructorCall { names_, addresses };
        let address_book =
            client.create(deployer, init_code(&AddressBook::BYTECODE, &book)).await?;
        Ok(Self::at(client, Deployment { address_book, ..contracts }))
    }

    /// Finds a deployment from its address book and checks that it is one.
    ///
    /// # Errors
    /// [`LedgerError::NotADeployment`]; those of reading.
    pub async fn open(client: LedgerClient, address_book: Address) -> Result<Self, LedgerError> {
        let book = AddressBook::namesCall {};
        let names = client.read(address_book, book).await.map_err(|error| match error {
            LedgerError::Malformed(_) | LedgerError::Reverted { .. } => {
                LedgerError::NotADeployment("there is no address book")
            }
            other => other,
        })?;
        let find = async |wanted: &str| {
            let call = AddressBook::addressOfCall { name: name(wanted) };
            match names.contains(&call.name) {
                true => client.read(address_book, call).await,
                false => Err(LedgerError::NotADeployment("the book lacks a contract")),
            }
        };
        let deployment = Deployment {
            address_book,
            did_registry: find(DID_REGISTRY).await?,
            consortium: find(CONSORTIUM).await?,
            issuer_registry: find(ISSUER_REGISTRY).await?,
            evidence_anchor: find(EVIDENCE_ANCHOR).await?,
            presentation_verifier: match names.contains(&name(PRESENTATION_VERIFIER)) {
                true => Some(find(PRESENTATION_VERIFIER).await?),
                false => None,
            },
        };
        let registry = deployment.issuer_registry;
        let empty_list = client.read(registry, IssuerRegistry::emptyStatusRootCall {}).await?;
        let empty_tree = client.read(registry, IssuerRegistry::EMPTY_ROOTCall {}).await?;
        if empty_list != word(StatusList::new().root().as_field()) {
            return Err(LedgerError::NotADeployment("its status lists are of another kind"));
        }
        if empty_tree != word(RegistryTree::new().root().as_field()) {
            return Err(LedgerError::NotADeployment("its registry tree is of another kind"));
        }
        if let Some(verifier) = deployment.presentation_verifier
            && client.read(verifier, PresentationVerifier::registryCall {}).await? != registry
        {
            return Err(LedgerError::NotADeployment("its verifier is of another registry"));
        }
        Ok(Self::at(client, deployment))
    }
}

fn init_code<C: SolConstructor>(code: &Bytes, arguments: &C) -> Bytes {
    [code.as_ref(), &arguments.abi_encode()].concat().into()
}

fn name(text: &str) -> B256 {
    let mut padded = [0; 32];
    padded[..text.len()].copy_from_slice(text.as_bytes());
    padded.into()
}
