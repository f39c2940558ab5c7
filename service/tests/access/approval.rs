//! What takes two.

use ark_std::rand::SeedableRng;
use ark_std::rand::rngs::StdRng;
use attestry_service::access::Principal;
use attestry_service::approval::{
    self, ApprovalError, LARGEST_PAYLOAD, NewProposal, Proposal, State,
};
use attestry_service::testing::TestDatabase;
use attestry_service::{Database, Role, TenantId};
use serde_json::{Value, json};

use super::{NOW, log, open, principal};

const KIND: &str = "credential.revoke-many";

async fn propose(database: &Database, proposer: &Principal, payload: &Value) -> Proposal {
    let mut transaction = database.write().await.unwrap();
    let mut rng = StdRng::seed_from_u64(payload.to_string().len() as u64);
    let new = NewProposal { kind: KIND, payload, time: 3_600 };
    let proposal =
        approval::propose(&mut transaction, NOW, proposer, Some("r-1"), &new, &mut rng).await;
    transaction.commit().await.unwrap();
    proposal.unwrap()
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Approve,
    Reject,
    Execute,
}

async fn step(
    database: &Database,
    step: Step,
    now: u64,
    who: &Principal,
    id: &str,
) -> Result<Proposal, ApprovalError> {
    let mut transaction = database.write().await.unwrap();
    let connection = &mut transaction;
    let outcome = match step {
        Step::Approve => approval::approve(connection, now, who, None, id).await,
        Step::Reject => approval::reject(connection, now, who, None, id).await,
        Step::Execute => approval::execute(connection, now, who, None, id, KIND).await,
    };
    if outcome.is_ok() {
        transaction.commit().await.unwrap();
    }
    outcome
}

#[tokio::test]
async fn one_proposes_another_approves_and_it_is_done_once() {
    for test in TestDatabase::each().await {
        let (database, replica) = (open(&test).await, open(&test).await);
        let tenant = TenantId::default();
        let registrar = principal("key:desk", &tenant, &[Role::Registrar]);
        let reviewer = principal("oidc:head", &tenant, &[Role::Reviewer]);
        let payload = json!({"list": 3, "reason": "issuer-error"});
        let proposal = propose(&database, &registrar, &payload).await;
        let id = &proposal.id;
        let early = step(&database, Step::Execute, NOW, &registrar, id).await;
        assert!(matches!(early, Err(ApprovalError::NotPossible(State::Open))));
        step(&replica, Step::Approve, NOW + 1, &reviewer, id).await.unwrap();
        let again = step(&database, Step::Approve, NOW + 2, &reviewer, id).await;
        assert!(matches!(again, Err(ApprovalError::NotPossible(State::Approved))));
        let attempts: Vec<_> = (0..6)
            .map(|number| {
                let database = if number % 2 == 0 { &database } else { &replica }.clone();
                let (registrar, id) = (registrar.clone(), id.clone());
                tokio::spawn(async move {
                    step(&database, Step::Execute, NOW + 3, &registrar, &id).await
                })
            })
            .collect();
        let mut done = 0;
        for attempt in attempts {
            match attempt.await.unwrap() {
                Ok(executed) => {
                    assert_eq!(executed.payload, payload);
                    done += 1;
                }
                Err(error) => {
                    assert!(matches!(error, ApprovalError::NotPossible(State::Executed)));
                }
            }
        }
        assert_eq!(done, 1, "{}", test.kind);
        let mut connection = database.pool().acquire().await.unwrap();
        let stored = approval::get(&mut connection, &tenant, id).await.unwrap();
        assert_eq!(stored.state, State::Executed);
        let listed = approval::list(&mut connection, &tenant, 5).await.unwrap();
        assert_eq!(listed, std::slice::from_ref(&stored));
        assert_eq!(stored.decided_by.as_deref(), Some("oidc:head"));
        let log = log(&database, &tenant).await;
        let actions: Vec<_> = log.iter().map(|entry| entry.action.as_str()).collect();
        assert_eq!(actions, ["proposal.execute", "proposal.approve", "proposal.make"]);
        for entry in &log[..2] {
            assert_eq!(entry.details["proposedBy"], "key:desk");
            assert_eq!(entry.details["decidedBy"], "oidc:head");
            assert_eq!(entry.details["payloadHash"], log[2].details["payloadHash"]);
        }
        assert_eq!(log[2].request_id.as_deref(), Some("r-1"));
    }
}

#[tokio::test]
async fn nobody_approves_alone_late_without_the_role_or_for_another_tenant() {
    for test in TestDatabase::each().await {
        let database = open(&test).await;
        let (tenant, other) = (TenantId::default(), "other".parse().unwrap());
        let proposer = principal("key:both", &tenant, &[Role::Registrar, Role::Reviewer]);
        let admin = principal("key:admin", &tenant, &[Role::Admin, Role::Registrar]);
        let reviewer = principal("key:head", &tenant, &[Role::Reviewer]);
        let stranger = principal("key:head", &other, &[Role::Reviewer]);
        let proposal = propose(&database, &proposer, &json!({})).await;
        let id = &proposal.id;
        let attempt = async |who: &Principal, now| {
            step(&database, Step::Approve, now, who, id).await.unwrap_err()
        };
        assert!(matches!(attempt(&proposer, NOW).await, ApprovalError::SamePerson));
        assert!(matches!(attempt(&admin, NOW).await, ApprovalError::NotReviewer));
        assert!(matches!(attempt(&stranger, NOW).await, ApprovalError::Unknown));
        assert!(matches!(attempt(&reviewer, NOW + 3_600).await, ApprovalError::Expired));
        step(&database, Step::Approve, NOW + 3_599, &reviewer, id).await.unwrap();
        let late = step(&database, Step::Execute, NOW + 3_600, &proposer, id).await;
        assert!(matches!(late, Err(ApprovalError::Expired)));
        let mut transaction = database.write().await.unwrap();
        let other_kind =
            approval::execute(&mut transaction, NOW, &proposer, None, id, "subject.erase").await;
        assert!(matches!(other_kind, Err(ApprovalError::Unknown)));
    }
}

#[tokio::test]
async fn what_is_rejected_is_not_done() {
    for test in TestDatabase::each().await {
        let database = open(&test).await;
        let tenant = TenantId::default();
        let proposer = principal("key:desk", &tenant, &[Role::Registrar]);
        let colleague = principal("key:desk-2", &tenant, &[Role::Registrar]);
        let reviewer = principal("key:head", &tenant, &[Role::Reviewer]);
        let refused = propose(&database, &proposer, &json!({"a": 1})).await.id;
        let withdrawn = propose(&database, &proposer, &json!({"ab": 1})).await.id;
        let foreign = step(&database, Step::Reject, NOW, &colleague, &refused).await;
        assert!(matches!(foreign, Err(ApprovalError::NotReviewer)));
        step(&database, Step::Approve, NOW, &reviewer, &refused).await.unwrap();
        step(&database, Step::Reject, NOW, &reviewer, &refused).await.unwrap();
        step(&database, Step::Reject, NOW, &proposer, &withdrawn).await.unwrap();
        for id in [&refused, &withdrawn] {
            for next in [Step::Approve, Step::Execute, Step::Reject] {
                let outcome = step(&database, next, NOW, &reviewer, id).await;
                let is_refused =
                    matches!(outcome, Err(ApprovalError::NotPossible(State::Rejected)));
                assert!(is_refused, "{next:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_payload_is_bounded() {
    let test = TestDatabase::sqlite();
    let database = open(&test).await;
    let proposer = principal("key:desk", &TenantId::default(), &[Role::Registrar]);
    let payload = json!("a".repeat(LARGEST_PAYLOAD));
    let mut transaction = database.write().await.unwrap();
    let new = NewProposal { kind: KIND, payload: &payload, time: 1 };
    let mut rng = StdRng::seed_from_u64(1);
    let refused = approval::propose(&mut transaction, NOW, &proposer, None, &new, &mut rng).await;
    assert!(matches!(refused, Err(ApprovalError::TooLarge)));
}
