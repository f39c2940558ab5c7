//! Sends a roster or Bundle to a running issuer and waits for its import.

use crate::output;
use crate::place::{read_file, read_input};
use anyhow::{Context, Result, anyhow, bail};
use attestry_issuer::FileForm;
use clap::{Args, ValueEnum};
use reqwest::header::{CONTENT_TYPE, HeaderValue, LOCATION};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

const PAUSE: Duration = Duration::from_millis(500);

#[derive(Args)]
pub(crate) struct Import {
    /// The file; `-` is standard input.
    file: PathBuf,
    /// How it is written; by the end of its name if not given (.csv, .ndjson, .json).
    #[arg(long)]
    form: Option<Form>,
    /// What the rows of a table are: ProviderCredential/1 or ConsentGrant/1.
    #[arg(long)]
    schema: Option<String>,
    /// Where the issuer is served; of a tenant, with its path.
    #[arg(long, default_value = "http://127.0.0.1:8081")]
    url: String,
    /// A file whose first line is the API key.
    #[arg(long)]
    api_key_file: Option<PathBuf>,
    /// A name for this import: sending it again starts none. Without one the file is its own name.
    #[arg(long)]
    idempotency_key: Option<String>,
    /// Where to put the records of which a row failed, to mend them and send them again.
    #[arg(long)]
    failed: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Form {
    Csv,
    Ndjson,
    Fhir,
}

/// Prints a JSON object for each row that failed, then one for the import. Fails if a row did.
pub(crate) async fn run(arguments: &Import) -> Result<ExitCode> {
    let office = Office::open(arguments)?;
    let mut request = match &arguments.schema {
        Some(schema) => office.request(Method::POST, &format!("/imports?schema={schema}")),
        None => office.request(Method::POST, "/imports"),
    };
    if let Some(key) = &arguments.idempotency_key {
        request = request.header("Idempotency-Key", key);
    }
    let kind = match form_of(arguments)? {
        FileForm::Csv => "text/csv; charset=utf-8",
        FileForm::Ndjson => "application/x-ndjson",
        FileForm::Fhir => "application/fhir+json",
    };
    let body = read_input(&arguments.file)?;
    let sent = checked(request.header(CONTENT_TYPE, kind).body(body)).await?;
    let path = sent.headers().get(LOCATION).map(HeaderValue::to_str);
    let path = path.context("the issuer does not say where the import is")??;
    let id = path.rsplit('/').next().unwrap_or_default();
    let path = format!("/imports/{id}");

    let import = loop {
        let import = checked(office.request(Method::GET, &path)).await?.text().await?;
        let import: Value = serde_json::from_str(&import)?;
        let (done, records) = (&import["done"], &import["records"]);
        output::note(&format!("{done} of {records} records"));
        match import["state"].as_str() {
            Some("waiting" | "running" | "receiving") => tokio::time::sleep(PAUSE).await,
            _ => break import,
        }
    };
    let errors = checked(office.request(Method::GET, &format!("{path}/errors"))).await?;
    errors.text().await?.lines().for_each(output::line);
    let is_clean = import["state"] == "finished" && import["failed"] == 0;
    if let Some(file) = &arguments.failed
        && !is_clean
    {
        let failed = checked(office.request(Method::GET, &format!("{path}/failed"))).await?;
        keep(file, &failed.bytes().await?)?;
    }
    output::json(&import);
    Ok(if is_clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A running issuer, as its office sees it.
struct Office<'a> {
    client: Client,
    url: &'a str,
    api_key: Option<String>,
}

impl<'a> Office<'a> {
    fn open(arguments: &'a Import) -> Result<Self> {
        let api_key = match &arguments.api_key_file {
            Some(path) => {
                let text = String::from_utf8(read_file(path)?)
                    .map_err(|_| anyhow!("{} is not a text", path.display()))?;
                Some(text.lines().next().unwrap_or_default().trim().to_owned())
            }
            None => None,
        };
        let url = arguments.url.trim_end_matches('/');
        Ok(Self { client: Client::new(), url, api_key })
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.url));
        match &self.api_key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }
}

/// The answer, if it is not a problem.
async fn checked(request: RequestBuilder) -> Result<Response> {
    let response = request.send().await?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let problem: Value = serde_json::from_str(&response.text().await?).unwrap_or_default();
    let title = problem["detail"].as_str().or(problem["title"].as_str());
    bail!("the issuer answers {}: {}", status.as_u16(), title.unwrap_or("no reason given"))
}

fn form_of(arguments: &Import) -> Result<FileForm> {
    match arguments.form {
        Some(Form::Csv) => return Ok(FileForm::Csv),
        Some(Form::Ndjson) => return Ok(FileForm::Ndjson),
        Some(Form::Fhir) => return Ok(FileForm::Fhir),
        None => {}
    }
    match arguments.file.extension().and_then(|extension| extension.to_str()) {
        Some("csv") => Ok(FileForm::Csv),
        Some("ndjson") => Ok(FileForm::Ndjson),
        Some("json") => Ok(FileForm::Fhir),
        _ => bail!("--form: the name of the file does not say how it is written"),
    }
}

/// Writes a file that only its owner can read; refuses to replace one.
fn keep(path: &Path, bytes: &[u8]) -> Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(bytes))
        .with_context(|| format!("cannot make {}", path.display()))
}
