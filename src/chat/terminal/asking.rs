//! What a chat at the keyboard asks and shows at once: lists, what is found, consultations, the customer.
//!
//! Owns the questions whose answers are shown where they were asked. Must not know how lines look.

use switchboard_client::ClientError;
use switchboard_client::wire::{ListFilter, Row};

use super::window::Window;
use super::{Chat, Next, Printer};
use crate::chat::lists::Seen;
use crate::chat::room::Side;
use crate::chat::{customers, lists, past, show};

impl<P: Printer> Chat<P> {
    /// Shows what became of the consultations of this conversation's customer.
    pub(super) async fn past(&mut self) -> Result<(), ClientError> {
        let page = self.room.client.consultations(self.room.conversation, None, PAST_SHOWN).await?;
        let here = self.room.conversation;
        let lines = page.consultations.iter().map(|of| past::consultation_line(of, self.names(), here));
        let mut lines: Vec<_> = lines.collect();
        if lines.is_empty() {
            lines.push("— there was none".to_owned());
        } else if page.next.is_some() {
            lines.push("— and earlier ones".to_owned());
        }
        self.say(lines.join("\n"));
        Ok(())
    }

    /// Shows why somebody got it, or why it waits.
    pub(super) async fn why(&mut self) -> Result<(), ClientError> {
        let (decisions, _) = self.room.client.explain(self.room.conversation).await?;
        let lines = match decisions.first() {
            Some(latest) => past::decision_lines(latest, self.names()),
            None => "— nothing was decided about it".to_owned(),
        };
        self.say(lines);
        Ok(())
    }

    /// Begins the list that words name.
    pub(super) async fn list_named(&mut self, words: &str) -> Result<(), ClientError> {
        let Side::Agent(agent) = &self.room.side else { return Ok(()) };
        let profile = agent.profiles.chosen;
        match lists::filter(words) {
            Ok(filter) => self.list(Some(ListFilter { profile, ..filter })).await,
            Err(why) => {
                self.say(format!("— {why}"));
                Ok(())
            }
        }
    }

    /// Begins a list, or goes on with the one that was shown last.
    pub(super) async fn list(&mut self, filter: Option<ListFilter>) -> Result<(), ClientError> {
        let (client, here) = (self.room.client.clone(), self.room.conversation);
        let Side::Agent(agent) = &mut self.room.side else { return Ok(()) };
        let rows = match filter {
            Some(filter) => agent.listed.begin(&client, filter).await?,
            None => agent.listed.read(&client).await?,
        };
        let me = client.member();
        let line = |(number, row): &(usize, Row)| {
            let seen = Seen { here: row.conversation == here, me, is_kept: agent.state.is_kept(row) };
            lists::row_line(*number, row, &agent.names, seen)
        };
        let mut lines: Vec<String> = rows.iter().map(line).collect();
        if agent.listed.has_more() {
            lines.push("— /more shows still others".to_owned());
        } else if lines.is_empty() {
            lines.push("— there are none".to_owned());
        }
        self.say(lines.join("\n"));
        Ok(())
    }

    /// Shows the profiles, and which have calls that nobody has seen to.
    pub(super) async fn profiles(&mut self) -> Result<(), ClientError> {
        let client = self.room.client.clone();
        let Side::Agent(agent) = &mut self.room.side else { return Ok(()) };
        agent.profiles.read(&client).await?;
        let lines = agent.profiles.lines(&agent.state);
        self.say(lines);
        Ok(())
    }

    /// Chooses the profile whose lists are shown.
    pub(super) async fn profile(&mut self, words: &str) -> Result<(), ClientError> {
        let client = self.room.client.clone();
        let Side::Agent(agent) = &mut self.room.side else { return Ok(()) };
        agent.profiles.read(&client).await?;
        let said = agent.profiles.choose(words).unwrap_or_else(|why| format!("— {why}"));
        self.say(said);
        Ok(())
    }

    /// Goes to the conversation with a number, to serve it or to look on.
    pub(super) async fn go_to(&mut self, command: &str, number: &str) -> Result<Next, ClientError> {
        let Side::Agent(agent) = &mut self.room.side else { return Ok(Next::Stay) };
        let chosen = match number.strip_prefix('f') {
            Some(number) => {
                number.parse().ok().and_then(|number: usize| self.found.get(number.checked_sub(1)?)).copied()
            }
            None => agent.listed.numbered(number),
        };
        let Some(chosen) = chosen else {
            self.say(format!("— {command}: {number:?} is none of the numbers that /list and /find show"));
            return Ok(Next::Stay);
        };
        agent.listed.leave();
        let is_entered = command == "/open";
        if is_entered {
            self.room.serve(chosen).await?;
        }
        if !is_entered || chosen != self.room.conversation {
            self.leave_behind().await;
        }
        self.room.conversation = chosen;
        if is_entered {
            self.window = Window::Inside;
        }
        Ok(Next::Enter)
    }

    /// Shows who the customer is.
    pub(super) async fn customer(&mut self) -> Result<(), ClientError> {
        let customer = self.room.client.customer(self.room.conversation).await?;
        self.say(show::printable(&customers::customer_lines(&customer)));
        Ok(())
    }

    /// Shows the conversations that a text is found in, in the field that the line names or in all of them.
    pub(super) async fn find(&mut self, line: &str) -> Result<(), ClientError> {
        let (text, by) = match customers::wanted(line) {
            Ok(wanted) => wanted,
            Err(why) => {
                self.say(format!("— /find: {why}"));
                return Ok(());
            }
        };
        let page = self.room.client.search(text, by, None, FOUND_ROWS).await?;
        let (here, me) = (self.room.conversation, self.room.client.member());
        let Side::Agent(agent) = &self.room.side else { return Ok(()) };
        let rows = (1..).zip(&page.rows);
        let lines = rows.map(|(number, row)| {
            let seen = Seen { here: row.conversation == here, me, is_kept: agent.state.is_kept(row) };
            lists::row_line(format!("f{number}"), row, &agent.names, seen)
        });
        let lines: Vec<String> = lines.chain([customers::found_words(&page).to_owned()]).collect();
        self.found = page.rows.iter().map(|row| row.conversation).collect();
        self.say(lines.join("\n"));
        Ok(())
    }
}

/// How many of the conversations that were found are shown.
const FOUND_ROWS: u16 = 20;

/// So many consultations are shown.
const PAST_SHOWN: u16 = 10;
