//! What takes how many members, and whose votes count.

use crate::world::{BabyJubJub, IssuerRegistry, START, World, refusal};
use alloy::primitives::{U256, aliases::U40};
use alloy::sol_types::SolCall;
use attestry_circuits::field::{Fr, to_be_bytes};
use attestry_ledger::LedgerError;

#[tokio::test(flavor = "multi_thread")]
async fn an_act_takes_as_many_members_as_the_threshold_says() {
    let mut world = World::new().await;
    let issuer = world.account().address();
    let accreditation = world.accreditation(issuer);
    let alone = world.registry.accredit(&[&world.members[0]], &accreditation).await;
    assert!(
        matches!(alone, Err(LedgerError::NotEnoughSigners { needed: 2, given: 1 })),
        "{alone:?}"
    );

    let registry = world.registry.deployment().issuer_registry;
    let proposal =
        world.registry.propose(&world.members[0], registry, Default::default()).await.unwrap();
    let early = world.registry.execute(&world.members[0], proposal).await;
    assert_eq!(refusal(early), "NotEnoughApprovals");
    assert_eq!(
        refusal(world.registry.approve(&world.members[0], proposal).await),
        "AlreadyApproved"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn outsiders_neither_propose_nor_vote_nor_execute_nor_suspend() {
    let mut world = World::new().await;
    let outsider = world.account();
    let (_, index) = world.accredit().await;
    let target = world.registry.deployment().issuer_registry;
    let proposal =
        world.registry.propose(&world.members[0], target, Default::default()).await.unwrap();
    assert_eq!(
        refusal(world.registry.propose(&outsider, target, Default::default()).await),
        "NotMember"
    );
    assert_eq!(refusal(world.registry.approve(&outsider, proposal).await), "NotMember");
    assert_eq!(refusal(world.registry.execute(&outsider, proposal).await), "NotMember");
    assert_eq!(refusal(world.registry.suspend(&outsider, index).await), "NotMember");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_membership_voids_open_proposals_and_the_votes_of_former_members() {
    let mut world = World::new().await;
    let [a, b, c] = world.members.clone();
    let newcomer = world.account();
    let target = world.registry.deployment().issuer_registry;
    let proposal = world.registry.propose(&a, target, Default::default()).await.unwrap();
    world.registry.approve(&c, proposal).await.unwrap();

    world
        .registry
        .change_membership(&[&a, &b], &[c.address()], &[newcomer.address()], 2)
        .await
        .unwrap();
    assert_eq!(refusal(world.registry.execute(&a, proposal).await), "ProposalVoid");
    assert_eq!(refusal(world.registry.approve(&b, proposal).await), "ProposalVoid");
    assert_eq!(refusal(world.registry.approve(&c, proposal).await), "NotMember");

    let mut members = world.registry.members().await.unwrap();
    let mut expected = [a, b, newcomer].map(|member| member.address());
    members.sort_unstable();
    expected.sort_unstable();
    assert_eq!(members, expected);
    assert_eq!(world.registry.threshold().await.unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn membership_and_accreditation_change_through_the_consortium_only() {
    let mut world = World::new().await;
    let (_, index) = world.accredit().await;
    let lone = world.registry.change_membership(&[&world.members[0]], &[], &[], 1).await;
    assert!(matches!(lone, Err(LedgerError::NotEnoughSigners { .. })), "{lone:?}");
    let impossible = world.registry.change_membership(&world.two(), &[], &[], 4).await;
    assert_eq!(refusal(impossible), "InvalidThreshold");
    let lifted = world.registry.lift(&world.two(), index).await;
    assert_eq!(refusal(lifted), "EntryNotSuspended");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_executed_proposal_is_not_executed_again() {
    let mut world = World::new().await;
    let (_, index) = world.accredit().await;
    let [a, b, _] = world.members.clone();
    let consortium = world.registry.deployment().consortium;
    // A call without effect: the threshold is read.
    let data = alloy::primitives::keccak256("threshold()")[..4].to_vec();
    let proposal = world.registry.propose(&a, consortium, data.into()).await.unwrap();
    world.registry.approve(&b, proposal).await.unwrap();
    world.registry.execute(&b, proposal).await.unwrap();
    assert_eq!(refusal(world.registry.execute(&a, proposal).await), "AlreadyExecuted");
    assert_eq!(world.registry.entry(index).await.unwrap().leaf.version, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accreditation_must_end_in_the_future() {
    let mut world = World::new().await;
    let issuer = world.account().address();
    let mut accreditation = world.accreditation(issuer);
    accreditation.accredited_until = START;
    let accredited = world.registry.accredit(&world.two(), &accreditation).await;
    assert_eq!(refusal(accredited), "AccreditationInPast");
    accreditation.accredited_until = 1 << 40;
    assert!(world.registry.accredit(&world.two(), &accreditation).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_serves_once_for_a_schema() {
    let mut world = World::new().await;
    let issuer = world.account().address();
    let accreditation = world.accreditation(issuer);
    let index = world.registry.accredit(&world.two(), &accreditation).await.unwrap();
    world.registry.end(&world.two(), index).await.unwrap();
    let again = world.registry.accredit(&world.two(), &accreditation).await;
    assert_eq!(refusal(again), "KeyAlreadyAccredited");

    let mut other_schema = accreditation;
    other_schema.schema.id += 1;
    assert!(world.registry.accredit(&world.two(), &other_schema).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_can_be_taken_back_and_a_proposal_lapses() {
    let world = World::new().await;
    let [a, b, c] = &world.members;
    let registry = &world.registry;
    let consortium = registry.deployment().consortium;
    let data = alloy::primitives::keccak256("threshold()")[..4].to_vec();
    let proposal = registry.propose(a, consortium, data.into()).await.unwrap();
    assert_eq!(refusal(registry.revoke_approval(c, proposal).await), "NotApproved");
    registry.approve(b, proposal).await.unwrap();
    registry.revoke_approval(a, proposal).await.unwrap();
    assert_eq!(refusal(registry.execute(b, proposal).await), "NotEnoughApprovals");
    registry.approve(c, proposal).await.unwrap();
    world.advance(30 * 86_400 + 1);
    assert_eq!(refusal(registry.execute(b, proposal).await), "ProposalExpired");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_accepts_keys_of_the_prime_order_subgroup_only() {
    let mut world = World::new().await;
    let [a, b, _] = world.members.clone();
    let registry = world.registry.clone();
    let target = registry.deployment().issuer_registry;
    let [good, other] = [world.key(), world.key()].map(|key| point(key.x(), key.y()));
    let modulus = U256::from_be_bytes(to_be_bytes(&-Fr::from(1u64))) + U256::from(1);
    let identity = BabyJubJub::Point { x: U256::ZERO, y: U256::from(1) };
    // (0, -1) has order 2: added to a key it gives (-x, -y), on the curve and outside the subgroup.
    let outside = BabyJubJub::Point { x: modulus - good.x, y: modulus - good.y };
    let off_curve = BabyJubJub::Point { x: good.x, y: good.y + U256::from(1) };
    let too_large = BabyJubJub::Point { x: good.x + modulus, y: good.y };
    for (key, eighth, reason) in [
        (too_large, good.clone(), "CoordinateTooLarge"),
        (off_curve, good.clone(), "NotOnCurve"),
        (identity.clone(), identity, "IdentityKey"),
        (outside, good.clone(), "NotInPrimeOrderSubgroup"),
        (good, other, "NotInPrimeOrderSubgroup"),
    ] {
        let request = IssuerRegistry::Accreditation {
            issuer: a.address(),
            schema: 1,
            accreditedUntil: U40::MAX,
            key,
            eighthOfKey: eighth,
        };
        let call = IssuerRegistry::accreditCall { request };
        let proposal = registry.propose(&a, target, call.abi_encode().into()).await.unwrap();
        registry.approve(&b, proposal).await.unwrap();
        assert_eq!(refusal(registry.execute(&a, proposal).await), reason);
    }
}

fn point(x: Fr, y: Fr) -> BabyJubJub::Point {
    let word = |element| U256::from_be_bytes(to_be_bytes(&element));
    BabyJubJub::Point { x: word(x), y: word(y) }
}
