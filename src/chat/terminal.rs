//! A chat at the keyboard.
//!
//! Owns the prompt, the commands, and what is shown while somebody types. Must not know how lines look.

mod asking;
mod window;

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use rustyline::error::ReadlineError;
use rustyline::history::DefaultHistory;
use rustyline::{Editor, ExternalPrinter, Helper};
use switchboard_client::vocabulary::{Content, ConversationId, MemberId, Seq};
use switchboard_client::wire::{Event, Line, Sender};
use switchboard_client::{Accepted, ClientError, ConnectionState, Following, Update};
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use self::window::Window;
use super::presence::{self, Away};
use super::room::{Room, Side};
use super::{ChatError, customers, lists, show, words};

/// Runs the chat until the user leaves.
pub(super) async fn run(room: Room) -> Result<(), ChatError> {
    let Keyboard { printer, mut keys, interrupted, away } = open_keyboard()?;
    let (outcome_to, mut outcomes) = mpsc::unbounded_channel();
    let window = match room.side {
        Side::Customer => Window::Outside,
        Side::Agent(_) => Window::Inside,
    };
    let mut chat = Chat {
        room,
        printer,
        outcome_to,
        first: None,
        last: Seq::ZERO,
        line: None,
        typed: None,
        shown_typing: None,
        away,
        found: Vec::new(),
        epoch: None,
        window,
    };
    let mut connection = chat.room.client.connection();
    let mut following = chat.enter().await?;
    chat.show_presence();
    loop {
        tokio::select! {
            key = keys.recv() => match key {
                Some(Key::Typing) => chat.typing(),
                Some(Key::Line(line)) => {
                    let next = tokio::select! {
                        next = chat.line(&line) => next,
                        // Nobody has to wait for a daemon that is gone.
                        () = interrupted.notified() => Ok(Next::Leave),
                    };
                    match next {
                        Ok(Next::Stay) => {}
                        Ok(Next::Enter) => following = chat.enter().await?,
                        Ok(Next::Leave) => break,
                        Err(error) => chat.outcome(Err(error))?,
                    }
                }
                None => break,
            },
            Some(outcome) = outcomes.recv() => chat.outcome(outcome)?,
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
            desk = desk(&mut chat.room.side) => {
                desk?;
                chat.show_presence();
            }
        }
    }
    drop(following);
    let is_connected = matches!(*connection.borrow(), ConnectionState::Connected { .. });
    if is_connected {
        chat.leave_behind().await;
    } else {
        chat.say("— waiting a little for what has no answer; Ctrl-C leaves at once".to_owned());
    }
    let closed = chat.room.client.clone().close().await;
    // What was not answered is told by the goodbye.
    while let Ok(outcome) = outcomes.try_recv() {
        if matches!(outcome, Err(ClientError::Rejected(_))) {
            chat.outcome(outcome)?;
        }
    }
    closed.map_err(ChatError::from)
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
    /// Where it is said what became of a request.
    outcome_to: mpsc::UnboundedSender<Outcome>,
    /// The first event shown, to scroll back from.
    first: Option<Seq>,
    /// The last event shown.
    last: Seq,
    /// Agent: the last epoch of who serves it that was shown.
    epoch: Option<u64>,
    /// Agent: whether they have come in by this window.
    window: Window,
    /// Customer: the place in the queue that was shown last.
    line: Option<Line>,
    /// When the other side was last told that something is being typed.
    typed: Option<Instant>,
    /// Whose typing was shown, and when.
    shown_typing: Option<(Option<Sender>, Instant)>,
    /// Whether this agent is away, as was shown last.
    away: Away,
    /// The conversations that were found last, as they are numbered.
    found: Vec<ConversationId>,
}

type Outcome = Result<Accepted, ClientError>;

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
        self.epoch = None;
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
                let me = self.room.client.member();
                self.window = self.window.after(&event, me);
                if let Some(hint) = self.window.hint(&event, me) {
                    self.say(hint.to_owned());
                }
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
            Update::Cursors(cursors) if cursors.line != self.line => {
                self.line = cursors.line;
                if let Some(line) = cursors.line {
                    self.say(show::place_line(line));
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
        let (client, conversation) = (self.room.client.clone(), self.room.conversation);
        match (line.split_once(' ').unwrap_or((line, "")), &self.room.side) {
            (("", _), _) => {}
            (("/quit", _), _) => return Ok(Next::Leave),
            (("/more", _), Side::Agent(agent)) if agent.listed.has_more() => self.list(None).await?,
            (("/more", _), _) => self.more().await?,
            (("/help", _), Side::Customer) => self.say(format!("{HELP}\n{CUSTOMER_HELP}")),
            (("/help", _), Side::Agent(_)) => self.say(format!("{HELP}\n{AGENT_HELP}")),
            (("/past", _), Side::Agent(_)) => self.past().await?,
            (("/why", _), Side::Agent(_)) => self.why().await?,
            (("/take", _), Side::Agent(_)) => match self.epoch {
                Some(epoch) => self.ask(async move { client.take_at(conversation, epoch).await }).await,
                None => self.ask(async move { client.take(conversation).await }).await,
            },
            (("/join", _), Side::Agent(_)) => self.ask(async move { client.join(conversation).await }).await,
            (("/leave", _), Side::Agent(_)) => {
                self.ask(async move { client.leave(conversation).await }).await
            }
            (("/complete", _), Side::Agent(_)) => match self.epoch {
                Some(epoch) => self.ask(async move { client.complete_at(conversation, epoch).await }).await,
                None => self.ask(async move { client.complete(conversation).await }).await,
            },
            (("/end", _), Side::Agent(_)) => self.ask(async move { client.end(conversation).await }).await,
            (("/away", _), Side::Agent(_)) => self.ask(presence::set_away(client, true)).await,
            (("/back", _), Side::Agent(_)) => self.ask(presence::set_away(client, false)).await,
            (("/give", name), Side::Agent(agent)) => match agent.transfer(conversation, name) {
                Ok((from, to)) => {
                    self.ask(async move { client.transfer(conversation, from, to).await }).await;
                }
                Err(why) => self.say(format!("— {why}")),
            },
            (("/call", about), Side::Customer) => match words::category(about) {
                Ok(category) => {
                    self.ask(async move { client.call(conversation, category).await }).await;
                }
                Err(why) => self.say(format!("— {why}")),
            },
            (("/cancel", _), Side::Customer) => {
                self.ask(async move { client.cancel(conversation).await }).await
            }
            (("/restart", _), Side::Customer) => {
                client.end(conversation).await?;
                self.room.conversation = client.open().await?;
                return Ok(Next::Enter);
            }
            (("/customer", ""), Side::Agent(_)) => self.customer().await?,
            (("/customer", details), Side::Agent(_)) => match customers::edits(details) {
                Ok((set, clear)) => {
                    self.ask(async move { client.describe(conversation, set, clear).await }).await;
                }
                Err(why) => self.say(format!("— {why}")),
            },
            (("/find", line), Side::Agent(_)) => self.find(line).await?,
            (("/list", words), Side::Agent(_)) => self.list_named(words).await?,
            (("/profiles", _), Side::Agent(_)) => self.profiles().await?,
            (("/profile", words), Side::Agent(_)) => self.profile(words.trim()).await?,
            (("/board", _), Side::Agent(agent)) => {
                let board = lists::board(&agent.state);
                self.say(board);
            }
            ((command @ ("/open" | "/watch"), number), Side::Agent(_)) => {
                return self.go_to(command, number).await;
            }
            ((command, rest), _) if command.starts_with('/') => match words::spoken(command, rest) {
                Some(content) => self.post(content).await,
                None => self.say(format!("— {command} is no command; /help shows them")),
            },
            _ => self.post(words::text(line)).await,
        }
        Ok(Next::Stay)
    }

    async fn post(&mut self, content: Result<Content, String>) {
        self.typed = None;
        let (client, conversation) = (self.room.client.clone(), self.room.conversation);
        match content {
            Ok(content) => self.ask(async move { client.post(conversation, content).await }).await,
            Err(why) => self.say(format!("— not sent: {why}")),
        }
    }

    /// Makes a request and does not wait for its answer: that may take as long as the daemon is away, and
    /// meanwhile there is something to see, and a way out.
    async fn ask(&mut self, request: impl Future<Output = Outcome> + Send + 'static) {
        let mut request = Box::pin(request);
        // It is made here, so that requests keep their order, also with the goodbye.
        let begun = poll_fn(|context| Poll::Ready(request.as_mut().poll(context))).await;
        let outcome_to = self.outcome_to.clone();
        tokio::spawn(async move {
            let outcome = match begun {
                Poll::Ready(outcome) => outcome,
                Poll::Pending => request.await,
            };
            // A chat that has ended does not want to know.
            let _ = outcome_to.send(outcome);
        });
    }

    /// Says what became of a request, if it is not what was wanted.
    fn outcome(&mut self, outcome: Outcome) -> Result<(), ClientError> {
        match outcome {
            Ok(_) => Ok(()),
            Err(ClientError::Rejected(error)) => {
                let faster =
                    error.assignee.map(|member| format!(" ({})", show::name_of(member, self.names())));
                self.say(format!("— refused: {}{}", error.sentence, faster.unwrap_or_default()));
                Ok(())
            }
            Err(error) => Err(error),
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

    /// Says whether the agent is away, if that is new.
    fn show_presence(&mut self) {
        let Side::Agent(agent) = &self.room.side else { return };
        if let Some(line) = self.away.is(agent.is_away()) {
            self.say(line.to_owned());
        }
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
        let me = match self.room.side {
            Side::Customer => Sender::Customer,
            Side::Agent(_) => Sender::Agent { member: self.room.client.member() },
        };
        self.epoch = self.epoch.max(event.epoch);
        let line = show::event_line(event, self.names(), &me);
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

struct Keyboard<P> {
    printer: P,
    keys: mpsc::UnboundedReceiver<Key>,
    /// Ctrl-C: not to be queued behind the lines before it.
    interrupted: Arc<Notify>,
    away: Away,
}

/// Reads the keyboard in a thread of its own.
fn open_keyboard() -> Result<Keyboard<impl Printer>, ChatError> {
    let failed = |error: ReadlineError| ChatError::Terminal(error.to_string());
    let (key_to, keys) = mpsc::unbounded_channel();
    let interrupted = Arc::new(Notify::new());
    let (interrupt, away) = (Arc::clone(&interrupted), Away::default());
    let shown = away.clone();
    let mut editor: Editor<Typist, DefaultHistory> = Editor::new().map_err(failed)?;
    editor.set_helper(Some(Typist { keys: key_to.clone() }));
    // There is none when the input is no terminal.
    let printer = Above(editor.create_external_printer().ok());
    std::thread::Builder::new()
        .name("keyboard".to_owned())
        .spawn(move || {
            let end = loop {
                let line = match editor.readline(shown.prompt()) {
                    Ok(line) => line,
                    Err(end) => break end,
                };
                // The arrow keys bring it back; without that the chat works as well.
                let _ = editor.add_history_entry(line.as_str());
                if key_to.send(Key::Line(line)).is_err() {
                    return;
                }
            };
            if matches!(end, ReadlineError::Interrupted) {
                interrupt.notify_one();
            }
            // Ends the chat, also when the last handle for typing is still with the editor.
            let _ = key_to.send(Key::Line("/quit".to_owned()));
        })
        .map_err(|error| ChatError::Terminal(error.to_string()))?;
    Ok(Keyboard { printer, keys, interrupted, away })
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
    /image, /video, /audio or /link, and an address\n\
    /place, a latitude, a longitude, and what it is called\n\
    /more      what was said before\n\
    /quit      end the chat";

const CUSTOMER_HELP: &str = "/call      call an agent, about something if you like: /call Bank > Cards\n\
    /cancel    take the call back\n\
    /restart   end this conversation and begin a new one";

const AGENT_HELP: &str = "/list      the conversations; or waiting, progress, completed, missed, bot; mine, nobot\n\
    /more      after /list: what else is in it\n\
    /profiles  the profiles; a dot: it has calls that nobody has seen to\n\
    /profile N /list shows only the conversations with it, by its number or title; without one, with all\n\
    /board     who is there, and what there is to do\n\
    /open N    leave this one and serve another, by its number in the list; /open fN by that of those that were found\n\
    /watch N   look on without coming in\n\
    /find TEXT look for a customer's name, phone, e-mail or key, or what a consultation was about\n\
    /find FIELD TEXT  only in name, phone, email, key or category; any: in all, also what begins with such a word\n\
    /customer  who this is; what to write down behind it: name=Kim phone=010-1234-5678, a bare email= clears\n\
    /take      become the one who serves this conversation\n\
    /give NAME give it to a colleague\n\
    /join      come in beside whoever serves it\n\
    /leave     leave it\n\
    /away      nothing is assigned to you any more\n\
    /back      until you are back\n\
    /complete  end the service; the bot goes on\n\
    /past      what became of the customer's consultations\n\
    /why       why somebody got it, or why it waits\n\
    /end       end the conversation; the customer's next one is another";

/// How long the other side believes that something is being typed, in milliseconds.
const TYPING_HOLDS_MS: u32 = 5_000;

/// How often it is told.
const TYPING_SENT_EVERY: Duration = Duration::from_secs(3);

/// How often a line says that somebody is typing.
const TYPING_SHOWN_EVERY: Duration = Duration::from_secs(8);
