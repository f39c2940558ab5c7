//! The passphrase that opens a service's keys: from a file, a descriptor or the terminal.

use crate::output;
use anyhow::{Context, Result, bail};
use attestry_issuer::keys::Passphrase;
use clap::Args;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::fs::File;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

/// Where the passphrase of the key file comes from: a file, a descriptor, or else the terminal.
#[derive(Args, Clone)]
pub(crate) struct PassphraseSource {
    /// A file that only its owner may read; its first line is the passphrase of the key file.
    #[arg(long, env = "ATTESTRY_KEY_PASSPHRASE_FILE", conflicts_with = "key_passphrase_fd")]
    key_passphrase_file: Option<PathBuf>,
    /// A descriptor that is open for reading, from which the passphrase's line is read.
    #[arg(long, env = "ATTESTRY_KEY_PASSPHRASE_FD")]
    key_passphrase_fd: Option<u32>,
}

impl PassphraseSource {
    /// A file, or else the terminal.
    pub(crate) fn of_file(file: Option<PathBuf>) -> Self {
        Self { key_passphrase_file: file, key_passphrase_fd: None }
    }

    /// The passphrase of a file that exists.
    pub(crate) fn read(&self) -> Result<Passphrase> {
        self.read_or(|| ask("Passphrase of the keys: "))
    }

    /// A passphrase that is to be set: asked for twice at a terminal.
    pub(crate) fn read_new(&self) -> Result<Passphrase> {
        self.read_or(|| ask_twice("New passphrase of the keys: "))
    }

    fn read_or(&self, ask: impl FnOnce() -> Result<Passphrase>) -> Result<Passphrase> {
        match (&self.key_passphrase_file, self.key_passphrase_fd) {
            (Some(path), _) => {
                Passphrase::from_file(path).with_context(|| path.display().to_string())
            }
            (None, Some(descriptor)) => {
                let file = File::open(format!("/dev/fd/{descriptor}"));
                let mut file =
                    file.with_context(|| format!("--key-passphrase-fd: {descriptor} is not open"))?;
                Ok(Passphrase::read(&mut file)?)
            }
            (None, None) if std::io::stdin().is_terminal() => ask(),
            (None, None) => bail!(
                "the passphrase is to come from a file or a descriptor, where there is no terminal"
            ),
        }
    }
}

fn ask_twice(prompt: &str) -> Result<Passphrase> {
    let first = ask(prompt)?;
    if ask("The same again: ")? != first {
        bail!("the two are not the same");
    }
    Ok(first)
}

fn ask(prompt: &str) -> Result<Passphrase> {
    let mut terminal = File::options().read(true).write(true).open(Path::new("/dev/tty"))?;
    terminal.write_all(prompt.as_bytes())?;
    let answer = {
        let _silent = Silence::of(&terminal)?;
        Passphrase::read(&mut &terminal)
    };
    output::note("");
    Ok(answer?)
}

/// A terminal that does not show what is typed, until this is dropped.
struct Silence<'a> {
    terminal: &'a File,
    before: Termios,
}

impl<'a> Silence<'a> {
    fn of(terminal: &'a File) -> Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(terminal, OptionalActions::Flush, &silent)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Silence<'_> {
    fn drop(&mut self) {
        // Nothing better is left to do if it fails.
        let _ = tcsetattr(self.terminal, OptionalActions::Flush, &self.before);
    }
}
