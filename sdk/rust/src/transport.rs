//! QUIC: the socket, every window and limit of a connection, streams and datagrams.
//!
//! Owns the only use of quinn. Must not know sessions, requests or subscriptions: what it hands on
//! are frames' bodies, and what it reports is why a connection ended.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ConnectionError, IdleTimeout, ReadError, TransportConfig, VarInt};
use switchboard_protocol::wire::{CloseCode, FrameError};

use crate::error::{ClientError, Ending};
use crate::frames::Frames;
use crate::options::Trust;
use crate::trust::tls_config;

/// A UDP socket from which clients connect. One socket serves any number of clients: thousands of
/// them in one process need few. Clones are the same socket; it closes after its last client.
///
/// Must be made inside a tokio runtime, and is served by that one.
#[derive(Clone)]
pub struct Endpoint {
    quic: quinn::Endpoint,
    /// One configuration for each kind of trust in use, so that clients share it.
    configs: Arc<Mutex<Vec<(Trust, quinn::ClientConfig)>>>,
}

impl Endpoint {
    /// A socket on a port of the system's choice, for IPv6 and IPv4; where the system has no IPv6,
    /// for IPv4 alone.
    ///
    /// # Errors
    /// [`ClientError::Local`] when the system refuses both.
    pub fn new() -> Result<Self, ClientError> {
        let local = |error: std::io::Error| ClientError::Local(format!("no UDP socket: {error}"));
        let socket = socket((Ipv6Addr::UNSPECIFIED, 0).into())
            .or_else(|_| socket((Ipv4Addr::UNSPECIFIED, 0).into()))
            .map_err(local)?;
        let runtime = Arc::new(quinn::TokioRuntime);
        let quic = quinn::Endpoint::new(quinn::EndpointConfig::default(), None, socket, runtime);
        Ok(Self { quic: quic.map_err(local)?, configs: Arc::default() })
    }

    /// Prepares for a kind of trust: reads certificates, so that connecting does not.
    pub(crate) fn prepare(&self, trust: Trust) -> Result<(), ClientError> {
        self.config(trust).map(drop)
    }

    /// Shakes hands with the server at one address.
    pub(crate) async fn dial(
        &self,
        address: SocketAddr,
        server_name: &str,
        trust: Trust,
    ) -> Result<Link, Ending> {
        let lost = |error: &dyn fmt::Display| Ending::Lost(error.to_string());
        let config = self.config(trust).map_err(|error| lost(&error))?;
        let connecting =
            self.quic.connect_with(config, address, server_name).map_err(|error| lost(&error))?;
        connecting.await.map(Link).map_err(|error| ending(&error))
    }

    fn config(&self, trust: Trust) -> Result<quinn::ClientConfig, ClientError> {
        let mut configs = self.configs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, config)) = configs.iter().find(|(known, _)| *known == trust) {
            return Ok(config.clone());
        }
        let config = client_config(trust)?;
        if configs.len() == CONFIGS_MAX {
            configs.remove(0);
        }
        configs.push((trust, config.clone()));
        Ok(config)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Endpoint").field(&self.quic.local_addr()).finish()
    }
}

/// An open connection.
#[derive(Clone)]
pub(crate) struct Link(quinn::Connection);

impl Link {
    /// Opens the session stream.
    pub(crate) async fn open(&self) -> Result<(Sending, Receiving), Ending> {
        let (send, recv) = self.0.open_bi().await.map_err(|error| ending(&error))?;
        Ok((Sending(send), Receiving::new(recv)))
    }

    /// The next stream that the server opens. Loses nothing when it is not awaited to its end.
    pub(crate) async fn accept(&self) -> Result<Receiving, Ending> {
        self.0.accept_uni().await.map(Receiving::new).map_err(|error| ending(&error))
    }

    /// The next datagram. Loses nothing when it is not awaited to its end.
    pub(crate) async fn datagram(&self) -> Result<Bytes, Ending> {
        self.0.read_datagram().await.map_err(|error| ending(&error))
    }

    /// Sends a datagram, or drops it when the path or the peer takes none.
    pub(crate) fn send_datagram(&self, datagram: Bytes) {
        if let Err(error) = self.0.send_datagram(datagram) {
            tracing::debug!(%error, "a datagram was dropped");
        }
    }

    /// Closes at once; what has not arrived is lost.
    pub(crate) fn close(&self, code: CloseCode) {
        self.0.close(VarInt::from_u32(code.number()), b"");
    }

    /// Waits until the connection has ended.
    pub(crate) async fn closed(&self) -> Ending {
        ending(&self.0.closed().await)
    }
}

/// The sending half of the session stream.
pub(crate) struct Sending(quinn::SendStream);

impl Sending {
    /// Writes as much of `chunks` as there is room for, and takes it out of them. Loses nothing when
    /// it is not awaited to its end.
    pub(crate) async fn write(&mut self, chunks: &mut Vec<Bytes>) -> Result<(), Ending> {
        match self.0.write_chunks(chunks).await {
            Ok(written) => {
                chunks.drain(..written.chunks);
                Ok(())
            }
            Err(quinn::WriteError::ConnectionLost(error)) => Err(ending(&error)),
            Err(error) => Err(Ending::Lost(error.to_string())),
        }
    }

    /// Says that nothing more will come.
    pub(crate) fn finish(&mut self) {
        // Fails only when it has been said before.
        let _ = self.0.finish();
    }
}

/// A stream from the server, cut into frames.
pub(crate) struct Receiving {
    stream: quinn::RecvStream,
    frames: Frames,
}

impl Receiving {
    fn new(stream: quinn::RecvStream) -> Self {
        Self { stream, frames: Frames::default() }
    }

    /// The body of the next frame that has arrived, or `None` when more must be read first.
    pub(crate) fn next_frame(&mut self) -> Result<Option<Bytes>, FrameError> {
        self.frames.next_frame()
    }

    /// Reads what has arrived, waiting for something. False: the stream has ended, if need be in the
    /// middle of a frame; an error: the connection has. Loses nothing when it is not awaited to its end.
    pub(crate) async fn fill(&mut self) -> Result<bool, Ending> {
        self.frames.rest();
        match self.stream.read_chunk(CHUNK_BYTES_MAX, true).await {
            Ok(Some(chunk)) => {
                self.frames.push(chunk.bytes);
                Ok(true)
            }
            Err(ReadError::ConnectionLost(error)) => Err(ending(&error)),
            Ok(None) | Err(_) => Ok(false),
        }
    }
}

fn ending(error: &ConnectionError) -> Ending {
    match error {
        ConnectionError::ApplicationClosed(close) => Ending::Closed {
            // Our close codes are 32 bits wide; a larger one is as unknown as the largest.
            code: u32::try_from(close.error_code.into_inner()).unwrap_or(u32::MAX),
            reason: String::from_utf8_lossy(&close.reason).into_owned(),
        },
        ConnectionError::TransportError(error) if is_about_certificate(u64::from(error.code)) => {
            Ending::Untrusted(error.reason.clone())
        }
        ConnectionError::VersionMismatch
        | ConnectionError::TransportError(_)
        | ConnectionError::ConnectionClosed(_)
        | ConnectionError::Reset
        | ConnectionError::TimedOut
        | ConnectionError::LocallyClosed
        | ConnectionError::CidsExhausted => Ending::Lost(error.to_string()),
    }
}

/// Whether the code of a transport error is the TLS alert with which this end refuses a certificate.
/// RFC 9001, section 4.8: a CRYPTO_ERROR is 0x100 plus the alert; RFC 8446, section 6, for the alerts.
const fn is_about_certificate(code: u64) -> bool {
    const BAD_CERTIFICATE: u64 = 0x100 + 42;
    const ACCESS_DENIED: u64 = 0x100 + 49;
    const DECRYPT_ERROR: u64 = 0x100 + 51;
    matches!(code, BAD_CERTIFICATE..=ACCESS_DENIED | DECRYPT_ERROR) && code != ILLEGAL_PARAMETER
}

fn client_config(trust: Trust) -> Result<quinn::ClientConfig, ClientError> {
    let local = |error: &dyn fmt::Display| ClientError::Local(error.to_string());
    let crypto = QuicClientConfig::try_from(tls_config(trust)?).map_err(|error| local(&error))?;
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(VarInt::from_u32(0))
        .max_concurrent_uni_streams(VarInt::from_u32(SUBSCRIPTION_STREAMS_MAX))
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW_BYTES))
        .receive_window(VarInt::from_u32(CONNECTION_WINDOW_BYTES))
        .send_window(SEND_WINDOW_BYTES)
        .datagram_receive_buffer_size(Some(DATAGRAM_BUFFER_BYTES))
        .datagram_send_buffer_size(DATAGRAM_BUFFER_BYTES)
        .crypto_buffer_size(CRYPTO_BUFFER_BYTES)
        .keep_alive_interval(Some(KEEP_ALIVE))
        .max_idle_timeout(Some(IdleTimeout::try_from(IDLE_TIMEOUT).map_err(|error| local(&error))?));
    let mut config = quinn::ClientConfig::new(Arc::new(crypto));
    config.transport_config(Arc::new(transport));
    Ok(config)
}

fn socket(address: SocketAddr) -> std::io::Result<UdpSocket> {
    use socket2::{Domain, Protocol, Socket, Type};
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    // As much as the system allows: what does not fit when many clients share the socket is lost
    // and sent again.
    let _ = socket.set_recv_buffer_size(SOCKET_BUFFER_BYTES);
    let _ = socket.set_send_buffer_size(SOCKET_BUFFER_BYTES);
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// The subscriptions that this client has at the most, whatever the server allows.
pub(crate) const SUBSCRIPTIONS_MAX: usize = 16;

/// Streams that the server may have open: one for each subscription, and a few for those that have
/// been given up and not yet been closed.
const SUBSCRIPTION_STREAMS_MAX: u32 = SUBSCRIPTIONS_MAX as u32 + 4;

/// What may be under way to this end on one stream, in bytes. A frame larger than that passes in parts.
const STREAM_WINDOW_BYTES: u32 = 64 * 1024;

/// What may be under way to this end on all streams: more than the subscriptions and the session
/// together, so that streams nobody reads never hold up the others.
const CONNECTION_WINDOW_BYTES: u32 = STREAM_WINDOW_BYTES * (SUBSCRIPTION_STREAMS_MAX + 2);

/// What this end keeps until the server has acknowledged it, in bytes.
const SEND_WINDOW_BYTES: u64 = 512 * 1024;

/// Datagrams that wait, each way, in bytes.
const DATAGRAM_BUFFER_BYTES: usize = 16 * 1024;

/// TLS messages that arrive out of order during the handshake, in bytes.
const CRYPTO_BUFFER_BYTES: usize = 16 * 1024;

/// What is asked of the system for each direction of a socket, in bytes.
const SOCKET_BUFFER_BYTES: usize = 4 * 1024 * 1024;

/// The most bytes taken from a stream at once.
const CHUNK_BYTES_MAX: usize = 32 * 1024;

/// How often a silent server is asked for a sign of life.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// How long the connection may be silent before it counts as lost.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// Kinds of trust that an endpoint remembers the configuration of.
const CONFIGS_MAX: usize = 8;

/// The TLS alert in the range of those about certificates that is not about one.
const ILLEGAL_PARAMETER: u64 = 0x100 + 47;

const _: () = assert!(CONNECTION_WINDOW_BYTES > STREAM_WINDOW_BYTES * (SUBSCRIPTION_STREAMS_MAX + 1));
