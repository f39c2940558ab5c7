//! The committed contracts through alloy's own provider, with its usual fillers.

use crate::world::{World, refusal};
use alloy::network::EthereumWallet;
use alloy::primitives::{Bytes, U256};
use alloy::providers::{Provider, ProviderBuilder};
use alloy::rpc::client::RpcClient;
use alloy::rpc::types::TransactionRequest;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol;
use alloy::sol_types::SolCall;
use ark_std::rand::Rng;
use attestry_circuits::field::{from_be_bytes, to_be_bytes};
use attestry_circuits::{Fr, poseidon};

sol!(PoseidonT6, "../contracts/artifacts/PoseidonT6.json");

#[tokio::test(flavor = "multi_thread")]
async fn the_contracts_hash_is_that_of_the_circuits() {
    let mut world = World::new().await;
    let signer = PrivateKeySigner::from_slice(&[9; 32]).unwrap();
    let provider = ProviderBuilder::new()
        .wallet(EthereumWallet::from(signer))
        .connect_client(RpcClient::new(world.ledger.transport(), true));
    let deployment =
        TransactionRequest { to: Some(alloy::primitives::TxKind::Create), ..Default::default() }
            .input(PoseidonT6::BYTECODE.clone().into());
    let receipt = provider.send_transaction(deployment).await.unwrap().get_receipt().await.unwrap();
    let probe = receipt.contract_address.unwrap();

    let largest = -Fr::from(1u64);
    let mut cases =
        vec![[Fr::from(0u64); 5], [largest; 5], [1, 2, 3, 4, 5].map(|i| Fr::from(i as u64))];
    for _ in 0..24 {
        cases.push(std::array::from_fn(|_| Fr::from(world.rng.r#gen::<u128>()) * largest));
    }
    for inputs in cases {
        let words = inputs.map(|input| U256::from_be_bytes(to_be_bytes(&input)));
        let call = Bytes::from(PoseidonT6::hashCall { inputs: words }.abi_encode());
        let request = TransactionRequest::default().to(probe).input(call.into());
        let gas = provider.estimate_gas(request.clone()).await.unwrap();
        assert!(gas < 65_000, "a hash took {gas} gas, of which 21,000 are the transaction");
        let answer = provider.call(request).await.unwrap();
        let digest = PoseidonT6::hashCall::abi_decode_returns(&answer).unwrap();
        assert_eq!(from_be_bytes(&digest.to_be_bytes()).unwrap(), poseidon::hash(&inputs));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_is_found_from_its_address_book() {
    let world = World::new().await;
    let book = world.registry.deployment().address_book;
    let found = attestry_ledger::RegistryClient::open(world.client.clone(), book).await.unwrap();
    assert_eq!(found.deployment(), world.registry.deployment());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_without_a_book_is_no_deployment() {
    use attestry_ledger::{LedgerError, RegistryClient};
    let mut world = World::new().await;
    let nobody = world.account().address();
    let opened = RegistryClient::open(world.client.clone(), nobody).await;
    assert!(matches!(opened, Err(LedgerError::NotADeployment(_))), "{opened:?}");
    let another_contract = world.registry.deployment().issuer_registry;
    let opened = RegistryClient::open(world.client.clone(), another_contract).await;
    assert!(opened.is_err(), "{opened:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_impossible_consortiums() {
    use attestry_ledger::RegistryClient;
    let world = World::new().await;
    let [a, b, _] = world.members.each_ref().map(|member| member.address());
    let deploy = async |members: &[attestry_ledger::Address], threshold| {
        refusal(
            RegistryClient::deploy(world.client.clone(), &world.members[0], members, threshold)
                .await,
        )
    };
    assert_eq!(deploy(&[a, b], 3).await, "InvalidThreshold");
    assert_eq!(deploy(&[a, b], 0).await, "InvalidThreshold");
    assert_eq!(deploy(&[a, a], 1).await, "AlreadyMember");
    assert_eq!(deploy(&[a, attestry_ledger::Address::ZERO], 1).await, "InvalidMember");
}
