//! Where the sealed bytes are kept.

/// A place for one sealed wallet.
pub trait VaultStore {
    /// Replaces the stored bytes. After `Ok`, a crash of the process or the machine keeps the new
    /// bytes; after an error, the old or the new bytes stand, whole.
    ///
    /// # Errors
    /// Whatever the medium refuses.
    fn save(&mut self, sealed: &[u8]) -> std::io::Result<()>;
}

#[cfg(feature = "file")]
pub use file::FileStore;

#[cfg(feature = "file")]
mod file {
    use super::VaultStore;
    use std::ffi::OsString;
    use std::fs::{self, File, OpenOptions, TryLockError};
    use std::io::{self, Write};
    use std::path::{Path, PathBuf};

    /// A sealed wallet in a file, locked against other processes for as long as this lives: two
    /// writers could each use the same one-time key.
    #[derive(Debug)]
    pub struct FileStore {
        path: PathBuf,
        _lock: File,
    }

    impl FileStore {
        /// The store at `path`; the file need not exist yet, its folder must.
        ///
        /// # Errors
        /// [`io::ErrorKind::WouldBlock`] if another process has the wallet open; else what the
        /// file system refuses.
        pub fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
            let path = path.into();
            let lock = owner_only().create(true).truncate(false).open(beside(&path, ".lock"))?;
            match lock.try_lock() {
                Ok(()) => Ok(Self { path, _lock: lock }),
                Err(TryLockError::WouldBlock) => Err(io::Error::new(
                    io::ErrorKind::WouldBlock,
                    "another process has the wallet open",
                )),
                Err(TryLockError::Error(error)) => Err(error),
            }
        }

        /// The file.
        pub fn path(&self) -> &Path {
            &self.path
        }

        /// The stored bytes; none if nothing was stored yet.
        ///
        /// # Errors
        /// What the file system refuses.
        pub fn load(&self) -> io::Result<Option<Vec<u8>>> {
            match fs::read(&self.path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                other => other.map(Some),
            }
        }
    }

    impl VaultStore for FileStore {
        fn save(&mut self, sealed: &[u8]) -> io::Result<()> {
            let staging = beside(&self.path, ".partial");
            let mut file = owner_only().create(true).truncate(true).open(&staging)?;
            file.write_all(sealed)?;
            file.sync_all()?;
            drop(file);
            fs::rename(&staging, &self.path)?;
            sync_folder_of(&self.path)
        }
    }

    fn beside(path: &Path, suffix: &str) -> PathBuf {
        let mut name = path.file_name().map_or_else(OsString::new, OsString::from);
        name.push(suffix);
        path.with_file_name(name)
    }

    fn owner_only() -> OpenOptions {
        let mut options = OpenOptions::new();
        options.write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options
    }

    /// Makes the rename durable, where the platform can.
    fn sync_folder_of(path: &Path) -> io::Result<()> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if cfg!(unix) {
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        }
        Ok(())
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn keeps_the_last_bytes_and_nothing_beside_them() {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("wallet");
            let mut store = FileStore::open(&path).unwrap();
            assert_eq!(store.load().unwrap(), None);
            store.save(b"one").unwrap();
            store.save(b"two").unwrap();
            assert_eq!(store.load().unwrap().as_deref(), Some(b"two".as_slice()));
            assert!(!beside(&path, ".partial").exists());
        }

        #[test]
        fn a_second_opener_is_refused_until_the_first_is_done() {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("wallet");
            let first = FileStore::open(&path).unwrap();
            let second = FileStore::open(&path);
            assert_eq!(second.unwrap_err().kind(), io::ErrorKind::WouldBlock);
            drop(first);
            assert!(FileStore::open(&path).is_ok());
        }

        #[cfg(unix)]
        #[test]
        fn only_the_owner_may_read_the_file() {
            use std::os::unix::fs::PermissionsExt;
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("wallet");
            FileStore::open(&path).unwrap().save(b"one").unwrap();
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0);
        }

        #[test]
        fn a_folder_that_is_missing_is_an_error() {
            let folder = tempfile::tempdir().unwrap();
            assert!(FileStore::open(folder.path().join("missing/wallet")).is_err());
        }
    }
}
