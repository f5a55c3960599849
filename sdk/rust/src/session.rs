//! The life of a client: its sessions, one after the other.
//!
//! Owns the one task of a client: opening a session, what it writes and reads, how it ends, and when
//! to try again. Must not know what users do with answers and updates.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use switchboard_protocol::vocabulary::{InstanceId, SessionId};
use switchboard_protocol::wire::{
    CloseCode, ErrorCode, Hello, PROTOCOL_VERSION, Purpose, ServerFrame, Typing, Welcome, decode,
    encode_frame,
};
use tokio::time::Instant;

use crate::ambient::random_u64;
use crate::backoff::Backoff;
use crate::connection::ConnectionState;
use crate::error::{Ending, Reconnect};
use crate::options::ConnectOptions;
use crate::reader;
use crate::shared::{Shared, Told};
use crate::transport::{Endpoint, Link, Receiving, Sending};

/// Opens sessions of one client instance, which the engine names in the first welcome.
pub(crate) struct Connector {
    pub(crate) endpoint: Endpoint,
    pub(crate) options: ConnectOptions,
    /// `None` until a session has opened. A welcome that is lost costs nothing: no request was sent under
    /// the instance that it named.
    pub(crate) instance: Option<InstanceId>,
    /// Somebody wants this client to take over when it begins, and not again once it has been displaced itself.
    pub(crate) purpose: Purpose,
}

/// An open session.
pub(crate) struct Session {
    link: Link,
    send: Sending,
    recv: Receiving,
    pub(crate) welcome: Welcome,
}

impl Connector {
    /// Opens a session at the first address that gives one.
    pub(crate) async fn open(&mut self, resume: Option<SessionId>) -> Result<Session, Ending> {
        let within = self.options.connect_timeout;
        let mut last = Ending::Lost("no address to connect to".to_owned());
        for address in &self.options.addresses {
            let opening = async {
                let server_name = &self.options.server_name;
                let link = self.endpoint.dial(*address, server_name, self.options.trust).await?;
                self.greet(link, resume).await
            };
            let opened = tokio::time::timeout(within, opening).await;
            match opened.unwrap_or(Err(Ending::TimedOut(within))) {
                Ok(session) => {
                    self.instance = Some(session.welcome.instance);
                    if self.purpose == Purpose::TakeOver {
                        self.purpose = Purpose::Serve;
                    }
                    return Ok(session);
                }
                Err(ending) if ending.reconnect() == Reconnect::Never => return Err(ending),
                Err(ending) => last = ending,
            }
        }
        Err(last)
    }

    /// Whether to connect again after a session, or a try to open one, that ended so. An instance that the
    /// engine does not take any more is given up for a new one, unless a change is unanswered: under a new
    /// one it could happen twice.
    fn reconnect(&mut self, shared: &Shared, ending: &Ending) -> Reconnect {
        let expired =
            matches!(ending, Ending::Refused(error) if error.code() == Some(ErrorCode::InstanceExpired));
        if !expired || self.instance.is_none() || shared.has_unanswered_change() {
            return ending.reconnect();
        }
        self.instance = None;
        Reconnect::After(Duration::ZERO)
    }

    /// Says hello and waits for the welcome.
    async fn greet(&self, link: Link, resume: Option<SessionId>) -> Result<Session, Ending> {
        let (mut send, mut recv) = link.open().await?;
        let hello = Hello {
            protocol: PROTOCOL_VERSION,
            instance: self.instance,
            credentials: self.options.credentials.clone(),
            resume,
            purpose: self.purpose,
        };
        let mut frames = vec![encode_frame(&hello).map_err(|error| Ending::Protocol(error.to_string()))?];
        while !frames.is_empty() {
            send.write(&mut frames).await?;
        }
        loop {
            while let Some(body) = next(&mut recv)? {
                match frame(&body)? {
                    ServerFrame::Welcome(welcome) => {
                        if self.instance.is_some_and(|instance| instance != welcome.instance) {
                            return Err(Ending::Protocol("a welcome to another instance".to_owned()));
                        }
                        return Ok(Session { link, send, recv, welcome });
                    }
                    ServerFrame::Error { error, .. } => return Err(Ending::Refused(error)),
                    ServerFrame::Goodbye(goodbye) => return Err(Ending::Goodbye(goodbye)),
                    ServerFrame::Reply(_) => {
                        return Err(Ending::Protocol("a reply before the welcome".to_owned()));
                    }
                    ServerFrame::Unknown => {}
                }
            }
            if !recv.fill().await? {
                return Err(last_word(&link).await);
            }
        }
    }
}

/// Lives a client from its first session to its end.
pub(crate) async fn live(shared: Arc<Shared>, mut connector: Connector, first: Session) {
    let mut backoff = Backoff::new(connector.options.backoff);
    let mut session = first;
    let ending = loop {
        let since = Instant::now();
        shared.session_opened(session.link.clone(), &session.welcome);
        let ending = session.run(&shared).await;
        tracing::debug!(%ending, "a session has ended");
        shared.session_lost();
        backoff.session_ended(since.elapsed());
        match again(&shared, &mut connector, &mut backoff, ending).await {
            Ok(next) => session = next,
            Err(ending) => break ending,
        }
    };
    shared.end(&ending);
}

/// Opens the next session after one that ended, or says why there will be none.
async fn again(
    shared: &Shared,
    connector: &mut Connector,
    backoff: &mut Backoff,
    mut because: Ending,
) -> Result<Session, Ending> {
    loop {
        let Reconnect::After(at_least) = connector.reconnect(shared, &because) else { return Err(because) };
        let wait = backoff.next(at_least, random_u64());
        let attempt = backoff.attempt();
        shared.connection.send_replace(ConnectionState::Reconnecting { attempt, because, wait });
        let opening = async {
            tokio::time::sleep(wait).await;
            connector.open(Some(shared.session()).filter(|_| connector.instance.is_some())).await
        };
        tokio::select! {
            opened = opening => match opened {
                Ok(session) => return Ok(session),
                Err(ending) => because = ending,
            },
            () = closing_is_over(shared) => return Err(Ending::Done),
        }
    }
}

/// Waits until the client is to end and either nothing is unanswered or it has waited long enough.
async fn closing_is_over(shared: &Shared) {
    loop {
        match shared.closing_since() {
            Some(_) if shared.is_settled() => return,
            Some(since) => return tokio::time::sleep_until(since + CLOSE_WAIT).await,
            None => shared.wake.notified().await,
        }
    }
}

/// What a session does next.
enum Step {
    Read(Result<bool, Ending>),
    Written(Result<(), Ending>),
    Stream(Result<Receiving, Ending>),
    Datagram(Result<Bytes, Ending>),
    Woken,
}

impl Session {
    /// Serves the client until the session has ended.
    async fn run(mut self, shared: &Arc<Shared>) -> Ending {
        match self.serve(shared).await {
            Ok(()) => self.say_goodbye(shared).await,
            Err(ending) => {
                // Nothing that has not arrived matters any more: it is asked for again.
                self.link.close(CloseCode::Done);
                ending
            }
        }
    }

    /// Reads and writes until the session fails, or the client is to end and has nothing to wait for.
    async fn serve(&mut self, shared: &Arc<Shared>) -> Result<(), Ending> {
        let mut out = Vec::new();
        let mut told = Vec::new();
        self.take_frames(shared, &mut told)?;
        loop {
            let mut wake_at = None;
            if out.is_empty() {
                // Everything that has been asked since goes out in one write.
                wake_at = shared.fill(&mut out).map(|due| shared.instant(due));
            }
            if let Some(since) = shared.closing_since() {
                let over = since + CLOSE_WAIT;
                if (out.is_empty() && shared.is_settled()) || Instant::now() >= over {
                    return Ok(());
                }
                wake_at = Some(wake_at.map_or(over, |at| at.min(over)));
            }
            match self.step(shared, &mut out, wake_at).await {
                Step::Read(Ok(true)) => self.take_frames(shared, &mut told)?,
                Step::Read(Ok(false)) => return Err(last_word(&self.link).await),
                Step::Stream(Ok(stream)) => drop(tokio::spawn(reader::read(Arc::clone(shared), stream))),
                Step::Datagram(Ok(datagram)) => match decode::<Typing>(&datagram) {
                    Ok(typing) => shared.typing(&typing),
                    Err(error) => tracing::debug!(%error, "a datagram was not understood"),
                },
                Step::Written(Ok(())) | Step::Woken => {}
                Step::Read(Err(ending))
                | Step::Written(Err(ending))
                | Step::Stream(Err(ending))
                | Step::Datagram(Err(ending)) => {
                    return Err(self.final_word(shared, ending, &mut told).await);
                }
            }
        }
    }

    async fn step(&mut self, shared: &Shared, out: &mut Vec<Bytes>, wake_at: Option<Instant>) -> Step {
        let timer = async {
            match wake_at {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let something = !out.is_empty();
        tokio::select! {
            // Writing first: what is written leaves with the acknowledgements of what is read.
            biased;
            written = self.send.write(out), if something => Step::Written(written),
            read = self.recv.fill() => Step::Read(read),
            stream = self.link.accept() => Step::Stream(stream),
            datagram = self.link.datagram() => Step::Datagram(datagram),
            () = shared.wake.notified() => Step::Woken,
            () = timer => Step::Woken,
        }
    }

    /// Takes every frame that has arrived whole.
    fn take_frames(&mut self, shared: &Shared, told: &mut Vec<Told>) -> Result<(), Ending> {
        let taken = loop {
            match next(&mut self.recv).and_then(|body| body.map(|body| frame(&body)).transpose()) {
                Ok(Some(frame)) => {
                    if let Err(ending) = take_frame(shared, frame, told) {
                        break Err(ending);
                    }
                }
                Ok(None) => break Ok(()),
                Err(ending) => break Err(ending),
            }
        };
        shared.tell(told);
        taken
    }

    /// The connection has failed: answers and a goodbye that arrived before it did still count.
    async fn final_word(&mut self, shared: &Shared, ending: Ending, told: &mut Vec<Told>) -> Ending {
        loop {
            if let Err(better) = self.take_frames(shared, told) {
                return better;
            }
            match tokio::time::timeout(LAST_WORD_WAIT, self.recv.fill()).await {
                Ok(Ok(true)) => {}
                Ok(Ok(false) | Err(_)) | Err(_) => return ending,
            }
        }
    }

    /// Says that nothing more will come, takes the answers that are still under way, and closes.
    async fn say_goodbye(&mut self, shared: &Shared) -> Ending {
        self.send.finish();
        let mut told = Vec::new();
        let last_answers = async {
            while self.take_frames(shared, &mut told).is_ok() && matches!(self.recv.fill().await, Ok(true)) {}
        };
        // A server that does not end the stream in time is left.
        let _ = tokio::time::timeout(LAST_WORD_WAIT, last_answers).await;
        self.link.close(CloseCode::Done);
        Ending::Done
    }
}

fn take_frame(shared: &Shared, frame: ServerFrame, told: &mut Vec<Told>) -> Result<(), Ending> {
    match frame {
        ServerFrame::Reply(reply) => shared.answer(reply.id, Ok(reply.body), told),
        ServerFrame::Error { id: Some(id), error } => shared.answer(id, Err(error), told),
        ServerFrame::Error { id: None, error } => Err(Ending::Refused(error)),
        ServerFrame::Goodbye(goodbye) => Err(Ending::Goodbye(goodbye)),
        ServerFrame::Welcome(_) => Err(Ending::Protocol("a second welcome".to_owned())),
        ServerFrame::Unknown => Ok(()),
    }
}

fn next(recv: &mut Receiving) -> Result<Option<Bytes>, Ending> {
    recv.next_frame().map_err(|error| Ending::Protocol(error.to_string()))
}

fn frame(body: &Bytes) -> Result<ServerFrame, Ending> {
    decode(body).map_err(|error| Ending::Protocol(error.to_string()))
}

/// The session stream has ended without a goodbye: the close code says why, if one comes.
async fn last_word(link: &Link) -> Ending {
    let closed = tokio::time::timeout(LAST_WORD_WAIT, link.closed()).await;
    link.close(CloseCode::Done);
    closed.unwrap_or_else(|_| Ending::Lost("the server ended the session stream".to_owned()))
}

/// How long a client that is to end waits for answers.
pub(crate) const CLOSE_WAIT: Duration = Duration::from_secs(10);

/// How long to wait for the other side's last word.
const LAST_WORD_WAIT: Duration = Duration::from_secs(1);
