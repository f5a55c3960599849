//! A chat at the keyboard.
//!
//! Owns what its user is shown: what was said before, what became of a line, and where the daemon is. Its input
//! is a pipe, so that prompts and keys are not seen here. Must not know how lines look beyond the words in them.

use switchboard_client::vocabulary::CategoryPath;

use crate::chat::Chat;
use crate::daemon::Daemon;
use crate::people;

#[tokio::test]
async fn a_line_is_a_message_or_a_command_or_is_told_what_is_wrong_with_it() {
    let daemon = Daemon::running().await;
    let mut customer = Chat::at_the_keyboard(&daemon, &["--customer"]).await;
    customer.until_line("bot: Hello!").await;
    for (line, shown) in [
        ("/dance now", "/dance is no command"),
        ("/take", "/take is no command"),
        ("  \t ", ""),
        ("안녕하세요 👩‍👩‍👧 שלום", "you: 안녕하세요 👩‍👩‍👧 שלום"),
        (&"x".repeat(1_001), "refused: text: it has 1001 characters; at most 1000"),
        (&"x".repeat(4_001), "not sent: text"),
        ("/more", "this is the beginning"),
    ] {
        customer.say(line);
        if !shown.is_empty() {
            customer.until_line(shown).await;
        }
    }
    let mut agent = Chat::at_the_keyboard(&daemon, &["--agent", "--name", "Ben"]).await;
    agent.until_line("you came in").await;
    for (line, shown) in [
        ("/open 7", "\"7\" is none of the numbers"),
        ("/list", "customer-1"),
        ("/past", "an agent stepped in; Ben (stepped in, "),
        ("/why", "nothing was decided about it"),
        ("/complete", "you completed the service"),
        ("/past", "completed "),
        ("not in any more", "refused:"),
        ("/take", "assigned to Ben"),
        ("in again", "you: in again"),
        ("/leave", "you left"),
    ] {
        agent.say(line);
        agent.until_line(shown).await;
    }
    customer.until_line("agent: in again").await;
    assert_eq!(agent.hang_up().await, (Some(0), String::new()));
    assert_eq!(customer.hang_up().await, (Some(0), String::new()));
}

#[tokio::test]
async fn an_agent_lists_what_waits_goes_on_with_it_and_sees_the_board() {
    let daemon = Daemon::running().await;
    let mut customers = Vec::new();
    for number in 1..=22 {
        let client = people::customer(&daemon, &format!("customer-{number:02}")).await;
        let conversation = client.open().await.unwrap();
        client.call(conversation, CategoryPath::default()).await.unwrap();
        customers.push((client, conversation));
    }
    let first = customers[0].1.to_string();
    let mut agent =
        Chat::at_the_keyboard(&daemon, &["--agent", "--name", "Ben", "--conversation", &first]).await;
    agent.until_line("you came in").await;
    for (line, shown) in [
        ("/list everything", "\"everything\" is no list"),
        ("/list missed", "there are none"),
        ("/list progress mine", "customer-01  [served by Ben]"),
        ("/list waiting", "customer-22  [waits since"),
        ("", "/more shows still others"),
        ("/more", "! 21  "),
        // The list is at its end; what goes on is the conversation.
        ("/more", "this is the beginning"),
        ("/open 1", "you came in"),
        ("/list completed", "there are none"),
        ("/complete", "you completed the service"),
        ("/list completed mine", "[completed by Ben]"),
    ] {
        agent.say(line);
        agent.until_line(shown).await;
    }
    // The board follows what happens.
    let counts = "20 wait, 20 of them need you; 1 in progress; 1 logged in";
    let board = agent.until_shown_by("/board", counts).await.join("\n");
    assert!(board.contains("green   Ben: 0 waiting, 1 in progress\n  grey"), "{board}");
    assert_eq!(agent.hang_up().await, (Some(0), String::new()));
}

#[tokio::test]
async fn what_was_said_before_is_scrolled_back_to_its_beginning() {
    let daemon = Daemon::running().await;
    let client = people::customer(&daemon, "carla").await;
    let conversation = client.open().await.unwrap();
    for number in 1..=70 {
        client.post(conversation, people::text(format!("number {number}."))).await.unwrap();
    }
    let mut chat = Chat::at_the_keyboard(&daemon, &["--customer", "--user-key", "carla"]).await;
    for (first, end) in
        [("number 41.", "number 70."), ("number 11.", "still earlier"), ("began", "the beginning")]
    {
        chat.until_line(first).await;
        chat.until_line(end).await;
        chat.say("/more");
    }
    chat.until_line("this is the beginning").await;
}

#[tokio::test]
async fn a_daemon_that_goes_and_comes_back_is_said_and_nothing_that_was_entered_meanwhile_is_lost() {
    let mut daemon = Daemon::new().with("stop.reconnect_spread_ms", "100");
    daemon.start().await;
    let mut chat = Chat::at_the_keyboard(&daemon, &["--customer"]).await;
    chat.say("while it was there");
    chat.until_line("you: while it was there").await;
    daemon.stop().await;
    chat.until_line("the engine stops; connect again then; connecting again").await;
    chat.say("while it was away");
    chat.say("/dance");
    chat.until_line("/dance is no command").await;
    daemon.start().await;
    chat.until_line("you: while it was away").await;
    daemon.stop().await;
    chat.say("nobody will read this");
    let (code, said) = chat.hang_up().await;
    assert_eq!(code, Some(6));
    assert!(said.contains("had no answer at the goodbye"), "{said}");
}

#[tokio::test]
async fn an_agent_says_that_they_are_away_and_back_and_sees_it() {
    let daemon = Daemon::running().await;
    let carla = people::customer(&daemon, "carla").await;
    carla.open().await.unwrap();
    let mut agent = Chat::at_the_keyboard(&daemon, &["--agent", "--name", "Ben"]).await;
    agent.say("/away");
    agent.until_line("you are away: nothing is assigned to you").await;
    assert_eq!(agent.hang_up().await, (Some(0), String::new()));
    let mut agent = Chat::at_the_keyboard(&daemon, &["--agent", "--name", "Ben"]).await;
    agent.until_line("you are away").await;
    agent.say("/back");
    agent.until_line("you are back").await;
    assert_eq!(agent.hang_up().await, (Some(0), String::new()));
}

#[tokio::test]
async fn a_chat_from_another_place_is_refused_unless_it_takes_over_and_the_first_one_ends() {
    let daemon = Daemon::running().await;
    let carla = people::customer(&daemon, "carla").await;
    carla.open().await.unwrap();
    let first = Chat::at_the_keyboard(&daemon, &["--agent"]).await;
    let flags = ["chat", "--agent", "--json", "--ready-file"];
    let file = daemon.ready_file();
    // Its input is no terminal, so there is nobody to ask.
    let refused = daemon.run(&[&flags[..], &[file.to_str().unwrap()]].concat()).await;
    assert_eq!(refused.code, Some(6), "{}", refused.err);
    assert!(refused.err.contains("you serve from another place already"), "{}", refused.err);
    let mut second = Chat::at_the_keyboard(&daemon, &["--agent", "--take-over"]).await;
    let (code, said) = first.ended().await;
    assert_eq!(code, Some(6));
    assert!(said.contains("you serve from another place from now on"), "{said}");
    second.say("here now");
    second.until_line("you: here now").await;
}

#[tokio::test]
async fn a_customer_is_told_their_place_and_an_agent_looks_on_without_coming_in() {
    let daemon = Daemon::running().await;
    let busy = people::customer(&daemon, "busy").await;
    let served = busy.open().await.unwrap().to_string();
    let mut agent =
        Chat::at_the_keyboard(&daemon, &["--agent", "--name", "Ben", "--conversation", &served]).await;
    agent.until_line("you came in").await;
    let mut customer = Chat::at_the_keyboard(&daemon, &["--customer"]).await;
    customer.say("/call");
    customer.until_line("you wait: number 1").await;
    agent.say("/list waiting");
    agent.until_line("[waits since").await;
    agent.say("/watch 1");
    agent.until_line("called an agent").await;
    customer.say("is anybody there?");
    agent.until_line("is anybody there?").await;
    agent.say("hello");
    agent.until_line("enter the conversation first").await;
    for chat in [customer, agent] {
        assert_eq!(chat.hang_up().await, (Some(0), String::new()));
    }
}
