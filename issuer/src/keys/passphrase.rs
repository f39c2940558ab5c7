//! The passphrase of an encrypted key file, and where it may come from: a file or a descriptor,
//! never an argument or an environment variable, which other processes can read.

use std::fmt;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use zeroize::Zeroizing;

use super::provider::KeyError;
use crate::files;

/// Bytes of a passphrase, at most.
const LONGEST: usize = 1024;

/// A passphrase. Zeroized on drop, never printed.
#[derive(PartialEq, Eq)]
pub struct Passphrase(Zeroizing<String>);

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(redacted)")
    }
}

impl Passphrase {
    /// The first line of a file that only its owner may read.
    ///
    /// # Errors
    /// [`KeyError::Exposed`] if others may read it; as [`Passphrase::read`].
    pub fn from_file(path: &Path) -> Result<Self, KeyError> {
        let mut file = match File::open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(KeyError::Passphrase("file is not there"));
            }
            other => other?,
        };
        if files::is_exposed(path)? {
            return Err(KeyError::Exposed("passphrase file"));
        }
        Self::read(&mut file)
    }

    /// The first line of what is read, without its end; for instance of a descriptor that the
    /// parent process opened.
    ///
    /// # Errors
    /// [`KeyError::Passphrase`] if there is none, or it is longer than 1024 bytes or not UTF-8;
    /// [`KeyError::Io`]. Whether it is long enough is for the vault to say.
    pub fn read(source: &mut impl Read) -> Result<Self, KeyError> {
        // The buffer never grows, which would leave copies behind.
        let mut line = Zeroizing::new(Vec::with_capacity(LONGEST));
        let mut byte = Zeroizing::new([0]);
        loop {
            match source.read(byte.as_mut()) {
                Ok(0) => break,
                Ok(_) if byte[0] == b'\n' => break,
                Ok(_) if line.len() == LONGEST => {
                    return Err(KeyError::Passphrase("is longer than 1024 bytes"));
                }
                Ok(_) => line.push(byte[0]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        let text = std::str::from_utf8(&line).map_err(|_| KeyError::Passphrase("is not UTF-8"))?;
        if text.is_empty() {
            return Err(KeyError::Passphrase("is empty"));
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// The text.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(mut bytes: &[u8]) -> Result<String, KeyError> {
        Passphrase::read(&mut bytes).map(|passphrase| passphrase.expose().to_owned())
    }

    #[test]
    fn the_first_line_is_the_passphrase() {
        for text in ["correct horse", "correct horse\n", "correct horse\r\nnot this\n"] {
            assert_eq!(read(text.as_bytes()).unwrap(), "correct horse");
        }
        assert_eq!(read(&[b'x'; LONGEST]).unwrap().len(), LONGEST);
        for wrong in [b"".as_slice(), b"\nlate", b"\xff\xfe", &[b'x'; LONGEST + 1]] {
            assert!(matches!(read(wrong), Err(KeyError::Passphrase(_))));
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("passphrase");
        assert!(matches!(Passphrase::from_file(&path), Err(KeyError::Passphrase(_))));
        std::fs::write(&path, "correct horse\n").unwrap();
        let set = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode));
        set(0o640).unwrap();
        assert!(matches!(Passphrase::from_file(&path), Err(KeyError::Exposed(_))));
        set(0o400).unwrap();
        assert_eq!(Passphrase::from_file(&path).unwrap().expose(), "correct horse");
    }
}
