//! TLS: which certificates are accepted, with which algorithms.
//!
//! Owns the only use of rustls. Must not know QUIC's settings or sessions.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, RootCertStore, SignatureScheme};
use sha2::{Digest, Sha256};
use switchboard_protocol::wire::ALPN;

use crate::error::ClientError;
use crate::options::{Fingerprint, Trust};

/// A TLS configuration for one kind of trust: TLS 1.3 only, ring passed explicitly (a process
/// default may be absent or another), our ALPN, no early data.
///
/// # Errors
/// When no root certificate of this machine can be read, or the provider lacks what TLS 1.3 needs.
pub(crate) fn tls_config(trust: Trust) -> Result<rustls::ClientConfig, ClientError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| ClientError::Local(error.to_string()))?;
    let wanted = match trust {
        Trust::SystemRoots => None,
        Trust::Pinned(fingerprint) => Some(Some(fingerprint)),
        Trust::InsecureForDevelopment => Some(None),
    };
    let mut config = match wanted {
        None => builder.with_root_certificates(system_roots()?).with_no_client_auth(),
        Some(wanted) => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(OneCertificate { wanted, provider }))
            .with_no_client_auth(),
    };
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.enable_early_data = false;
    Ok(config)
}

/// Checks a name that a server's certificate is to bear.
///
/// # Errors
/// [`ClientError::Options`] when it is neither a host's name nor an IP address.
pub(crate) fn check_server_name(name: &str) -> Result<(), ClientError> {
    ServerName::try_from(name)
        .map(drop)
        .map_err(|_| ClientError::Options(format!("server_name: {name:?} is not a host's name or address")))
}

fn system_roots() -> Result<RootCertStore, ClientError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (added, _unusable) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        let why = found.errors.first().map_or_else(|| "none found".to_owned(), ToString::to_string);
        return Err(ClientError::Local(format!("no root certificate of this machine is usable: {why}")));
    }
    Ok(roots)
}

/// Accepts the one certificate that is wanted, or any when none is; the holder must prove its key.
#[derive(Debug)]
struct OneCertificate {
    wanted: Option<Fingerprint>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for OneCertificate {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let digest: [u8; 32] = Sha256::digest(end_entity).into();
        match self.wanted {
            Some(wanted) if *wanted.as_bytes() != digest => {
                Err(rustls::Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
            }
            Some(_) | None => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("TLS 1.2 is not spoken here".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
