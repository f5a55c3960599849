//! The settings: read from layers, typed once, checked once.
//!
//! Owns the layers (defaults, file, environment, flags), the ranges, and errors that name the key, the
//! value and what is allowed. Must not know what a setting does.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::limits;

/// Every setting. The comments are in `config/default.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The listener.
    pub listen: Listen,
    /// Its certificate.
    #[serde(default)]
    pub tls: Tls,
    /// Where the data is.
    pub data: Data,
    /// Conversations.
    pub conversation: Conversation,
    /// Agents.
    pub agents: Agents,
    /// The journal.
    pub journal: Journal,
    /// Stopping.
    pub stop: Stop,
    /// Tracing.
    pub trace: Trace,
}

/// The listener.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listen {
    /// The UDP address.
    #[serde(deserialize_with = "address")]
    pub address: SocketAddr,
    /// How long a connection may be silent.
    pub idle_ms: u64,
    /// How often a silent connection is asked for a sign of life.
    pub keep_alive_ms: u64,
    /// How long a client may take to shake hands and say hello.
    pub hello_ms: u64,
    /// The most sessions at a time.
    pub sessions_max: usize,
    /// Whether packets are handed to the system in bundles.
    pub segmentation_offload: bool,
}

/// The certificate's files: both or none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The chain, PEM.
    pub certificate: Option<PathBuf>,
    /// The key, PEM.
    pub key: Option<PathBuf>,
}

/// Where the data is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// The folder.
    pub dir: PathBuf,
    /// What must be free on its disk.
    pub room_bytes_min: u64,
    /// What is kept for when it is full.
    pub reserve_bytes: u64,
}

/// Conversations.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conversation {
    /// How long one stays awake that nobody follows.
    pub idle_ms: u64,
    /// The most characters of a text.
    pub text_chars_max: usize,
}

/// Agents.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agents {
    /// How long one is believed to be there after the last sign of life.
    pub lease_ms: u64,
}

/// The journal.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Journal {
    /// The size of a segment of the log.
    pub log_segment_bytes: u64,
    /// The most that may wait to be written.
    pub log_window_bytes: u64,
    /// What the store may keep in memory.
    pub store_cache_bytes: u64,
    /// Fold what is older.
    pub fold_age_ms: u64,
    /// Fold when it is larger.
    pub fold_tail_bytes: u64,
    /// How long what is due to be erased from the log may wait for more.
    pub erase_within_ms: u64,
    /// The most that may wait to be folded.
    pub tail_bytes_max: u64,
}

/// Stopping.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stop {
    /// How long clients have to go.
    pub drain_ms: u64,
    /// Over how long their return is spread.
    pub reconnect_spread_ms: u64,
}

/// Tracing.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trace {
    /// How lines look.
    pub format: TraceFormat,
    /// A level or a filter.
    pub level: String,
}

/// How lines of the trace look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum TraceFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl TryFrom<String> for TraceFormat {
    type Error = String;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        match name.as_str() {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(format!("{name:?} is no format; allowed are \"text\" and \"json\"")),
        }
    }
}

/// What the command line overrides.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// `data.dir`.
    pub data_dir: Option<PathBuf>,
    /// `listen.address`.
    pub listen_address: Option<String>,
}

/// What is wrong with the settings. Names the key, the value and what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SettingsError(String);

impl Settings {
    /// Reads the layers: defaults, then the file, then the environment, then flags.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn load(file: Option<&Path>, flags: &Flags) -> Result<Self, SettingsError> {
        let environment =
            config::Environment::with_prefix("SWITCHBOARD").prefix_separator("__").separator("__");
        Self::layered(file, environment.try_parsing(true), flags)
    }

    fn layered(
        file: Option<&Path>,
        environment: config::Environment,
        flags: &Flags,
    ) -> Result<Self, SettingsError> {
        let explain = |error: config::ConfigError| SettingsError(error.to_string());
        let defaults = config::File::from_str(DEFAULTS, config::FileFormat::Toml);
        let mut layers = config::Config::builder().add_source(defaults);
        if let Some(file) = file {
            layers = layers.add_source(config::File::from(file).format(config::FileFormat::Toml));
        }
        let data_dir = flags.data_dir.as_ref().map(|dir| dir.to_string_lossy().into_owned());
        let settings: Self = layers
            .add_source(environment)
            .set_override_option("data.dir", data_dir)
            .and_then(|layers| layers.set_override_option("listen.address", flags.listen_address.clone()))
            .and_then(config::ConfigBuilder::<config::builder::DefaultState>::build)
            .and_then(config::Config::try_deserialize)
            .map_err(explain)?;
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<(), SettingsError> {
        let Self { listen, tls, data, conversation, agents, journal, stop, .. } = self;
        let minute = 60_000;
        within("listen.idle_ms", listen.idle_ms, 1_000, 10 * minute)?;
        within("listen.keep_alive_ms", listen.keep_alive_ms, 200, listen.idle_ms / 2)?;
        within("listen.hello_ms", listen.hello_ms, 100, minute)?;
        within("listen.sessions_max", listen.sessions_max as u64, 1, 10_000_000)?;
        within("conversation.idle_ms", conversation.idle_ms, 100, 24 * 60 * minute)?;
        // A sign of life of each third of a lease renews it, and comes within the time to keep alive and to travel.
        within("agents.lease_ms", agents.lease_ms, listen.keep_alive_ms * 7 / 2, 10 * minute)?;
        within("conversation.text_chars_max", conversation.text_chars_max as u64, 1, 4_000)?;
        within("journal.log_segment_bytes", journal.log_segment_bytes, 4 << 20, 1 << 30)?;
        within("journal.log_window_bytes", journal.log_window_bytes, 1 << 20, 1 << 30)?;
        within("journal.store_cache_bytes", journal.store_cache_bytes, 1 << 20, 1 << 40)?;
        within("journal.fold_age_ms", journal.fold_age_ms, 1, minute)?;
        within("journal.fold_tail_bytes", journal.fold_tail_bytes, 1 << 16, journal.tail_bytes_max)?;
        within("journal.erase_within_ms", journal.erase_within_ms, minute, 31 * 24 * 60 * minute)?;
        within("journal.tail_bytes_max", journal.tail_bytes_max, 1 << 20, 1 << 36)?;
        let room_bytes_least = 2 * journal.log_segment_bytes + limits::STORE_ROOM_BYTES;
        within("data.room_bytes_min", data.room_bytes_min, room_bytes_least, 1 << 44)?;
        within("data.reserve_bytes", data.reserve_bytes, limits::STORE_ROOM_BYTES, 1 << 44)?;
        within("stop.drain_ms", stop.drain_ms, 0, 10 * minute)?;
        within("stop.reconnect_spread_ms", stop.reconnect_spread_ms, 0, 10 * minute)?;
        match (&tls.certificate, &tls.key) {
            (Some(_), Some(_)) | (None, None) => Ok(()),
            (Some(given), None) => Err(half("tls.certificate", given, "tls.key")),
            (None, Some(given)) => Err(half("tls.key", given, "tls.certificate")),
        }
    }
}

/// A time setting as a duration.
#[must_use]
pub const fn millis(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Reads an address with its port; what is none is named.
fn address<'de, D: serde::Deserializer<'de>>(from: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(from)?;
    text.parse().map_err(|_| {
        let allowed = "allowed is an IP address with a port, such as 127.0.0.1:4433 or [::]:4433";
        serde::de::Error::custom(format!("{text:?} is no socket address; {allowed}"))
    })
}

fn within(key: &str, value: u64, least: u64, most: u64) -> Result<(), SettingsError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(SettingsError(format!("{key}: {value} is out of range; allowed is {least} to {most}")))
}

fn half(key: &str, given: &Path, missing: &str) -> SettingsError {
    SettingsError(format!("{key}: {} is given without {missing}; give both or neither", given.display()))
}

const DEFAULTS: &str = include_str!("../config/default.toml");

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    fn load(file: &str, environment: &[(&str, &str)], flags: &Flags) -> Result<Settings, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.toml");
        std::fs::write(&path, file).unwrap();
        let pairs: HashMap<String, String> =
            environment.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let environment = config::Environment::with_prefix("SWITCHBOARD")
            .prefix_separator("__")
            .separator("__")
            .try_parsing(true)
            .source(Some(pairs));
        Settings::layered(Some(&path), environment, flags).map_err(|error| error.to_string())
    }

    #[test]
    fn a_later_layer_wins() {
        let file = "[listen]\nhello_ms = 1000\nidle_ms = 40000\n[data]\ndir = \"from-file\"";
        let environment = [("SWITCHBOARD__LISTEN__IDLE_MS", "50000"), ("SWITCHBOARD__DATA__DIR", "from-env")];
        let flags = Flags { data_dir: Some("from-flag".into()), listen_address: None };
        let settings = load(file, &environment, &flags).unwrap();
        assert_eq!(settings.listen.hello_ms, 1_000);
        assert_eq!(settings.listen.idle_ms, 50_000);
        assert_eq!(settings.data.dir, PathBuf::from("from-flag"));
        assert_eq!(settings.conversation.text_chars_max, 1_000);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_value_and_what_is_allowed() {
        let cases = [
            ("[listen]\nidle_ms = 5", vec!["listen.idle_ms", "5", "1000 to 600000"]),
            ("[listen]\nidle_ms = \"soon\"", vec!["listen.idle_ms", "soon", "integer"]),
            ("[listen]\naddress = \"nowhere\"", vec!["listen.address", "nowhere", "[::]:4433"]),
            ("[trace]\nformat = \"xml\"", vec!["trace.format", "xml", "text", "json"]),
            ("[listen]\nport = 1", vec!["port", "unknown field"]),
            ("[data]\nroom_bytes_min = 1", vec!["data.room_bytes_min", "1", "92274688 to"]),
            ("[data]\nreserve_bytes = 7", vec!["data.reserve_bytes", "7", "25165824 to"]),
            ("[agents]\nlease_ms = 30000", vec!["agents.lease_ms", "30000", "42000 to 600000"]),
            ("[tls]\nkey = \"k.pem\"", vec!["tls.key", "k.pem", "tls.certificate"]),
        ];
        for (file, words) in cases {
            let error = load(file, &[], &Flags::default()).unwrap_err();
            for word in words {
                assert!(error.contains(word), "{file:?}: {error:?} does not say {word:?}");
            }
        }
    }
}
