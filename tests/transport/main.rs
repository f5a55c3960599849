//! The listener as a client without the SDK sees it: plain QUIC streams.
//!
//! Owns what the protocol says about a connection's beginning and end. Must not know the SDK, which would
//! hide both.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::rustls::QuicClientConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use switchboard::actors::engine::{Engine, EngineOptions};
use switchboard::domain::conversation::Policy;
use switchboard::journal::{Journal, JournalOptions};
use switchboard::stats::Latency;
use switchboard::transport::{Endpoint, EndpointOptions, Identity, TlsSource};
use switchboard::{clock, demo};
use switchboard_protocol::vocabulary::{InstanceId, ProfileId, UserKey};
use switchboard_protocol::wire::{
    ALPN, Credentials, FrameReader, Hello, Op, PROTOCOL_VERSION, Request, ServerFrame, decode, encode_frame,
};
use tempfile::TempDir;

/// A listener in this process, with a demo workspace.
struct Listener {
    endpoint: Endpoint,
    journal: Journal,
    profile: ProfileId,
    folder: TempDir,
}

impl Listener {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = JournalOptions::new(folder.path().join("data"));
        let (journal, _) =
            tokio::task::spawn_blocking(|| Journal::start(options, &mut |_| {})).await.unwrap().unwrap();
        let profile = demo::create(&journal).await.unwrap().profile;
        let engine_options = EngineOptions {
            policy: Policy::default(),
            conversation_idle: Duration::from_secs(60),
            sessions_max: 10,
        };
        let engine = Engine::start(journal.clone(), Latency::default(), engine_options).await.unwrap();
        let identity = Identity::load(&TlsSource::SelfMade { dir: folder.path().join("tls") }).unwrap();
        let options = EndpointOptions {
            address: "127.0.0.1:0".parse().unwrap(),
            idle: IDLE,
            keep_alive: IDLE / 3,
            hello: IDLE,
            segmentation_offload: true,
        };
        let endpoint = Endpoint::listen(&options, identity, engine).unwrap();
        Self { endpoint, journal, profile, folder }
    }

    async fn connect(&self) -> quinn::Connection {
        let certificate =
            CertificateDer::from_pem_file(self.folder.path().join("tls/certificate.pem")).unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(certificate).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        tls.alpn_protocols = vec![ALPN.to_vec()];
        let config = quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap()));
        let client = quinn::Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
        client.connect_with(config, self.endpoint.address(), "localhost").unwrap().await.unwrap()
    }

    fn hello(&self) -> Hello {
        Hello {
            protocol: PROTOCOL_VERSION,
            instance: InstanceId::v7(clock::now().as_millis(), clock::random()),
            credentials: Credentials::Customer {
                profile: self.profile,
                platform: None,
                user_key: UserKey::new("ada").unwrap(),
            },
            resume: None,
        }
    }
}

#[tokio::test]
async fn a_client_that_has_said_everything_gets_its_last_answer_and_the_end_of_the_stream() {
    let listener = Listener::start().await;
    let connection = listener.connect().await;
    let (mut send, mut recv) = connection.open_bi().await.unwrap();
    send.write_chunk(encode_frame(&listener.hello()).unwrap()).await.unwrap();
    send.write_chunk(encode_frame(&Request { id: 7, n: Some(1), op: Op::Open }).unwrap()).await.unwrap();
    send.finish().unwrap();

    // The server ends the stream by itself: a client that closed first would lose what is on its way.
    let said =
        tokio::time::timeout(IDLE, recv.read_to_end(64 * 1024)).await.expect("the stream ends").unwrap();
    let mut frames = FrameReader::default();
    frames.push(&said);
    let mut frame = || decode::<ServerFrame>(&frames.next_frame().unwrap().unwrap()).unwrap();
    assert!(matches!(frame(), ServerFrame::Welcome(_)));
    assert!(matches!(frame(), ServerFrame::Reply(reply) if reply.id == 7));
    assert_eq!(frames.next_frame().unwrap(), None);
    tokio::task::spawn_blocking(move || listener.journal.stop()).await.unwrap().unwrap();
}

/// Longer than a test takes: nothing here may end because time is over.
const IDLE: Duration = Duration::from_secs(30);
