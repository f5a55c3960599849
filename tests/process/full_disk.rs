//! The daemon on a disk that gets full, is full, and has room again.
//!
//! Owns the proof that whoever writes is told why and when to try again, that whoever reads goes on, that
//! everything goes on by itself when there is room, and that nothing acknowledged is missing. Must not know how
//! the engine finds out.

use switchboard::health::{self, Health};
use switchboard_client::vocabulary::{ConversationId, Seq};
use switchboard_client::wire::{ErrorBody, ErrorCode, ListFilter};
use switchboard_client::{Client, ClientError, Following, Update};

use crate::daemon::Daemon;
use crate::people::{self, said, stored, text};
use crate::small_disk::SmallDisk;
use crate::wait::{in_time, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_posts_to_a_full_disk_is_told_so_and_goes_on_when_there_is_room() {
    let test = "whoever_posts_to_a_full_disk_is_told_so_and_goes_on_when_there_is_room";
    let Some((mut daemon, disk)) = on_a_small_disk(test).await else { return };
    let mut talk = Talk::begin(&daemon).await;
    talk.post(20).await;
    let sessions = talk.sessions();

    disk.fill(LEFT_BYTES);
    until_reading_only(&daemon).await;
    talk.is_refused().await;
    talk.reads(&daemon).await;
    // Also what was given up for it.
    disk.fill(0);
    talk.is_refused().await;
    talk.reads(&daemon).await;
    let asked = daemon.run(&["health"]).await;
    assert_eq!(asked.code, Some(7), "{}{}", asked.out, asked.err);
    assert!(asked.err.contains("MiB are free"), "{}", asked.err);

    disk.empty();
    talk.goes_on().await;
    assert_eq!(talk.sessions(), sessions, "somebody had to connect again");
    until_health(&daemon, |health| *health == Health::Ready).await;
    let asked = daemon.run(&["health"]).await;
    assert_eq!((asked.code, asked.out.as_str()), (Some(0), "ready\n"));
    talk.end(&mut daemon).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_stops_and_starts_on_a_full_disk_serves_whoever_reads() {
    let test = "a_daemon_that_stops_and_starts_on_a_full_disk_serves_whoever_reads";
    let Some((mut daemon, disk)) = on_a_small_disk(test).await else { return };
    let mut talk = Talk::begin(&daemon).await;
    talk.post(20).await;
    daemon.stop().await;
    disk.fill(0);
    comes_back(&mut daemon, &disk, &mut talk).await;
    // And once more, stopped while it is full.
    disk.fill(LEFT_BYTES);
    until_reading_only(&daemon).await;
    disk.fill(0);
    daemon.stop().await;
    comes_back(&mut daemon, &disk, &mut talk).await;
    talk.end(&mut daemon).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_is_killed_on_a_full_disk_starts_on_it_and_has_everything() {
    let test = "a_daemon_that_is_killed_on_a_full_disk_starts_on_it_and_has_everything";
    let Some((mut daemon, disk)) = on_a_small_disk(test).await else { return };
    let mut talk = Talk::begin(&daemon).await;
    for leave in [LEFT_BYTES, 0] {
        talk.post(20).await;
        disk.fill(leave);
        // Killed in the middle of making good what that has brought about, or a little later.
        if leave > 0 {
            until_reading_only(&daemon).await;
        }
        daemon.kill();
        assert_eq!(health::of(&daemon.data()).unwrap(), Health::NotRunning);
        assert_eq!(daemon.run(&["health"]).await.code, Some(9));
        comes_back(&mut daemon, &disk, &mut talk).await;
    }
    talk.end(&mut daemon).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_start_on_a_full_disk_waits_for_room_and_ends_when_it_is_told_to() {
    let test = "a_first_start_on_a_full_disk_waits_for_room_and_ends_when_it_is_told_to";
    let daemon = new_daemon();
    let Some(disk) = SmallDisk::mounted(test, &daemon.data()) else { return };
    let mut daemon = daemon;
    disk.fill(LEFT_BYTES);
    daemon.begin();
    until_waiting(&daemon).await;
    assert_eq!(daemon.run(&["health"]).await.code, Some(8));
    daemon.stop().await;
    daemon.begin();
    until_waiting(&daemon).await;
    disk.empty();
    until("demo workspace", || daemon.said().contains("A demo workspace was made").then_some(())).await;
    daemon.stop().await;
    println!("{}", daemon.verified().await);
}

/// Starts it on a full disk, sees whoever reads served and whoever writes not, and makes room.
async fn comes_back(daemon: &mut Daemon, disk: &SmallDisk, talk: &mut Talk) {
    daemon.begin();
    until_reading_only(daemon).await;
    talk.reads(daemon).await;
    talk.is_refused().await;
    disk.empty();
    talk.goes_on().await;
}

/// A daemon that runs on a disk of its own; `None` where there can be none.
async fn on_a_small_disk(test: &str) -> Option<(Daemon, SmallDisk)> {
    let mut daemon = new_daemon();
    let disk = SmallDisk::mounted(test, &daemon.data())?;
    daemon.start().await;
    Some((daemon, disk))
}

fn new_daemon() -> Daemon {
    Daemon::new()
        .with("data.room_bytes_min", &(32_u64 << 20).to_string())
        .with("data.reserve_bytes", &(24_u64 << 20).to_string())
        .with("conversation.idle_ms", "100")
}

async fn until_reading_only(daemon: &Daemon) {
    until_health(daemon, |health| matches!(health, Health::NoRoom { .. })).await;
}

async fn until_waiting(daemon: &Daemon) {
    until_health(daemon, |health| matches!(health, Health::WaitingForRoom { .. })).await;
}

async fn until_health(daemon: &Daemon, is_wanted: impl Fn(&Health) -> bool) {
    let look = || is_wanted(&health::of(&daemon.data()).ok()?).then_some(());
    until("such a state in the health file", look).await;
}

/// A customer who posts, an agent who follows, and what was acknowledged.
struct Talk {
    customer: Client,
    agent: Client,
    conversation: ConversationId,
    /// One that sleeps.
    asleep: ConversationId,
    following: Following,
    acknowledged: Vec<String>,
    seen: usize,
}

impl Talk {
    async fn begin(daemon: &Daemon) -> Self {
        let (customer, agent) = (people::customer(daemon, "carla").await, people::agent(daemon, 0).await);
        let ben = people::customer(daemon, "ben").await;
        let asleep = in_time("conversation", ben.open()).await.unwrap();
        ben.close().await.unwrap();
        let conversation = in_time("conversation", customer.open()).await.unwrap();
        let following = in_time("subscription", agent.follow(conversation, Seq::ZERO)).await.unwrap();
        Self { customer, agent, conversation, asleep, following, acknowledged: Vec::new(), seen: 0 }
    }

    fn sessions(&self) -> [String; 2] {
        [&self.customer, &self.agent].map(|client| format!("{:?}", *client.connection().borrow()))
    }

    async fn post(&mut self, count: usize) {
        for _ in 0..count {
            let next = self.next();
            in_time("answer", self.customer.post(self.conversation, text(next.clone()))).await.unwrap();
            self.acknowledged.push(next);
        }
        self.shown().await;
    }

    /// Whoever posts is told the number, the reason, and when to try again.
    async fn is_refused(&self) {
        let posted = in_time("answer", self.customer.post(self.conversation, text("refused"))).await;
        let joined = in_time("answer", self.agent.join(self.conversation)).await;
        for error in [posted.unwrap_err(), joined.unwrap_err()].map(refusal) {
            assert_eq!(error.code(), Some(ErrorCode::NoRoom), "{error:?}");
            assert!(error.retryable && error.wait_ms.is_some(), "{error:?}");
            assert!(error.sentence.contains("the disk is full") && error.sentence.contains("MiB are free"));
        }
    }

    /// Whoever reads is served: what is awake and what sleeps, as lists and as conversations.
    async fn reads(&mut self, daemon: &Daemon) {
        let everything = in_time("transcript", stored(&self.agent, self.conversation)).await;
        assert_eq!(messages(&everything), self.acknowledged);
        let owner = people::owner(daemon).await;
        let listed = in_time("list", owner.list(ListFilter::default(), None, 10)).await.unwrap();
        assert_eq!(listed.rows.len(), 2);
        let mut following = in_time("subscription", owner.follow(self.asleep, Seq::ZERO)).await.unwrap();
        in_time("first event", following.next()).await.unwrap().unwrap();
        owner.close().await.unwrap();
    }

    /// The same client posts until it is taken.
    async fn goes_on(&mut self) {
        let next = self.next();
        let taken = async {
            loop {
                match self.customer.post(self.conversation, text(next.clone())).await {
                    Ok(_) => return,
                    Err(error) => assert!(refusal(error).retryable),
                }
            }
        };
        in_time("room", taken).await;
        self.acknowledged.push(next);
        self.post(20).await;
    }

    /// Waits until the agent was shown everything acknowledged.
    async fn shown(&mut self) {
        while self.seen < self.acknowledged.len() {
            if let Update::Event(event) = in_time("event", self.following.next()).await.unwrap().unwrap()
                && let Some(text) = said(&event).filter(|text| text.starts_with("message "))
            {
                assert_eq!(text, self.acknowledged[self.seen]);
                self.seen += 1;
            }
        }
    }

    /// Ends it, and compares what was acknowledged with what is stored.
    async fn end(mut self, daemon: &mut Daemon) {
        self.shown().await;
        let everything = stored(&self.customer, self.conversation).await;
        assert_eq!(messages(&everything), self.acknowledged);
        self.customer.close().await.unwrap();
        self.agent.close().await.unwrap();
        daemon.stop().await;
        println!("{}", daemon.verified().await);
    }

    fn next(&self) -> String {
        format!("message {}", self.acknowledged.len())
    }
}

fn messages(events: &[switchboard_client::wire::Event]) -> Vec<String> {
    let texts = events.iter().filter_map(said).filter(|text| !text.starts_with("Hello!"));
    texts.map(str::to_owned).collect()
}

fn refusal(error: ClientError) -> ErrorBody {
    match error {
        ClientError::Rejected(body) => body,
        other => panic!("no refusal: {other:?}"),
    }
}

/// Less than must be free, and more than nothing.
const LEFT_BYTES: u64 = 20 << 20;
