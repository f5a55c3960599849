//! Finding the daemon and the credentials.
//!
//! Owns what the flags leave open: the daemon started last on this machine, and its demo workspace.
//! Must not know what is said.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use switchboard::ready::{self, Demo, Ready};
use switchboard_client::vocabulary::{ProfileId, Token, UserKey};
use switchboard_client::wire::Credentials;
use switchboard_client::{ConnectOptions, Fingerprint, Trust};

use super::{ChatError, Options};

/// How to connect, by the flags and what is found.
pub(super) fn connect_options(options: &Options) -> Result<ConnectOptions, ChatError> {
    let found = options.at.found()?;
    let demo = || found.demo().ok_or(NO_DEMO);
    let credentials = if options.agent {
        Credentials::Agent { token: token(options, demo)? }
    } else {
        let profile = match &options.profile {
            Some(profile) => parsed::<ProfileId>("--profile", profile)?,
            None => demo().map_err(|why| usage(format!("--profile: {why}")))?.profile,
        };
        let user_key =
            UserKey::new(options.user_key.as_str()).map_err(|why| usage(format!("--user-key: {why}")))?;
        Credentials::Customer { profile, platform: None, user_key }
    };
    Ok(found.connect_options(credentials).take_over(options.take_over))
}

/// Where a daemon is found.
#[derive(Args, Debug)]
pub(crate) struct Where {
    /// The ready file of the daemon. Without it and --addr, the daemon that was started last on this
    /// machine is used.
    #[arg(long, value_name = "FILE", conflicts_with = "addr")]
    ready_file: Option<PathBuf>,
    /// The daemon's address.
    #[arg(long, value_name = "ADDRESS:PORT")]
    addr: Option<SocketAddr>,
    /// The SHA-256 of the daemon's certificate, in hexadecimal. Without it, with --addr, the
    /// certificate must be one that this machine trusts.
    #[arg(long, value_name = "HEX")]
    fingerprint: Option<String>,
    /// The name that the daemon's certificate must bear.
    #[arg(long, value_name = "NAME", default_value = "localhost")]
    server_name: String,
    /// Accept any certificate. Whoever sits in between can read everything.
    #[arg(long, conflicts_with = "fingerprint")]
    insecure: bool,
}

/// A daemon that was found.
pub(crate) struct Found {
    ready: Option<Ready>,
    addresses: Vec<SocketAddr>,
    trust: Trust,
    server_name: String,
}

impl Where {
    /// Finds the daemon.
    pub(crate) fn found(&self) -> Result<Found, ChatError> {
        let ready = match self.addr {
            Some(_) => None,
            None => Some(self.ready()?),
        };
        let addresses = match (self.addr, &ready) {
            (Some(address), _) => vec![address],
            (None, Some(ready)) => ready.addresses.clone(),
            (None, None) => Vec::new(),
        };
        let fingerprint = self.fingerprint.as_ref().or(ready.as_ref().map(|ready| &ready.fingerprint));
        let trust = match fingerprint {
            _ if self.insecure => Trust::InsecureForDevelopment,
            Some(fingerprint) => Trust::Pinned(parsed::<Fingerprint>("--fingerprint", fingerprint)?),
            None => Trust::SystemRoots,
        };
        Ok(Found { ready, addresses, trust, server_name: self.server_name.clone() })
    }

    fn ready(&self) -> Result<Ready, ChatError> {
        let found: Ready = match &self.ready_file {
            Some(file) => ready::read(file).map_err(|why| usage(format!("--ready-file: {why}")))?,
            None => ready::well_known().and_then(|file| ready::read(&file)).map_err(|why| {
                usage(format!("no daemon was found on this machine; start one, or give --addr ({why})"))
            })?,
        };
        if !found.is_running() {
            let pid = found.pid;
            return Err(usage(format!(
                "the daemon that was started last, process {pid}, is not running; start it"
            )));
        }
        Ok(found)
    }
}

impl Found {
    /// Its demo workspace, if it has one.
    pub(crate) fn demo(&self) -> Option<Demo> {
        self.ready.as_ref().and_then(demo)
    }

    /// How to connect to it as the member with a token; without one, as the demo workspace's owner.
    pub(crate) fn member_options(self, token: Option<&str>) -> Result<ConnectOptions, ChatError> {
        let token = match token {
            Some(token) => token.to_owned(),
            None => self.demo().ok_or_else(|| usage(format!("--token: {NO_DEMO}")))?.owner.token,
        };
        // Not shown: it is a secret.
        let token = Token::new(token).map_err(|why| usage(format!("--token: {why}")))?;
        // Nobody is there to be reached because of a command.
        Ok(self.connect_options(Credentials::Agent { token }).only_looks())
    }

    /// How to connect to it as somebody.
    pub(crate) fn connect_options(self, credentials: Credentials) -> ConnectOptions {
        ConnectOptions::new(self.addresses, self.trust, credentials).server_name(self.server_name.as_str())
    }
}

/// The demo workspace: said by the start that made it, kept in the data folder for later ones.
fn demo(ready: &Ready) -> Option<Demo> {
    ready.demo.clone().or_else(|| ready::read(&ready::demo_file(&ready.data_dir)).ok())
}

fn token(options: &Options, demo: impl Fn() -> Result<Demo, &'static str>) -> Result<Token, ChatError> {
    if let Some(token) = &options.token {
        // Not shown: it is a secret.
        return Token::new(token.as_str()).map_err(|why| usage(format!("--token: {why}")));
    }
    let demo = demo().map_err(|why| usage(format!("--token: {why}")))?;
    let wanted = |agent: &&ready::DemoMember| {
        options.name.as_ref().is_none_or(|name| agent.name.eq_ignore_ascii_case(name))
    };
    let agent = demo.agents.iter().find(wanted).ok_or_else(|| {
        let names: Vec<&str> = demo.agents.iter().map(|agent| agent.name.as_str()).collect();
        let wanted = options.name.as_deref().unwrap_or_default();
        usage(format!("--name: {wanted:?} is none of the demo workspace's agents: {}", names.join(", ")))
    })?;
    Token::new(agent.token.as_str()).map_err(|why| usage(why.to_string()))
}

pub(crate) fn parsed<T: FromStr>(flag: &str, text: &str) -> Result<T, ChatError>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|why: T::Err| usage(format!("{flag}: {why}")))
}

fn usage(why: String) -> ChatError {
    ChatError::Usage(why)
}

pub(crate) const NO_DEMO: &str = "must be given: there is no demo workspace whose credentials could be used";
