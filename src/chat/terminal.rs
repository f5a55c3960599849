//! A chat at the keyboard.
//!
//! Owns the prompt, the commands, and what is shown while somebody types. Must not know how lines look.

use std::time::Duration;

use rustyline::error::ReadlineError;
use rustyline::history::DefaultHistory;
use rustyline::{Editor, ExternalPrinter, Helper};
use switchboard_client::vocabulary::{MemberId, Seq};
use switchboard_client::wire::{Event, Sender};
use switchboard_client::{ClientError, ConnectionState, Following, Update};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::room::{self, Room, Side};
use super::{ChatError, show};

/// Runs the chat until the user leaves.
pub(super) async fn run(room: Room) -> Result<(), ChatError> {
    let (printer, mut keyboard) = open_keyboard()?;
    let mut chat = Chat { room, printer, first: None, last: Seq::ZERO, typed: None, shown_typing: None };
    let mut following = chat.enter().await?;
    let mut connection = chat.room.client.connection();
    loop {
        tokio::select! {
            key = keyboard.recv() => match key {
                Some(Key::Typing) => chat.typing(),
                Some(Key::Line(line)) => match chat.line(&line).await {
                    Ok(Next::Stay) => {}
                    Ok(Next::Enter) => following = chat.enter().await?,
                    Ok(Next::Leave) => break,
                    Err(ClientError::Rejected(error)) => chat.say(format!("— refused: {}", error.sentence)),
                    Err(error) => return Err(error.into()),
                },
                None => break,
            },
            update = following.next() => match update {
                Some(update) => chat.update(update?),
                None => return Err(ChatError::Terminal("the conversation has ended".to_owned())),
            },
            changed = connection.changed() => {
                if changed.is_err() {
                    break;
                }
                let state = connection.borrow_and_update().clone();
                chat.connection(&state)?;
            }
            desk = desk(&mut chat.room.side) => desk?,
        }
    }
    drop(following);
    chat.room.client.close().await?;
    Ok(())
}

async fn desk(side: &mut Side) -> Result<(), ClientError> {
    match side {
        Side::Agent(agent) => agent.update().await,
        Side::Customer => std::future::pending().await,
    }
}

struct Chat<P> {
    room: Room,
    printer: P,
    /// The first event shown, to scroll back from.
    first: Option<Seq>,
    /// The last event shown.
    last: Seq,
    /// When the other side was last told that something is being typed.
    typed: Option<Instant>,
    /// Whose typing was shown, and when.
    shown_typing: Option<(Option<Sender>, Instant)>,
}

/// What a line leads to.
enum Next {
    Stay,
    /// Another conversation was chosen.
    Enter,
    Leave,
}

impl<P: Printer> Chat<P> {
    /// Shows what was said last, and follows from there.
    async fn enter(&mut self) -> Result<Following, ClientError> {
        let history = self.room.history(None).await?;
        let who = match self.room.side {
            Side::Customer => "You are the customer.",
            Side::Agent(_) => "You are the agent.",
        };
        self.say(format!("{who} /help shows the commands, /quit leaves."));
        if history.more {
            self.say("— /more shows what was said before".to_owned());
        }
        self.first = history.events.first().map(|event| event.seq);
        self.last = history.events.last().map_or(Seq::ZERO, |event| event.seq);
        for event in &history.events {
            self.show(event);
        }
        self.mark_read();
        self.room.follow(self.last).await
    }

    fn update(&mut self, update: Update) {
        match update {
            Update::Event(event) => {
                self.last = event.seq;
                self.first.get_or_insert(event.seq);
                self.shown_typing = None;
                self.show(&event);
                self.mark_read();
            }
            Update::Typing(typing) => {
                let now = Instant::now();
                let again = self
                    .shown_typing
                    .as_ref()
                    .is_some_and(|(by, at)| *by == typing.by && now.duration_since(*at) < TYPING_SHOWN_EVERY);
                if !again {
                    let line = show::typing_line(typing.by.as_ref(), self.names());
                    self.say(line);
                    self.shown_typing = Some((typing.by, now));
                }
            }
            Update::Cursors(_) | Update::CaughtUp(_) => {}
        }
    }

    fn connection(&mut self, state: &ConnectionState) -> Result<(), ChatError> {
        match state {
            ConnectionState::Connected { .. } => self.say("— connected".to_owned()),
            ConnectionState::Reconnecting { because, .. } => {
                self.say(format!("— {because}; connecting again"));
            }
            ConnectionState::Closed(ending) => return Err(ClientError::Closed(ending.clone()).into()),
        }
        Ok(())
    }

    async fn line(&mut self, line: &str) -> Result<Next, ClientError> {
        let line = line.trim();
        let (client, conversation) = (&self.room.client, self.room.conversation);
        match (line.split_once(' ').unwrap_or((line, "")), &self.room.side) {
            (("", _), _) => {}
            (("/quit", _), _) => return Ok(Next::Leave),
            (("/more", _), _) => self.more().await?,
            (("/help", _), Side::Customer) => self.say(HELP.to_owned()),
            (("/help", _), Side::Agent(_)) => self.say(format!("{HELP}\n{AGENT_HELP}")),
            (("/take", _), Side::Agent(_)) => drop(client.take(conversation).await?),
            (("/join", _), Side::Agent(_)) => drop(client.join(conversation).await?),
            (("/leave", _), Side::Agent(_)) => drop(client.leave(conversation).await?),
            (("/complete", _), Side::Agent(_)) => drop(client.complete(conversation).await?),
            (("/list", _), Side::Agent(_)) => self.list(),
            (("/open", number), Side::Agent(agent)) => {
                let row =
                    number.parse::<usize>().ok().and_then(|number| agent.rows.get(number.wrapping_sub(1)));
                let Some(row) = row else {
                    self.say(format!("— /open: {number:?} is none of the numbers that /list shows"));
                    return Ok(Next::Stay);
                };
                let chosen = row.conversation;
                self.room.serve(chosen).await?;
                self.room.conversation = chosen;
                return Ok(Next::Enter);
            }
            ((command, _), _) if command.starts_with('/') => {
                self.say(format!("— {command} is no command; /help shows them"));
            }
            _ => self.post(line).await?,
        }
        Ok(Next::Stay)
    }

    async fn post(&mut self, line: &str) -> Result<(), ClientError> {
        self.typed = None;
        match room::content(line) {
            Ok(content) => self.room.client.post(self.room.conversation, content).await.map(drop),
            Err(why) => {
                self.say(format!("— not sent: {why}"));
                Ok(())
            }
        }
    }

    /// Scrolls back.
    async fn more(&mut self) -> Result<(), ClientError> {
        let history = self.room.history(self.first).await?;
        let Some(first) = history.events.first() else {
            self.say("— this is the beginning".to_owned());
            return Ok(());
        };
        self.first = Some(first.seq);
        self.say("— earlier:".to_owned());
        for event in &history.events {
            self.show(event);
        }
        self.say(
            if history.more { "— /more shows still earlier ones" } else { "— that was the beginning" }
                .to_owned(),
        );
        Ok(())
    }

    fn list(&mut self) {
        let Side::Agent(agent) = &self.room.side else { return };
        let here = self.room.conversation;
        let lines: Vec<String> = (1..)
            .zip(&agent.rows)
            .map(|(number, row)| show::row_line(number, row, &agent.names, row.conversation == here))
            .collect();
        self.say(lines.join("\n"));
    }

    /// Tells the other side that something is being typed, not more often than it holds.
    fn typing(&mut self) {
        let now = Instant::now();
        if self.typed.is_some_and(|typed| now.duration_since(typed) < TYPING_SENT_EVERY) {
            return;
        }
        self.typed = Some(now);
        // A datagram: it may be lost, also here.
        let _ = self.room.client.typing(self.room.conversation, self.last, TYPING_HOLDS_MS);
    }

    /// What is on the screen counts as read.
    fn mark_read(&self) {
        let (client, conversation, up_to) = (self.room.client.clone(), self.room.conversation, self.last);
        tokio::spawn(async move {
            // An agent who has left reads for nobody: refused, and right so.
            let _ = client.read(conversation, up_to).await;
        });
    }

    fn show(&mut self, event: &Event) {
        let line = show::event_line(event, self.names(), self.room.client.member());
        self.say(line);
    }

    fn names(&self) -> &std::collections::HashMap<MemberId, String> {
        static NOBODY: std::sync::LazyLock<std::collections::HashMap<MemberId, String>> =
            std::sync::LazyLock::new(std::collections::HashMap::new);
        match &self.room.side {
            Side::Agent(agent) => &agent.names,
            Side::Customer => &NOBODY,
        }
    }

    fn say(&mut self, line: String) {
        self.printer.print(line);
    }
}

/// Prints above the prompt.
trait Printer {
    fn print(&mut self, line: String);
}

struct Above<P>(Option<P>);

impl<P: ExternalPrinter> Printer for Above<P> {
    fn print(&mut self, line: String) {
        match &mut self.0 {
            // The terminal may be gone; the keyboard then ends the chat.
            Some(printer) => drop(printer.print(line + "\n")),
            None => crate::say(&line),
        }
    }
}

/// What comes from the keyboard.
enum Key {
    /// Something is being typed.
    Typing,
    /// A line was entered.
    Line(String),
}

/// Reads the keyboard in a thread of its own.
fn open_keyboard() -> Result<(impl Printer, mpsc::UnboundedReceiver<Key>), ChatError> {
    let failed = |error: ReadlineError| ChatError::Terminal(error.to_string());
    let (keys, keyboard) = mpsc::unbounded_channel();
    let mut editor: Editor<Typist, DefaultHistory> = Editor::new().map_err(failed)?;
    editor.set_helper(Some(Typist { keys: keys.clone() }));
    // There is none when the input is no terminal.
    let printer = Above(editor.create_external_printer().ok());
    std::thread::Builder::new()
        .name("keyboard".to_owned())
        .spawn(move || {
            while let Ok(line) = editor.readline("> ") {
                // The arrow keys bring it back; without that the chat works as well.
                let _ = editor.add_history_entry(line.as_str());
                if keys.send(Key::Line(line)).is_err() {
                    break;
                }
            }
            // Ends the chat, also when the last handle for typing is still with the editor.
            let _ = keys.send(Key::Line("/quit".to_owned()));
        })
        .map_err(|error| ChatError::Terminal(error.to_string()))?;
    Ok((printer, keyboard))
}

/// Notices that something is being typed: the editor asks for a hint whenever the line changes.
struct Typist {
    keys: mpsc::UnboundedSender<Key>,
}

impl Helper for Typist {}
impl rustyline::highlight::Highlighter for Typist {}
impl rustyline::validate::Validator for Typist {}
impl rustyline::completion::Completer for Typist {
    type Candidate = String;
}

impl rustyline::hint::Hinter for Typist {
    type Hint = String;

    fn hint(&self, line: &str, _: usize, _: &rustyline::Context<'_>) -> Option<String> {
        if !line.is_empty() && !line.starts_with('/') {
            // The chat may be ending.
            let _ = self.keys.send(Key::Typing);
        }
        None
    }
}

const HELP: &str = "Write a line to send it.\n\
    /more      what was said before\n\
    /quit      end the chat";

const AGENT_HELP: &str = "/list      the conversations\n\
    /open N    serve another one, by its number in the list\n\
    /take      become the one who serves this conversation\n\
    /join      come in beside whoever serves it\n\
    /leave     leave it\n\
    /complete  end the service; the bot goes on";

/// How long the other side believes that something is being typed, in milliseconds.
const TYPING_HOLDS_MS: u32 = 5_000;

/// How often it is told.
const TYPING_SENT_EVERY: Duration = Duration::from_secs(3);

/// How often a line says that somebody is typing.
const TYPING_SHOWN_EVERY: Duration = Duration::from_secs(8);
