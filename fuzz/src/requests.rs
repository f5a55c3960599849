//! A session in all its states: whatever a client sends, after whatever it has sent before.
//!
//! Owns the rules: every request is answered once and no answer comes unasked, whatever the engine says fits
//! into a frame, and nobody's input ends the engine. The engine is a real one on a folder of its own, made anew
//! now and then, so that what it keeps does not grow. Must not know how requests are carried out.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arbitrary::{Result, Unstructured};
use switchboard::actors::engine::{Engine, EngineOptions};
use switchboard::demo;
use switchboard::domain::conversation::Policy;
use switchboard::journal::{Journal, JournalOptions};
use switchboard::ready::Demo;
use switchboard::stats::Latency;
use switchboard::transport::fuzzing::{Session, Taken};
use switchboard_protocol::vocabulary::{
    Content, ConversationId, CustomerName, MessageText, ProfileId, SearchText, Seq, Token, UserKey,
};
use switchboard_protocol::wire::{
    Credentials, CustomerDetails, CustomerField, DeskView, Hello, ListFilter, ListName, Op, PROTOCOL_VERSION,
    Purpose, Request, SearchBy, Topic, Typing, encode,
};
use tokio::runtime::{Builder, Runtime};

/// The bytes are read as who it is and what they send.
pub fn requests(data: &[u8]) {
    let mut place = HOUSE.lock().unwrap_or_else(PoisonError::into_inner);
    // One that a failure was found in is not gone on with.
    let mut house = place.take().unwrap_or_else(House::start);
    let talk = house.talk(Unstructured::new(data));
    let talked = async { tokio::time::timeout(HANGS_AFTER, talk).await.expect("it hangs") };
    let kept = house.runtime.block_on(talked);
    house.inputs_left -= 1;
    if house.inputs_left == 0 {
        house.stop();
    } else {
        kept.expect("the engine serves nobody any more");
        *place = Some(house);
    }
}

/// An engine with the demo workspace, and customers who have a conversation each.
struct House {
    runtime: Arc<Runtime>,
    engine: Engine,
    journal: Journal,
    demo: Demo,
    conversations: Vec<ConversationId>,
    inputs_left: u32,
    _dir: tempfile::TempDir,
}

impl House {
    fn start() -> Self {
        // Where no disk has to be waited for, if there is such a place.
        let memory = Path::new("/dev/shm");
        let dir = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let dir = dir.expect("a folder");
        let runtime = Builder::new_current_thread().enable_all().build().expect("a run-time");
        let options = JournalOptions { log_segment_bytes: 1 << 20, ..JournalOptions::new(dir.path()) };
        let (journal, _) = Journal::start(&options, &mut |_| {}).expect("a journal");
        let demo = demo::draw();
        let (engine, conversations) = runtime.block_on(async {
            demo::create(&journal, &demo).await.expect("a workspace");
            let options = EngineOptions {
                policy: Policy { text_chars_max: TEXT_CHARS_MAX },
                conversation_idle: Duration::from_millis(20),
                grace: Duration::ZERO,
                sessions_max: 64,
                lease: Duration::from_secs(60),
            };
            let engine =
                Engine::start(journal.clone(), Latency::default(), options).await.expect("an engine");
            let mut conversations = vec![ConversationId::from_bytes([9; 16])];
            for who in 0..CUSTOMERS {
                let mut session = Session::open(&engine, &hello(&demo, who)).await.expect("a session");
                session.take(&body(&Request { id: 1, n: Some(1), op: Op::Open })).await;
                conversations.extend(session.finish().await.expect("a session").1);
            }
            (engine, conversations)
        });
        let (runtime, inputs_left) = (Arc::new(runtime), INPUTS_MAX);
        Self { runtime, engine, journal, demo, conversations, inputs_left, _dir: dir }
    }

    fn stop(self) {
        self.runtime.block_on(self.engine.stop());
        self.journal.stop().expect("a clean stop");
    }

    /// One session from its hello to its end. `None`: the engine took it for its own failure.
    async fn talk(&self, mut choices: Unstructured<'_>) -> Option<()> {
        let who = choices.int_in_range(0..=CUSTOMERS + 2).unwrap_or_default();
        let said =
            if who > CUSTOMERS + 1 { raw(&mut choices).unwrap_or_default() } else { hello(&self.demo, who) };
        let Ok(mut session) = Session::open(&self.engine, &said).await else { return Some(()) };
        let mut asked = BTreeMap::<u64, u32>::new();
        let mut counter = 0;
        while !choices.is_empty() {
            let Ok(frame) = self.frame(&mut choices, &mut counter) else { break };
            match frame {
                Frame::Datagram(bytes) => session.datagram(&bytes),
                Frame::Body(bytes) => match session.take(&bytes).await {
                    Taken::Request(id) => *asked.entry(id).or_default() += 1,
                    Taken::Refused => {}
                    Taken::Broken => break,
                },
            }
        }
        let (answered, _) = session.finish().await?;
        let mut answers = BTreeMap::<u64, u32>::new();
        answered.into_iter().for_each(|id| *answers.entry(id).or_default() += 1);
        assert_eq!(answers, asked, "each request is answered once");
        Some(())
    }

    fn frame(&self, choices: &mut Unstructured<'_>, counter: &mut u64) -> Result<Frame> {
        Ok(match choices.int_in_range(0..=9)? {
            0 => Frame::Body(raw(choices)?),
            1 => Frame::Datagram(raw(choices)?),
            2 => {
                let conversation = *choices.choose(&self.conversations)?;
                let after_seq = Seq::new(choices.arbitrary::<u8>()?.into()).unwrap_or_default();
                let typing = Typing { conversation, by: None, after_seq, expires_ms: choices.arbitrary()? };
                Frame::Datagram(body(&typing))
            }
            _ => {
                // Mostly the next one, as from a client that keeps to the rules.
                *counter = counter.saturating_add_signed(i64::from(*choices.choose(&[1, 1, 1, 0, -2, 40])?));
                let request =
                    Request { id: choices.int_in_range(0..=40)?, n: Some(*counter), op: self.op(choices)? };
                Frame::Body(body(&request))
            }
        })
    }

    fn op(&self, choices: &mut Unstructured<'_>) -> Result<Op> {
        let conversation = *choices.choose(&self.conversations)?;
        let seq = Seq::new(choices.arbitrary::<u8>()?.into()).unwrap_or_default();
        let subscription = choices.int_in_range(0..=20)?;
        Ok(match choices.int_in_range(0..=17)? {
            0 => Op::Open,
            1 => Op::Subscribe { subscription, topic: Topic::Desk { view: DeskView::default() } },
            2 => Op::Subscribe { subscription, topic: Topic::Conversation { conversation, after: seq } },
            3 => Op::Unsubscribe { subscription },
            4 => Op::Read { conversation, up_to: seq },
            5 => Op::Join { conversation },
            6 => Op::Leave { conversation },
            7 => Op::Take { conversation, epoch: choices.arbitrary()? },
            8 => Op::Complete { conversation, epoch: choices.arbitrary()? },
            9 => Op::History { conversation, before: Some(seq), limit: choices.arbitrary()? },
            10 => Op::List {
                filter: ListFilter {
                    lists: vec![ListName::Waiting; choices.int_in_range(0..=3)?],
                    profile: choices.arbitrary::<bool>()?.then(|| ProfileId::from_bytes([7; 16])),
                    mine: choices.arbitrary()?,
                    hide_bot: choices.arbitrary()?,
                },
                cursor: choices.arbitrary()?,
                limit: choices.arbitrary()?,
            },
            11 => Op::Quarantined,
            12 => Op::Release { conversation },
            13 => Op::Latency,
            14 => Op::Customer { conversation },
            15 => Op::Search {
                text: SearchText::new(choices.arbitrary::<String>()?)
                    .or_else(|_| SearchText::new("ab"))
                    .expect("a text"),
                by: *choices.choose(&[
                    None,
                    Some(SearchBy::Name),
                    Some(SearchBy::Phone),
                    Some(SearchBy::Unknown),
                ])?,
                cursor: choices.arbitrary()?,
                limit: choices.arbitrary()?,
            },
            16 => {
                let name = CustomerName::new(choices.arbitrary::<String>()?).ok();
                let clear = if choices.arbitrary()? { vec![CustomerField::Name] } else { Vec::new() };
                Op::Describe {
                    conversation,
                    details: CustomerDetails { name, ..CustomerDetails::default() },
                    clear,
                }
            }
            _ => {
                let chars = choices.int_in_range(1..=2 * TEXT_CHARS_MAX)?;
                let text = MessageText::new("가".repeat(chars)).expect("a text");
                Op::Post { conversation, content: Content::text(text) }
            }
        })
    }
}

/// What is sent.
enum Frame {
    Body(Vec<u8>),
    Datagram(Vec<u8>),
}

/// Bytes as they are.
fn raw(choices: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let length = choices.int_in_range(0..=choices.len().min(2_000))?;
    choices.bytes(length).map(<[u8]>::to_vec)
}

/// The hello of one of the customers, or after them of an agent and of the owner.
fn hello(demo: &Demo, who: u8) -> Vec<u8> {
    let token = |token: &str| Credentials::Agent { token: Token::new(token).expect("a token") };
    let credentials = match who.checked_sub(CUSTOMERS) {
        None => {
            let user_key = UserKey::new(format!("customer {who}")).expect("a key");
            Credentials::Customer { profile: demo.profile, platform: None, user_key }
        }
        Some(0) => token(&demo.agents[0].token),
        Some(_) => token(&demo.owner.token),
    };
    body(&Hello {
        protocol: PROTOCOL_VERSION,
        instance: None,
        credentials,
        resume: None,
        purpose: Purpose::default(),
    })
}

fn body(value: &impl serde::Serialize) -> Vec<u8> {
    encode(value).expect("it fits into a frame").to_vec()
}

static HOUSE: Mutex<Option<House>> = Mutex::new(None);

/// So many inputs have the same engine.
const INPUTS_MAX: u32 = 2_000;

/// How many customers have a conversation.
const CUSTOMERS: u8 = 3;

/// Short, so that some are too long.
const TEXT_CHARS_MAX: usize = 10;

/// Longer than anything takes, also with a sanitizer.
const HANGS_AFTER: Duration = Duration::from_secs(20);
