//! The profiles of the workspace in an agent's chat, and which of them is looked at.
//!
//! Owns how a profile is named at the keyboard, and how the list of them reads. Must not know where the lines go.

use switchboard_client::vocabulary::ProfileId;
use switchboard_client::wire::{ProfileRow, Settings, SettingsOf};
use switchboard_client::{Client, ClientError, DeskState};

use super::show::printable;

/// The profiles, as they were listed last.
#[derive(Default)]
pub(super) struct Profiles {
    known: Vec<ProfileRow>,
    /// The one whose lists are shown; `None`: those of all.
    pub(super) chosen: Option<ProfileId>,
}

impl Profiles {
    /// Reads which there are.
    pub(super) async fn read(&mut self, client: &Client) -> Result<(), ClientError> {
        let mut known: Vec<ProfileRow> = Vec::new();
        loop {
            let after = known.last().map(|row| row.profile);
            let page = client.settings(SettingsOf::Profiles { after }).await?.settings;
            let Settings::Profiles { profiles, more } = page else { break };
            let has_some = !profiles.is_empty();
            known.extend(profiles);
            if !more || !has_some {
                break;
            }
        }
        self.known = known;
        Ok(())
    }

    /// Chooses the one with a number or a title; nothing: all of them. Says what is shown from now on.
    pub(super) fn choose(&mut self, words: &str) -> Result<String, String> {
        if words.is_empty() {
            self.chosen = None;
            return Ok("— /list shows the conversations with all profiles".to_owned());
        }
        let numbered = words.parse::<usize>().ok().and_then(|number| self.known.get(number.checked_sub(1)?));
        let titled = || self.known.iter().find(|row| row.title.as_str() == words);
        let row = titled().or(numbered);
        let row = row.ok_or_else(|| format!("/profile: {words:?} is none of those that /profiles shows"))?;
        self.chosen = Some(row.profile);
        Ok(format!("— /list shows the conversations with {}", printable(row.title.as_str())))
    }

    /// The profiles as lines for people. A dot: it has calls that nobody has seen to. A star: its lists are shown.
    pub(super) fn lines(&self, desk: &DeskState) -> String {
        let line = |(number, row): (usize, &ProfileRow)| {
            let counts = desk.counts_with(row.profile);
            let here = if self.chosen == Some(row.profile) { "*" } else { " " };
            let dot = if counts.attention > 0 { "●" } else { " " };
            let icon: String = row.title.as_str().chars().take(2).collect();
            let (icon, title) = (printable(&icon), printable(row.title.as_str()));
            let of_them = format!("{} of them need you", counts.attention);
            format!(
                "{here}{dot}{number:>3}  [{icon}] {title}: {} wait, {of_them}; {} in progress",
                counts.waiting, counts.in_progress
            )
        };
        (1..).zip(&self.known).map(line).collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchboard_client::DeskUpdate;
    use switchboard_client::vocabulary::ProfileTitle;
    use switchboard_client::wire::ListCounts;

    fn profile(n: u8) -> ProfileId {
        ProfileId::from_bytes([n; 16])
    }

    fn two() -> Profiles {
        let row =
            |n, title: &str| ProfileRow { profile: profile(n), title: ProfileTitle::new(title).unwrap() };
        Profiles { known: vec![row(1, "Shop"), row(2, "은행 상담")], chosen: None }
    }

    #[test]
    fn a_profile_is_chosen_by_its_number_or_its_title() {
        let mut profiles = two();
        assert_eq!(profiles.choose("2").unwrap(), "— /list shows the conversations with 은행 상담");
        assert_eq!(profiles.chosen, Some(profile(2)));
        for words in ["3", "0", "shop", "Sho"] {
            assert!(profiles.choose(words).unwrap_err().contains(words));
            assert_eq!(profiles.chosen, Some(profile(2)), "nothing is otherwise");
        }
        profiles.choose("Shop").unwrap();
        assert_eq!(profiles.chosen, Some(profile(1)));
        profiles.choose("").unwrap();
        assert_eq!(profiles.chosen, None);
    }

    #[test]
    fn a_profile_with_calls_that_nobody_has_seen_to_has_a_dot() {
        let mut desk = DeskState::default();
        let counts = ListCounts { waiting: 3, attention: 1, in_progress: 2 };
        desk.apply(DeskUpdate::ProfileCounts { profile: profile(2), counts });
        let mut profiles = two();
        profiles.chosen = Some(profile(1));
        assert_eq!(
            profiles.lines(&desk),
            "*   1  [Sh] Shop: 0 wait, 0 of them need you; 0 in progress\n \
             ●  2  [은행] 은행 상담: 3 wait, 1 of them need you; 2 in progress"
        );
    }
}
