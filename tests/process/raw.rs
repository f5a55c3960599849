//! A client that says what it likes: frames, or any bytes, on a connection of its own.
//!
//! Owns the connection, with the daemon's own certificate as its root of trust. Must not know good manners:
//! those are the SDK's.

use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::rustls::QuicClientConfig;
use quinn::{Connection, ConnectionError, Endpoint, RecvStream, SendStream, TransportConfig, VarInt};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde::Serialize;
use serde::de::DeserializeOwned;
use switchboard_client::vocabulary::{ConversationId, InstanceId};
use switchboard_client::wire::{
    ALPN, Credentials, ErrorBody, FrameReader, Hello, Op, PROTOCOL_VERSION, Purpose, ReplyBody, Request,
    ServerFrame, Welcome, decode, encode_frame,
};

use crate::daemon::Daemon;
use crate::wait::in_time;

/// A connection with its session stream.
pub(crate) struct Raw {
    pub(crate) connection: Connection,
    pub(crate) send: SendStream,
    frames: Frames,
    // Its socket lives as long as it.
    _endpoint: Endpoint,
}

/// A stream from the server, cut into frames.
pub(crate) struct Frames {
    stream: RecvStream,
    reader: FrameReader,
}

impl Raw {
    /// Connects and opens the session stream; says nothing.
    pub(crate) async fn connect(daemon: &Daemon) -> Self {
        Self::with_windows(daemon, USUAL_WINDOW).await
    }

    /// Connects, and lets the server send so much on a stream before it is read.
    pub(crate) async fn with_windows(daemon: &Daemon, stream_window: VarInt) -> Self {
        Self::connected(daemon, stream_window).await.unwrap()
    }

    /// Connects, if the daemon lets it.
    pub(crate) async fn try_connect(daemon: &Daemon) -> Option<Self> {
        Self::connected(daemon, USUAL_WINDOW).await.ok()
    }

    async fn connected(daemon: &Daemon, stream_window: VarInt) -> Result<Self, ConnectionError> {
        let mut endpoint = Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
        endpoint.set_default_client_config(config(daemon, stream_window));
        let connecting = endpoint.connect(daemon.address(), "localhost").unwrap();
        let connection = in_time("connection", connecting).await?;
        let (send, stream) = connection.open_bi().await?;
        Ok(Self { connection, send, frames: Frames::of(stream), _endpoint: endpoint })
    }

    /// Connects and opens a session, as a run of a client program.
    pub(crate) async fn session(daemon: &Daemon, instance: u8, credentials: Credentials) -> Self {
        let mut raw = Self::connect(daemon).await;
        raw.hello(instance, credentials).await;
        raw
    }

    /// Says hello and takes the welcome.
    pub(crate) async fn hello(&mut self, instance: u8, credentials: Credentials) -> Welcome {
        self.welcome(&hello(instance, credentials)).await
    }

    /// Says this hello and takes the welcome.
    pub(crate) async fn welcome(&mut self, hello: &Hello) -> Welcome {
        self.frame(hello).await;
        match self.next().await {
            ServerFrame::Welcome(welcome) => welcome,
            other => panic!("no welcome: {other:?}"),
        }
    }

    /// Writes a frame.
    pub(crate) async fn frame(&mut self, frame: &impl Serialize) {
        self.bytes(&encode_frame(frame).unwrap()).await;
    }

    /// Writes bytes.
    pub(crate) async fn bytes(&mut self, bytes: &[u8]) {
        in_time("room to write", self.send.write_all(bytes)).await.unwrap();
    }

    /// Reads the next frame.
    pub(crate) async fn next(&mut self) -> ServerFrame {
        self.frames.next().await.expect("the stream goes on")
    }

    /// Whether the server says nothing more.
    pub(crate) async fn has_ended(&mut self) -> bool {
        self.frames.next::<ServerFrame>().await.is_none()
    }

    /// Sends a request and takes its answer.
    pub(crate) async fn ask(&mut self, id: u64, n: Option<u64>, op: Op) -> Result<ReplyBody, ErrorBody> {
        self.frame(&Request { id, n, op }).await;
        self.answer(id).await
    }

    /// Takes the answer to a request.
    pub(crate) async fn answer(&mut self, id: u64) -> Result<ReplyBody, ErrorBody> {
        match self.next().await {
            ServerFrame::Reply(reply) if reply.id == id => Ok(reply.body),
            ServerFrame::Error { id: Some(asked), error } if asked == id => Err(error),
            other => panic!("no answer to {id}: {other:?}"),
        }
    }

    /// The customer's conversation; takes the counter 1.
    pub(crate) async fn open(&mut self) -> ConversationId {
        match self.ask(1, Some(1), Op::Open).await {
            Ok(ReplyBody::Opened { conversation }) => conversation,
            other => panic!("not opened: {other:?}"),
        }
    }

    /// Takes the stream of a subscription that the server opens.
    pub(crate) async fn stream(&mut self) -> Frames {
        Frames::of(in_time("stream", self.connection.accept_uni()).await.unwrap())
    }

    /// Takes the error without a request that is the server's last frame, and the code it then closes with.
    pub(crate) async fn refused(&mut self) -> (u16, u32) {
        let error = match self.next().await {
            ServerFrame::Error { id: None, error } => error.number,
            other => panic!("no refusal: {other:?}"),
        };
        (error, self.closed().await)
    }

    /// The code that the server closes the connection with.
    pub(crate) async fn closed(&self) -> u32 {
        match in_time("close of the connection", self.connection.closed()).await {
            ConnectionError::ApplicationClosed(close) => {
                u32::try_from(close.error_code.into_inner()).unwrap()
            }
            other => panic!("not closed by the server: {other}"),
        }
    }
}

impl Frames {
    fn of(stream: RecvStream) -> Self {
        Self { stream, reader: FrameReader::default() }
    }

    /// The next frame; `None` at the end of the stream.
    pub(crate) async fn next<T: DeserializeOwned>(&mut self) -> Option<T> {
        loop {
            if let Some(body) = self.reader.next_frame().unwrap() {
                return Some(decode(&body).unwrap());
            }
            let chunk = in_time("frame", self.stream.read_chunk(usize::MAX, true)).await.unwrap();
            self.reader.push(&chunk?.bytes);
        }
    }
}

/// The hello of a run of a client program.
pub(crate) fn hello(instance: u8, credentials: Credentials) -> Hello {
    let instance = Some(InstanceId::v7(i64::from(instance), [instance; 10]));
    Hello { protocol: PROTOCOL_VERSION, instance, credentials, resume: None, purpose: Purpose::default() }
}

/// How a client connects that trusts the daemon.
pub(crate) fn config(daemon: &Daemon, stream_window: VarInt) -> quinn::ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(daemon.data().join("tls/certificate.pem")).unwrap()).unwrap();
    let mut tls =
        rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
    tls.alpn_protocols = vec![ALPN.to_vec()];
    let mut config = quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap()));
    let mut transport = TransportConfig::default();
    transport.stream_receive_window(stream_window).keep_alive_interval(Some(Duration::from_secs(1)));
    config.transport_config(Arc::new(transport));
    config
}

/// What a client lets the server send on a stream, unless it has its reasons.
pub(crate) const USUAL_WINDOW: VarInt = VarInt::from_u32(256 * 1024);
