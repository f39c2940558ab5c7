//! API keys.

use ark_std::rand::SeedableRng;
use ark_std::rand::rngs::StdRng;
use attestry_service::access::key::{self, KeyError, KeyText, NewKey};
use attestry_service::access::{Access, AccessError, Guard};
use attestry_service::testing::TestDatabase;
use attestry_service::{Actor, Database, Role, TenantId};
use sqlx::Row;

use super::{NOW, log, open};

const DAY: u64 = 86_400;

fn new_key(name: &str, roles: &[Role]) -> NewKey {
    NewKey {
        name: name.to_owned(),
        roles: roles.iter().copied().collect(),
        expires_at: NOW + 10 * DAY,
    }
}

async fn create(database: &Database, tenant: &TenantId, new: &NewKey) -> (KeyText, String) {
    let mut rng = StdRng::seed_from_u64(new.name.len() as u64);
    let actor = Actor::operator();
    let (text, key) = key::create(database, tenant, new, &actor, NOW, &mut rng).await.unwrap();
    (text, key.id)
}

fn guarded(database: &Database) -> Access {
    Access::Guarded(Guard::new(database.clone(), None))
}

#[tokio::test]
async fn a_key_is_good_for_its_tenant_and_roles_until_it_expires() {
    for test in TestDatabase::each().await {
        let database = open(&test).await;
        let (tenant, other) = (TenantId::default(), "other".parse().unwrap());
        let new = new_key("desk", &[Role::Registrar, Role::Auditor]);
        let (text, _) = create(&database, &tenant, &new).await;
        let access = guarded(&database);
        let token = Some(text.expose());
        let principal = access.authenticate(&tenant, token, NOW).await.unwrap();
        assert_eq!((principal.name.as_str(), &principal.tenant), ("key:desk", &tenant));
        assert!(principal.require(&[Role::Registrar]).is_ok());
        assert!(principal.require(&[Role::Reviewer, Role::Auditor]).is_ok());
        for wrong in [&[][..], &[Role::Admin], &[Role::Reviewer, Role::Admin]] {
            assert!(matches!(principal.require(wrong), Err(AccessError::WrongRole)));
        }
        let refused = access.authenticate(&other, token, NOW).await;
        assert!(matches!(refused, Err(AccessError::WrongTenant)));
        let last = NOW + 10 * DAY;
        assert!(access.authenticate(&tenant, token, last - 1).await.is_ok());
        let refused = access.authenticate(&tenant, token, last).await;
        assert!(matches!(refused, Err(AccessError::Expired)));
    }
}

#[tokio::test]
async fn what_is_no_key_is_refused() {
    for test in TestDatabase::each().await {
        let database = open(&test).await;
        let tenant = TenantId::default();
        let (text, _) = create(&database, &tenant, &new_key("a", &[Role::Admin])).await;
        let access = guarded(&database);
        assert!(matches!(access.authenticate(&tenant, None, NOW).await, Err(AccessError::Missing)));
        let text = text.expose();
        let last = if text.ends_with('0') { '1' } else { '0' };
        let wrong_secret = format!("{}{last}", &text[..text.len() - 1]);
        let wrong_id = text.replacen(&text[3..7], "ffff", 1);
        let wrong = [&wrong_secret, &wrong_id, "", "ak_", "' OR 1=1 --", "a.b.c", &text[3..]];
        for wrong in wrong {
            let refused = access.authenticate(&tenant, Some(wrong), NOW).await;
            assert!(matches!(refused, Err(AccessError::Invalid)), "{wrong}");
        }
    }
}

#[tokio::test]
async fn a_key_revoked_at_one_replica_is_refused_by_the_other() {
    for test in TestDatabase::each().await {
        let (one, other) = (open(&test).await, open(&test).await);
        let tenant = TenantId::default();
        let (text, id) = create(&one, &tenant, &new_key("desk", &[Role::Admin])).await;
        let access = guarded(&other);
        assert!(access.authenticate(&tenant, Some(text.expose()), NOW).await.is_ok());
        let actor = Actor::operator();
        let foreign: TenantId = "other".parse().unwrap();
        let refused = key::revoke(&one, &foreign, &id, &actor, NOW).await;
        assert!(matches!(refused, Err(KeyError::Unknown)));
        key::revoke(&one, &tenant, &id, &actor, NOW + 5).await.unwrap();
        let refused = access.authenticate(&tenant, Some(text.expose()), NOW).await;
        assert!(matches!(refused, Err(AccessError::Invalid)));
        let again = key::revoke(&one, &tenant, &id, &actor, NOW + 6).await;
        assert!(matches!(again, Err(KeyError::Unknown)));
        // Its name stays its own.
        let mut rng = StdRng::seed_from_u64(9);
        let new = new_key("desk", &[Role::Admin]);
        let again = key::create(&one, &tenant, &new, &actor, NOW, &mut rng).await;
        assert!(matches!(again, Err(KeyError::NameTaken)));
        let listed = key::list(&other, &tenant).await.unwrap();
        assert_eq!(listed.len(), 1);
        assert_eq!(listed[0].revoked_at, Some(NOW + 5));
        assert!(key::list(&other, &foreign).await.unwrap().is_empty());
        let actions: Vec<_> = log(&one, &tenant)
            .await
            .into_iter()
            .map(|entry| (entry.action, entry.object))
            .collect();
        let expected = ["api-key.revoke", "api-key.create"]
            .map(|action| (action.to_owned(), Some(id.clone())));
        assert_eq!(actions, expected);
    }
}

#[tokio::test]
async fn the_day_of_the_last_use_is_kept_and_the_secret_is_not() {
    for test in TestDatabase::each().await {
        let database = open(&test).await;
        let tenant = TenantId::default();
        let (text, _) = create(&database, &tenant, &new_key("desk", &[Role::Admin])).await;
        let access = guarded(&database);
        let used = async || key::list(&database, &tenant).await.unwrap()[0].last_used_day;
        assert_eq!(used().await, None);
        for (at, day) in [(NOW, NOW / DAY), (NOW + DAY, NOW / DAY + 1), (NOW, NOW / DAY + 1)] {
            access.authenticate(&tenant, Some(text.expose()), at).await.unwrap();
            assert_eq!(used().await, Some(day));
        }
        let row = sqlx::query("SELECT id, name, roles, hash, created_by FROM api_keys")
            .fetch_one(database.pool())
            .await
            .unwrap();
        let secret = text.expose().rsplit_once('_').unwrap().1;
        for column in 0..5 {
            assert!(!row.get::<String, _>(column).contains(secret));
        }
        for entry in log(&database, &tenant).await {
            assert!(!entry.to_json().contains(secret));
        }
    }
}

#[tokio::test]
async fn a_key_without_plain_name_role_or_future_is_not_made() {
    let test = TestDatabase::sqlite();
    let database = open(&test).await;
    let good = new_key("desk", &[Role::Admin]);
    let long = "a".repeat(65);
    for (new, wrong) in [
        (NewKey { name: String::new(), ..good.clone() }, "name"),
        (NewKey { name: "Jane Doe".to_owned(), ..good.clone() }, "name"),
        (NewKey { name: long, ..good.clone() }, "name"),
        (NewKey { roles: [].into(), ..good.clone() }, "roles"),
        (NewKey { expires_at: NOW, ..good.clone() }, "expiresAt"),
    ] {
        let mut rng = StdRng::seed_from_u64(1);
        let actor = Actor::operator();
        let refused =
            key::create(&database, &TenantId::default(), &new, &actor, NOW, &mut rng).await;
        assert!(matches!(refused, Err(KeyError::Invalid { field, .. }) if field == wrong));
    }
    assert!(log(&database, &TenantId::default()).await.is_empty());
}

#[tokio::test]
async fn open_access_asks_for_nothing() {
    let tenant: TenantId = "one".parse().unwrap();
    let principal = Access::Open.authenticate(&tenant, None, NOW).await.unwrap();
    assert_eq!(principal.tenant, tenant);
    assert!(Role::ALL.into_iter().all(|role| principal.require(&[role]).is_ok()));
}
