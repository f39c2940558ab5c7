//! API keys of a service, from the console of its machine.

use crate::place::{DatabasePlace, Place, ServiceName};
use crate::{clock, output};
use anyhow::Result;
use ark_std::rand::rngs::OsRng;
use attestry_service::access::key::{self, NewKey};
use attestry_service::{Actor, Role};
use clap::builder::PossibleValuesParser;
use clap::builder::TypedValueParser;
use clap::{Args, Subcommand};
use serde_json::json;

const SECONDS_PER_DAY: u64 = 86_400;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make a key; prints its secret, which is shown this once.
    Create(Create),
    /// Show all keys, those that ended too: one JSON object a key.
    List(List),
    /// End a key, from the next request on.
    Revoke(Revoke),
}

#[derive(Args)]
pub(crate) struct Create {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    database: DatabasePlace,
    /// What it is called, in the audit log too: a desk or a program, no person.
    #[arg(long)]
    name: String,
    /// What it may do; once for each.
    #[arg(long = "role", required = true, value_parser = role())]
    roles: Vec<Role>,
    /// For how many days it is good.
    #[arg(long, default_value_t = 365)]
    days: u64,
}

#[derive(Args)]
pub(crate) struct List {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    database: DatabasePlace,
}

#[derive(Args)]
pub(crate) struct Revoke {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    database: DatabasePlace,
    /// The key's id, which is no secret.
    id: String,
}

fn role() -> impl TypedValueParser<Value = Role> {
    PossibleValuesParser::new(Role::ALL.map(Role::word))
        .try_map(|word| Role::from_word(&word).ok_or("is no role"))
}

pub(crate) async fn run(command: Command, of: ServiceName) -> Result<()> {
    match command {
        Command::Create(arguments) => {
            let database = arguments.database.open_or_make(&arguments.place, of).await?;
            let now = clock::now();
            let new = NewKey {
                name: arguments.name,
                roles: arguments.roles.into_iter().collect(),
                expires_at: now.saturating_add(arguments.days.saturating_mul(SECONDS_PER_DAY)),
            };
            let tenant = arguments.database.tenant();
            let actor = Actor::operator();
            let (text, key) = key::create(&database, tenant, &new, &actor, now, &mut OsRng).await?;
            let mut made = serde_json::to_value(&key)?;
            made["secret"] = json!(text.expose());
            output::json(&made);
        }
        Command::List(arguments) => {
            let database = arguments.database.open(&arguments.place, of).await?;
            for key in key::list(&database, arguments.database.tenant()).await? {
                output::json(&serde_json::to_value(&key)?);
            }
        }
        Command::Revoke(arguments) => {
            let database = arguments.database.open(&arguments.place, of).await?;
            let (tenant, actor) = (arguments.database.tenant(), Actor::operator());
            key::revoke(&database, tenant, &arguments.id, &actor, clock::now()).await?;
            output::json(&json!({ "revoked": arguments.id }));
        }
    }
    Ok(())
}
