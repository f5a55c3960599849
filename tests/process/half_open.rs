//! Handshakes that are begun and never ended.
//!
//! Owns the first packets of clients that are never heard of again, and that others still get in. Must not
//! know how a handshake goes on.

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use quinn::{Endpoint, VarInt};
use switchboard::limits;
use switchboard_client::wire::CloseCode;

use crate::daemon::Daemon;
use crate::people::{self, as_customer};
use crate::raw::{self, Raw};
use crate::wait::in_time;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handshakes_that_are_never_ended_are_bounded_and_whoever_proves_an_address_gets_in() {
    let mut daemon = Daemon::new().with("listen.hello_ms", "60000");
    daemon.start().await;
    let before = daemon.resident_kib();
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    stranger.set_read_timeout(Some(ANSWER_WAIT)).unwrap();
    let mut to_prove = 0;
    for packet in first_packets(&daemon, BEGUN).await {
        stranger.send_to(&packet, daemon.address()).unwrap();
        to_prove += usize::from(is_retry(&answer_to(&packet, &stranger)));
    }
    assert!(to_prove >= BEGUN - limits::HANDSHAKES_BEFORE_RETRY, "{to_prove} of {BEGUN} were to prove it");
    assert!(to_prove < BEGUN, "the first ones need not");
    let grown = daemon.resident_kib().saturating_sub(before);
    let stated = limits::HANDSHAKES_MAX * limits::OPENING_BYTES_MAX / 1024;
    println!("{BEGUN} handshakes begun: {grown} KiB; {stated} KiB are stated");
    assert!(grown < stated as u64, "{grown} KiB for handshakes that were begun; {stated} are stated");
    let carla = people::customer(&daemon, "carla").await;
    in_time("conversation", carla.open()).await.unwrap();
}

#[tokio::test]
async fn whoever_connects_and_says_nothing_takes_a_place_of_its_address_until_it_goes() {
    let mut daemon = Daemon::new().with("listen.hello_ms", "60000");
    daemon.start().await;
    let mut silent = Vec::new();
    for _ in 0..limits::HANDSHAKES_PER_ADDRESS_MAX {
        silent.push(Raw::connect(&daemon).await);
    }
    assert!(Raw::try_connect(&daemon).await.is_none(), "one address took more than its share of the places");
    let first = silent.swap_remove(0);
    first.connection.close(VarInt::from_u32(CloseCode::Done.number()), b"");
    let mut carla = loop {
        // That it has gone reaches the daemon in its own time.
        if let Some(raw) = in_time("place", Raw::try_connect(&daemon)).await {
            break raw;
        }
    };
    carla.hello(1, as_customer(&daemon, "carla")).await;
    carla.open().await;
}

/// The first packets of so many clients, which reach only us.
async fn first_packets(daemon: &Daemon, count: usize) -> Vec<Vec<u8>> {
    let sink = UdpSocket::bind("127.0.0.1:0").unwrap();
    sink.set_read_timeout(Some(ANSWER_WAIT)).unwrap();
    let address: SocketAddr = sink.local_addr().unwrap();
    let mut endpoint = Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
    endpoint.set_default_client_config(raw::config(daemon, raw::USUAL_WINDOW));
    // One that is let go would say goodbye.
    let mut kept = Vec::new();
    let mut packets = BTreeMap::new();
    while packets.len() < count {
        kept.push(endpoint.connect(address, "localhost").unwrap());
        let packet = tokio::task::block_in_place(|| received(&sink));
        // It is said again when no answer comes: each connection's once.
        packets.insert(to(&packet).to_vec(), packet);
    }
    packets.into_values().collect()
}

/// The first packet that answers one of ours. A handshake is answered by several.
fn answer_to(packet: &[u8], socket: &UdpSocket) -> Vec<u8> {
    loop {
        let answer = received(socket);
        if is_long(&answer) && to(&answer) == from(packet) {
            return answer;
        }
    }
}

/// A header that names both sides; what has a short one belongs to a handshake that goes on.
fn is_long(packet: &[u8]) -> bool {
    packet[0] & 0x80 != 0
}

/// The id of the connection that a long header is for, on the side of whoever receives it.
fn to(packet: &[u8]) -> &[u8] {
    &packet[6..6 + usize::from(packet[5])]
}

/// The same on the side of whoever sent it.
fn from(packet: &[u8]) -> &[u8] {
    let at = 6 + usize::from(packet[5]);
    &packet[at + 1..at + 1 + usize::from(packet[at])]
}

/// The next packet, whole.
fn received(socket: &UdpSocket) -> Vec<u8> {
    let mut packet = vec![0; 2_048];
    let (length, _) = socket.recv_from(&mut packet).expect("a packet in time");
    packet.truncate(length);
    packet
}

/// A long header of the type Retry, in QUIC's version 1.
fn is_retry(packet: &[u8]) -> bool {
    packet[0] & 0xf0 == 0xf0
}

/// How many handshakes are begun.
const BEGUN: usize = 400;

/// How long a packet may take to come.
const ANSWER_WAIT: Duration = Duration::from_secs(10);
