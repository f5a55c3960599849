//! A bad network: a relay between clients and the daemon that loses, delays, reorders and moves.
//!
//! Owns the datagrams on their way; each client has a socket of its own towards the daemon, which is its
//! address as the daemon sees it. Must not know what is in a datagram but how long it is.

use std::collections::HashMap;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

use crate::chance::Chance;

/// A relay. It ends when it is dropped.
pub(crate) struct Relay {
    address: SocketAddr,
    network: Arc<Network>,
    running: JoinHandle<()>,
}

/// What happens to datagrams.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Weather {
    /// Of a thousand so many are lost.
    pub(crate) lost_permille: u64,
    /// Each is held for a while below this: so they overtake each other.
    pub(crate) delay_max: Duration,
}

struct Network {
    to_clients: UdpSocket,
    daemon: SocketAddr,
    state: Mutex<State>,
}

struct State {
    weather: Weather,
    chance: Chance,
    paths: HashMap<SocketAddr, Path>,
    /// The next datagram to a client that is longer than this is lost.
    lose_longer_than: Option<usize>,
}

/// A client's way to the daemon.
struct Path {
    to_daemon: Arc<UdpSocket>,
    back: JoinHandle<()>,
}

impl Relay {
    /// A relay to a daemon, in calm weather.
    pub(crate) async fn to(daemon: SocketAddr, chance: Chance) -> Self {
        let to_clients = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = to_clients.local_addr().unwrap();
        let (weather, paths, lose_longer_than) = (Weather::default(), HashMap::new(), None);
        let state = Mutex::new(State { weather, chance, paths, lose_longer_than });
        let network = Arc::new(Network { to_clients, daemon, state });
        let running = tokio::spawn(Arc::clone(&network).run());
        Self { address, network, running }
    }

    /// Where clients connect to.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes what happens to datagrams from now on.
    pub(crate) fn weather(&self, weather: Weather) {
        self.network.state.lock().unwrap().weather = weather;
    }

    /// Every client has another address from now on, and none of what is on its way to the old one arrives.
    pub(crate) fn move_everybody(&self) {
        for (_, path) in self.network.state.lock().unwrap().paths.drain() {
            path.back.abort();
        }
    }

    /// Loses the next datagram to a client that is longer than so many bytes.
    pub(crate) fn lose_one_longer_than(&self, bytes: usize) {
        self.network.state.lock().unwrap().lose_longer_than = Some(bytes);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.running.abort();
        self.move_everybody();
    }
}

impl Network {
    async fn run(self: Arc<Self>) {
        let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
        loop {
            // A client that has gone makes an error of its own, which is nobody's end.
            let Ok((bytes, client)) = self.to_clients.recv_from(&mut buffer).await else { continue };
            let to_daemon = self.path_of(client).await;
            let datagram = buffer[..bytes].to_vec();
            self.carry(move || async move {
                let _ = to_daemon.send(&datagram).await;
            });
        }
    }

    /// The way of a client; a new one, and with it a new address, if it has none.
    async fn path_of(self: &Arc<Self>, client: SocketAddr) -> Arc<UdpSocket> {
        if let Some(path) = self.state.lock().unwrap().paths.get(&client) {
            return Arc::clone(&path.to_daemon);
        }
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.connect(self.daemon).await.unwrap();
        let to_daemon = Arc::new(socket);
        let back = tokio::spawn(Arc::clone(self).back(Arc::clone(&to_daemon), client));
        let path = Path { to_daemon: Arc::clone(&to_daemon), back };
        self.state.lock().unwrap().paths.insert(client, path);
        to_daemon
    }

    async fn back(self: Arc<Self>, from_daemon: Arc<UdpSocket>, client: SocketAddr) {
        let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
        loop {
            let Ok(bytes) = from_daemon.recv(&mut buffer).await else { continue };
            if self.state.lock().unwrap().lose_longer_than.take_if(|limit| bytes > *limit).is_some() {
                continue;
            }
            let (network, datagram) = (Arc::clone(&self), buffer[..bytes].to_vec());
            self.carry(move || async move {
                let _ = network.to_clients.send_to(&datagram, client).await;
            });
        }
    }

    /// Sends something on, unless it is lost, after as long as the weather says.
    fn carry<F: Future<Output = ()> + Send>(&self, send: impl FnOnce() -> F + Send + 'static) {
        let mut state = self.state.lock().unwrap();
        let Weather { lost_permille, delay_max } = state.weather;
        if lost_permille > 0 && state.chance.below(1_000) < lost_permille {
            return;
        }
        let delay_micros = u64::try_from(delay_max.as_micros()).unwrap();
        let held = if delay_micros == 0 { 0 } else { state.chance.below(delay_micros) };
        tokio::spawn(async move {
            if held > 0 {
                // The delay is the weather, not a wait for something.
                let _ = tokio::time::timeout(Duration::from_micros(held), pending::<()>()).await;
            }
            send().await;
        });
    }
}

/// No datagram of QUIC is longer on a path like this.
const DATAGRAM_BYTES_MAX: usize = 2_048;
