//! A chat in a script: JSON lines out, one message a line in.
//!
//! Owns when it ends: the input has ended, everything is acknowledged, and everything acknowledged has
//! been printed. Must not know how values become JSON.

use std::io::BufRead as _;
use std::time::Duration;

use switchboard_client::vocabulary::Seq;
use switchboard_client::{Accepted, ClientError, Following, Update};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use super::room::{Room, Side};
use super::{ChatError, show, words};

/// Runs the chat.
pub(super) async fn run(mut room: Room, wait: Duration) -> Result<(), ChatError> {
    show::line(&show::ready(&room));
    let mut following = room.follow(Seq::ZERO).await?;
    let (accepted_to, mut accepted) = mpsc::unbounded_channel();
    let posting = tokio::spawn(post_lines(room.client.clone(), room.conversation, accepted_to));
    let mut refused = None;
    let mut last = Seq::ZERO;
    loop {
        tokio::select! {
            update = following.next() => print(update)?,
            answer = accepted.recv() => match answer {
                Some((number, Ok(Accepted { seq, .. }))) => {
                    show::line(&show::accepted(number, seq));
                    last = last.max(seq.unwrap_or(last));
                }
                Some((number, Err(why))) => {
                    show::line(&show::refused(number, &why));
                    refused = Some(why);
                }
                None => break,
            },
            () = desk(&mut room.side) => {}
        }
    }
    posting.await.map_err(|error| ChatError::Terminal(error.to_string()))??;
    print_up_to(&mut following, last).await?;
    stay(&mut following, wait).await?;
    if let Side::Agent(_) = room.side {
        room.client.leave(room.conversation).await?;
    }
    drop(following);
    room.client.close().await?;
    match refused {
        Some(ChatError::Client(why)) => Err(why.into()),
        Some(why) => Err(why),
        None => Ok(()),
    }
}

type Answers = mpsc::UnboundedSender<(usize, Result<Accepted, ChatError>)>;

/// Posts each line of the input, and hands on the answers in their order. Waits for room, so that an
/// input of any size is sent as fast as it is taken.
async fn post_lines(
    client: switchboard_client::Client,
    conversation: switchboard_client::vocabulary::ConversationId,
    answers: Answers,
) -> Result<(), ChatError> {
    let (line_to, mut lines) = mpsc::channel(LINES_AHEAD);
    std::thread::Builder::new()
        .name("input".to_owned())
        .spawn(move || {
            for line in std::io::stdin().lock().lines() {
                if line_to.blocking_send(line).is_err() {
                    break;
                }
            }
        })
        .map_err(|error| ChatError::Terminal(error.to_string()))?;
    let mut number = 0;
    // Answers come in the order of the posts: one task waits for each in turn.
    let (pending_to, mut pending) = mpsc::unbounded_channel();
    let answering = tokio::spawn(async move {
        while let Some((number, posted)) = pending.recv().await {
            let answer = match posted {
                Ok(posted) => {
                    let posted: switchboard_client::PendingPost = posted;
                    posted.await.map_err(ChatError::from)
                }
                Err(why) => Err(why),
            };
            let _ = answers.send((number, answer));
        }
    });
    while let Some(line) = lines.recv().await {
        let line = line.map_err(|error| ChatError::Terminal(format!("standard input: {error}")))?;
        if line.trim().is_empty() {
            continue;
        }
        number += 1;
        let posted = match words::text(&line) {
            Ok(content) => client.begin_post(conversation, content).await.map_err(ChatError::from),
            Err(why) => Err(ChatError::Usage(format!("line {number}: {why}"))),
        };
        let _ = pending_to.send((number, posted));
    }
    drop(pending_to);
    answering.await.map_err(|error| ChatError::Terminal(error.to_string()))
}

/// An agent's desk is followed so that it does not lag; a script has no use for it.
async fn desk(side: &mut Side) {
    match side {
        Side::Agent(agent) => {
            if agent.update().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
        Side::Customer => std::future::pending().await,
    }
}

fn print(update: Option<Result<Update, ClientError>>) -> Result<(), ChatError> {
    match update {
        Some(update) => {
            if let Some(line) = show::update(&update?) {
                show::line(&line);
            }
            Ok(())
        }
        None => Err(ChatError::Terminal("the conversation's stream has ended".to_owned())),
    }
}

/// An answer may overtake the event that it speaks of.
async fn print_up_to(following: &mut Following, last: Seq) -> Result<(), ChatError> {
    let printing = async {
        while following.last() < last {
            print(following.next().await)?;
        }
        Ok(())
    };
    timeout(LAST_EVENTS_WAIT, printing)
        .await
        .map_err(|_| ChatError::Terminal("an accepted message did not come back in time".to_owned()))?
}

async fn stay(following: &mut Following, wait: Duration) -> Result<(), ChatError> {
    let until = Instant::now() + wait;
    loop {
        tokio::select! {
            () = sleep_until(until) => return Ok(()),
            update = following.next() => print(update)?,
        }
    }
}

/// Lines that are read ahead of what is posted.
const LINES_AHEAD: usize = 64;

/// How long the events of accepted messages may take to come back.
const LAST_EVENTS_WAIT: Duration = Duration::from_secs(30);
