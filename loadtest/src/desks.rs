//! Agents who are logged in and say nothing: each follows a desk while the load is on.
//!
//! Owns their connections, and how much they are told. Must not know the pairs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use switchboard_client::{Client, Endpoint};
use tokio::task::JoinHandle;

use crate::Failure;
use crate::target::Target;

/// Desks that are followed.
pub(crate) struct Desks {
    clients: Vec<Client>,
    readers: Vec<JoinHandle<()>>,
    told: Arc<AtomicU64>,
}

impl Desks {
    /// Opens so many.
    pub(crate) async fn open(count: usize, target: &Target) -> Result<Self, Failure> {
        let mut desks = Self { clients: Vec::new(), readers: Vec::new(), told: Arc::default() };
        if count == 0 {
            return Ok(desks);
        }
        let endpoint = Endpoint::new().map_err(Failure::of("a socket for the desks"))?;
        for number in 0..count {
            let client = Client::connect_on(&endpoint, target.agent(number)?).await;
            let client = client.map_err(Failure::of("an agent who looks"))?;
            let mut desk = client.desk().await.map_err(Failure::of("a desk"))?;
            let told = Arc::clone(&desks.told);
            desks.readers.push(tokio::spawn(async move {
                while let Some(Ok(_)) = desk.next().await {
                    told.fetch_add(1, Ordering::Relaxed);
                }
            }));
            desks.clients.push(client);
        }
        Ok(desks)
    }

    /// Says goodbye, and returns how many updates all of them were told together.
    pub(crate) async fn close(self) -> u64 {
        for client in self.clients {
            // It has asked for nothing that could be unanswered.
            let _ = client.close().await;
        }
        for reader in self.readers {
            // It ends with its client.
            let _ = reader.await;
        }
        self.told.load(Ordering::Relaxed)
    }
}
