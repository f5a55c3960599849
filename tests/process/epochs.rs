//! Who serves what, as agents see it and act on it.
//!
//! Owns what only the wire can show: that staff are told the epoch, customers are not, and whoever acts on what is
//! not so any more hears who was faster; and that a bot that was parked calls again. Must not know the rules.

use switchboard_client::vocabulary::{CategoryPath, ConversationId, MemberId, MessageText};
use switchboard_client::wire::{BegunBy, Bot, Change, ErrorCode, EventKind, ListFilter, Outcome, Sender};
use switchboard_client::{Client, ClientError};

use crate::daemon::Daemon;
use crate::people;
use crate::wait::in_time;

/// What a refusal says, and who it says was faster; it must be that it has moved.
fn moved<T: std::fmt::Debug>(refused: Result<T, ClientError>) -> (String, Option<MemberId>) {
    match refused {
        Err(ClientError::Rejected(error)) if error.code() == Some(ErrorCode::Moved) => {
            (error.sentence.clone(), ClientError::Rejected(error).assignee())
        }
        other => panic!("not refused as moved: {other:?}"),
    }
}

#[tokio::test]
async fn staff_are_told_the_epoch_and_of_two_who_act_on_it_one_is_told_who_was_faster() {
    let daemon = Daemon::running().await;
    let customer = people::customer(&daemon, "carla").await;
    let (ada, ben) = (people::agent(&daemon, 0).await, people::agent(&daemon, 1).await);
    let conversation = in_time("conversation", customer.open()).await.unwrap();
    customer.call(conversation, CategoryPath::default()).await.unwrap();
    let page = ada.list(ListFilter::default(), None, 9).await.unwrap();
    let seen = page.rows[0].epoch;
    assert_eq!(seen, 1);
    ada.take_at(conversation, seen).await.unwrap();
    let (from, to) = (ada.member().unwrap(), ben.member().unwrap());
    let told = |action| (format!("{action}: member {from} answers for this conversation now"), Some(from));
    assert_eq!(moved(ben.take_at(conversation, seen).await), told("take"));
    assert_eq!(moved(ada.transfer_at(conversation, from, to, seen).await), told("transfer"));
    assert_eq!(moved(ada.complete_at(conversation, seen).await), told("complete"));
    let later = ben.take(conversation).await.unwrap_err();
    assert_eq!(later.assignee(), Some(from), "also without an epoch: {later}");
    ada.transfer_at(conversation, from, to, seen + 1).await.unwrap();
    ben.join(conversation).await.unwrap();
    ben.complete_at(conversation, seen + 2).await.unwrap();
    let nobody = "take: nobody answers for this conversation now".to_owned();
    assert_eq!(moved(ada.take_at(conversation, seen + 2).await), (nobody, None));
    let epochs = |events: Vec<switchboard_client::wire::Event>| -> Vec<u64> {
        events.into_iter().filter_map(|event| event.epoch).collect()
    };
    assert_eq!(
        epochs(people::stored(&ada, conversation).await),
        [1, 2, 3, 4],
        "called, taken, given, completed"
    );
    assert_eq!(epochs(people::stored(&customer, conversation).await), [0_u64; 0], "nothing to count");
}

/// A demo whose bot listens to a word.
async fn with_call_word(daemon: &Daemon) {
    let owner = people::owner(daemon).await;
    let call_word = Some(MessageText::new("agent").unwrap());
    let bot = Bot { call_word, ..Bot::default() };
    owner.change(Change::Bot { profile: daemon.demo().profile, bot }).await.unwrap();
}

async fn says(client: &Client, conversation: ConversationId, words: &str) {
    client.post(conversation, people::text(words)).await.unwrap();
}

#[tokio::test]
async fn a_bot_that_called_calls_again_after_completion_also_after_a_restart_and_all_of_it_is_kept() {
    let mut daemon = Daemon::running().await;
    with_call_word(&daemon).await;
    let customer = people::customer(&daemon, "carla").await;
    let conversation = in_time("conversation", customer.open()).await.unwrap();
    says(&customer, conversation, "agent").await;
    let ada = people::agent(&daemon, 0).await;
    ada.take(conversation).await.unwrap();
    says(&ada, conversation, "Hello").await;
    ada.complete(conversation).await.unwrap();
    drop((customer, ada));
    daemon.stop().await;
    daemon.start().await;
    let (customer, ada) = (people::customer(&daemon, "carla").await, people::agent(&daemon, 0).await);
    says(&customer, conversation, "thank you").await;
    let events = people::stored(&customer, conversation).await;
    let last = events.last().unwrap();
    assert!(last.by == Sender::Bot && matches!(last.what, EventKind::Called { .. }), "{last:?}");
    let kept = ada.consultations(conversation, None, 9).await.unwrap();
    let [open, over] = &kept.consultations[..] else { panic!("{kept:?}") };
    assert_eq!((open.begun_by, &open.outcome), (BegunBy::Bot, &None));
    assert_eq!((over.begun_by, &over.outcome), (BegunBy::Bot, &Some(Outcome::Completed)));
    assert!(over.answered_at.is_some() && over.assignees[0].member == ada.member().unwrap());
    let refused = customer.consultations(conversation, None, 9).await;
    assert!(matches!(refused, Err(ClientError::Rejected(why)) if why.code() == Some(ErrorCode::Forbidden)));
}
