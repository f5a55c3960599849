//! The line for the window of unanswered requests.
//!
//! Owns that requests are made in the order of asking, and that subscriptions come before them. Must
//! not know what is asked.

use switchboard_protocol::wire::Op;
use tokio::sync::oneshot;

use super::{Answer, Shared, Waiter};
use crate::error::{ClientError, Ending};
use crate::outstanding::{NoRoom, WindowFull};

impl Shared {
    /// Makes a request, waiting in line for room in the window.
    pub(crate) async fn begin(&self, op: Op) -> Result<oneshot::Receiver<Answer>, ClientError> {
        let (answer, waiter) = waiter();
        let (mut op, mut waiter) = {
            let mut state = self.lock();
            state.open()?;
            if state.waiting > 0 || state.crowded {
                state.waiting += 1;
                (op, waiter)
            } else {
                match state.outstanding.begin(op, waiter) {
                    Ok(_) => {
                        drop(state);
                        self.wake.notify_one();
                        return Ok(answer);
                    }
                    Err(NoRoom { op, waiter, .. }) => {
                        state.waiting += 1;
                        (op, waiter)
                    }
                }
            }
        };
        let _place = Place(self);
        let _first = self.line.lock().await;
        loop {
            {
                let mut state = self.lock();
                state.open()?;
                if !state.crowded {
                    match state.outstanding.begin(op, waiter) {
                        Ok(_) => break,
                        Err(back) => (op, waiter) = (back.op, back.waiter),
                    }
                }
            }
            self.room.notified().await;
        }
        self.wake.notify_one();
        Ok(answer)
    }

    /// Makes a request if there is room in the window and nobody waits for it.
    pub(crate) fn try_begin(&self, op: Op) -> Result<oneshot::Receiver<Answer>, ClientError> {
        let (answer, waiter) = waiter();
        {
            let mut state = self.lock();
            state.open()?;
            if state.waiting > 0 || state.crowded {
                return Err(WindowFull::Count(state.outstanding.len() as u64).into());
            }
            state.outstanding.begin(op, waiter).map_err(|no| no.why)?;
        }
        self.wake.notify_one();
        Ok(answer)
    }

    /// Makes a request and waits for its answer.
    pub(crate) async fn ask(&self, op: Op) -> Answer {
        let answer = self.begin(op).await?;
        // Every waiter is told before it is dropped.
        answer.await.unwrap_or(Err(ClientError::Closed(Ending::Done)))
    }
}

/// A place in the line for the window, given up when its holder has got room or has gone.
struct Place<'a>(&'a Shared);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.lock().waiting -= 1;
        // Whoever is next looks for room by itself.
        self.0.room.notify_one();
    }
}

fn waiter() -> (oneshot::Receiver<Answer>, Waiter) {
    let (tell, answer) = oneshot::channel();
    (answer, Waiter::User(tell))
}
