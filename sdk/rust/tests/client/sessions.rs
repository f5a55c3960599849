//! Sessions: whom the client trusts, when it comes back and when it does not.
//!
//! Owns what follows from each way in which a session can end. Must not know the client's insides.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use switchboard_client::vocabulary::Seq;
use switchboard_client::wire::{CloseCode, ErrorBody, ErrorCode, ServerLimits, Typing, decode, encode};
use switchboard_client::{
    Client, ClientError, ConnectionState, Ending, Endpoint, Fingerprint, Trust, Update,
};

use crate::peer::{Peer, content, conversation, instance_id, session_id};
use crate::{connect, connect_error, run, until};

#[test]
fn a_certificate_with_another_fingerprint_is_refused_and_nothing_is_said() {
    run(async {
        let peer = Peer::new();
        let mut options = peer.options().first_attempts(3);
        options.trust = Trust::Pinned(Fingerprint::from_bytes([9; 32]));
        let (error, shaken) = tokio::join!(connect_error(options), peer.connection());
        assert!(matches!(error, ClientError::Closed(Ending::Untrusted(_))), "{error}");
        assert!(shaken.is_err());
    });
}

#[test]
fn a_certificate_of_an_unknown_issuer_is_refused() {
    run(async {
        let peer = Peer::new();
        let mut options = peer.options();
        options.trust = Trust::SystemRoots;
        let mut connecting = std::pin::pin!(connect_error(options));
        let error = tokio::select! {
            shaken = peer.connection() => {
                assert!(shaken.is_err());
                connecting.await
            }
            // A machine without root certificates does not come as far as connecting.
            error = &mut connecting => error,
        };
        let untrusted = matches!(error, ClientError::Closed(Ending::Untrusted(_)));
        assert!(untrusted || matches!(error, ClientError::Local(_)), "{error}");
    });
}

#[test]
fn bad_credentials_are_final_and_a_retryable_refusal_is_not() {
    run(async {
        let peer = Peer::new();
        let bad = ErrorBody::new(ErrorCode::BadCredentials, "nobody");
        let (error, ()) = tokio::join!(connect_error(peer.options().first_attempts(5)), async {
            let mut visit = peer.visit().await;
            visit.refuse(None, bad.clone()).await;
            visit.finish().await;
        });
        assert_eq!(error, ClientError::Closed(Ending::Refused(bad)));

        let (client, _visit) = tokio::join!(Client::connect(peer.options().first_attempts(2)), async {
            let mut visit = peer.visit().await;
            visit.refuse(None, ErrorBody::new(ErrorCode::Overloaded, "later").after_ms(5)).await;
            visit.finish().await;
            peer.welcome(1).await
        });
        client.unwrap();
    });
}

#[test]
fn the_instance_of_the_first_welcome_is_named_in_every_later_hello() {
    run(async {
        let peer = Peer::new();
        let (client, first) = tokio::join!(Client::connect(peer.options().first_attempts(2)), async {
            let lost = peer.visit().await;
            assert_eq!(lost.hello.instance, None);
            lost.close(CloseCode::Overloaded);
            peer.welcome(1).await
        });
        let client = client.unwrap();
        assert_eq!(first.hello.instance, None, "no welcome has come yet");
        first.close(CloseCode::Fault);
        for session in 2..4 {
            let next = peer.welcome(session).await;
            assert_eq!(next.hello.instance, Some(instance_id(1)));
            next.close(CloseCode::Fault);
        }
        drop(client);
    });
}

#[test]
fn a_welcome_to_another_instance_is_not_taken() {
    run(async {
        let peer = Peer::new();
        let (client, mut first) = connect(&peer).await;
        let post = client.begin_post(conversation(1), content("one")).await.unwrap();
        first.request().await;
        first.close(CloseCode::Fault);
        let mut strange = peer.visit().await;
        strange.hello.instance = None;
        strange.welcome(2, ServerLimits::default()).await;
        let mut third = peer.welcome(3).await;
        assert_eq!(third.hello.instance, Some(instance_id(1)));
        let again = third.request().await;
        third.accept(again.id, 1).await;
        post.await.unwrap();
    });
}

#[test]
fn an_instance_that_is_not_taken_any_more_is_given_up_when_no_change_is_unanswered() {
    run(async {
        let peer = Peer::new();
        let (client, first) = connect(&peer).await;
        first.close(CloseCode::Fault);
        let mut second = peer.visit().await;
        second.refuse(None, expired()).await;
        second.finish().await;
        let mut third = peer.welcome(3).await;
        assert_eq!((third.hello.instance, third.hello.resume), (None, None));
        let post = client.begin_post(conversation(1), content("one")).await.unwrap();
        let request = third.request().await;
        third.accept(request.id, 1).await;
        post.await.unwrap();
        third.close(CloseCode::Fault);
        assert_eq!(peer.welcome(4).await.hello.instance, Some(instance_id(3)));
    });
}

#[test]
fn a_client_whose_change_is_unanswered_ends_with_its_instance() {
    run(async {
        let peer = Peer::new();
        let (client, mut first) = connect(&peer).await;
        let post = client.begin_post(conversation(1), content("one")).await.unwrap();
        first.request().await;
        first.close(CloseCode::Fault);
        let mut second = peer.visit().await;
        second.refuse(None, expired()).await;
        second.finish().await;
        assert_eq!(post.await, Err(ClientError::Closed(Ending::Refused(expired()))));
        until(&client, |state| *state == ConnectionState::Closed(Ending::Refused(expired()))).await;
    });
}

fn expired() -> ErrorBody {
    ErrorBody::new(ErrorCode::InstanceExpired, "instance: as the test says")
}

#[test]
fn the_next_address_is_tried_when_one_does_not_answer() {
    run(async {
        let (deaf, peer) = (std::net::UdpSocket::bind("127.0.0.1:0").unwrap(), Peer::new());
        let mut options = peer.options();
        options.addresses.insert(0, deaf.local_addr().unwrap());
        options.connect_timeout = Duration::from_millis(300);
        let (client, _visit) = tokio::join!(Client::connect(options), peer.welcome(1));
        client.unwrap();
    });
}

#[test]
fn options_that_cannot_work_are_said_to_be_so() {
    run(async {
        let peer = Peer::new();
        let mut options = peer.options();
        options.addresses.clear();
        assert!(matches!(connect_error(options).await, ClientError::Options(_)));
        let options = peer.options().server_name("not a name");
        assert!(matches!(connect_error(options).await, ClientError::Options(_)));
    });
}

#[test]
fn after_a_goodbye_the_client_comes_back_when_it_was_told_to() {
    run(async {
        let peer = Peer::new();
        let (client, mut first) = connect(&peer).await;
        let mut connection = client.connection();
        #[allow(clippy::disallowed_methods, reason = "the wait itself is what is tested")]
        let said = Instant::now();
        first.goodbye(CloseCode::GoingAway, Some(300)).await;
        let state = connection
            .wait_for(|state| matches!(state, ConnectionState::Reconnecting { .. }))
            .await
            .unwrap()
            .clone();
        let ConnectionState::Reconnecting { attempt: 1, because: Ending::Goodbye(_), wait } = state else {
            panic!("{state:?}");
        };
        assert!(wait >= Duration::from_millis(300) && wait <= Duration::from_millis(350), "{wait:?}");
        let second = peer.welcome(2).await;
        assert!(said.elapsed() >= Duration::from_millis(300));
        assert_eq!(second.hello.resume, Some(session_id(1)));
        until(&client, |state| *state == ConnectionState::Connected { session: session_id(2) }).await;
    });
}

#[test]
fn a_client_that_was_replaced_or_told_not_to_return_stays_away() {
    run(async {
        let peer = Peer::new();
        let (client, visit) = connect(&peer).await;
        visit.close(CloseCode::Replaced);
        let state = until(&client, |state| matches!(state, ConnectionState::Closed(_))).await;
        let ConnectionState::Closed(Ending::Closed { code, .. }) = state else { panic!("{state:?}") };
        assert_eq!(code, CloseCode::Replaced.number());
        let error = client.post(conversation(1), content("late")).await.unwrap_err();
        assert!(matches!(error, ClientError::Closed(Ending::Closed { .. })), "{error}");

        let (client, mut visit) = connect(&peer).await;
        visit.goodbye(CloseCode::GoingAway, None).await;
        until(&client, |state| matches!(state, ConnectionState::Closed(Ending::Goodbye(_)))).await;
    });
}

#[test]
fn frames_and_kinds_that_are_not_known_are_passed_over() {
    run(async {
        let peer = Peer::new();
        let (client, mut visit) = connect(&peer).await;
        visit.say(&BTreeMap::from([("t", "weather"), ("sky", "clear")])).await;
        let post = client.begin_post(conversation(1), content("one")).await.unwrap();
        let request = visit.request().await;
        visit.accept(request.id, 1).await;
        post.await.unwrap();
    });
}

#[test]
fn typing_goes_both_ways_and_what_a_message_has_overtaken_is_dropped() {
    run(async {
        let peer = Peer::new();
        let (client, mut visit) = connect(&peer).await;
        let (following, number) =
            tokio::join!(client.follow(conversation(1), Seq::ZERO), async { visit.subscribed().await.0 });
        let mut following = following.unwrap();
        client.typing(conversation(1), crate::peer::seq(4), 3_000).unwrap();
        let datagram = visit.connection.read_datagram().await.unwrap();
        let typing: Typing = decode(&datagram).unwrap();
        assert_eq!((typing.conversation, typing.after_seq.get()), (conversation(1), 4));

        let mut stream = visit.stream(number).await;
        stream.events([1]).await;
        assert!(matches!(following.next().await, Some(Ok(Update::Event(_)))));
        let typing = |after: u64| Typing {
            conversation: conversation(1),
            by: Some(switchboard_client::wire::Sender::Customer),
            after_seq: crate::peer::seq(after),
            expires_ms: 3_000,
        };
        for after in [0, 1] {
            visit.connection.send_datagram(encode(&typing(after)).unwrap()).unwrap();
        }
        assert_eq!(following.next().await, Some(Ok(Update::Typing(typing(1)))));
    });
}

#[test]
fn many_clients_share_one_socket() {
    run(async {
        let peer = Peer::new();
        let endpoint = Endpoint::new().unwrap();
        let mut clients = Vec::new();
        let mut visits = Vec::new();
        for number in 0..20 {
            let (client, visit) =
                tokio::join!(Client::connect_on(&endpoint, peer.options()), peer.welcome(number));
            clients.push(client.unwrap());
            visits.push(visit);
        }
        let from = visits[0].connection.remote_address();
        assert!(visits.iter().all(|visit| visit.connection.remote_address() == from));
        assert!(visits.iter().all(|visit| visit.hello.instance.is_none()), "each is given one of its own");
    });
}
