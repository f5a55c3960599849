//! The settings of a workspace by the command line: changed, seen, audited, refused, and still there later.
//!
//! Owns what whoever administers a workspace types, and what becomes of a member who is removed. Must not know
//! the rules: they have tests of their own.

use serde_json::{Value, json};
use switchboard_client::wire::{CloseCode, ErrorCode};
use switchboard_client::{Client, ClientError, ConnectionState, Ending};

use crate::daemon::Daemon;
use crate::people;
use crate::wait::in_time;

/// What a command prints, as JSON; it must end well.
async fn shown(daemon: &Daemon, arguments: &[&str]) -> Value {
    serde_json::from_str(&done(daemon, arguments).await).unwrap()
}

/// What a command prints; it must end well.
async fn done(daemon: &Daemon, arguments: &[&str]) -> String {
    let ended = daemon.run(&[&["admin"], arguments].concat()).await;
    assert_eq!(ended.code, Some(0), "{arguments:?}: {}{}", ended.out, ended.err);
    ended.out
}

/// What a command is refused with, and its exit code.
async fn refused(daemon: &Daemon, arguments: &[&str]) -> (Option<i32>, String) {
    let ended = daemon.run(&[&["admin"], arguments].concat()).await;
    (ended.code, ended.err)
}

const SERVICE: &str = r#"{"silent_minutes":10,"grace_seconds":5,"early_cancel_is_no_miss":true}"#;

#[tokio::test]
async fn what_is_set_is_seen_and_audited_and_still_there_after_a_restart() {
    let mut daemon = Daemon::running().await;
    assert_eq!(shown(&daemon, &["show", "team"]).await["service"]["grace_seconds"], 60);
    done(&daemon, &["set", "team-service", SERVICE]).await;
    done(&daemon, &["set", "bot", r#"{"call_word":"agent","categories":[["Bank","Cards"]]}"#]).await;
    daemon.stop().await;
    daemon.start().await;

    let all = shown(&daemon, &["show"]).await;
    let service = json!({
        "silent_minutes": 10, "grace_seconds": 5, "keep_in_progress": false, "early_cancel_is_no_miss": true,
        "several_places": false,
    });
    assert_eq!((&all["name"], &all["service"]), (&json!("Demo"), &service));
    assert_eq!(all["members"].as_array().unwrap().len(), 3);
    let profile = &all["profiles"][0];
    assert_eq!(profile["profile"], daemon.demo().profile.to_string());
    assert_eq!(profile["bot"], json!({ "call_word": "agent", "categories": [["Bank", "Cards"]] }));
    assert_eq!(profile["assignment"], json!({ "automatic": false, "no_one_else": false }));

    let audit = done(&daemon, &["audit"]).await;
    let audit: Vec<Value> = audit.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let owner = daemon.demo().owner.member.to_string();
    let told = |at: usize| (&audit[at]["by"], &audit[at]["changes"][0]["change"]);
    assert_eq!((told(0), told(1)), ((&json!(owner), &json!("bot")), (&json!(owner), &json!("team_service"))));
    let last = audit.last().unwrap();
    assert_eq!((&last["revision"], &last["changes"][0]["change"]), (&json!(1), &json!("created")));
    assert!(last["by"].is_null() && !audit.iter().any(|entry| entry.to_string().contains("token")));
    let one = done(&daemon, &["audit", "--before", "3", "--limit", "1"]).await;
    assert_eq!(serde_json::from_str::<Value>(&one).unwrap()["revision"], 2);
    let none = json!({ "compared": 0, "told_mean_s": 0, "took_mean_s": 0, "off_mean_s": 0 });
    assert_eq!(shown(&daemon, &["waiting"]).await, json!({ "waiting": 0, "estimates": none }));
}

#[tokio::test]
async fn what_is_not_allowed_or_cannot_be_meant_is_refused_with_its_sentence() {
    let daemon = Daemon::running().await;
    let ada = daemon.demo().agents[0].token.clone();
    let by_ada = refused(&daemon, &["--token", &ada, "set", "team-service", SERVICE]).await;
    let sentence = "201 forbidden: team_service: only the owner may do this, not one whose role is readonly";
    assert!(by_ada.0 == Some(6) && by_ada.1.contains(sentence), "{by_ada:?}");
    let long = refused(&daemon, &["set", "team-service", r#"{"grace_seconds":99999}"#]).await;
    let sentence = "600 bad_setting: absence.grace_seconds: 99999; it must be 0 to 3600";
    assert!(long.0 == Some(6) && long.1.contains(sentence), "{long:?}");
    let flow = "018bcfe5-6c02-7a0c-8000-00000000000c";
    let sent = refused(&daemon, &["set", "completion", &format!("{flow:?}")]).await;
    let sentence = format!("600 bad_setting: completion: the profile has no flow {flow}");
    assert!(sent.0 == Some(6) && sent.1.contains(&sentence), "{sent:?}");
    done(&daemon, &["set", "completion", "null"]).await;
    assert!(shown(&daemon, &["show", "completion"]).await.is_null());
    let close = refused(&daemon, &["hours", "closed"]).await;
    assert!(close.0 == Some(6) && close.1.contains("is always open"), "{close:?}");
    let owner = daemon.demo().owner.member.to_string();
    let remove = refused(&daemon, &["member", "remove", &owner]).await;
    assert!(remove.0 == Some(6) && remove.1.contains("604 one_owner"), "{remove:?}");
    let misspelt = refused(&daemon, &["set", "assignment", r#"{"load":{"maximum":3,"maxmum":4}}"#]).await;
    assert!(
        misspelt.0 == Some(2) && misspelt.1.contains("load.maxmum: there is no such field"),
        "{misspelt:?}"
    );
    for nonsense in [
        &["set", "team-service", "{}"][..],
        &["set", "team-service", "nonsense"],
        &["member", "role", &owner, "king"],
        &["show", "bot", "--profile", "nonsense"],
    ] {
        let (code, why) = refused(&daemon, nonsense).await;
        assert_eq!(code, Some(2), "{nonsense:?}: {why}");
    }
    let seen = shown(&daemon, &["--token", &ada, "show", "team"]).await;
    assert_eq!(seen["service"]["grace_seconds"], 60, "nothing was changed, and everybody may look");
}

#[tokio::test]
async fn a_member_who_is_removed_is_shown_out() {
    let daemon = Daemon::running().await;
    let added = done(&daemon, &["member", "add", "Carl", "--role", "editor"]).await;
    let words: Vec<&str> = added.split_whitespace().collect();
    let ["member", member, "token", token] = words[..] else { panic!("{added}") };
    let carl = people::connect(&daemon, people::as_member(token)).await;
    assert_eq!(carl.member().unwrap().to_string(), member);
    done(&daemon, &["member", "role", member, "readonly"]).await;

    done(&daemon, &["member", "remove", member]).await;
    let mut connection = carl.connection();
    let closed = connection.wait_for(|state| matches!(state, ConnectionState::Closed(_)));
    let ending = match in_time("end of the session", closed).await.unwrap().clone() {
        ConnectionState::Closed(ending) => ending,
        open => panic!("{open:?}"),
    };
    assert!(matches!(&ending, Ending::Goodbye(goodbye) if goodbye.close == CloseCode::Removed), "{ending:?}");
    let again = in_time("refusal", Client::connect(people::options(&daemon, people::as_member(token)))).await;
    let Err(ClientError::Closed(Ending::Refused(why))) = again else { panic!("{again:?}") };
    assert_eq!(why.code(), Some(ErrorCode::BadCredentials));
}

#[tokio::test]
async fn a_profile_is_closed_by_hand_and_opened_again() {
    let daemon = Daemon::running().await;
    done(&daemon, &["set", "hours", r#"{"use_hours":true}"#]).await;
    done(&daemon, &["hours", "closed"]).await;
    let profile = async || shown(&daemon, &["show"]).await["profiles"][0].clone();
    let closed = profile().await;
    assert_eq!((&closed["hours"]["use_hours"], &closed["by_hand"]["open"]), (&json!(true), &json!(false)));
    assert!(closed["by_hand"]["until"].is_i64(), "until its schedule changes next: {closed}");
    done(&daemon, &["hours", "clear"]).await;
    assert!(profile().await["by_hand"].is_null());

    let added = done(&daemon, &["add-profile", "Shop", "--greeting", "Welcome!"]).await;
    let shop = added.trim().strip_prefix("profile ").unwrap().to_owned();
    let greeting = shown(&daemon, &["--profile", &shop, "show", "greeting"]).await;
    assert_eq!(greeting, json!({ "content": { "kind": "text", "text": "Welcome!" } }));
    done(&daemon, &["--profile", &shop, "set", "greeting", "null"]).await;
    assert!(shown(&daemon, &["--profile", &shop, "show", "greeting"]).await.is_null());
}

#[tokio::test]
async fn a_block_is_set_as_it_is_shown() {
    let mut daemon = Daemon::running().await;
    done(&daemon, &["set", "team-service", SERVICE]).await;
    done(&daemon, &["set", "hours", r#"{"use_hours":true,"bot_replies":true}"#]).await;
    done(&daemon, &["set", "assignment", r#"{"automatic":true,"no_one_else":true}"#]).await;
    let before = shown(&daemon, &["show"]).await;
    for block in ["team-assignment", "team-hours", "team-service", "assignment", "hours", "bot", "greeting"] {
        let shown = done(&daemon, &["show", block]).await;
        done(&daemon, &["set", block, &shown]).await;
    }
    assert_eq!(shown(&daemon, &["show"]).await, before);
    daemon.stop().await;
}
