//! A server that does what a test says, frame by frame, over real QUIC.
//!
//! Owns its certificate, its socket and the writing of frames. Must not know the client.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Connection, RecvStream, SendStream, VarInt, WriteError};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde::Serialize;
use sha2::{Digest, Sha256};
use switchboard_client::vocabulary::{
    Content, ConversationId, InstanceId, MessageText, Platform, ProfileId, Seq, SessionId, Timestamp, UserKey,
};
use switchboard_client::wire::{
    ALPN, CloseCode, ConversationFrame, Credentials, ErrorBody, Event, EventKind, FrameReader, Goodbye,
    Hello, Op, PROTOCOL_VERSION, Reply, ReplyBody, Request, Sender, ServerFrame, ServerLimits,
    SubscriptionHead, Topic, Welcome, decode, encode_frame,
};
use switchboard_client::{BackoffSettings, ConnectOptions, Fingerprint, Trust};

/// A listening server.
pub(crate) struct Peer {
    endpoint: quinn::Endpoint,
    pub(crate) fingerprint: Fingerprint,
}

/// One connection, whose client has said hello.
pub(crate) struct Visit {
    pub(crate) connection: Connection,
    pub(crate) hello: Hello,
    send: SendStream,
    recv: RecvStream,
    frames: FrameReader,
}

impl Peer {
    pub(crate) fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let digest: [u8; 32] = Sha256::digest(made.cert.der()).into();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        tls.alpn_protocols = vec![ALPN.to_vec()];
        let crypto = QuicServerConfig::try_from(tls).unwrap();
        let config = quinn::ServerConfig::with_crypto(Arc::new(crypto));
        let endpoint = quinn::Endpoint::server(config, (Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        Self { endpoint, fingerprint: Fingerprint::from_bytes(digest) }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.endpoint.local_addr().unwrap()
    }

    /// Options of a customer who trusts this server and is not patient.
    pub(crate) fn options(&self) -> ConnectOptions {
        let credentials = Credentials::Customer {
            profile: ProfileId::from_bytes([7; 16]),
            platform: Some(Platform::new("test").unwrap()),
            user_key: UserKey::new("ada").unwrap(),
        };
        ConnectOptions::new(vec![self.address()], Trust::Pinned(self.fingerprint), credentials).backoff(
            BackoffSettings {
                first: Duration::from_millis(10),
                max: Duration::from_millis(50),
                settled: Duration::from_secs(1),
            },
        )
    }

    /// The next connection whose handshake succeeds.
    pub(crate) async fn connection(&self) -> Result<Connection, quinn::ConnectionError> {
        self.endpoint.accept().await.unwrap().await
    }

    /// The next client, once it has said hello.
    pub(crate) async fn visit(&self) -> Visit {
        let connection = self.connection().await.unwrap();
        let (send, mut recv) = connection.accept_bi().await.unwrap();
        let mut frames = FrameReader::default();
        let hello = read(&mut recv, &mut frames).await.unwrap();
        Visit { connection, hello: decode(&hello).unwrap(), send, recv, frames }
    }

    /// The next client, welcomed to a session.
    pub(crate) async fn welcome(&self, session: u8) -> Visit {
        let mut visit = self.visit().await;
        visit.welcome(session, ServerLimits::default()).await;
        visit
    }
}

impl Visit {
    pub(crate) async fn welcome(&mut self, session: u8, limits: ServerLimits) {
        let welcome = Welcome {
            protocol: PROTOCOL_VERSION,
            session: session_id(session),
            instance: self.hello.instance.unwrap_or(instance_id(session)),
            member: None,
            limits,
            server_time: Timestamp::from_millis(0),
        };
        self.say(&ServerFrame::Welcome(welcome)).await;
    }

    /// The next request.
    pub(crate) async fn request(&mut self) -> Request {
        self.next().await.expect("the client ended the session stream")
    }

    /// The next request, or `None` when the client has said that it is done.
    pub(crate) async fn next(&mut self) -> Option<Request> {
        let body = read(&mut self.recv, &mut self.frames).await?;
        Some(decode(&body).unwrap())
    }

    pub(crate) async fn say<T: Serialize>(&mut self, frame: &T) {
        self.send.write_chunk(encode_frame(frame).unwrap()).await.unwrap();
    }

    pub(crate) async fn reply(&mut self, id: u64, body: ReplyBody) {
        self.say(&ServerFrame::Reply(Reply { id, body })).await;
    }

    /// Accepts a request as the event with this sequence.
    pub(crate) async fn accept(&mut self, id: u64, at: u64) {
        self.reply(id, ReplyBody::Accepted { seq: Some(seq(at)), at: Timestamp::from_millis(5) }).await;
    }

    pub(crate) async fn refuse(&mut self, id: impl Into<Option<u64>>, error: ErrorBody) {
        self.say(&ServerFrame::Error { id: id.into(), error }).await;
    }

    /// Says the last word, and waits until the client has it.
    pub(crate) async fn goodbye(&mut self, close: CloseCode, reconnect_after_ms: Option<u32>) {
        let goodbye = Goodbye { close, reason: "as the test says".to_owned(), reconnect_after_ms };
        self.say(&ServerFrame::Goodbye(goodbye)).await;
        self.finish().await;
        self.close(close);
    }

    /// Ends the session stream, and waits until the client has it all.
    pub(crate) async fn finish(&mut self) {
        self.send.finish().unwrap();
        let _ = self.send.stopped().await;
    }

    pub(crate) fn close(&self, code: CloseCode) {
        self.connection.close(VarInt::from_u32(code.number()), b"as the test says");
    }

    /// Expects a subscription to a conversation; returns its number and the sequence it begins after.
    pub(crate) async fn subscribed(&mut self) -> (u32, u64) {
        let request = self.request().await;
        let Op::Subscribe { subscription, topic: Topic::Conversation { after, .. } } = request.op else {
            panic!("{request:?}");
        };
        assert_eq!(request.n, None);
        self.reply(request.id, ReplyBody::Subscribed { subscription }).await;
        (subscription, after.get())
    }

    /// Opens the stream of a subscription.
    pub(crate) async fn stream(&self, subscription: u32) -> Stream {
        let mut stream = Stream(self.connection.open_uni().await.unwrap());
        stream.say(&SubscriptionHead { subscription }).await;
        stream
    }

    /// Expects the goodbye: the end of the session stream, then the close code.
    pub(crate) async fn gone(mut self) {
        assert_eq!(self.next().await, None);
        self.finish().await;
        let ending = self.connection.closed().await;
        let quinn::ConnectionError::ApplicationClosed(close) = ending else { panic!("{ending:?}") };
        assert_eq!(close.error_code.into_inner(), u64::from(CloseCode::Done.number()));
    }
}

/// A subscription's stream.
pub(crate) struct Stream(pub(crate) SendStream);

impl Stream {
    /// A client that has given the stream up hears no more of it.
    pub(crate) async fn say<T: Serialize>(&mut self, frame: &T) {
        let said = self.0.write_chunk(encode_frame(frame).unwrap()).await;
        assert!(matches!(said, Ok(()) | Err(WriteError::Stopped(_))), "{said:?}");
    }

    pub(crate) async fn events(&mut self, which: impl IntoIterator<Item = u64>) {
        for at in which {
            self.say(&ConversationFrame::Event(event(at))).await;
        }
    }
}

pub(crate) fn event(at: u64) -> Event {
    let what = EventKind::message(content(&format!("message {at}")));
    Event { seq: seq(at), at: Timestamp::from_millis(0), by: Sender::Customer, what, epoch: None }
}

pub(crate) fn seq(value: u64) -> Seq {
    Seq::new(value).unwrap()
}

pub(crate) fn content(text: &str) -> Content {
    Content::text(MessageText::new(text).unwrap())
}

pub(crate) fn conversation(number: u8) -> ConversationId {
    ConversationId::from_bytes([number; 16])
}

/// The instance that the welcome to this session issues.
pub(crate) fn instance_id(session: u8) -> InstanceId {
    InstanceId::v7(i64::from(session), [session; 10])
}

pub(crate) fn session_id(number: u8) -> SessionId {
    SessionId::from_bytes([number; 16])
}

async fn read(recv: &mut RecvStream, frames: &mut FrameReader) -> Option<bytes::Bytes> {
    loop {
        if let Some(body) = frames.next_frame().unwrap() {
            return Some(body);
        }
        let chunk = recv.read_chunk(usize::MAX, true).await.unwrap()?;
        frames.push(&chunk.bytes);
    }
}
