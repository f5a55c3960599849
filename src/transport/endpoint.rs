//! The QUIC listener.
//!
//! Owns the socket, every window and limit of a connection, and who may shake hands: under load an
//! address must prove itself first. Must not know what a connection says.

use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use quinn::crypto::rustls::QuicServerConfig;
use quinn::{
    ConnectionId, ConnectionIdGenerator, EndpointConfig, IdleTimeout, ServerConfig, TokioRuntime,
    TransportConfig, VarInt,
};
use switchboard_protocol::wire::{CloseCode, ServerLimits};

use super::connection;
use super::openings::{Admission, Opening, Openings};
use super::tls::{Identity, TlsError};
use crate::actors::engine::Engine;
use crate::clock;
use crate::limits;

/// The settings of the listener.
#[derive(Debug, Clone)]
pub struct EndpointOptions {
    /// Where to listen. An IPv6 address without a host listens on IPv4 too.
    pub address: SocketAddr,
    /// How long a connection may be silent.
    pub idle: Duration,
    /// How often a silent connection is asked for a sign of life.
    pub keep_alive: Duration,
    /// How long a client may take to say hello.
    pub hello: Duration,
    /// Whether packets are handed to the system in bundles. Some kernels and networks cannot.
    pub segmentation_offload: bool,
}

/// Why there is no listener.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// The address cannot be used.
    #[error("listen.address: {address}: {error}")]
    Bind {
        /// Which.
        address: SocketAddr,
        /// What the system says.
        error: std::io::Error,
    },
    /// The certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A setting is out of range.
    #[error("listen: {0}")]
    Setting(String),
}

/// A listener that accepts connections.
pub struct Endpoint {
    quic: quinn::Endpoint,
    address: SocketAddr,
    shared: Arc<Shared>,
}

/// What every connection needs.
pub(super) struct Shared {
    engine: Mutex<Engine>,
    pub(super) hello: Duration,
    pub(super) limits: ServerLimits,
    openings: Arc<Openings>,
}

impl Shared {
    /// The engine that serves new sessions.
    pub(super) fn engine(&self) -> Engine {
        self.engine.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Endpoint {
    /// Listens, and serves connections until [`Endpoint::close`].
    ///
    /// # Errors
    /// When the address or the certificate cannot be used.
    pub fn listen(
        options: &EndpointOptions,
        identity: Identity,
        engine: Engine,
    ) -> Result<Self, EndpointError> {
        let bind = |error| EndpointError::Bind { address: options.address, error };
        let socket = socket(options.address).map_err(bind)?;
        let address = socket.local_addr().map_err(bind)?;
        let config = endpoint_config(&identity);
        let server = server_config(options, identity)?;
        let quic =
            quinn::Endpoint::new(config, Some(server), socket, Arc::new(TokioRuntime)).map_err(bind)?;
        let limits = ServerLimits {
            subscriptions_max: limits::SUBSCRIPTIONS_MAX as u32,
            text_chars_max: u32::try_from(engine.policy().text_chars_max).unwrap_or(u32::MAX),
            ..ServerLimits::default()
        };
        let (engine, openings) = (Mutex::new(engine), Arc::default());
        let shared = Arc::new(Shared { engine, hello: options.hello, limits, openings });
        tokio::spawn(accept(quic.clone(), Arc::clone(&shared)));
        Ok(Self { quic, address, shared })
    }

    /// Serves new sessions by another engine, with the same settings. Those of the one before end with it.
    pub fn serve(&self, engine: Engine) {
        *self.shared.engine.lock().unwrap_or_else(PoisonError::into_inner) = engine;
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts nobody any more; connections that are open go on.
    pub fn refuse_new(&self) {
        self.quic.set_server_config(None);
    }

    /// Waits until every connection has ended, then closes; those that do not end in time are closed.
    pub async fn close(&self, within: Duration) {
        if tokio::time::timeout(within, self.quic.wait_idle()).await.is_err() {
            let code = VarInt::from_u32(CloseCode::GoingAway.number());
            self.quic.close(code, b"the engine stops");
            // The close frames are on their way; a client that hears none times out.
            let _ = tokio::time::timeout(CLOSE_WAIT, self.quic.wait_idle()).await;
        }
    }
}

async fn accept(quic: quinn::Endpoint, shared: Arc<Shared>) {
    while let Some(incoming) = quic.accept().await {
        let address = incoming.remote_address().ip();
        match shared.openings.admit(address, incoming.remote_address_validated()) {
            Admission::Open(opening) => {
                drop(tokio::spawn(shake_hands(incoming, opening, Arc::clone(&shared))))
            }
            // Only fails for one that has been validated.
            Admission::Prove => drop(incoming.retry()),
            Admission::Refuse => incoming.refuse(),
        }
    }
}

async fn shake_hands(incoming: quinn::Incoming, opening: Opening, shared: Arc<Shared>) {
    let from = incoming.remote_address();
    let shaken = tokio::time::timeout(shared.hello, incoming).await;
    match shaken {
        // A task of its own, so that what the handshake needed is not kept for the connection's life.
        Ok(Ok(connection)) => drop(tokio::spawn(connection::serve(connection, opening, shared))),
        Ok(Err(error)) => tracing::debug!(%from, %error, "a handshake failed"),
        Err(_) => tracing::debug!(%from, "a handshake took too long"),
    }
}

fn socket(address: SocketAddr) -> std::io::Result<UdpSocket> {
    use socket2::{Domain, Protocol, Socket, Type};
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    // Larger buffers ride out bursts; a system that grants less is no error.
    let _ = socket.set_recv_buffer_size(SOCKET_BUFFER_BYTES);
    let _ = socket.set_send_buffer_size(SOCKET_BUFFER_BYTES);
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// Connections of the process before this one are reset at their next packet: its clients need not wait
/// until they believe in the silence.
fn endpoint_config(identity: &Identity) -> EndpointConfig {
    let mut config = EndpointConfig::new(identity.reset_key());
    config.min_reset_interval(RESET_INTERVAL).cid_generator(|| Box::new(RandomIds));
    config
}

/// Ids of connections that no process takes for another's mistake: quinn's own carry a signature that
/// ends with the process, and what does not bear it is not even reset.
struct RandomIds;

impl ConnectionIdGenerator for RandomIds {
    fn generate_cid(&mut self) -> ConnectionId {
        ConnectionId::new(&clock::random::<CONNECTION_ID_BYTES>())
    }

    fn cid_len(&self) -> usize {
        CONNECTION_ID_BYTES
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}

fn server_config(options: &EndpointOptions, identity: Identity) -> Result<ServerConfig, EndpointError> {
    let tls = QuicServerConfig::try_from(Arc::new(identity.server_config()?))
        .map_err(|error| EndpointError::Setting(error.to_string()))?;
    let idle = IdleTimeout::try_from(options.idle)
        .map_err(|_| EndpointError::Setting(format!("idle_ms: {} is too long", options.idle.as_millis())))?;
    let mut transport = TransportConfig::default();
    transport
        .max_idle_timeout(Some(idle))
        .keep_alive_interval(Some(options.keep_alive))
        .max_concurrent_bidi_streams(VarInt::from_u32(limits::CLIENT_STREAMS_MAX))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .stream_receive_window(VarInt::from_u32(limits::STREAM_RECEIVE_BYTES_MAX))
        .receive_window(VarInt::from_u32(limits::CONNECTION_RECEIVE_BYTES_MAX))
        .send_window(limits::CONNECTION_SEND_BYTES_MAX)
        .crypto_buffer_size(limits::CRYPTO_BYTES_MAX)
        .datagram_receive_buffer_size(Some(limits::DATAGRAMS_BYTES_MAX))
        .datagram_send_buffer_size(limits::DATAGRAMS_BYTES_MAX)
        .enable_segmentation_offload(options.segmentation_offload);
    let mut server = ServerConfig::with_crypto(Arc::new(tls));
    server
        .transport_config(Arc::new(transport))
        .migration(true)
        .max_incoming(limits::HANDSHAKES_MAX)
        .incoming_buffer_size(INCOMING_BUFFER_BYTES)
        .incoming_buffer_size_total(INCOMING_BUFFER_BYTES * limits::HANDSHAKES_MAX as u64);
    Ok(server)
}

/// The length of a connection's id.
const CONNECTION_ID_BYTES: usize = 8;

/// The least time between two resets: a restart under load has many to send.
const RESET_INTERVAL: Duration = Duration::from_micros(200);

/// Bytes kept of a connection whose handshake has not begun.
const INCOMING_BUFFER_BYTES: u64 = 16 * 1024;

/// What the system is asked to buffer for the socket.
const SOCKET_BUFFER_BYTES: usize = 4 * 1024 * 1024;

/// How long the last packets may take.
const CLOSE_WAIT: Duration = Duration::from_millis(500);
