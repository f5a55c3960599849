//! What agents write down of customers, and how they find them by it.
//!
//! Owns the proof that it outlives conversations, kills and a store made anew, and that no customer sees or counts it.
//! Must not know how anything is found.

use std::fs;

use switchboard_client::vocabulary::{
    CategoryName, CategoryPath, ConversationId, CustomerName, EmailAddress, Phone, Platform, SearchText,
    UserKey,
};
use switchboard_client::wire::{
    Credentials, CustomerDetails, CustomerField, ErrorCode, EventKind, Gender, SearchBy, Sender,
};
use switchboard_client::{Client, ClientError};

use crate::chat::Chat;
use crate::daemon::Daemon;
use crate::people::{self, customers_part, stored};
use crate::wait::in_time;

fn kim() -> CustomerDetails {
    CustomerDetails {
        name: CustomerName::new("김철수").ok(),
        phone: Phone::new("010-1234-5678").ok(),
        email: EmailAddress::new("Chulsoo@mail.example").ok(),
        gender: Some(Gender::Male),
    }
}

/// The conversations that a text is found in, in a field or in all of them.
async fn found(client: &Client, text: &str, by: Option<SearchBy>) -> Vec<ConversationId> {
    let text = SearchText::new(text).unwrap();
    let page = in_time("search", client.search(text, by, None, 40)).await.unwrap();
    assert!(page.next.is_none() && !page.more);
    page.rows.into_iter().map(|row| row.conversation).collect()
}

fn refusal<T: std::fmt::Debug>(answer: Result<T, ClientError>) -> Option<ErrorCode> {
    match answer {
        Err(ClientError::Rejected(error)) => error.code(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_known_of_a_customer_outlives_their_conversation_and_a_store_made_anew() {
    let mut daemon = Daemon::running().await;
    let (carla, ada) = (people::customer(&daemon, "carla").await, people::agent(&daemon, 0).await);
    let ben = people::agent(&daemon, 1).await;
    let first = carla.open().await.unwrap();
    let bank = CategoryPath::new(vec![CategoryName::new("Bank").unwrap()]).unwrap();
    carla.call(first, bank).await.unwrap();
    // Neither has entered.
    ada.describe(first, kim(), Vec::new()).await.unwrap();
    ben.describe(first, CustomerDetails::default(), vec![CustomerField::Phone]).await.unwrap();
    let staff = stored(&ada, first).await;
    assert_eq!(staff.last().map(|event| &event.by), Some(&Sender::Agent { member: ben.member() }));
    assert_eq!(stored(&carla, first).await, customers_part(&staff), "the customer cannot count it");
    let known = CustomerDetails { phone: None, ..kim() };
    assert_eq!(ada.customer(first).await.unwrap().details, known);
    for (text, by) in [
        ("철수", Some(SearchBy::Name)),
        ("chulsoo@", Some(SearchBy::Email)),
        ("CARLA", Some(SearchBy::UserKey)),
        ("ban", Some(SearchBy::Category)),
        ("김철", None),
    ] {
        assert_eq!(found(&ben, text, by).await, [first], "{text}");
    }
    assert_eq!(found(&ben, "5678", None).await, []);
    let page = ben.search(SearchText::new("carla").unwrap(), None, None, 1).await.unwrap();
    assert_eq!((&page.rows[0].name, page.rows[0].assignee), (&known.name, None));

    carla.end(first).await.unwrap();
    assert_eq!(refusal(ada.describe(first, kim(), Vec::new()).await), Some(ErrorCode::ConversationEnded));
    // Another tab asks at the same time for what has no name yet.
    let tab = people::customer(&daemon, "carla").await;
    let (second, same) = tokio::join!(carla.open(), tab.open());
    let second = second.unwrap();
    assert_eq!(second, same.unwrap());
    assert_eq!(ada.customer(second).await.unwrap().details, known);
    let begun = stored(&ada, second).await;
    let expected = EventKind::Described { details: known.clone(), cleared: Vec::new() };
    assert_eq!((&begun[1].by, &begun[1].what), (&Sender::Bot, &expected));
    assert_eq!(stored(&carla, second).await, customers_part(&begun));
    assert_eq!(found(&ben, "김철수", None).await, [second, first], "newest activity first");

    daemon.kill();
    fs::remove_dir_all(daemon.data().join("store")).unwrap();
    daemon.start().await;
    assert_eq!(found(&ben, "김철수", None).await, [second, first]);
    carla.end(second).await.unwrap();
    let third = carla.open().await.unwrap();
    assert_eq!(ada.customer(third).await.unwrap().details, known);
    for client in [carla, tab, ada, ben] {
        client.close().await.unwrap();
    }
    daemon.stop().await;
}

#[tokio::test]
async fn who_may_not_and_what_cannot_be_is_refused_by_name() {
    let daemon = Daemon::running().await;
    let (carla, ada) = (people::customer(&daemon, "carla").await, people::agent(&daemon, 0).await);
    let conversation = carla.open().await.unwrap();
    let text = || SearchText::new("carla").unwrap();
    assert_eq!(refusal(carla.describe(conversation, kim(), Vec::new()).await), Some(ErrorCode::Forbidden));
    assert_eq!(refusal(carla.customer(conversation).await), Some(ErrorCode::Forbidden));
    assert_eq!(refusal(carla.search(text(), None, None, 9).await), Some(ErrorCode::Forbidden));
    let nowhere = ConversationId::from_bytes([9; 16]);
    assert_eq!(refusal(ada.customer(nowhere).await), Some(ErrorCode::NoSuchConversation));
    assert_eq!(refusal(ada.describe(nowhere, kim(), Vec::new()).await), Some(ErrorCode::NoSuchConversation));
    let both = ada.describe(conversation, kim(), vec![CustomerField::Name]).await;
    assert_eq!(refusal(both), Some(ErrorCode::MalformedRequest));
    let short = ada.search(SearchText::new("c").unwrap(), None, None, 9).await;
    assert_eq!(refusal(short), Some(ErrorCode::MalformedRequest));
    assert_eq!(refusal(ada.search(text(), None, Some("x".to_owned()), 9).await), Some(ErrorCode::BadCursor));

    let (profile, platform) = (daemon.demo().profile, Platform::new("test").ok());
    let preview = Credentials::Customer { profile, platform, user_key: UserKey::new("carla").unwrap() };
    let preview = people::connect(&daemon, preview).await;
    let previewed = preview.open().await.unwrap();
    assert_ne!(previewed, conversation);
    assert_eq!(refusal(ada.describe(previewed, kim(), Vec::new()).await), Some(ErrorCode::Preview));
    for client in [carla, ada, preview] {
        client.close().await.unwrap();
    }
}

#[tokio::test]
async fn an_agent_writes_down_and_finds_at_the_keyboard() {
    let daemon = Daemon::running().await;
    let (carla, dora) = (people::customer(&daemon, "carla").await, people::customer(&daemon, "dora").await);
    dora.open().await.unwrap();
    carla.open().await.unwrap();
    let mut agent = Chat::at_the_keyboard(&daemon, &["--agent", "--name", "Ben"]).await;
    agent.until_line("you came in").await;
    for (line, shown) in [
        ("/customer", "nothing is known of them"),
        (
            "/customer name=Carla Kim phone=010-1234-5678",
            "you wrote down: name Carla Kim, phone 010-1234-5678",
        ),
        ("/customer", "name Carla Kim, phone 010-1234-5678"),
        ("/customer phone=", "you wrote down: no phone"),
        ("/customer phone=12", "phone: \"12\""),
        ("/customer Carla", "/customer: \"Carla\" is none of"),
        ("/find k", "refused: text: 1 characters"),
        ("/find nobody", "nobody was found"),
        ("/find kim", "Carla Kim"),
        // The name is in one field, and no word of it begins a key.
        ("/find name kim", "Carla Kim"),
        ("/find key kim", "nobody was found"),
        ("/find any kim", "Carla Kim"),
        ("/open f2", "\"f2\" is none of the numbers"),
        ("/find dora", "dora"),
        ("/open f1", "you came in"),
        ("/customer", "dora from web"),
    ] {
        agent.say(line);
        agent.until_line(shown).await;
    }
    assert_eq!(agent.hang_up().await, (Some(0), String::new()));
}
