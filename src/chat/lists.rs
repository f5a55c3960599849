//! The conversation lists and the status board in a chat.
//!
//! Owns how a list is named at the keyboard, what was listed last, and how rows and the board read. Must not know
//! where the lines go.

use std::collections::HashMap;

use switchboard_client::vocabulary::{ConversationId, CustomerName, MemberId};
use switchboard_client::wire::{AgentStatus, ListFilter, ListName, Row};
use switchboard_client::{Client, ClientError, DeskState};

use super::show::{clock, name_of, printable};

/// What was listed last.
#[derive(Default)]
pub(super) struct Listed {
    filter: ListFilter,
    rows: Vec<Row>,
    next: Option<String>,
}

impl Listed {
    /// Begins a list, and returns its first rows with their numbers.
    pub(super) async fn begin(
        &mut self,
        client: &Client,
        filter: ListFilter,
    ) -> Result<Vec<(usize, Row)>, ClientError> {
        *self = Self { filter, ..Self::default() };
        self.read(client).await
    }

    /// Whether there is more than was shown.
    pub(super) const fn has_more(&self) -> bool {
        self.next.is_some()
    }

    /// Something else was shown since: what is left of it is not asked for any more.
    pub(super) fn leave(&mut self) {
        self.next = None;
    }

    /// Goes on with it.
    pub(super) async fn read(&mut self, client: &Client) -> Result<Vec<(usize, Row)>, ClientError> {
        let page = client.list(self.filter.clone(), self.next.take(), PAGE_ROWS).await?;
        let numbers = self.rows.len() + 1..;
        self.next = page.next;
        self.rows.extend(page.rows.iter().cloned());
        Ok(numbers.zip(page.rows).collect())
    }

    /// The conversation with a number.
    pub(super) fn numbered(&self, number: &str) -> Option<ConversationId> {
        let at = number.parse::<usize>().ok()?.checked_sub(1)?;
        self.rows.get(at).map(|row| row.conversation)
    }

    /// Who answered for a conversation when it was listed.
    pub(super) fn assignee(&self, conversation: ConversationId) -> Option<MemberId> {
        self.rows.iter().find(|row| row.conversation == conversation)?.assignee
    }
}

/// The filter that words name.
pub(super) fn filter(words: &str) -> Result<ListFilter, String> {
    let mut filter = ListFilter::default();
    for word in words.split_whitespace() {
        match word {
            "all" => filter.lists.clear(),
            "mine" => filter.mine = true,
            "waiting" => filter.lists.push(ListName::Waiting),
            "progress" => filter.lists.push(ListName::InProgress),
            "completed" => filter.lists.push(ListName::Completed),
            "missed" => filter.lists.push(ListName::Missed),
            "bot" => filter.lists.push(ListName::WithBot),
            "nobot" => filter.hide_bot = true,
            other => {
                let lists = "waiting, progress, completed, missed, bot or all, and mine or nobot";
                return Err(format!("/list: {other:?} is no list; say {lists}"));
            }
        }
    }
    Ok(filter)
}

/// Who looks at a row, and from where.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen {
    /// They are in the conversation.
    pub(super) here: bool,
    /// Who.
    pub(super) me: Option<MemberId>,
    /// Whoever is to serve it is not there.
    pub(super) is_kept: bool,
}

/// A row as a line for people, with what it is called by. An exclamation mark: it needs one's attention.
pub(super) fn row_line(
    number: impl std::fmt::Display,
    row: &Row,
    names: &HashMap<MemberId, String>,
    Seen { here, me, is_kept }: Seen,
) -> String {
    let here = if here { "*" } else { " " };
    let mark = if me.is_some_and(|me| row.needs_attention(me)) { "!" } else { " " };
    let kept = if is_kept { ", who is not there" } else { "" };
    let named = |member: Option<MemberId>| member.map(|member| name_of(member, names));
    let by = |words: &str, member: Option<MemberId>| {
        named(member).map_or_else(|| words.to_owned(), |name| format!("{words} by {name}"))
    };
    let stands = match row.list {
        ListName::WithBot | ListName::Unknown => named(row.assignee).unwrap_or_else(|| "bot".to_owned()),
        ListName::Waiting => {
            let since = row.waits_since.map(|since| format!(" since {}", clock(since))).unwrap_or_default();
            let whom = named(row.assignee).map(|name| format!(" for {name}")).unwrap_or_default();
            format!("waits{since}{whom}{kept}")
        }
        ListName::InProgress => by("served", row.assignee) + kept,
        ListName::Completed => by("completed", row.answered),
        ListName::Missed => by("missed", row.answered),
    };
    let ended = if row.ended { ", ended" } else { "" };
    let about = match row.category.is_empty() {
        true => String::new(),
        false => format!("  ({})", printable(&row.category.to_string())),
    };
    let unread = if row.unread > 0 { format!(" ({} unread)", row.unread) } else { String::new() };
    let customer = row.name.as_ref().map_or(row.user_key.as_str(), CustomerName::as_str);
    let (customer, last) = (printable(customer), printable(&row.last_message));
    let at = clock(row.last_at);
    let number = number.to_string();
    format!("{here}{mark}{number:>3}  {at}  {customer}{unread}  [{stands}{ended}]{about}  {last}")
}

/// The status board as lines for people: how many there are to see, then each agent, those who are there first.
pub(super) fn board(desk: &DeskState) -> String {
    let counts = desk.counts();
    let there = desk.agents().iter().filter(|agent| agent.online).count();
    let heading = format!(
        "— {} wait, {} of them need you; {} in progress; {there} logged in",
        counts.waiting, counts.attention, counts.in_progress
    );
    let mut agents: Vec<&AgentStatus> = desk.agents().iter().collect();
    agents.sort_by_key(|agent| (stands(agent).0, agent.name.as_str()));
    std::iter::once(heading).chain(agents.into_iter().map(agent_line)).collect::<Vec<_>>().join("\n")
}

fn agent_line(agent: &AgentStatus) -> String {
    let over = if agent.over_limit { ", more than assignment gives" } else { "" };
    let (name, stands) = (printable(agent.name.as_str()), stands(agent).1);
    format!("  {stands:<6}  {name}: {} waiting, {} in progress{over}", agent.waiting, agent.in_progress)
}

/// In which order, and by which colour.
const fn stands(agent: &AgentStatus) -> (u8, &'static str) {
    match (agent.online, agent.away) {
        (true, false) => (0, "green"),
        (true, true) => (1, "yellow"),
        (false, _) => (2, "grey"),
    }
}

/// Rows that are shown at once.
const PAGE_ROWS: u16 = 20;

#[cfg(test)]
mod tests {
    use super::*;
    use switchboard_client::DeskUpdate;
    use switchboard_client::vocabulary::{
        CategoryPath, DisplayName, Platform, ProfileId, Seq, Timestamp, UserKey,
    };
    use switchboard_client::wire::ListCounts;

    fn member(n: u8) -> MemberId {
        MemberId::from_bytes([n; 16])
    }

    fn row(list: ListName) -> Row {
        Row {
            conversation: ConversationId::from_bytes([1; 16]),
            profile: ProfileId::from_bytes([1; 16]),
            platform: Platform::new("web").unwrap(),
            user_key: UserKey::new("carla").unwrap(),
            list,
            assignee: None,
            answered: None,
            waits_since: None,
            category: CategoryPath::default(),
            ended: false,
            last_message: "Hello".to_owned(),
            last_at: Timestamp::from_millis(3_723_000),
            unread: 2,
            seq: Seq::ZERO,
            epoch: 0,
            name: None,
        }
    }

    #[test]
    fn words_name_lists_and_what_is_none_is_said() {
        assert_eq!(filter(""), Ok(ListFilter::default()));
        assert_eq!(filter("waiting"), Ok(ListFilter::of(ListName::Waiting)));
        let mine = ListFilter { mine: true, ..ListFilter::of(ListName::InProgress) };
        assert_eq!(filter("progress  mine"), Ok(mine));
        assert_eq!(filter("nobot"), Ok(ListFilter { hide_bot: true, ..ListFilter::default() }));
        assert!(filter("everything").unwrap_err().contains("\"everything\" is no list"));
    }

    #[test]
    fn a_row_says_how_it_stands_and_whether_it_needs_one() {
        let names = HashMap::from([(member(1), "Ada".to_owned()), (member(2), "Ben".to_owned())]);
        let line = |row: &Row| row_line(1, row, &names, Seen { me: Some(member(1)), ..Seen::default() });
        let since = Some(Timestamp::from_millis(60_000));
        let waiting = Row { waits_since: since, ..row(ListName::Waiting) };
        let lines = [
            (row(ListName::WithBot), "    1  01:02  carla (2 unread)  [bot]  Hello"),
            (waiting.clone(), " !  1  01:02  carla (2 unread)  [waits since 00:01]  Hello"),
            (
                Row { assignee: Some(member(1)), ..waiting.clone() },
                " !  1  01:02  carla (2 unread)  [waits since 00:01 for Ada]  Hello",
            ),
            (
                Row { assignee: Some(member(2)), ..waiting },
                "    1  01:02  carla (2 unread)  [waits since 00:01 for Ben]  Hello",
            ),
            (
                Row { answered: Some(member(2)), ended: true, ..row(ListName::Completed) },
                "    1  01:02  carla (2 unread)  [completed by Ben, ended]  Hello",
            ),
            (row(ListName::Missed), "    1  01:02  carla (2 unread)  [missed]  Hello"),
        ];
        for (row, expected) in lines {
            assert_eq!(line(&row), expected);
        }
        let kept = Seen { is_kept: true, here: true, me: None };
        let kept = row_line(1, &Row { assignee: Some(member(2)), ..row(ListName::InProgress) }, &names, kept);
        assert_eq!(kept, "*   1  01:02  carla (2 unread)  [served by Ben, who is not there]  Hello");
    }

    #[test]
    fn the_board_shows_those_who_are_there_first() {
        let agent = |n, name: &str, online, away| AgentStatus {
            member: member(n),
            name: DisplayName::new(name).unwrap(),
            online,
            away,
            waiting: 1,
            in_progress: 2,
            over_limit: n == 3,
        };
        let agents =
            vec![agent(1, "Ada", false, false), agent(2, "Ben", true, true), agent(3, "Cho", true, false)];
        let mut desk = DeskState::default();
        desk.apply(DeskUpdate::Snapshot { rows: Vec::new(), agents });
        desk.apply(DeskUpdate::Counts(ListCounts { waiting: 5, attention: 3, in_progress: 4 }));
        let expected = "— 5 wait, 3 of them need you; 4 in progress; 2 logged in\n  \
            green   Cho: 1 waiting, 2 in progress, more than assignment gives\n  \
            yellow  Ben: 1 waiting, 2 in progress\n  \
            grey    Ada: 1 waiting, 2 in progress";
        assert_eq!(board(&desk), expected);
    }
}
