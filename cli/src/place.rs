//! Where a command finds its files and its ledger.

use crate::clock;
use anyhow::{Context, Result, bail};
use attestry_ledger::{
    Address, ClientOptions, Deployment, FileOutbox, LedgerClient, LedgerUrl, RegistryClient,
};
use attestry_service::{Database, DatabaseUrl, TenantId};
use clap::{Args, ValueEnum};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// The data directory.
#[derive(Args, Clone)]
pub(crate) struct Place {
    /// The folder for keys, databases and the embedded ledger.
    #[arg(long, env = "ATTESTRY_DATA", default_value = "data")]
    data: PathBuf,
}

impl Place {
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        self.data.join(name)
    }
}

/// The ledger and the deployment on it.
#[derive(Args, Clone)]
pub(crate) struct LedgerPlace {
    /// `embedded:PATH`, or the JSON-RPC URL of a node, or those of several between commas.
    /// Required, unless there is a configuration.
    #[arg(long, env = "ATTESTRY_LEDGER_URL")]
    ledger: Option<LedgerUrl>,
    /// How many of several nodes must agree; more than half if not given.
    #[arg(long)]
    ledger_quorum: Option<usize>,
    /// Blocks on top of a transaction's block before it counts.
    #[arg(long, default_value_t = 0)]
    confirmations: u64,
    /// Address of the deployment's address book; `deployment.json` in the data directory if not
    /// given.
    #[arg(long)]
    deployment: Option<Address>,
}

impl LedgerPlace {
    /// A ledger of which no more is said than its URL and, perhaps, the deployment.
    pub(crate) fn of(ledger: LedgerUrl, deployment: Option<Address>) -> Self {
        Self { ledger: Some(ledger), ledger_quorum: None, confirmations: 0, deployment }
    }

    /// The ledger's URL.
    pub(crate) fn url(&self) -> Result<&LedgerUrl> {
        self.ledger.as_ref().context("--ledger is required")
    }

    /// Connects without looking for a deployment.
    pub(crate) fn connect(&self) -> Result<LedgerClient> {
        let options = ClientOptions {
            quorum: self.ledger_quorum,
            confirmations: self.confirmations,
            ..ClientOptions::default()
        };
        Ok(LedgerClient::connect(self.url()?, clock::now, options)?)
    }

    /// Opens the deployment.
    pub(crate) async fn open(&self, place: &Place) -> Result<RegistryClient> {
        self.open_over(self.connect()?, place).await
    }

    /// Opens the deployment for a service that sends: what a crash interrupts is sent after it, and
    /// it starts without the ledger once it has started with it.
    pub(crate) async fn open_with_outbox(
        &self,
        place: &Place,
        file: &Path,
    ) -> Result<RegistryClient> {
        let outbox = FileOutbox::open(file)?;
        let client = self.connect()?.with_outbox(Arc::new(outbox));
        open_or_recall(client, self.address_book(place)?, file).await
    }

    /// Opens the deployment by a client that is connected already.
    pub(crate) async fn open_over(
        &self,
        client: LedgerClient,
        place: &Place,
    ) -> Result<RegistryClient> {
        Ok(RegistryClient::open(client, self.address_book(place)?).await?)
    }

    fn address_book(&self, place: &Place) -> Result<Address> {
        Ok(match self.deployment {
            Some(address) => address,
            None => read_json::<DeploymentFile>(&place.folder(DEPLOYMENT))?.address_book,
        })
    }

    /// Whether it is said where the deployment is.
    pub(crate) fn names_deployment(&self, place: &Place) -> bool {
        self.deployment.is_some() || place.folder(DEPLOYMENT).exists()
    }
}

/// A service of the house.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ServiceName {
    /// The issuer.
    Issuer,
    /// The verifier.
    Verifier,
}

/// The database of a service, and a tenant in it.
#[derive(Args, Clone)]
pub(crate) struct DatabasePlace {
    /// `sqlite:PATH` or `postgres://USER@HOST/NAME`; the service's file in the data directory if not
    /// given.
    #[arg(long, env = "ATTESTRY_DATABASE_URL", hide_env_values = true)]
    database: Option<DatabaseUrl>,
    /// Whose part of it.
    #[arg(long, default_value = "default")]
    tenant: TenantId,
}

impl DatabasePlace {
    /// Where the database is.
    pub(crate) fn url(&self, place: &Place, of: ServiceName) -> DatabaseUrl {
        let usual = || {
            DatabaseUrl::Sqlite(place.folder(match of {
                ServiceName::Issuer => "issuer/issuer.sqlite",
                ServiceName::Verifier => "verifier/verifier.sqlite",
            }))
        };
        self.database.clone().unwrap_or_else(usual)
    }

    pub(crate) fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// Opens the database, which is there.
    pub(crate) async fn open(&self, place: &Place, of: ServiceName) -> Result<Database> {
        if let DatabaseUrl::Sqlite(path) = self.url(place, of)
            && !path.exists()
        {
            bail!("there is no database {}", path.display());
        }
        self.open_or_make(place, of).await
    }

    /// Opens the database; a file that is not there is made.
    pub(crate) async fn open_or_make(&self, place: &Place, of: ServiceName) -> Result<Database> {
        let database = Database::open(&self.url(place, of)).await?;
        database.migrate_service().await?;
        Ok(database)
    }
}

/// Opens a deployment and notes, beside the outbox, where its contracts are. If the ledger does not
/// answer, they are taken to be where they were when it last did.
pub(crate) async fn open_or_recall(
    client: LedgerClient,
    address_book: Address,
    outbox: &Path,
) -> Result<RegistryClient> {
    let noted = outbox.with_extension("deployment.json");
    match RegistryClient::open(client.clone(), address_book).await {
        Ok(registry) => {
            let draft = outbox.with_extension("deployment.draft");
            std::fs::write(&draft, serde_json::to_vec(registry.deployment())?)
                .and_then(|()| std::fs::rename(&draft, &noted))
                .with_context(|| format!("cannot write {}", noted.display()))?;
            Ok(registry)
        }
        Err(error) if error.is_absence() && noted.exists() => {
            let deployment: Deployment = read_json(&noted)?;
            if deployment.address_book != address_book {
                return Err(error.into());
            }
            Ok(RegistryClient::at(client, deployment))
        }
        Err(error) => Err(error.into()),
    }
}

/// Name of the file that says where the contracts are.
pub(crate) const DEPLOYMENT: &str = "deployment.json";

/// Where the contracts are.
#[derive(serde::Serialize, serde::Deserialize)]
pub(crate) struct DeploymentFile {
    pub(crate) address_book: Address,
}

/// Reads a file.
pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Reads a file; `-` is standard input.
pub(crate) fn read_input(path: &Path) -> Result<Vec<u8>> {
    if path.as_os_str() == "-" {
        let mut bytes = Vec::new();
        std::io::stdin().read_to_end(&mut bytes)?;
        return Ok(bytes);
    }
    read_file(path)
}

/// Reads a JSON file, which may hold keys: its text is zeroized.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    // The buffer has the file's size from the start: growing would leave copies behind.
    let text = Zeroizing::new(read_file(path)?);
    serde_json::from_slice(&text).with_context(|| format!("{} is not understood", path.display()))
}

/// Makes a file that only its owner can read; refuses to replace one.
pub(crate) fn create_private(path: &Path) -> Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make {}", folder.display()))?;
    }
    File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("cannot make {}", path.display()))
}

/// Writes a JSON file that only its owner can read; refuses to replace one.
pub(crate) fn write_new_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let file = create_private(path)?;
    // Without a buffer: the value may hold keys.
    serde_json::to_writer_pretty(&file, value)?;
    file.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_file_reads_back_is_private_and_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new").join("keys.json");
        write_new_json(&path, &["one", "two"]).unwrap();
        assert_eq!(read_json::<Vec<String>>(&path).unwrap(), ["one", "two"]);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(write_new_json(&path, &["three"]).is_err());
        assert_eq!(read_json::<Vec<String>>(&path).unwrap(), ["one", "two"]);
    }
}
