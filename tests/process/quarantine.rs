//! Conversations that are set aside, as whoever runs the daemon sees them.
//!
//! Owns a record that cannot be read in the log of a real daemon, and the command that lists and releases.
//! Must not know why it cannot be read.

use std::sync::Arc;

use switchboard::journal::{Journal, JournalOptions, Resolved, TicketSink};
use switchboard_client::ClientError;
use switchboard_client::vocabulary::{ConversationId, Seq, WorkspaceId};
use switchboard_client::wire::ErrorCode;
use tokio::sync::mpsc;

use crate::daemon::Daemon;
use crate::people::{self, text};
use crate::wait::in_time;

#[tokio::test]
async fn a_conversation_that_cannot_be_read_is_refused_listed_and_tried_again_when_it_is_released() {
    let mut daemon = Daemon::running().await;
    let (carla, ben) = (people::customer(&daemon, "carla").await, people::customer(&daemon, "ben").await);
    let (damaged, neighbour) = (carla.open().await.unwrap(), ben.open().await.unwrap());
    daemon.stop().await;
    damage(&daemon, damaged).await;
    daemon.start().await;

    let refused = in_time("answer", carla.post(damaged, text("hello?"))).await;
    assert_eq!(number(refused.unwrap_err()), Some(ErrorCode::Quarantined));
    in_time("answer", ben.post(neighbour, text("hello!"))).await.unwrap();
    assert_eq!(number(ben.quarantined().await.unwrap_err()), Some(ErrorCode::Forbidden));

    let listed = daemon.run(&["quarantine", "list"]).await;
    assert_eq!((listed.code, listed.out.lines().count()), (Some(0), 1), "{}{}", listed.out, listed.err);
    assert!(listed.out.starts_with(&damaged.to_string()), "{}", listed.out);
    assert!(listed.out.contains("damaged at revision 2"), "{}", listed.out);

    let (ada, aside) = (daemon.demo().agents[0].token.clone(), damaged.to_string());
    let forbidden = daemon.run(&["quarantine", "--token", &ada, "release", &aside]).await;
    let sentence = "201 forbidden: release: only the owner, admins and editors may do this";
    assert!(forbidden.code == Some(6) && forbidden.err.contains(sentence), "{forbidden:?}");
    let released = daemon.run(&["quarantine", "release", &aside]).await;
    assert_eq!(released.code, Some(0), "{}", released.err);
    let sound = daemon.run(&["quarantine", "release", &neighbour.to_string()]).await;
    assert_eq!(sound.code, Some(6));
    assert!(sound.err.contains("306 not_quarantined"), "{}", sound.err);
    // It is tried again at once; it is still damaged, and found so again.
    let refused = in_time("answer", carla.history(damaged, None, 1)).await;
    assert_eq!(number(refused.unwrap_err()), Some(ErrorCode::Quarantined));
    assert_eq!(daemon.run(&["quarantine", "list"]).await.out, listed.out);
}

#[tokio::test]
async fn a_conversation_is_named_rightly_or_not_at_all() {
    let daemon = Daemon::running().await;
    let refused = daemon.run(&["quarantine", "release", "nonsense"]).await;
    assert_eq!(refused.code, Some(2), "{}", refused.err);
    assert!(refused.err.contains("conversation: "), "{}", refused.err);
}

/// Appends an entry to a conversation that does not follow on what it has: the daemon does not run.
async fn damage(daemon: &Daemon, conversation: ConversationId) {
    let (journal, _) = Journal::start(&JournalOptions::new(daemon.data()), &mut |_| {}).unwrap();
    let workspace: WorkspaceId = journal.workspaces().await.unwrap().sound[0].id;
    let (to_tickets, mut tickets) = mpsc::unbounded_channel();
    let sink = Arc::new(Tickets(to_tickets));
    let term = journal.open_workspace(workspace, sink.clone()).await.unwrap().term;
    let opened = journal.open_conversation(workspace, term, conversation, sink).await.unwrap();
    let mut entry = read_last(&journal, workspace, conversation).await;
    entry.revision = opened.state.revision + 1;
    entry.before.staff = Seq::new(1_000).unwrap();
    journal.append_conversation(workspace, opened.incarnation, &entry).unwrap();
    let durable = Resolved::Durable { up_to: entry.revision };
    while in_time("ticket", tickets.recv()).await != Some(durable.clone()) {}
    journal.stop().unwrap();
}

async fn read_last(
    journal: &Journal,
    workspace: WorkspaceId,
    conversation: ConversationId,
) -> switchboard::domain::conversation::Entry {
    let reader = switchboard::domain::identity::Reader::Staff;
    let (entries, _) = journal.read_before(workspace, conversation, reader, None, 1).await.unwrap();
    entries.last().unwrap().as_ref().clone()
}

/// Tickets of the journal, as a list.
struct Tickets(mpsc::UnboundedSender<Resolved>);

impl TicketSink for Tickets {
    fn resolved(&self, resolved: Resolved) {
        // Whoever has seen enough listens no more.
        let _ = self.0.send(resolved);
    }
}

fn number(error: ClientError) -> Option<ErrorCode> {
    match error {
        ClientError::Rejected(error) => error.code(),
        other => panic!("not refused by the engine: {other}"),
    }
}
