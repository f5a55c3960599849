//! Step-ins against replies of the bot: ten thousand conversations in which both are on their way at once.
//!
//! Owns the proof that a customer's words are answered by one of them. Who else has a say, and what becomes of a
//! consultation, is held against models elsewhere.

use super::*;
use crate::domain::conversation::{OwnAction, Service, reply};

/// What the last one who spoke or acted leaves.
#[derive(Debug, Default)]
struct Heard {
    /// The customer has said something, and nobody has answered it.
    is_owed: bool,
    serves: Option<MemberId>,
    by_bot: usize,
    by_agents: usize,
    stepped_in: usize,
}

impl Heard {
    /// The next entry, as it is handed to the journal: what is decided is decided here.
    fn hear(&mut self, entry: &Entry) {
        for event in &entry.events {
            match (&event.what, event.by) {
                (What::Message(_), Party::Customer) => self.is_owed = true,
                (What::Message(_), Party::Bot) => {
                    assert_eq!(self.serves, None, "the bot speaks while an agent serves");
                    assert!(
                        std::mem::take(&mut self.is_owed),
                        "the bot answers twice, or what nobody has said"
                    );
                    self.by_bot += 1;
                }
                (What::Message(_), Party::Agent { member }) => {
                    assert_eq!(self.serves, Some(member), "somebody speaks who does not serve");
                    self.is_owed = false;
                    self.by_agents += 1;
                }
                (What::Assigned { member, .. }, _) => {
                    assert_eq!(self.serves.replace(*member), None, "two agents step in");
                    // What the bot owed then is the agent's to answer.
                    (self.is_owed, self.stepped_in) = (false, self.stepped_in + 1);
                }
                (What::Completed, _) => self.serves = None,
                (
                    What::Started { .. }
                    | What::Called { .. }
                    | What::CallRefused { .. }
                    | What::Requeued { .. }
                    | What::Unserved { .. }
                    | What::Explained(_)
                    | What::Entered { .. }
                    | What::Left { .. }
                    | What::Ended
                    | What::Described(_)
                    | What::Read { .. }
                    | What::Unchanged,
                    _,
                ) => {}
            }
        }
    }
}

/// A conversation, replies of the bot that are on their way to it, and what has become of it.
struct Race {
    talk: Talk,
    service: Service,
    replies: Vec<OwnAction>,
    heard: Heard,
    stale: usize,
}

impl Race {
    fn begun() -> Self {
        let service = Service { reply: Some(MessageText::new("A moment").unwrap()), ..Service::NONE };
        Self { talk: Talk::begun(), service, replies: Vec::new(), heard: Heard::default(), stale: 0 }
    }

    fn does(&mut self, identity: &Identity, action: Do) {
        self.talk.counter += 1;
        let counter = self.talk.counter;
        let origin = Origin {
            party: identity.party(),
            instance: InstanceId::from_bytes([5; 16]),
            counter: counter.into(),
        };
        let command = Command { identity: identity.clone(), origin, action };
        let context = Context { service: &self.service, ..Context::plain(NOW, Policy::default()) };
        let actions = self.talk.live.command(counter, (), &command, &context, || Ok::<_, ()>(())).unwrap();
        actions.iter().for_each(|action| self.appended(action));
    }

    /// A reply reaches the conversation, perhaps for the second time.
    fn replies(&mut self, at: usize) {
        let context = Context { service: &self.service, ..Context::plain(NOW, Policy::default()) };
        match self.talk.live.own((), &self.replies[at], &context, || Ok::<_, ()>(())) {
            Ok(action) => action.iter().for_each(|action| self.appended(action)),
            Err(NotDone::Rejected(_)) => self.stale += 1,
            Err(NotDone::NoRoom(())) => unreachable!("there is room"),
        }
    }

    fn appended(&mut self, action: &Action<Plain>) {
        if let Action::Append(entry) = action {
            self.heard.hear(entry);
        }
    }

    fn step(&mut self, chance: &mut u64) {
        let agent = |number: u64| Identity::Member {
            workspace: WORKSPACE,
            member: MemberId::from_bytes([6 + number as u8; 16]),
        };
        match below(chance, 13) {
            0..3 => self.does(&customer(), text("Is anybody there?")),
            3..5 => self.replies.extend(reply(self.talk.live.state(), &self.service, NOW)),
            5..7 if !self.replies.is_empty() => {
                let at = below(chance, self.replies.len() as u64) as usize;
                self.replies(at);
            }
            7 => {
                let consultation =
                    ConsultationId::from_bytes(chance.to_be_bytes().repeat(2).try_into().unwrap());
                self.does(&agent(below(chance, 2)), Do::Take { consultation, epoch: None });
            }
            8 => self.does(&agent(below(chance, 2)), text("I am")),
            9..12 => self.does(&agent(below(chance, 2)), Do::Complete { epoch: None }),
            _ => {
                let revision = self.talk.live.state().revision;
                self.talk.durable(revision);
            }
        }
    }
}

#[test]
fn ten_thousand_step_ins_and_replies_of_the_bot_race_and_nothing_is_answered_twice() {
    let (mut races, mut by_bot, mut by_agents, mut stale) = (0, 0, 0, 0);
    for seed in 0_u64.. {
        let (mut race, mut chance) = (Race::begun(), seed);
        for _ in 0..30 {
            race.step(&mut chance);
        }
        races += race.heard.stepped_in;
        (by_bot, by_agents) = (by_bot + race.heard.by_bot, by_agents + race.heard.by_agents);
        stale += race.stale;
        if races >= STEP_INS {
            break;
        }
    }
    assert!(by_bot > STEP_INS / 8, "the bot answered {by_bot} times");
    assert!(by_agents > STEP_INS / 8, "agents answered {by_agents} times");
    assert!(stale > STEP_INS / 8, "{stale} replies came too late");
}

fn below(chance: &mut u64, bound: u64) -> u64 {
    *chance = chance.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
    (*chance >> 33) % bound
}

const NOW: Timestamp = Timestamp::from_millis(7);

const STEP_INS: usize = 10_000;
