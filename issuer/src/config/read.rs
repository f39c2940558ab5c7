//! Each section of the file, field by field.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use attestry_credential::schema::Schema;
use attestry_service::config::Section;
use attestry_service::config::common::{self, NO_NUMBER, seconds};

use super::{IssuingConfig, ServiceConfig, TenantConfig};
use crate::IssuerConfig;

pub(super) fn service(root: &mut Section<'_>) -> Option<ServiceConfig> {
    let http = common::http(&mut root.section("http"), 8081);
    let database =
        common::database(&mut root.section("database"), "sqlite:data/issuer/issuer.sqlite");
    let ledger = common::ledger(&mut root.section("ledger"), "data/issuer/outbox.redb");
    let access = common::access(&mut root.section("access"));
    let audit_anchor_interval_s = common::audit_anchor_interval_s(&mut root.section("audit"));
    let issuing = issuing(root);
    let tenants = common::tenants(root, tenant);
    common::check_open(root, access.as_ref(), &http);
    Some(ServiceConfig {
        http,
        database: database?,
        ledger: ledger?,
        access: access?,
        audit_anchor_interval_s,
        issuing,
        tenants,
    })
}

fn issuing(root: &mut Section<'_>) -> IssuingConfig {
    let usual = IssuerConfig::new("", BTreeMap::new());
    let mut publication = root.section("publication");
    let mut credentials = root.section("credentials");
    let padding: NonZeroU32 = publication.or("padding", usual.publication_padding, NO_NUMBER);
    IssuingConfig {
        publication_interval_s: seconds(
            &mut publication,
            "interval_s",
            usual.publication_interval_s,
        ),
        publication_padding: padding,
        status_list_validity_s: seconds(
            &mut publication,
            "list_validity_s",
            usual.status_list_validity_s,
        ),
        default_validity_s: seconds(&mut credentials, "validity_s", usual.default_validity_s),
        did_key_validity_s: seconds(
            &mut credentials,
            "did_key_validity_s",
            usual.did_key_validity_s,
        ),
    }
}

fn tenant(section: &mut Section<'_>, name: &str) -> Option<TenantConfig> {
    let mut given = section.section("entries");
    let rule = "is not the number of a registry entry";
    let entries: BTreeMap<_, _> = [
        (Schema::ProviderCredential, "provider_credential"),
        (Schema::ConsentGrant, "consent_grant"),
    ]
    .into_iter()
    .filter_map(|(schema, key)| Some((schema, given.optional::<u32>(key, rule)?)))
    .collect();
    drop(given);
    if entries.is_empty() {
        section.refuse("entries", "has none: give provider_credential or consent_grant");
    }
    let keys = common::keys(&mut section.section("keys"), "data/issuer", name);
    let display_name =
        common::text(section, "display_name", "is not 1 to 128 characters", |name| {
            (1..=128).contains(&name.chars().count())
        });
    Some(TenantConfig { display_name, entries, keys: keys? })
}
