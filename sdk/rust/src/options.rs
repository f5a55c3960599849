//! How to connect: where to, whom to trust, as whom, how patiently.
//!
//! Owns the options and their defaults. Must not know how they are carried out.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use switchboard_protocol::wire::{Credentials, Purpose};

use crate::backoff::BackoffSettings;

/// Everything that a client needs to know before it connects.
#[derive(Debug, Clone)]
pub struct ConnectOptions {
    /// Where the server listens; tried in this order at every connect. Both IP versions work.
    pub addresses: Vec<SocketAddr>,
    /// The name that the server's certificate must bear, and that is sent to it. Default: `localhost`.
    pub server_name: String,
    /// Which certificate to accept.
    pub trust: Trust,
    /// Who the client is.
    pub credentials: Credentials,
    /// Member: what the session is for. Default: to serve.
    pub purpose: Purpose,
    /// How long to wait between tries.
    pub backoff: BackoffSettings,
    /// How long one try at one address may take, from the first packet to the welcome. Default: 10 s.
    pub connect_timeout: Duration,
    /// How many times to try before [`Client::connect`](crate::Client::connect) fails. Once it has
    /// succeeded there is no limit. Default: 1.
    pub first_attempts: u32,
}

impl ConnectOptions {
    /// Options with the defaults written at each field.
    #[must_use]
    pub fn new(addresses: Vec<SocketAddr>, trust: Trust, credentials: Credentials) -> Self {
        Self {
            addresses,
            server_name: "localhost".to_owned(),
            trust,
            credentials,
            purpose: Purpose::default(),
            backoff: BackoffSettings::default(),
            connect_timeout: Duration::from_secs(10),
            first_attempts: 1,
        }
    }

    /// The same with another server name.
    #[must_use]
    pub fn server_name(mut self, server_name: impl Into<String>) -> Self {
        self.server_name = server_name.into();
        self
    }

    /// The same for a member who takes over the place from which they serve, if there is one, or does not. It is
    /// done once: a client that is displaced later does not come back by itself.
    #[must_use]
    pub const fn take_over(mut self, takes_over: bool) -> Self {
        self.purpose = if takes_over { Purpose::TakeOver } else { Purpose::Serve };
        self
    }

    /// The same for a member who only looks: nobody counts as being there because of this client, which can read
    /// and administer, and neither post nor take.
    #[must_use]
    pub const fn only_looks(mut self) -> Self {
        self.purpose = Purpose::Look;
        self
    }

    /// The same with another back-off.
    #[must_use]
    pub const fn backoff(mut self, backoff: BackoffSettings) -> Self {
        self.backoff = backoff;
        self
    }

    /// The same with another number of first tries.
    #[must_use]
    pub const fn first_attempts(mut self, attempts: u32) -> Self {
        self.first_attempts = attempts;
        self
    }
}

/// Which certificate of the server to accept. Whatever is chosen, the server must prove that it
/// holds the certificate's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// The one with this fingerprint, whatever else it says.
    Pinned(Fingerprint),
    /// One for the server's name, issued by a root that this machine trusts.
    SystemRoots,
    /// Any. Whoever sits in between can read and change everything: for development only.
    InsecureForDevelopment,
}

/// The SHA-256 of a server's end-entity certificate in DER; as text 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Why a text is no fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("fingerprint: {0:?} must be 64 hexadecimal digits")]
pub struct FingerprintError(String);

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    /// Reads hexadecimal digits of either case, with or without colons between the bytes.
    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        let error = || FingerprintError(text.chars().take(96).collect());
        let digits: Vec<u8> = text
            .chars()
            .filter(|c| *c != ':')
            .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()).ok_or_else(error))
            .collect::<Result<_, _>>()?;
        if digits.len() != 64 {
            return Err(error());
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = pair[0] << 4 | pair[1];
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_fingerprint_reads_what_it_prints_and_nothing_else() {
        let fingerprint = Fingerprint::from_bytes(std::array::from_fn(|at| at as u8 * 7));
        assert_eq!(fingerprint.to_string().parse::<Fingerprint>().unwrap(), fingerprint);
        let colons = "AB:".repeat(31) + "ab";
        assert_eq!(colons.parse::<Fingerprint>().unwrap(), Fingerprint::from_bytes([0xab; 32]));
        for text in ["", "ab", &"xy".repeat(32), &"ab".repeat(33)] {
            assert!(text.parse::<Fingerprint>().is_err(), "{text}");
        }
    }
}
