//! Which daemon is tested, and as whom.
//!
//! Owns the reading of the ready file that a daemon leaves, as far as a tester needs it. Must not know
//! how the daemon came to run.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use switchboard_client::vocabulary::{Platform, ProfileId, Token, UserKey};
use switchboard_client::wire::{Change, Credentials, Settings, SettingsOf, TeamService};
use switchboard_client::{Client, ConnectOptions, Trust};

use crate::Failure;

/// A daemon, and who can be played there.
#[derive(Debug, Clone)]
pub struct Target {
    /// Where it listens.
    pub addresses: Vec<SocketAddr>,
    /// Its certificate.
    pub trust: Trust,
    /// The profile that customers write to.
    pub profile: ProfileId,
    /// Who agents are; any number of connections share one, which the workspace must allow.
    pub agents: Vec<Token>,
    /// Who may change the settings, if that is known.
    pub owner: Option<Token>,
    /// Its process, if it runs on this machine: its memory and processor time are measured then.
    pub pid: Option<u32>,
}

impl Target {
    /// The daemon that wrote a ready file. On a store that is not fresh the demo's credentials are in
    /// its data folder.
    ///
    /// # Errors
    /// When a file cannot be read or does not say what is needed.
    pub fn from_ready_file(path: &Path) -> Result<Self, Failure> {
        let Ready { addresses, fingerprint, pid, data_dir, demo } = read(path)?;
        let demo = match demo {
            Some(demo) => demo,
            None => read(&data_dir.join("demo.json"))?,
        };
        let fingerprint = fingerprint.parse().map_err(Failure::of("the ready file"))?;
        let agents = demo.agents.into_iter().map(|agent| agent.token).collect();
        let profile = demo.profile;
        let (trust, owner) = (Trust::Pinned(fingerprint), Some(demo.owner.token));
        Ok(Self { addresses, trust, profile, agents, owner, pid: Some(pid) })
    }

    /// Lets a member serve from several places, as the load does.
    ///
    /// # Errors
    /// When the owner's token does not let us.
    pub(crate) async fn let_agents_share(&self) -> Result<(), Failure> {
        let Some(token) = &self.owner else { return Ok(()) };
        let options = self.options(Credentials::Agent { token: token.clone() }).only_looks();
        let owner = Client::connect(options).await.map_err(Failure::of("the owner's session"))?;
        let told = owner.settings(SettingsOf::Team).await.map_err(Failure::of("the team's settings"))?;
        if let Settings::Team { service, .. } = told.settings {
            let service = TeamService { several_places: true, ..service };
            let change = Change::TeamService { service };
            owner.change(change).await.map_err(Failure::of("allowing several places"))?;
        }
        owner.close().await.map_err(Failure::of("the owner's goodbye"))
    }

    /// How an agent's end connects; those of different numbers are spread over the agents.
    ///
    /// # Errors
    /// When there is no agent.
    pub(crate) fn agent(&self, number: usize) -> Result<ConnectOptions, Failure> {
        let token = self.agents.get(number % self.agents.len().max(1));
        let token = token.ok_or_else(|| Failure("there is no agent's token".to_owned()))?.clone();
        Ok(self.member(token))
    }

    /// How the owner connects.
    ///
    /// # Errors
    /// When their token is not known.
    pub(crate) fn owner(&self) -> Result<ConnectOptions, Failure> {
        let token = self.owner.clone();
        Ok(self.member(token.ok_or_else(|| Failure("the owner's token is not known".to_owned()))?))
    }

    /// How a member connects.
    pub(crate) fn member(&self, token: Token) -> ConnectOptions {
        self.options(Credentials::Agent { token })
    }

    /// How the customer of a name connects.
    ///
    /// # Errors
    /// When the name is too long.
    pub(crate) fn customer(&self, name: &str) -> Result<ConnectOptions, Failure> {
        self.customer_of(self.profile, name)
    }

    /// How the customer of a name connects to a profile.
    ///
    /// # Errors
    /// When the name is too long.
    pub(crate) fn customer_of(&self, profile: ProfileId, name: &str) -> Result<ConnectOptions, Failure> {
        let user_key = UserKey::new(name).map_err(Failure::of("a customer's name"))?;
        let platform = Some(Platform::new("load").map_err(Failure::of("the platform"))?);
        Ok(self.options(Credentials::Customer { profile, platform, user_key }))
    }

    fn options(&self, credentials: Credentials) -> ConnectOptions {
        // A daemon that is busy with handshakes asks some to come again.
        ConnectOptions::new(self.addresses.clone(), self.trust, credentials).first_attempts(5)
    }
}

/// What is needed of a ready file.
#[derive(Deserialize)]
struct Ready {
    addresses: Vec<SocketAddr>,
    fingerprint: String,
    pid: u32,
    data_dir: PathBuf,
    demo: Option<Demo>,
}

#[derive(Deserialize)]
struct Demo {
    profile: ProfileId,
    owner: DemoMember,
    agents: Vec<DemoMember>,
}

#[derive(Deserialize)]
struct DemoMember {
    token: Token,
}

fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, Failure> {
    let failure = |error: &dyn std::fmt::Display| Failure(format!("{}: {error}", path.display()));
    let json = std::fs::read(path).map_err(|error| failure(&error))?;
    serde_json::from_slice(&json).map_err(|error| failure(&error))
}
