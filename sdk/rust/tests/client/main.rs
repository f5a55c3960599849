//! The client against a real QUIC peer that does what each test says.
//!
//! Owns the proof that requests are carried out once and events seen once, whatever the connection
//! and the server do. Must not know the client's insides.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod following;
mod peer;
mod requests;
mod sessions;

use std::future::Future;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use switchboard_client::{Client, ClientError, ConnectOptions, ConnectionState};

use crate::peer::{Peer, Visit};

/// Runs a test that must not hang.
fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        tokio::time::timeout(Duration::from_secs(30), test).await.expect("the test hangs");
    });
}

/// A client in its first session.
async fn connect(peer: &Peer) -> (Client, Visit) {
    let (client, visit) = tokio::join!(Client::connect(peer.options()), peer.welcome(1));
    (client.unwrap(), visit)
}

/// Why a client failed to connect.
async fn connect_error(options: ConnectOptions) -> ClientError {
    Client::connect(options).await.unwrap_err()
}

/// Waits until the connection is as wanted.
async fn until(client: &Client, wanted: impl Fn(&ConnectionState) -> bool) -> ConnectionState {
    client.connection().wait_for(|state| wanted(state)).await.unwrap().clone()
}

/// Polls a future once: what it does before it waits has then been done.
async fn poll_once<F: Future>(mut future: Pin<&mut F>) -> Poll<F::Output> {
    std::future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await
}
