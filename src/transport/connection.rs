//! One connection: the session stream and the datagrams.
//!
//! Owns the opening hello, one bounded frame at a time against a credit, the replies, and the orderly
//! close. Must not know what questions mean: [`super::wire`] translates, the session answers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use quinn::{Connection, ReadError, RecvStream, SendStream, VarInt};
use switchboard_protocol::wire::{
    CloseCode, ErrorBody, ErrorCode, FrameError, FrameReader, Hello, PROTOCOL_VERSION, ServerFrame,
    ServerLimits, Welcome, encode_frame,
};
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::sync::oneshot::{self, error::TryRecvError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::endpoint::Shared;
use super::openings::Opening;
use super::wire::{BadRequest, Speaker};
use super::{pump, wire};
use crate::actors::engine::Engine;
use crate::actors::session::{
    Answered, Ask, Asked, Evidence, Out, Place, Refusal, SessionHandle, SessionMsg, SessionPorts,
};
use crate::clock;
use crate::limits;
use crate::machines::budget::Budget;
use crate::stats::Latency;

/// Serves a connection from hello to goodbye.
pub(super) async fn serve(connection: Connection, opening: Opening, shared: Arc<Shared>) {
    let from = connection.remote_address();
    let opened = tokio::time::timeout(shared.hello, open(&connection, &shared)).await;
    drop(opening);
    let close = match opened {
        Ok(Ok(mut open)) => {
            let close = open.run().await;
            open.session.tell(SessionMsg::Closed);
            let session = open.session.clone();
            // One that does not come to its messages would stay for ever.
            drop(tokio::spawn(async move {
                if tokio::time::timeout(CLOSED_WAIT, session.ended()).await.is_err() {
                    session.kill();
                }
            }));
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
    /// How long a sign of life is good for, if somebody is there by this session.
    lease: Option<Duration>,
    /// With which code it is being closed, once the session has said so.
    closing: Option<CloseCode>,
}

/// A request that waits for credits. Nothing is read behind it.
struct Held {
    id: u64,
    arrived: Instant,
    what: Asked,
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
        Ok(hello) => welcome(&hello, &shared.engine(), shared.limits).await,
        Err(error) => Err(error),
    };
    match welcomed {
        Ok(Welcomed { session, out, speaker, welcome, place }) => {
            let frame = encode_frame(&ServerFrame::Welcome(welcome)).unwrap_or_default();
            send.write_all(&frame).await.map_err(|error| malformed(&error.to_string()))?;
            let credits = Arc::new(Semaphore::new(limits::UNANSWERED_REQUESTS_MAX));
            let from = connection.remote_address();
            let latency = shared.engine().latency().clone();
            let lease = place.serves().then(|| shared.engine().lease());
            let connection = connection.clone();
            let typing = Budget::default();
            Ok(Open {
                connection,
                from,
                send,
                recv,
                frames,
                credits,
                out,
                session,
                speaker,
                latency,
                typing,
                lease,
                closing: None,
            })
        }
        Err(error) => {
            let code = wire::close_for(&error);
            let frame = encode_frame(&ServerFrame::Error { id: None, error: error.clone() });
            say_last(&mut send, frame.unwrap_or_default()).await;
            Err(Refused(code, error))
        }
    }
}

/// A session that was opened for a client, who is to be told so.
pub(super) struct Welcomed {
    pub(super) session: SessionHandle,
    pub(super) out: UnboundedReceiver<Out>,
    pub(super) speaker: Speaker,
    pub(super) welcome: Welcome,
    pub(super) place: Place,
}

/// Opens a session for whoever says this hello.
pub(super) async fn welcome(
    hello: &Hello,
    engine: &Engine,
    limits: ServerLimits,
) -> Result<Welcomed, ErrorBody> {
    if hello.protocol != PROTOCOL_VERSION {
        let sentence = format!("protocol: {} is not spoken here; {PROTOCOL_VERSION} is", hello.protocol);
        return Err(ErrorBody::new(ErrorCode::ProtocolVersion, sentence));
    }
    let unavailable = |error: &dyn std::fmt::Display| {
        ErrorBody::new(ErrorCode::Unavailable, error.to_string()).after_ms(wire::FULL_RETRY_MS)
    };
    let proof = wire::proof(&hello.credentials)?;
    let instance = wire::instance(hello)?;
    let proven = engine.prove(proof).await.map_err(|error| unavailable(&error))?;
    let proven = proven.ok_or_else(wire::bad_credentials)?;
    let place = wire::place(hello.purpose, &proven)?;
    let (to_out, out) = mpsc::unbounded_channel();
    let ports = SessionPorts {
        id: clock::session_id(),
        instance,
        identity: Arc::new(proven.identity),
        place,
        lease: engine.lease(),
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
        limits,
        server_time: clock::now(),
    };
    let speaker = Speaker::to(&ports.identity);
    let session = engine.open_session(ports).await.map_err(|error| unavailable(&error))?;
    let session = session.map_err(wire::no_place)?;
    Ok(Welcomed { session, out, speaker, welcome, place })
}

impl Open {
    /// Talks until one side ends it. Returns the code to close with. A client that reads nothing cannot keep
    /// the connection of a session that has ended.
    async fn run(&mut self) -> CloseCode {
        let session = self.session.clone();
        let over = async {
            session.ended().await;
            tokio::time::sleep(2 * LAST_WORDS_WAIT).await;
        };
        let watch = watch(self.connection.clone(), self.session.clone(), self.lease);
        tokio::select! {
            biased;
            close = self.talk() => close,
            () = over => self.unsaid(),
            () = watch => {
                self.session.kill();
                CloseCode::Fault
            }
        }
    }

    /// The code that the session wanted to close with, when there was no way to say so.
    fn unsaid(&mut self) -> CloseCode {
        while let Ok(out) = self.out.try_recv() {
            match out {
                Out::Close(closing) => self.closing = Some(wire::goodbye(closing).0),
                Out::Reply(..) => {}
            }
        }
        self.closing.unwrap_or(CloseCode::Fault)
    }

    /// Reads requests and writes replies.
    async fn talk(&mut self) -> CloseCode {
        let mut held: Option<Held> = None;
        loop {
            self.frames.release_if_empty();
            let wanted = held.as_ref().map_or(0, |held| held.what.credits());
            tokio::select! {
                out = self.out.recv() => match out {
                    Some(out) => if let Some(close) = self.write(out).await { return close },
                    // The session has failed; its client connects again and resends what is unanswered.
                    None => return CloseCode::Fault,
                },
                credit = Arc::clone(&self.credits).acquire_many_owned(wanted), if held.is_some() => {
                    if let (Some(request), Ok(credit)) = (held.take(), credit) {
                        self.hand_over(request, credit);
                    }
                }
                arrived = read_frame(&mut self.recv, &mut self.frames), if held.is_none() => match arrived {
                    Arrived::Frame(body) => match self.request(&body).await {
                        Ok(waits) => held = waits,
                        Err(close) => return close,
                    },
                    Arrived::End => return self.finish().await,
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

    /// Hands a request to the session, or answers it here when it is none. One for which there are no credits
    /// comes back, to wait. An error ends the session.
    async fn request(&mut self, body: &Bytes) -> Result<Option<Held>, CloseCode> {
        let arrived = clock::instant();
        match wire::request(body) {
            Ok((id, what)) => {
                let request = Held { id, arrived, what };
                match Arc::clone(&self.credits).try_acquire_many_owned(request.what.credits()) {
                    Ok(credit) => self.hand_over(request, credit),
                    Err(_) => return Ok(Some(request)),
                }
                Ok(None)
            }
            Err(BadRequest { id: Some(id), error }) => {
                let frame = encode_frame(&wire::reply_frame(id, Err(error))).unwrap_or_default();
                self.send.write_chunk(frame).await.map(|()| None).map_err(|_| CloseCode::Done)
            }
            Err(BadRequest { id: None, error }) => {
                self.refuse_stream(error).await;
                Err(CloseCode::ProtocolError)
            }
        }
    }

    fn hand_over(&self, request: Held, credit: OwnedSemaphorePermit) {
        let Held { id, arrived, what } = request;
        self.session.tell(SessionMsg::Ask(Ask { id, arrived, what, credit }));
    }

    /// Writes one item and everything else that is ready: one packet instead of many.
    async fn write(&mut self, first: Out) -> Option<CloseCode> {
        let mut chunks = Vec::with_capacity(4);
        // Given back when everything is written: what waits here is bounded by them.
        let mut credits = Vec::with_capacity(4);
        let mut next = Some(first);
        while let Some(out) = next {
            match out {
                Out::Reply(id, answer, credit) => {
                    self.reply(id, answer, &mut chunks);
                    credits.push(credit);
                }
                Out::Close(closing) => {
                    let (code, goodbye) = wire::goodbye(closing);
                    chunks.extend(encode_frame(&ServerFrame::Goodbye(goodbye)).ok());
                    self.closing = Some(code);
                    break;
                }
            }
            next = self.out.try_recv().ok();
        }
        match self.closing {
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
            Ok(Answered::Following(lane, subscription)) => {
                let session = self.session.clone();
                let latency = self.latency.clone();
                tokio::spawn(pump::conversation(
                    self.connection.clone(),
                    lane,
                    subscription,
                    session,
                    latency,
                ));
                Ok(wire::subscribed(lane.number))
            }
            Ok(Answered::FollowingDesk(lane, following)) => {
                let session = self.session.clone();
                let latency = self.latency.clone();
                tokio::spawn(pump::desk(self.connection.clone(), lane, following, session, latency));
                Ok(wire::subscribed(lane.number))
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
        // Before the client hears that it is over: its next program is not told that it serves from here.
        self.session.tell(SessionMsg::Closed);
        say_last(&mut self.send, Bytes::new()).await;
        CloseCode::Done
    }

    async fn refuse_stream(&mut self, error: ErrorBody) {
        tracing::debug!(from = %self.from, %error, "a client broke the protocol");
        let frame = encode_frame(&ServerFrame::Error { id: None, error });
        say_last(&mut self.send, frame.unwrap_or_default()).await;
    }
}

/// Looks for evidence that somebody is at the other end, whatever the talk waits for: packets, which also come of
/// a client that has nothing to say. It is told to the session. Ends when that has not come to it for a lease.
async fn watch(connection: Connection, session: SessionHandle, lease: Option<Duration>) {
    let Some(lease) = lease else { return std::future::pending().await };
    let heard = || connection.stats().udp_rx.datagrams;
    let mut evidence = Evidence::new(lease, clock::instant(), heard());
    let mut told: Option<(Instant, oneshot::Receiver<()>)> = None;
    loop {
        tokio::time::sleep(evidence.every()).await;
        let (now, renewed) = (clock::instant(), evidence.look(clock::instant(), heard()));
        let is_untaken = |(at, taken): &mut (Instant, oneshot::Receiver<()>)| {
            (taken.try_recv() == Err(TryRecvError::Empty)).then_some(*at)
        };
        match told.as_mut().and_then(is_untaken) {
            Some(at) if now.duration_since(at) >= lease => return,
            Some(_) => {}
            None => {
                told = renewed.map(|until| {
                    let (tell, taken) = oneshot::channel();
                    session.tell(SessionMsg::Attends(until, Some(tell)));
                    (now, taken)
                });
            }
        }
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
        CloseCode::TakenOver => b"taken over by another place",
        CloseCode::Removed => b"no member of the workspace any more",
    }
}

/// How long a session may take to end whose connection has.
const CLOSED_WAIT: Duration = Duration::from_secs(5);

/// How long the last bytes may take to arrive.
const LAST_WORDS_WAIT: Duration = Duration::from_secs(1);
