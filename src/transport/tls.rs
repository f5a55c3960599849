//! The listener's certificate: configured, or made here and kept.
//!
//! Owns reading, making and keeping it, and its fingerprint. Must not know connections.

use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use quinn::crypto::HmacKey;
use ring::hmac;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};
use switchboard_protocol::wire::ALPN;

/// Where the certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TlsSource {
    /// PEM files: the certificate chain, and the private key.
    Files {
        /// The chain, end-entity certificate first.
        certificate: PathBuf,
        /// Its key.
        key: PathBuf,
    },
    /// A self-made certificate, kept in this folder; made when it is not there.
    SelfMade {
        /// The folder.
        dir: PathBuf,
    },
}

/// A certificate with its key.
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read or written.
    #[error("{path}: {error}")]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// A file does not hold what it should.
    #[error("{path}: {reason}")]
    Content {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Certificate and key do not go together, or cannot be used.
    #[error("tls: {0}")]
    Unusable(String),
}

impl Identity {
    /// Reads or makes the certificate.
    ///
    /// # Errors
    /// Names the file and what is wrong with it.
    pub fn load(source: &TlsSource) -> Result<Self, TlsError> {
        match source {
            TlsSource::Files { certificate, key } => Self::read(certificate, key),
            TlsSource::SelfMade { dir } => {
                let (certificate, key) = (dir.join("certificate.pem"), dir.join("key.pem"));
                if !certificate.exists() || !key.exists() {
                    make(dir, &certificate, &key)?;
                }
                Self::read(&certificate, &key)
            }
        }
    }

    /// The SHA-256 of the end-entity certificate, in lower-case hexadecimal: what clients can pin.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut text = String::with_capacity(64);
        let digest = self.chain.first().map(Sha256::digest);
        for byte in digest.unwrap_or_default() {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }

    /// The key that proves to a client that its connection is no more: the same after a restart, so that
    /// clients of a process that was killed are told at their next packet and need not wait in silence.
    pub(super) fn reset_key(&self) -> Arc<dyn HmacKey> {
        let secret = Sha256::new().chain_update(RESET_KEY_USE).chain_update(self.key.secret_der()).finalize();
        Arc::new(hmac::Key::new(hmac::HMAC_SHA256, &secret))
    }

    /// The TLS side of the listener: TLS 1.3, our protocol, no early data.
    ///
    /// # Errors
    /// When certificate and key do not go together.
    pub(super) fn server_config(self) -> Result<rustls::ServerConfig, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(self.chain, self.key))
            .map_err(|error| TlsError::Unusable(error.to_string()))?;
        config.alpn_protocols = vec![ALPN.to_vec()];
        // Early data could be replayed.
        config.max_early_data_size = 0;
        config.send_tls13_tickets = 0;
        Ok(config)
    }

    fn read(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let content = |path: &Path, reason: &dyn std::fmt::Display| TlsError::Content {
            path: path.to_owned(),
            reason: reason.to_string(),
        };
        let chain: Vec<_> = CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect)
            .map_err(|error| content(certificate, &error))?;
        if chain.is_empty() {
            return Err(content(certificate, &"there is no certificate in it"));
        }
        let key = PrivateKeyDer::from_pem_file(key).map_err(|error| content(key, &error))?;
        Ok(Self { chain, key })
    }
}

/// Makes a certificate for this machine and keeps it, its key readable for its owner alone.
fn make(dir: &Path, certificate: &Path, key: &Path) -> Result<(), TlsError> {
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names)
        .map_err(|error| TlsError::Unusable(format!("a certificate cannot be made: {error}")))?;
    let io = |path: &Path| {
        let path = path.to_owned();
        move |error| TlsError::Io { path, error }
    };
    std::fs::create_dir_all(dir).map_err(io(dir))?;
    write(key, made.signing_key.serialize_pem().as_bytes()).map_err(io(key))?;
    write(certificate, made.cert.pem().as_bytes()).map_err(io(certificate))?;
    // Clients will know the engine by it, so its names must be there after a power cut as well.
    dir.parent().into_iter().chain([dir]).try_for_each(|folder| sync_names(folder).map_err(io(folder)))
}

fn sync_names(folder: &Path) -> std::io::Result<()> {
    std::fs::File::open(folder)?.sync_all()
}

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Keeps what is made of the private key for this use apart from anything else made of it.
const RESET_KEY_USE: &[u8] = b"switchboard stateless reset";

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_certificate_is_made_once_and_its_key_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let source = TlsSource::SelfMade { dir: dir.path().join("tls") };
        let first = Identity::load(&source).unwrap();
        let again = Identity::load(&source).unwrap();
        assert_eq!(first.fingerprint(), again.fingerprint());
        assert_eq!(first.fingerprint().len(), 64);
        let mode = std::fs::metadata(dir.path().join("tls/key.pem")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(first.server_config().is_ok());
    }

    #[test]
    fn a_restart_can_still_reset_what_the_process_before_it_left() {
        let dir = tempfile::tempdir().unwrap();
        let token = |folder: &str| {
            let source = TlsSource::SelfMade { dir: dir.path().join(folder) };
            let key = Identity::load(&source).unwrap().reset_key();
            let mut token = vec![0; key.signature_len()];
            key.sign(b"a connection", &mut token);
            token
        };
        assert_eq!(token("one"), token("one"));
        assert_ne!(token("one"), token("other"));
    }

    #[test]
    fn a_file_without_a_certificate_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("empty.pem");
        std::fs::write(&path, "nothing").unwrap();
        let source = TlsSource::Files { certificate: path.clone(), key: path };
        let error = Identity::load(&source).err().unwrap().to_string();
        assert!(error.contains("empty.pem"), "{error}");
    }
}
