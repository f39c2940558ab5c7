//! Bindings of the committed contract artefacts.

#![allow(missing_docs, unreachable_pub, clippy::too_many_arguments)]

use alloy::primitives::Bytes;
use alloy::sol;
use alloy::sol_types::{Revert, SolError};

sol!(
    #[derive(Debug)]
    EthereumDIDRegistry,
    "../contracts/artifacts/EthereumDIDRegistry.json"
);
sol!(
    #[derive(Debug)]
    Consortium,
    "../contracts/artifacts/Consortium.json"
);
sol!(
    #[derive(Debug)]
    IssuerRegistry,
    "../contracts/artifacts/IssuerRegistry.json"
);
sol!(
    #[derive(Debug)]
    PoseidonT6,
    "../contracts/artifacts/PoseidonT6.json"
);
sol!(
    #[derive(Debug)]
    EvidenceAnchor,
    "../contracts/artifacts/EvidenceAnchor.json"
);
sol!(
    #[derive(Debug)]
    PoseidonT2,
    "../contracts/artifacts/PoseidonT2.json"
);
sol!(
    #[derive(Debug)]
    PresentationVerifier,
    "../contracts/artifacts/PresentationVerifier.json"
);
sol!(
    #[derive(Debug)]
    AddressBook,
    "../contracts/artifacts/AddressBook.json"
);

/// Name of the error that a contract reverted with.
pub(crate) fn error_name(data: &Bytes) -> String {
    if let Ok(Revert { reason }) = Revert::abi_decode(data) {
        return reason;
    }
    let Some(selector) = data.first_chunk::<4>().copied() else {
        return "unknown".into();
    };
    IssuerRegistry::IssuerRegistryErrors::name_by_selector(selector)
        .or_else(|| Consortium::ConsortiumErrors::name_by_selector(selector))
        .or_else(|| AddressBook::AddressBookErrors::name_by_selector(selector))
        .or_else(|| EvidenceAnchor::EvidenceAnchorErrors::name_by_selector(selector))
        .or_else(|| PresentationVerifier::PresentationVerifierErrors::name_by_selector(selector))
        .unwrap_or("unknown")
        .to_owned()
}
