//! Assignment: one decision, and the queue when ten thousand wait.
//!
//! Owns a workspace as they are: specialists for thirty categories, agents of whom some are away or full, customers
//! who come back. Must not know conversations.

use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput};
use switchboard::domain::assignment::{
    Choosing, Load, Pool, Queue, Request, Roster, RuleBook, Rules, Standing, Strategy, choose,
};
use switchboard_protocol::vocabulary::{
    CategoryName, CategoryPath, ConsultationId, MemberId, ProfileId, Timestamp,
};

pub(crate) fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("assignment");
    for agents in [10, 100, 1_000] {
        for (name, strategy) in [("random", Strategy::Random), ("least loaded", Strategy::LeastLoaded)] {
            let (rules, roster) = (rules(agents, strategy), roster(agents, some_are_free));
            group.bench_function(BenchmarkId::new(format!("choose/{name}"), agents), |bench| {
                bench.iter(|| choose(&rules, black_box(&roster), &request(7), 11));
            });
        }
        arrive(&mut group, agents);
        drain(&mut group, agents);
    }
    group.finish();
}

type Group<'a> = criterion::BenchmarkGroup<'a, criterion::measurement::WallTime>;

/// A call comes while ten thousand wait, and waits as well.
fn arrive(group: &mut Group<'_>, agents: u32) {
    let book = book(agents);
    let mut roster = roster(agents, |_| MAXIMUM);
    let mut queue = waiting(&book, &roster);
    group.bench_function(BenchmarkId::new("arrive", agents), |bench| {
        bench.iter(|| {
            let explanation = queue.arrive(&book, &mut roster, request(WAITING), 11);
            queue.remove(request(WAITING).consultation);
            explanation
        });
    });
}

/// Ten thousand wait, and somebody has finished something; or everybody has.
fn drain(group: &mut Group<'_>, agents: u32) {
    let book = book(agents);
    let mut full = roster(agents, |_| MAXIMUM);
    let mut queue = waiting(&book, &full);
    group.bench_function(BenchmarkId::new("drain/nobody is free", agents), |bench| {
        bench.iter(|| queue.drain(&book, &mut full, &mut || 11));
    });
    group.bench_function(BenchmarkId::new("drain/one is free", agents), |bench| {
        bench.iter(|| {
            full.member(member(5)).load -= 1;
            let given = queue.drain(&book, &mut full, &mut || 11);
            assert_eq!(given.len(), 1);
            // It comes back to its place, so that as many wait the next time.
            given.into_iter().for_each(|(request, _)| queue.push(&book, &full, request));
        });
    });
    let free = roster(agents, |_| MAXIMUM - 1);
    let online = u64::from(agents - agents.div_ceil(AWAY_EVERY));
    group.throughput(Throughput::Elements(online));
    group.bench_function(BenchmarkId::new("drain/everybody is free", agents), |bench| {
        let both = || (queue.clone(), free.clone());
        let drain = |(mut queue, mut roster): (Queue, Roster)| {
            let given = queue.drain(&book, &mut roster, &mut || 11);
            assert_eq!(given.len() as u64, online);
            (given, queue, roster)
        };
        bench.iter_batched(both, drain, BatchSize::PerIteration);
    });
}

fn waiting(book: &RuleBook, roster: &Roster) -> Queue {
    let mut queue = Queue::default();
    (0..WAITING).for_each(|number| queue.push(book, roster, request(number)));
    queue
}

fn book(agents: u32) -> RuleBook {
    RuleBook([(PROFILE, rules(agents, Strategy::LeastLoaded))].into())
}

/// Thirty categories below three, a tenth of the agents for each; everybody else when none of them can.
fn rules(agents: u32, strategy: Strategy) -> Rules {
    let specialists = (0..CATEGORIES).map(|number| {
        let theirs = (0..agents.div_ceil(10)).map(|at| member((number * 7 + at * 3) % agents)).collect();
        (category(number), theirs)
    });
    Rules {
        automatic: true,
        open: true,
        choosing: Choosing { sticky: true, or_another: true, strategy },
        load: Load { maximum: MAXIMUM, in_hours_first: true, own_list_only: false },
        general: Pool::All,
        specialists: specialists.collect(),
        no_one_else: false,
    }
}

/// Members of whom some are away, with a load for the others.
fn roster(agents: u32, load: impl Fn(u32) -> u32) -> Roster {
    let mut roster = Roster::default();
    for number in 0..agents {
        let agent = roster.member(member(number));
        agent.standing = if number % AWAY_EVERY == 0 { Standing::Away } else { Standing::Online };
        (agent.load, agent.turn) = (load(number), u64::from(number * 31 % agents));
    }
    roster
}

/// One in eleven of them is full.
const fn some_are_free(number: u32) -> u32 {
    number % (MAXIMUM + 1)
}

/// Every other one is about something that has specialists, and every third customer has been there before.
fn request(number: u32) -> Request {
    let about =
        if number.is_multiple_of(2) { category(number % CATEGORIES) } else { CategoryPath::default() };
    let mut id = [9; 16];
    id[12..].copy_from_slice(&number.to_be_bytes());
    Request {
        consultation: ConsultationId::from_bytes(id),
        profile: PROFILE,
        category: about,
        former: number.is_multiple_of(3).then(|| member(number % 10)),
        called_at: Timestamp::from_millis(i64::from(number)),
        in_hours: !number.is_multiple_of(5),
    }
}

fn category(number: u32) -> CategoryPath {
    let level = |text: String| CategoryName::new(text).unwrap();
    CategoryPath::new(vec![level(format!("area {}", number % 3)), level(format!("matter {number}"))]).unwrap()
}

fn member(number: u32) -> MemberId {
    let mut id = [6; 16];
    id[12..].copy_from_slice(&number.to_be_bytes());
    MemberId::from_bytes(id)
}

const PROFILE: ProfileId = ProfileId::from_bytes([3; 16]);

const WAITING: u32 = 10_000;

const MAXIMUM: u32 = 10;

const CATEGORIES: u32 = 30;

const AWAY_EVERY: u32 = 10;
