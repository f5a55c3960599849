//! Finding the daemon and the credentials.
//!
//! Owns what the flags leave open: the daemon started last on this machine, and its demo workspace.
//! Must not know what is said.

use std::str::FromStr;

use switchboard::ready::{self, Demo, Ready};
use switchboard_client::vocabulary::{ProfileId, Token, UserKey};
use switchboard_client::wire::Credentials;
use switchboard_client::{ConnectOptions, Fingerprint, Trust};

use super::{ChatError, Options};

/// How to connect, by the flags and what is found.
pub(super) fn connect_options(options: &Options) -> Result<ConnectOptions, ChatError> {
    let ready = match options.addr {
        Some(_) => None,
        None => Some(ready(options)?),
    };
    let addresses = match (options.addr, &ready) {
        (Some(address), _) => vec![address],
        (None, Some(ready)) => ready.addresses.clone(),
        (None, None) => Vec::new(),
    };
    let fingerprint = options.fingerprint.as_ref().or(ready.as_ref().map(|ready| &ready.fingerprint));
    let trust = match fingerprint {
        _ if options.insecure => Trust::InsecureForDevelopment,
        Some(fingerprint) => Trust::Pinned(parsed::<Fingerprint>("--fingerprint", fingerprint)?),
        None => Trust::SystemRoots,
    };
    let demo = || ready.as_ref().and_then(demo).ok_or(NO_DEMO);
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
    Ok(ConnectOptions::new(addresses, trust, credentials).server_name(options.server_name.as_str()))
}

fn ready(options: &Options) -> Result<Ready, ChatError> {
    let found: Ready = match &options.ready_file {
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

pub(super) fn parsed<T: FromStr>(flag: &str, text: &str) -> Result<T, ChatError>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|why: T::Err| usage(format!("{flag}: {why}")))
}

fn usage(why: String) -> ChatError {
    ChatError::Usage(why)
}

const NO_DEMO: &str = "must be given: there is no demo workspace whose credentials could be used";
