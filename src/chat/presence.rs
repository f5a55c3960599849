//! Whether an agent is there, as the agent sees it at the keyboard.
//!
//! Owns the question whether to take over from another place, and how being away is said and shown. Must not know
//! what the engine makes of it.

use std::io::{BufRead as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use switchboard_client::vocabulary::Timestamp;
use switchboard_client::{Accepted, Client, ClientError};

use super::{ChatError, show};

/// Asks whether to take over the place from which the agent serves.
pub(super) fn takes_over(since: Option<Timestamp>) -> Result<bool, ChatError> {
    let failed = |error: std::io::Error| ChatError::Terminal(error.to_string());
    let since = since.map_or_else(String::new, |since| format!(" since {} UTC", show::clock(since)));
    let mut out = std::io::stdout();
    write!(out, "You serve from another place{since}; take over? [y/N] ").map_err(failed)?;
    out.flush().map_err(failed)?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).map_err(failed)?;
    Ok(is_yes(&answer))
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

/// Says that the agent wants to be left alone, or does not any more.
pub(super) async fn set_away(client: Client, away: bool) -> Result<Accepted, ClientError> {
    let changed = client.set_away(away).await?;
    Ok(Accepted { seq: None, at: changed.at })
}

/// Whether the agent is away, for the prompt, which is shown by a thread of its own.
#[derive(Debug, Clone, Default)]
pub(super) struct Away(Arc<AtomicBool>);

impl Away {
    /// The desk shows it so. Returns what is to be said of it, if it is new.
    pub(super) fn is(&self, away: bool) -> Option<&'static str> {
        let before = self.0.swap(away, Ordering::Relaxed);
        (before != away).then_some(if away {
            "— you are away: nothing is assigned to you; /back ends it"
        } else {
            "— you are back"
        })
    }

    /// What the next line is entered behind.
    pub(super) fn prompt(&self) -> &'static str {
        if self.0.load(Ordering::Relaxed) { "(away) > " } else { "> " }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clear_yes_takes_over() {
        for yes in ["y\n", "Y", " yes \n"] {
            assert!(is_yes(yes), "{yes:?}");
        }
        for no in ["", "\n", "n\n", "yep", "ja"] {
            assert!(!is_yes(no), "{no:?}");
        }
    }

    #[test]
    fn being_away_is_said_once_and_stands_in_the_prompt() {
        let away = Away::default();
        assert_eq!((away.is(false), away.prompt()), (None, "> "));
        assert!(away.is(true).is_some_and(|line| line.contains("away")));
        assert_eq!((away.is(true), away.prompt()), (None, "(away) > "));
        assert!(away.is(false).is_some_and(|line| line.contains("back")));
        assert_eq!(away.prompt(), "> ");
    }
}
