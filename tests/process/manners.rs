//! How the daemon behaves towards whoever runs it.
//!
//! Owns exit codes, sentences, the ready file, what is traced and what never is, and a stop that nobody can
//! hold up. Must not know conversations.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use quinn::VarInt;
use serde_json::Value;
use switchboard::ready::{self, Ready};
use switchboard_client::wire::{CloseCode, ErrorCode, ListFilter, Op, Request};
use switchboard_client::{Client, ClientError, ConnectOptions, Ending, Trust};

use crate::daemon::Daemon;
use crate::people::{self, as_customer, as_member, text};
use crate::raw::Raw;
use crate::wait::until;

#[tokio::test]
async fn a_data_folder_has_one_daemon_at_a_time() {
    let daemon = Daemon::running().await;
    let data = daemon.data();
    let data = data.to_str().unwrap();
    let ready: Ready = ready::read(&daemon.ready_file()).unwrap();
    for arguments in [
        &["serve", "--data", data, "--listen", "127.0.0.1:0"][..],
        &["verify", "--data", data],
        &["rebuild", "--data", data],
    ] {
        let refused = daemon.run(arguments).await;
        assert_eq!(refused.code, Some(3), "{arguments:?}: {}", refused.err);
        let sentence = format!(
            "the data folder {data} is in use by process {}; stop it, or choose another folder with --data",
            ready.pid
        );
        assert!(refused.err.contains(&sentence), "{arguments:?}: {}", refused.err);
    }
    people::customer(&daemon, "carla").await.open().await.unwrap();
}

#[tokio::test]
async fn settings_that_cannot_be_used_are_named_with_their_value_and_what_is_allowed() {
    let daemon = Daemon::new();
    let file = daemon.home().join("own.toml");
    let file = file.to_str().unwrap();
    let cases = [
        ("[conversation]\nidle_ms = -1", vec!["conversation.idle_ms", "-1"]),
        ("[listen]\nidle_ms = 5", vec!["listen.idle_ms", "5", "1000 to 600000"]),
        ("[listen]\nport = 5", vec!["port", "address", "keep_alive_ms"]),
        ("[listen", vec!["own.toml"]),
        ("[trace]\nlevel = \"a=b=c\"", vec!["trace.level", "a=b=c", "debug"]),
    ];
    for (settings, words) in cases {
        fs::write(file, settings).unwrap();
        for command in ["check-config", "serve"] {
            refuses(&daemon, &[command, "--config", file], &words).await;
        }
    }
    refuses(&daemon, &["serve", "--listen", "nowhere"], &["listen.address", "nowhere", "[::]:4433"]).await;
    refuses(&daemon, &["serve", "--config", "missing.toml"], &["missing.toml"]).await;
    let daemon = daemon.with("trace.format", "xml");
    refuses(&daemon, &["check-config"], &["trace.format", "xml", "text", "json"]).await;
    assert!(!daemon.data().exists(), "something was made before the settings were found wrong");
}

#[tokio::test]
async fn settings_that_can_be_used_are_shown_as_they_will_be() {
    let daemon = Daemon::new().with("listen.hello_ms", "1234");
    let shown = daemon.run(&["check-config", "--listen", "127.0.0.1:7"]).await;
    assert_eq!(shown.code, Some(0), "{}", shown.err);
    for words in ["the settings can be used", "hello_ms: 1234", "127.0.0.1:7"] {
        assert!(shown.out.contains(words), "{words:?} is not in {}", shown.out);
    }
}

#[tokio::test]
async fn an_address_that_cannot_be_had_has_an_exit_code_of_its_own() {
    let daemon = Daemon::running().await;
    let taken = daemon.address().to_string();
    let refused = Daemon::new().run(&["serve", "--listen", &taken]).await;
    assert_eq!(refused.code, Some(4), "{}", refused.err);
    assert!(refused.err.contains(&format!("listen.address: {taken}")), "{}", refused.err);
}

#[tokio::test]
async fn the_ready_file_names_the_demo_of_an_empty_store_only() {
    let mut daemon = Daemon::new();
    let first = daemon.start().await;
    assert_eq!(first.data_dir, daemon.data());
    assert_eq!(first.demo, Some(daemon.demo()));
    let copy = daemon.home().join("run/switchboard/ready.json");
    let copy: Ready = until("copy of the ready file", || ready::read(&copy).ok()).await;
    assert_eq!(copy, first);
    for file in [daemon.ready_file(), ready::demo_file(&daemon.data()), daemon.data().join("tls/key.pem")] {
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "{}", file.display());
    }
    assert_eq!(fs::metadata(daemon.data()).unwrap().permissions().mode() & 0o777, 0o700);
    daemon.stop().await;
    assert!(daemon.said().contains("chat --customer"), "{}", daemon.said());
    let second = daemon.start().await;
    assert_eq!((second.demo, &second.fingerprint), (None, &first.fingerprint));
    people::agent(&daemon, 0).await.close().await.unwrap();
    daemon.stop().await;
    assert_eq!(daemon.said(), "", "nothing new to say");
}

#[tokio::test]
async fn a_token_of_nobody_and_a_certificate_of_another_are_refused() {
    let daemon = Daemon::running().await;
    let ready: Ready = ready::read(&daemon.ready_file()).unwrap();
    let right = Trust::Pinned(ready.fingerprint.parse().unwrap());
    let nobody = as_member("0123456789abcdef0123456789abcdef");
    let refused = Client::connect(ConnectOptions::new(ready.addresses.clone(), right, nobody)).await;
    match refused {
        Err(ClientError::Closed(Ending::Refused(error))) => {
            assert_eq!(error.code(), Some(ErrorCode::BadCredentials));
        }
        other => panic!("not refused: {other:?}"),
    }
    let wrong = Trust::Pinned("ab".repeat(32).parse().unwrap());
    let carla = as_customer(&daemon, "carla");
    let refused = Client::connect(ConnectOptions::new(ready.addresses, wrong, carla)).await;
    assert!(matches!(refused, Err(ClientError::Closed(Ending::Untrusted(_)))), "{refused:?}");
    let address = daemon.address().to_string();
    let chat = ["chat", "--agent", "--json", "--addr", &address, "--insecure", "--token", "nobody's"];
    let refused = daemon.run(&chat).await;
    assert_eq!(refused.code, Some(6), "{}", refused.err);
    assert!(refused.err.contains("bad_credentials") && !refused.err.contains("nobody's"), "{}", refused.err);
}

#[tokio::test]
async fn neither_what_people_write_nor_what_proves_them_is_ever_traced() {
    let mut daemon = Daemon::new().with("trace.level", "trace");
    daemon.start().await;
    let customer = people::customer(&daemon, "carla").await;
    let agent = people::agent(&daemon, 0).await;
    let conversation = customer.open().await.unwrap();
    agent.take(conversation).await.unwrap();
    customer.post(conversation, text(MARK)).await.unwrap();
    agent.post(conversation, text(format!("you wrote {MARK}"))).await.unwrap();
    customer.post(conversation, text(MARK.repeat(100))).await.unwrap_err();
    customer.history(conversation, None, 10).await.unwrap();
    agent.list(ListFilter::default(), None, 10).await.unwrap();
    agent.close().await.unwrap();
    daemon.kill();
    daemon.start().await;
    customer.post(conversation, text(MARK)).await.unwrap();
    customer.close().await.unwrap();
    daemon.stop().await;
    let trace = daemon.trace();
    assert!(trace.contains("TRACE"), "nothing is traced");
    let demo = daemon.demo();
    let tokens = demo.agents.iter().chain([&demo.owner]).map(|member| member.token.as_str());
    for secret in tokens.chain([MARK]) {
        assert!(!trace.contains(secret), "{secret} is in the trace");
        let spelled: Vec<String> = secret.bytes().map(|byte| byte.to_string()).collect();
        assert!(!trace.contains(&spelled.join(", ")), "the bytes of {secret} are in the trace");
    }
}

#[tokio::test]
async fn the_trace_is_for_people_or_for_programs() {
    let mut daemon = Daemon::running().await;
    daemon.stop().await;
    let text = daemon.trace();
    assert!(text.lines().any(|line| line.contains(" INFO ") && line.contains("ready address=")), "{text}");
    assert!(!text.contains('\u{1b}'), "colours in a file");
    daemon.set("trace.format", "json");
    daemon.start().await;
    daemon.stop().await;
    let lines = daemon.trace().split_off(text.len());
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let said = |message: &str| {
        lines.iter().any(|line| line["fields"]["message"] == message && line["level"] == "INFO")
    };
    assert!(said("ready") && said("stopping"), "{lines:?}");
}

#[tokio::test]
async fn a_client_that_does_not_go_cannot_hold_up_the_stop() {
    let mut daemon = Daemon::new().with("stop.drain_ms", "300");
    daemon.start().await;
    let mut stuck = Raw::with_windows(&daemon, VarInt::from_u32(4 * 1024)).await;
    stuck.hello(1, as_customer(&daemon, "carla")).await;
    let conversation = stuck.open().await;
    for n in 2..10 {
        let content = text("x".repeat(1_000));
        stuck.ask(n, Some(n), Op::Post { conversation, content }).await.unwrap();
    }
    // The answer is larger than what may be under way, and not read: the goodbye cannot come behind it.
    stuck
        .frame(&Request { id: 99, n: None, op: Op::History { conversation, before: None, limit: 200 } })
        .await;
    daemon.ask_to_stop();
    assert_eq!(daemon.ended().await, Some(0), "{}", daemon.trace());
    assert_eq!(stuck.closed().await, CloseCode::GoingAway.number());
    daemon.start().await;
    let customer = people::customer(&daemon, "carla").await;
    assert_eq!(customer.open().await.unwrap(), conversation);
}

#[tokio::test]
async fn a_stop_before_it_is_ready_is_a_clean_stop() {
    let mut daemon = Daemon::new();
    daemon.begin();
    // By then it listens for signals: that comes first of all.
    let lock = daemon.data().join("LOCK");
    until("lock of the data folder", || lock.exists().then_some(())).await;
    daemon.ask_to_stop();
    assert_eq!(daemon.ended().await, Some(0), "{}", daemon.trace());
    daemon.verified().await;
}

#[tokio::test]
async fn a_chat_says_that_there_is_no_daemon_instead_of_waiting_for_one() {
    let mut daemon = Daemon::new();
    refuses(&daemon, &["chat", "--customer"], &["no daemon was found"]).await;
    daemon.start().await;
    daemon.kill();
    refuses(&daemon, &["chat", "--customer"], &["is not running"]).await;
    let ready_file = daemon.ready_file();
    let chat = ["chat", "--agent", "--json", "--ready-file", ready_file.to_str().unwrap()];
    refuses(&daemon, &chat, &["is not running"]).await;
}

async fn refuses(daemon: &Daemon, arguments: &[&str], words: &[&str]) {
    let refused = daemon.run(arguments).await;
    assert_eq!(refused.code, Some(2), "{arguments:?}: {}{}", refused.out, refused.err);
    for word in words {
        assert!(refused.err.contains(word), "{arguments:?}: {word:?} is not in {}", refused.err);
    }
}

/// Nothing else says this.
const MARK: &str = "zebra-fandango-4711";
