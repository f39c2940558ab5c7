//! A chain with blocks of its own making: confirmations, reorganisations, gas that costs.

use crate::anvil::Anvil;
use crate::world::{account, act, impatient};
use ark_std::rand::{SeedableRng, rngs::StdRng};
use attestry_circuits::SchemaId;
use attestry_circuits::schnorr::SigningKey;
use attestry_circuits::status::StatusList;
use attestry_ledger::{
    Accreditation, ClientOptions, LedgerClient, LedgerError, ReadAt, RegistryClient,
};
use serde_json::{Value, json};
use std::time::Duration;

const FREE_GAS: [&str; 4] = ["--gas-price", "0", "--block-base-fee-per-gas", "0"];

fn client(anvil: &Anvil, options: ClientOptions) -> LedgerClient {
    LedgerClient::http(&anvil.url, options).unwrap()
}

/// A deployment by an account that the test funds.
async fn deployed(anvil: &Anvil, options: ClientOptions) -> RegistryClient {
    let member = account(1);
    anvil.fund(&member).await;
    let client = client(anvil, options);
    RegistryClient::deploy(client, &member, &[member.address()], 1).await.unwrap()
}

async fn whole_life(anvil: &Anvil, funded: bool) {
    let (member, issuer) = (account(1), account(2));
    if funded {
        anvil.fund(&member).await;
        anvil.fund(&issuer).await;
    }
    let client = client(anvil, impatient());
    let registry =
        RegistryClient::deploy(client.clone(), &member, &[member.address()], 1).await.unwrap();
    let key = SigningKey::random(&mut StdRng::seed_from_u64(3)).verifying_key();
    let accreditation = Accreditation {
        issuer: issuer.address(),
        schema: SchemaId { id: 1, version: 1 },
        key,
        accredited_until: 1 << 39,
    };
    let index = registry.accredit(&[&member], &accreditation).await.unwrap();
    let before = registry.root().await.unwrap();
    let list =
        registry.publish_status(&issuer, index, &StatusList::new(), &[3, 70_000]).await.unwrap();
    let refused = registry.publish_status(&issuer, index, &StatusList::new(), &[4]).await;
    assert!(
        matches!(&refused, Err(LedgerError::Reverted { name }) if name == "StatusRootMismatch"),
        "{refused:?}"
    );
    let registry = RegistryClient::open(client, registry.deployment().address_book).await.unwrap();
    assert_eq!(registry.status_list(index).await.unwrap().root(), list.root());
    assert!(registry.is_fresh(before, Duration::from_secs(600)).await.unwrap());
    let snapshot = registry.snapshot().await.unwrap();
    assert_eq!(snapshot.tree.root(), registry.root().await.unwrap());
    let acts = (0..5).map(|what| act(&registry, &member, what));
    for outcome in acts {
        outcome.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_works_where_blocks_are_instant() {
    let Some(anvil) = Anvil::start("instant blocks", &[]) else { return };
    whole_life(&anvil, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_works_where_a_block_takes_a_second() {
    let Some(anvil) = Anvil::start("slow blocks", &["--block-time", "1"]) else { return };
    whole_life(&anvil, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_works_where_gas_is_free_and_nobody_has_funds() {
    let Some(anvil) = Anvil::start("free gas", &FREE_GAS) else { return };
    whole_life(&anvil, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_works_on_a_london_chain() {
    let Some(anvil) = Anvil::start("london", &["--hardfork", "london"]) else { return };
    whole_life(&anvil, true).await;
}

/// A reorganisation throws out the block that an act is in: the act comes back as it was.
async fn survives_a_reorganisation(anvil: &Anvil, by_itself: bool) {
    let confirmations = 3;
    let options = ClientOptions { confirmations, ..impatient() };
    // Mined by hand where blocks do not come by themselves.
    let registry = {
        let registry = deployed(anvil, impatient()).await;
        RegistryClient::at(client(anvil, options), *registry.deployment())
    };
    let sender = account(2);
    anvil.fund(&sender).await;
    // The reorganisation is to leave the deployment and the funds alone.
    anvil.mine(3).await;
    let acting = {
        let (registry, sender) = (registry.clone(), sender.clone());
        tokio::spawn(async move { act(&registry, &sender, 1).await })
    };
    anvil.has_mined(&sender).await;
    let head = anvil.head().await;
    // Two blocks replaced by two empty ones.
    anvil.ask("anvil_reorg", json!([2, []])).await;
    // In instant mode nothing comes back before it is sent again, which mines it at once.
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!acting.is_finished(), "it counted before it was deep");
    anvil.has_mined(&sender).await;
    let back = anvil.head().await;
    assert!(back >= head);
    if !by_itself {
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(!acting.is_finished(), "it counted at depth 0");
        anvil.mine(confirmations).await;
    }
    acting.await.unwrap().unwrap();
    assert!(anvil.head().await >= back + confirmations - u64::from(by_itself));
    assert_eq!(anvil.mined(&sender).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reorganisation_of_instant_blocks_loses_nothing() {
    let Some(anvil) = Anvil::start("reorganisation, instant", &[]) else { return };
    survives_a_reorganisation(&anvil, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reorganisation_of_slow_blocks_loses_nothing() {
    let Some(anvil) = Anvil::start("reorganisation, slow", &["--block-time", "1"]) else { return };
    survives_a_reorganisation(&anvil, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolled_back_chain_gets_the_transaction_again() {
    let Some(anvil) = Anvil::start("rollback", &["--mixed-mining", "--block-time", "1000"]) else {
        return;
    };
    let registry = deployed(&anvil, impatient()).await;
    let registry = RegistryClient::at(
        client(&anvil, ClientOptions { confirmations: 2, ..impatient() }),
        *registry.deployment(),
    );
    let sender = account(2);
    anvil.fund(&sender).await;
    let snapshot = anvil.ask("evm_snapshot", json!([])).await;
    let acting = {
        let (registry, sender) = (registry.clone(), sender.clone());
        tokio::spawn(async move { act(&registry, &sender, 1).await })
    };
    anvil.has_mined(&sender).await;
    // Another history: as many blocks, without it.
    assert_eq!(anvil.ask("evm_revert", json!([snapshot])).await, json!(true));
    assert_eq!(anvil.mined(&sender).await, 0);
    anvil.mine(2).await;
    anvil.has_mined(&sender).await;
    anvil.mine(2).await;
    acting.await.unwrap().unwrap();
    assert_eq!(anvil.mined(&sender).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_can_wait_for_confirmations() {
    let Some(anvil) = Anvil::start("confirmed reads", &[]) else { return };
    let registry = deployed(&anvil, impatient()).await;
    let key = SigningKey::random(&mut StdRng::seed_from_u64(3)).verifying_key();
    let accreditation = Accreditation {
        issuer: account(2).address(),
        schema: SchemaId { id: 1, version: 1 },
        key,
        accredited_until: 1 << 39,
    };
    let before = registry.root().await.unwrap();
    anvil.mine(2).await;
    registry.accredit(&[&account(1)], &accreditation).await.unwrap();
    let after = registry.root().await.unwrap();
    assert_ne!(before, after);
    let options = ClientOptions { confirmations: 2, read_at: ReadAt::Confirmed, ..impatient() };
    let confirmed = RegistryClient::at(client(&anvil, options), *registry.deployment());
    assert_eq!(confirmed.root().await.unwrap(), before);
    assert_eq!(confirmed.snapshot().await.unwrap().entries.len(), 0);
    assert!(!confirmed.is_fresh(after, Duration::from_secs(600)).await.unwrap());
    anvil.mine(2).await;
    assert_eq!(confirmed.root().await.unwrap(), after);
    assert_eq!(confirmed.snapshot().await.unwrap().entries.len(), 1);
}

fn soon_dearer() -> ClientOptions {
    ClientOptions { reprice_after: Duration::from_millis(400), ..impatient() }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unmined_transaction_is_offered_for_more() {
    let Some(anvil) = Anvil::start("repricing", &[]) else { return };
    let sender = account(2);
    anvil.fund(&sender).await;
    let registry = deployed(&anvil, soon_dearer()).await;
    anvil.ask("evm_setAutomine", json!([false])).await;
    let acts = {
        let (registry, sender) = (registry.clone(), sender.clone());
        tokio::spawn(
            async move { tokio::join!(act(&registry, &sender, 1), act(&registry, &sender, 2)) },
        )
    };
    let prices = async || {
        let pool = anvil.ask("txpool_content", json!([])).await;
        let sent = pool["pending"].as_object().unwrap().values();
        let mut prices: Vec<(u64, u64)> = sent
            .flat_map(|nonces| nonces.as_object().unwrap().values())
            .map(|transaction| (number(&transaction["nonce"]), number(&transaction["gasPrice"])))
            .collect();
        prices.sort_unstable();
        prices
    };
    while prices().await.len() < 2 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let first = prices().await;
    let dearer = tokio::time::timeout(Duration::from_secs(20), async {
        loop {
            let now = prices().await;
            if now[0].1 * 4 >= first[0].1 * 5 {
                return now;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    // Only the one that holds the other up.
    assert_eq!(dearer.await.unwrap()[1], first[1]);
    anvil.mine(1).await;
    let (one, two) = acts.await.unwrap();
    one.unwrap();
    two.unwrap();
    assert_eq!(anvil.mined(&sender).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_the_same_act_again_hears_of_the_dearer_transaction() {
    let Some(anvil) = Anvil::start("repricing, one act", &[]) else { return };
    let sender = account(2);
    anvil.fund(&sender).await;
    let registry = deployed(&anvil, soon_dearer()).await.idempotent(b"once");
    anvil.ask("evm_setAutomine", json!([false])).await;
    let acts = {
        let (registry, sender) = (registry.clone(), sender.clone());
        tokio::spawn(
            async move { tokio::join!(act(&registry, &sender, 1), act(&registry, &sender, 1)) },
        )
    };
    let price = async || {
        let pool = anvil.ask("txpool_content", json!([])).await;
        let mut senders = pool["pending"].as_object().unwrap().values();
        senders.next().map(|sent| number(&sent["0"]["gasPrice"]))
    };
    let mut first = None;
    let repriced = tokio::time::timeout(Duration::from_secs(20), async {
        while first.is_none() || price().await == first {
            first = first.or(price().await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    repriced.await.unwrap();
    anvil.mine(1).await;
    let (one, two) = acts.await.unwrap();
    one.unwrap();
    two.unwrap();
    assert_eq!(anvil.mined(&sender).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_fee_that_rises_is_met() {
    let Some(anvil) = Anvil::start("base fee", &[]) else { return };
    let registry = deployed(&anvil, impatient()).await;
    let sender = account(2);
    anvil.ask("anvil_setBalance", json!([sender.address(), "0x56bc75e2d63100000"])).await;
    for base_fee in ["0x3b9aca00", "0x174876e800"] {
        anvil.ask("anvil_setNextBlockBaseFeePerGas", json!([base_fee])).await;
        anvil.mine(1).await;
        act(&registry, &sender, 1).await.unwrap();
    }
    assert_eq!(anvil.mined(&sender).await, 2);
}

fn number(value: &Value) -> u64 {
    u64::from_str_radix(value.as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
}
