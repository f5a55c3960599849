//! Random commands: the rules against the plain list of `model`, and what must hold after every command.
//!
//! Owns which commands are tried: from everybody, first and again, in the window and beyond it, while the
//! clock runs forwards and backwards.

use proptest::prelude::*;
use switchboard_protocol::vocabulary::{
    Button, Card, CardTitle, CategoryPath, CustomerName, EmailAddress, Few, Label, Latitude, Link, Location,
    Longitude, Media, MediaKind, Phone,
};

use super::calling::decided;
use super::model::{Expected, Model};
use super::*;
use crate::domain::assignment::{Explanation, Outcome as Chosen, Rule};
use crate::domain::consultation::{Consultation, Requeued, Stage};
use crate::domain::customer::{DetailsChange, Edit, Gender};

/// A command to try.
#[derive(Debug, Clone)]
enum Try {
    New {
        who: u8,
        client: u8,
        skip: i8,
        clock: i16,
        action: Action,
        from_end: i8,
    },
    /// One that was tried before, of those so many ago.
    Again(prop::sample::Index),
    /// The engine itself gives it to somebody or, to nobody, lets it wait again.
    Own(Option<MemberId>),
}

/// What the engine itself tries.
#[derive(Debug)]
pub(super) enum Own {
    /// It is given to somebody.
    Gives(Explanation, MemberId),
    /// Whoever answers for it is gone.
    Requeues(Requeued),
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        1 => Just(start()),
        1 => Just(greeted()),
        1 => Just(Action::Start { customer: key("minji"), greeting: None, known: named("Kim"), former: None }),
        2 => describing(),
        1 => Just(Action::Start { customer: key("stranger"), greeting: None, known: Details::default(), former: None }),
        6 => "[a가🙂]{1,9}".prop_map(|words| post(&words)),
        2 => content().prop_map(|content| Action::Post { content }),
        4 => Just(read(0)),
        3 => Just(Action::Join),
        2 => Just(Action::Leave),
        2 => at().prop_map(|epoch| Action::Take { consultation: CONSULTATION, epoch }),
        1 => at().prop_map(|epoch| Action::Complete { epoch }),
        2 => Just(Action::Call { consultation: CONSULTATION, category: CategoryPath::default() }),
        1 => Just(Action::Cancel),
        1 => (prop::sample::select(vec![(ADA, BEN), (BEN, ADA), (BEN, CID), (ADA, ADA)]), at())
            .prop_map(|((from, to), epoch)| Action::Transfer { from, to, epoch }),
        // Rare, or most of what is tried would come after it.
        1 => prop::bool::weighted(0.2).prop_map(|ends| if ends { Action::End } else { Action::Leave }),
    ]
}

/// A few values of each detail, so that many find themselves as they want to be.
fn describing() -> impl Strategy<Value = Action> {
    fn edit<T: Clone + std::fmt::Debug + 'static>(values: Vec<T>) -> impl Strategy<Value = Edit<T>> {
        let set = prop::sample::select(values).prop_map(Edit::Set);
        prop_oneof![2 => Just(Edit::Leave), 2 => set, 1 => Just(Edit::Clear)]
    }
    let name = edit(["Kim", "Lee"].map(|name| CustomerName::new(name).unwrap()).to_vec());
    let phone = edit(vec![Phone::new("123").unwrap()]);
    let email = edit(vec![EmailAddress::new("a@b").unwrap()]);
    let gender = edit(vec![Gender::Female, Gender::Male, Gender::Other]);
    (name, phone, email, gender).prop_map(|(name, phone, email, gender)| {
        let change = Box::new(DetailsChange { name, phone, email, gender });
        Action::Describe { change }
    })
}

fn greeted() -> Action {
    let (customer, greeting) = (key("minji"), Some(said("Hello")));
    Action::Start { customer, greeting, known: Details::default(), former: None }
}

fn named(name: &str) -> Details {
    Details { name: CustomerName::new(name).ok(), ..Details::default() }
}

/// At any epoch, or at one that is put in once it is known which there is.
fn at() -> impl Strategy<Value = Option<u64>> {
    prop::sample::select(vec![None, None, Some(0)])
}

/// Every kind of content, also what is not known and what only the bot sends.
fn content() -> impl Strategy<Value = Content> {
    let link = || Link::new("https://example.com").unwrap();
    let media = |kind| Content::Media(Media::new(kind, link()).unwrap());
    let (latitude, longitude) = (Latitude::new(1.0).unwrap(), Longitude::new(2.0).unwrap());
    let text = MessageText::new("Well?").unwrap();
    let button = Button::Link { label: Label::new("Open").unwrap(), uri: link() };
    let buttons = Few::new(vec![button]).unwrap();
    let title = CardTitle::new("Tea").unwrap();
    let card = Card { title, description: None, media: None, link: None, buttons: Few::default() };
    prop::sample::select(vec![
        Content::Unknown,
        media(MediaKind::Unknown),
        media(MediaKind::Image),
        media(MediaKind::Link),
        Content::Location(Location { title: None, latitude, longitude }),
        Content::Text { text, buttons },
        Content::Cards { cards: Few::new(vec![card]).unwrap() },
    ])
}

/// What is tried by the first so many of everybody, each with so many client instances.
fn tries(people: u8, clients: u8) -> impl Strategy<Value = Try> {
    let client = 1..=clients;
    let skip = prop_oneof![12 => Just(1_i8), 2 => -3..4_i8, 1 => -40..40_i8];
    let new = (0..people, client, skip, -50..200_i16, action(), -3..2_i8);
    prop_oneof![
        5 => new.prop_map(|(who, client, skip, clock, action, from_end)| {
            Try::New { who, client, skip, clock, action, from_end }
        }),
        1 => any::<prop::sample::Index>().prop_map(Try::Again),
        1 => prop::sample::select(vec![Some(ADA), Some(BEN), None]).prop_map(Try::Own),
    ]
}

fn somebody(who: u8) -> Identity {
    match who {
        0..3 => customer(),
        3 => agent(ADA),
        4 => agent(BEN),
        5 => stranger(),
        6 => outsider(),
        _ => customer_elsewhere(),
    }
}

/// Both at once: the conversation, and the list that it is held against.
struct Both {
    story: Story,
    model: Model,
    tried: Vec<Command>,
    counters: BTreeMap<(Party, InstanceId), u64>,
}

impl Both {
    /// The command to try next.
    fn command(&mut self, what: Try) -> Option<Command> {
        let Try::New { who, client, skip, clock, mut action, from_end } = what else {
            let Try::Again(which) = what else { return None };
            return (!self.tried.is_empty()).then(|| which.get(&self.tried).clone());
        };
        self.story.now += i64::from(clock);
        let identity = somebody(who);
        if let Action::Read { up_to } = &mut action {
            let last = self.story.state.last.of(identity.reader()).get();
            *up_to = Seq::new(last.saturating_add_signed(i64::from(from_end))).unwrap();
        }
        if let Action::Take { epoch: Some(epoch), .. }
        | Action::Transfer { epoch: Some(epoch), .. }
        | Action::Complete { epoch: Some(epoch) } = &mut action
        {
            // Most often the one that there is, or the one before.
            *epoch = self.story.state.served.epoch.saturating_add_signed(i64::from(from_end.max(-1)));
        }
        let (party, instance) = (identity.party(), instance(client));
        let counter = self.counters.entry((party, instance)).or_default();
        *counter = counter.saturating_add_signed(i64::from(skip)).max(1);
        let origin = Origin { party, instance, counter: *counter };
        let command = Command { identity, origin, action };
        // A client uses a counter for one command only.
        let taken = self.tried.iter().find(|tried| tried.origin == origin);
        Some(taken.cloned().unwrap_or(command))
    }

    fn run(&mut self, command: &Command) -> Result<(), TestCaseError> {
        let context = self.story.context();
        let decided = decide(&self.story.state, command, &context);
        prop_assert_eq!(&decided, &decide(&self.story.state, command, &context), "the same, decided again");
        self.compare(self.model.expects(command, TEXT_CHARS_MAX), &decided)?;
        self.tried.push(command.clone());
        if let Ok(Decision::Record(entry)) = decided {
            let at = self.model.time(self.story.now);
            prop_assert_eq!((entry.at.as_millis(), entry.origin), (at, Some(command.origin)));
            let events = entry.events.iter().map(|event| (event.by, event.what.clone()));
            self.model.accept(Some(command.origin), at, events.collect());
            self.story.state.apply(&entry);
            self.story.entries.push(entry);
            self.last_entry_fits()?;
            self.state_is_what_the_list_says()?;
        }
        Ok(())
    }

    fn own(&mut self, to: Option<MemberId>) -> Result<(), TestCaseError> {
        let (epoch, why) = (self.story.state.served.epoch, Requeued::Absent);
        let (action, own) = match to {
            Some(to) => {
                let action = decided(&self.story, Chosen::Assigned { member: to, rule: Rule::General });
                let OwnAction::Decided { explanation, .. } = &action else { unreachable!("it was decided") };
                let own = Own::Gives(Explanation::clone(explanation), to);
                (action, own)
            }
            None => (OwnAction::Requeue { consultation: CONSULTATION, epoch, why }, Own::Requeues(why)),
        };
        let expected = self.model.own(own);
        let done = decide_own(&self.story.state, &action, &self.story.context());
        prop_assert_eq!(done.is_ok(), expected.is_some(), "{:?}", done);
        if let (Ok(Some(entry)), Some(expected)) = (done, expected) {
            let found: Vec<_> = entry.events.iter().map(|event| (event.by, event.what.clone())).collect();
            prop_assert_eq!(&found, &expected);
            self.model.accept(None, self.model.time(self.story.now), found);
            self.story.state.apply(&entry);
            self.story.entries.push(entry);
            self.last_entry_fits()?;
            self.state_is_what_the_list_says()?;
        }
        Ok(())
    }

    fn compare(
        &self,
        expected: Expected,
        decided: &Result<Decision, Rejection>,
    ) -> Result<(), TestCaseError> {
        match expected {
            Expected::Events(events) => {
                let Ok(Decision::Record(entry)) = decided else {
                    return Err(TestCaseError::fail(format!("expected {events:?}, got {decided:?}")));
                };
                let found: Vec<_> = entry.events.iter().map(|event| (event.by, event.what.clone())).collect();
                prop_assert_eq!(found, events);
            }
            Expected::AlreadySo => prop_assert_eq!(decided, &Ok(Decision::AlreadySo)),
            Expected::Refused(rejection) => prop_assert_eq!(decided, &Err(rejection)),
            Expected::Again(entry) => {
                let answer = answer_of(&self.story.entries[entry]);
                prop_assert_eq!(decided, &Ok(Decision::Answered(answer)));
            }
            Expected::NotAgain => prop_assert!(
                matches!(
                    decided,
                    Ok(Decision::Answered(_) | Decision::AcceptedLongAgo) | Err(Rejection::InstanceForgotten)
                ),
                "a second time: {decided:?}"
            ),
            Expected::Unpromised(rule) => match decided {
                Ok(Decision::AcceptedLongAgo) | Err(Rejection::InstanceForgotten) => {}
                Ok(Decision::Record(_) | Decision::AlreadySo | Decision::Answered(_)) | Err(_) => {
                    self.compare(*rule, decided)?;
                }
            },
        }
        Ok(())
    }

    fn last_entry_fits(&self) -> Result<(), TestCaseError> {
        let entries = &self.story.entries;
        let entry = entries.last().unwrap();
        let (place, customer_sees) = self.model.answer(entries.len() - 1);
        let answer = Answer { revision: entries.len() as u64, place, customer_sees, at: entry.at };
        prop_assert_eq!(answer_of(entry), answer);
        prop_assert_eq!(entry.placed().last().map(|(place, _)| place), Some(entry.after()));
        for reader in [Reader::Customer, Reader::Staff] {
            let placed = entry.placed().filter(|(_, event)| event.what.audience().includes(reader));
            let placed: Vec<_> = placed.map(|(place, event)| (place.of(reader), event.clone())).collect();
            let seen: Vec<_> = entry.seen_by(reader).map(|seen| (seen.seq, seen.event.clone())).collect();
            prop_assert_eq!(placed, seen);
        }
        Ok(())
    }

    fn state_is_what_the_list_says(&self) -> Result<(), TestCaseError> {
        let (story, model, state) = (&self.story, &self.model, &self.story.state);
        for reader in [Reader::Customer, Reader::Staff] {
            let view: Vec<_> = (1..).zip(model.view(reader)).collect();
            prop_assert_eq!(state.last.of(reader).get(), view.len() as u64);
            prop_assert_eq!(story.seen_by(reader), view);
        }
        for (side, unread) in [(Side::Customer, &state.customer_unread), (Side::Staff, &state.staff_unread)] {
            prop_assert_eq!(unread.waiting.iter().copied().collect::<Vec<_>>(), model.unread(side));
            prop_assert_eq!((unread.count(), unread.read), (model.unread(side).len(), model.cursor(side)));
        }
        prop_assert_eq!(state.served.agents.iter().copied().collect::<Vec<_>>(), model.agents());
        prop_assert_eq!((state.assignee(), state.served.epoch), (model.assignee(), model.epoch()));
        prop_assert_eq!(state.served.former, model.former());
        prop_assert_eq!(state.ended, model.ended());
        prop_assert_eq!(&state.details, &model.details());
        let is_in_progress =
            matches!(state.served.consultation, Some(Consultation { stage: Stage::InProgress(_), .. }));
        prop_assert_eq!(is_in_progress, model.is_in_progress());
        let begun: Vec<_> = story
            .entries
            .iter()
            .flat_map(|entry| entry.seen_by(Reader::Staff))
            .filter_map(|seen| seen.epoch)
            .collect();
        prop_assert_eq!(begun, (1..=model.epoch()).collect::<Vec<_>>(), "staff are told each epoch");
        let mut replayed = Conversation::new(WORKSPACE, CONVERSATION);
        story.entries.iter().for_each(|entry| replayed.apply(entry));
        prop_assert_eq!(&replayed, state);
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_conversation_is_the_list_of_what_was_accepted(
        starts in prop::bool::weighted(0.9),
        // A few that go on, or a crowd whose members push each other out.
        tries in prop::sample::select(vec![(8, 3), (4, 24)])
            .prop_flat_map(|(people, clients)| prop::collection::vec(tries(people, clients), 1..200)),
    ) {
        let (story, model) = (given([]), Model::default());
        let mut both = Both { story, model, tried: Vec::new(), counters: BTreeMap::new() };
        if starts {
            let origin = Origin { party: Party::Customer, instance: instance(1), counter: 1 };
            both.counters.insert((Party::Customer, origin.instance), 1);
            both.run(&Command { identity: customer(), origin, action: start() })?;
        }
        for what in tries {
            if let Try::Own(to) = what {
                both.own(to)?;
            } else if let Some(command) = both.command(what) {
                both.run(&command)?;
            }
        }
    }

    /// One client that keeps to its window, whatever is lost on the way and however often it sends.
    #[test]
    fn a_client_that_resends_what_is_unanswered_posts_everything_once_and_hears_the_answer(
        lost in prop::collection::vec((any::<bool>(), any::<bool>(), any::<bool>()), 1..200),
    ) {
        let mut story = given([(customer(), start())]);
        let mut unanswered: Vec<(u64, Option<Entry>)> = Vec::new();
        let (mut next, mut sent) = (1_u64, 0);
        for (again, request_lost, answer_lost) in lost {
            let has_room = unanswered.first().is_none_or(|(oldest, _)| next - oldest < ANSWERS_MAX as u64);
            if has_room {
                unanswered.push((next, None));
                next += 1;
            }
            // Either the last that came comes again, or the next in order comes.
            let came = unanswered.iter().take_while(|(_, entry)| entry.is_some()).count();
            let which = if again { came.saturating_sub(1) } else { came.min(unanswered.len() - 1) };
            if request_lost {
                continue;
            }
            let (counter, first) = &mut unanswered[which];
            let outcome = story.when_sent(&customer(), 2, *counter, post(&format!("{counter}")));
            match first {
                Some(entry) => outcome.answered_as(entry),
                None => {
                    *first = Some(outcome.becomes([message(&format!("{counter}"))]));
                    sent += 1;
                }
            }
            if !answer_lost {
                unanswered.remove(which);
            }
        }
        prop_assert_eq!(story.seen_by(Reader::Customer).len(), sent + 1);
    }
}
