//! One connection: the session stream and the datagrams.
//!
//! Owns the opening hello, one bounded frame at a time against a credit, the replies, and the orderly
//! close. Must not know what questions mean: [`super::wire`] translates, the session answers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use quinn::{Connection, ReadError, RecvStream, SendStream, VarInt};
use switchboard_protocol::wire::{
    CloseCode, ErrorBody, ErrorCode, FrameError, FrameReader, Hello, PROTOCOL_VERSION, ServerFrame, Welcome,
    encode_frame,
};
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::endpoint::Shared;
use super::wire::{BadRequest, Speaker};
use super::{pump, wire};
use crate::actors::session::{Answered, Ask, Out, Refusal, SessionHandle, SessionMsg, SessionPorts};
use crate::clock;
use crate::limits;
use crate::machines::budget::Budget;
use crate::stats::Latency;

/// Serves a connection from hello to goodbye.
pub(super) async fn serve(connection: Connection, shared: Arc<Shared>) {
    let from = connection.remote_address();
    let opened = tokio::time::timeout(shared.hello, open(&connection, &shared)).await;
    let close = match opened {
        Ok(Ok(mut open)) => {
            let close = open.run().await;
            open.session.tell(SessionMsg::Closed);
            close
        }
        Ok(Err(Refused(code, error))) => {
            tracing::debug!(%from, %error, "a session was refused");
            code
        }
        // Whoever was too slow once may come again.
        Err(_) => CloseCode::Overloaded,
    };
    connection.close(VarInt::from_u32(close.number()), close_reason(close));
}

/// An open session on a connection.
struct Open {
    connection: Connection,
    from: SocketAddr,
    send: SendStream,
    recv: RecvStream,
    frames: FrameReader,
    credits: Arc<Semaphore>,
    out: UnboundedReceiver<Out>,
    session: SessionHandle,
    speaker: Speaker,
    latency: Latency,
    typing: Budget,
}

/// A connection that is refused before it has a session.
struct Refused(CloseCode, ErrorBody);

/// What the stream has brought.
enum Arrived {
    Frame(Bytes),
    End,
    Broken(FrameError),
    Lost,
}

async fn open(connection: &Connection, shared: &Shared) -> Result<Open, Refused> {
    let malformed =
        |why: &str| Refused(CloseCode::ProtocolError, ErrorBody::new(ErrorCode::MalformedFrame, why));
    let (mut send, mut recv) = connection.accept_bi().await.map_err(|error| malformed(&error.to_string()))?;
    let mut frames = FrameReader::default();
    let hello = match read_frame(&mut recv, &mut frames).await {
        Arrived::Frame(body) => wire::hello(&body),
        Arrived::Broken(error) => Err(ErrorBody::new(ErrorCode::MalformedFrame, error.to_string())),
        Arrived::End | Arrived::Lost => return Err(malformed("the stream ended before the hello")),
    };
    let welcomed = match hello {
        Ok(hello) => welcome(&hello, shared).await,
        Err(error) => Err(error),
    };
    match welcomed {
        Ok(Welcomed { session, out, speaker, welcome }) => {
            let frame = encode_frame(&ServerFrame::Welcome(welcome)).unwrap_or_default();
            send.write_all(&frame).await.map_err(|error| malformed(&error.to_string()))?;
            let credits = Arc::new(Semaphore::new(limits::UNANSWERED_REQUESTS_MAX));
            let from = connection.remote_address();
            let latency = shared.engine().latency().clone();
            let connection = connection.clone();
            let typing = Budget::default();
            Ok(Open { connection, from, send, recv, frames, credits, out, session, speaker, latency, typing })
        }
        Err(error) => {
            let code = wire::close_for(&error);
            let frame = encode_frame(&ServerFrame::Error { id: None, error: error.clone() });
            say_last(&mut send, frame.unwrap_or_default()).await;
            Err(Refused(code, error))
        }
    }
}

struct Welcomed {
    session: SessionHandle,
    out: UnboundedReceiver<Out>,
    speaker: Speaker,
    welcome: Welcome,
}

async fn welcome(hello: &Hello, shared: &Shared) -> Result<Welcomed, ErrorBody> {
    if hello.protocol != PROTOCOL_VERSION {
        let sentence = format!("protocol: {} is not spoken here; {PROTOCOL_VERSION} is", hello.protocol);
        return Err(ErrorBody::new(ErrorCode::ProtocolVersion, sentence));
    }
    let unavailable = |error: &dyn std::fmt::Display| {
        ErrorBody::new(ErrorCode::Unavailable, error.to_string()).after_ms(RETRY_MS)
    };
    let proof = wire::proof(&hello.credentials)?;
    let instance = wire::instance(hello)?;
    let engine = shared.engine();
    let proven = engine.prove(proof).await.map_err(|error| unavailable(&error))?;
    let proven = proven.ok_or_else(wire::bad_credentials)?;
    let (to_out, out) = mpsc::unbounded_channel();
    let ports = SessionPorts {
        id: clock::session_id(),
        instance,
        identity: Arc::new(proven.identity),
        workspace: proven.workspace,
        journal: engine.journal().clone(),
        latency: engine.latency().clone(),
        out: to_out,
    };
    let welcome = Welcome {
        protocol: PROTOCOL_VERSION,
        session: ports.id,
        instance,
        member: wire::member_of(&ports.identity),
        limits: shared.limits,
        server_time: clock::now(),
    };
    let speaker = Speaker::to(&ports.identity);
    let session = engine.open_session(ports).await.map_err(|error| unavailable(&error))?;
    let session = session.ok_or_else(|| {
        ErrorBody::new(ErrorCode::Overloaded, "the engine takes no more sessions now").after_ms(RETRY_MS)
    })?;
    Ok(Welcomed { session, out, speaker, welcome })
}

impl Open {
    /// Reads requests and writes replies until one side ends it. Returns the code to close with.
    async fn run(&mut self) -> CloseCode {
        loop {
            self.frames.release_if_empty();
            let credit = self.credits.clone().try_acquire_owned().ok();
            tokio::select! {
                out = self.out.recv() => match out {
                    Some(out) => if let Some(close) = self.write(out).await { return close },
                    // The session has failed; its client connects again and resends what is unanswered.
                    None => return CloseCode::Fault,
                },
                arrived = read_frame(&mut self.recv, &mut self.frames), if credit.is_some() => match arrived {
                    Arrived::Frame(body) => if let Some(credit) = credit
                        && let Err(close) = self.request(&body, credit).await { return close },
                    Arrived::End => {
                        // The end waits for every credit to come back, and this is one of them.
                        drop(credit);
                        return self.finish().await;
                    }
                    Arrived::Broken(error) => {
                        self.refuse_stream(ErrorBody::new(ErrorCode::MalformedFrame, error.to_string())).await;
                        return CloseCode::ProtocolError;
                    }
                    Arrived::Lost => return CloseCode::Done,
                },
                datagram = self.connection.read_datagram() => match datagram {
                    Ok(datagram) => self.datagram(&datagram),
                    Err(_) => return CloseCode::Done,
                },
            }
        }
    }

    /// Hands a request to the session, or answers it here when it is none. An error ends the session.
    async fn request(&mut self, body: &Bytes, credit: OwnedSemaphorePermit) -> Result<(), CloseCode> {
        let arrived = clock::instant();
        match wire::request(body) {
            Ok((id, what)) => {
                self.session.tell(SessionMsg::Ask(Ask { id, arrived, what, credit }));
                Ok(())
            }
            Err(BadRequest { id: Some(id), error }) => {
                let frame = encode_frame(&wire::reply_frame(id, Err(error))).unwrap_or_default();
                self.send.write_chunk(frame).await.map_err(|_| CloseCode::Done)
            }
            Err(BadRequest { id: None, error }) => {
                self.refuse_stream(error).await;
                Err(CloseCode::ProtocolError)
            }
        }
    }

    /// Writes one item and everything else that is ready: one packet instead of many.
    async fn write(&mut self, first: Out) -> Option<CloseCode> {
        let mut chunks = Vec::with_capacity(4);
        let mut next = Some(first);
        let mut close = None;
        while let Some(out) = next {
            match out {
                Out::Reply(id, answer) => self.reply(id, answer, &mut chunks),
                Out::Close(closing) => {
                    let (code, goodbye) = wire::goodbye(closing);
                    chunks.extend(encode_frame(&ServerFrame::Goodbye(goodbye)).ok());
                    close = Some(code);
                    break;
                }
            }
            next = self.out.try_recv().ok();
        }
        match close {
            None => self.send.write_all_chunks(&mut chunks).await.err().map(|_| CloseCode::Done),
            Some(code) => {
                if self.send.write_all_chunks(&mut chunks).await.is_ok() {
                    say_last(&mut self.send, Bytes::new()).await;
                }
                Some(code)
            }
        }
    }

    fn reply(&self, id: u64, answer: Result<Answered, Refusal>, chunks: &mut Vec<Bytes>) {
        let answer = match answer {
            Ok(Answered::Following(number, subscription)) => {
                let session = self.session.clone();
                let latency = self.latency.clone();
                tokio::spawn(pump::conversation(
                    self.connection.clone(),
                    number,
                    subscription,
                    session,
                    latency,
                ));
                Ok(wire::subscribed(number))
            }
            Ok(Answered::FollowingDesk(number, outlet)) => {
                let session = self.session.clone();
                let latency = self.latency.clone();
                tokio::spawn(pump::desk(self.connection.clone(), number, outlet, session, latency));
                Ok(wire::subscribed(number))
            }
            Ok(answered) => Ok(self.speaker.reply(answered)),
            Err(refusal) => Err(wire::error(&refusal)),
        };
        match encode_frame(&wire::reply_frame(id, answer)) {
            Ok(frame) => chunks.push(frame),
            Err(error) => tracing::error!(%error, "a reply could not be encoded"),
        }
    }

    fn datagram(&mut self, datagram: &Bytes) {
        // Ephemera may be lost; one that cannot be read is, and so is one too many.
        if !self.typing.spend(clock::now(), limits::TYPING) {
            return;
        }
        if let Some((conversation, after_seq, expires_ms)) = wire::typing(datagram) {
            self.session.tell(SessionMsg::Typing(conversation, after_seq, expires_ms));
        }
    }

    /// The client has said everything: what is under way is answered, then both sides are done.
    async fn finish(&mut self) -> CloseCode {
        let all = u32::try_from(limits::UNANSWERED_REQUESTS_MAX).unwrap_or(u32::MAX);
        let credits = Arc::clone(&self.credits);
        let answered = credits.acquire_many(all);
        tokio::pin!(answered);
        loop {
            tokio::select! {
                biased;
                out = self.out.recv() => match out {
                    Some(out) => if let Some(close) = self.write(out).await { return close },
                    None => return CloseCode::Fault,
                },
                _ = &mut answered => break,
            }
        }
        while let Ok(out) = self.out.try_recv() {
            if let Some(close) = self.write(out).await {
                return close;
            }
        }
        say_last(&mut self.send, Bytes::new()).await;
        CloseCode::Done
    }

    async fn refuse_stream(&mut self, error: ErrorBody) {
        tracing::debug!(from = %self.from, %error, "a client broke the protocol");
        let frame = encode_frame(&ServerFrame::Error { id: None, error });
        say_last(&mut self.send, frame.unwrap_or_default()).await;
    }
}

/// The next frame of a stream. Loses nothing when it is not awaited to its end.
async fn read_frame(recv: &mut RecvStream, frames: &mut FrameReader) -> Arrived {
    loop {
        match frames.next_frame() {
            Ok(Some(body)) => return Arrived::Frame(body),
            Ok(None) => {}
            Err(error) => return Arrived::Broken(error),
        }
        match recv.read_chunk(limits::FRAME_BYTES_MAX, true).await {
            Ok(Some(chunk)) => frames.push(&chunk.bytes),
            Ok(None) => return frames.finish().map_or_else(Arrived::Broken, |()| Arrived::End),
            Err(ReadError::Reset(_)) => return Arrived::End,
            Err(_) => return Arrived::Lost,
        }
    }
}

/// Writes the last bytes of a stream and waits until they have arrived, because closing a connection
/// drops what has not.
async fn say_last(send: &mut SendStream, bytes: Bytes) {
    if !bytes.is_empty() && send.write_chunk(bytes).await.is_err() {
        return;
    }
    if send.finish().is_ok() {
        // A client that does not acknowledge in time misses the last words.
        let _ = tokio::time::timeout(LAST_WORDS_WAIT, send.stopped()).await;
    }
}

const fn close_reason(code: CloseCode) -> &'static [u8] {
    match code {
        CloseCode::Done => b"done",
        CloseCode::GoingAway => b"the engine stops",
        CloseCode::ProtocolError => b"protocol error",
        CloseCode::Refused => b"refused",
        CloseCode::Replaced => b"the same instance has connected again",
        CloseCode::Fault => b"the session failed",
        CloseCode::Overloaded => b"overloaded",
    }
}

/// How long a client that cannot be served now is asked to wait, in milliseconds.
const RETRY_MS: u32 = 1_000;

/// How long the last bytes may take to arrive.
const LAST_WORDS_WAIT: Duration = Duration::from_secs(1);
