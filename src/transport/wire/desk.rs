//! The desk and the list on the wire.
//!
//! Owns the translation of rows, agents and the desk's items, and how much of them fits into a frame. Must not
//! know where they come from.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use switchboard_protocol::vocabulary::ProfileId;
use switchboard_protocol::wire::{
    AgentStatus, DeskFrame, ErrorBody, ErrorCode, EstimateFigures, FRAME_BYTES_MAX, ListCounts, ListFilter,
    ListName, ReplyBody, Row, encode_frame,
};

use crate::actors::desk::{self, Counts, DeskItem, Shared, Snapshot, Waiting};
use crate::domain::listing::{List, Lists, Wish};
use crate::journal::ListRow;

/// The bytes of a desk item: those that many desks are told are made once for all of them. `None`: it has ended.
pub(in crate::transport) fn desk_item(item: DeskItem) -> Option<Bytes> {
    match item {
        DeskItem::Snapshot(snapshot) => Some(snapshot.bytes(|snapshot| frames(snapshot_frames(snapshot)))),
        DeskItem::Agent(status) => Some(status.bytes(|status| frames([DeskFrame::Agent(agent(status))]))),
        DeskItem::Gone(conversations) => Some(frames([DeskFrame::Gone { conversations }])),
        DeskItem::Row(changed) => {
            Some(changed.bytes(|changed| frames([DeskFrame::Row(row(changed.clone()))])))
        }
        DeskItem::Counts(profile, counts) => Some(frames([counted(profile, counts)])),
        DeskItem::Ended => None,
    }
}

/// What is said at the end of a desk.
pub(in crate::transport) fn desk_ended() -> DeskFrame {
    let sentence = "the workspace's engine was begun anew; subscribe again";
    DeskFrame::Ended { error: ErrorBody::new(ErrorCode::Resubscribe, sentence) }
}

fn counted(profile: Option<ProfileId>, Counts { waiting, attention, in_progress }: Counts) -> DeskFrame {
    let counts = ListCounts { waiting, attention, in_progress };
    match profile {
        None => DeskFrame::Counts(counts),
        Some(profile) => DeskFrame::ProfileCounts { profile, counts },
    }
}

fn frames(frames: impl IntoIterator<Item = DeskFrame>) -> Bytes {
    let mut bytes = BytesMut::new();
    for frame in frames {
        match encode_frame(&frame) {
            Ok(frame) => bytes.extend_from_slice(&frame),
            Err(error) => tracing::error!(%error, "a frame could not be encoded"),
        }
    }
    bytes.freeze()
}

/// The frames of a snapshot: those of a large workspace are many.
fn snapshot_frames(snapshot: &Snapshot) -> impl Iterator<Item = DeskFrame> {
    let (rows, agents) = (&snapshot.rows, &snapshot.agents);
    let mut left = FRAME_BYTES_MAX - ENVELOPE_BYTES;
    let fitting = rows.iter().take_while(|row| take(&mut left, row.value.bytes())).count();
    let room = (left / AGENT_BYTES_MAX).min(agents.len());
    let shown = |rows: &[Arc<Shared<ListRow>>]| rows.iter().map(|shared| row(shared.value.clone())).collect();
    let first = DeskFrame::Snapshot {
        rows: shown(&rows[..fitting]),
        agents: agents[..room].iter().map(agent).collect(),
    };
    let later: Vec<Row> = shown(&rows[fitting..]);
    let agents = agents[room..].iter().map(|status| DeskFrame::Agent(agent(status)));
    std::iter::once(first).chain(later.into_iter().map(DeskFrame::Row)).chain(agents)
}

/// Takes so many bytes of what is left, if there are so many.
const fn take(left: &mut usize, bytes: usize) -> bool {
    let fits = *left >= bytes;
    if fits {
        *left -= bytes;
    }
    fits
}

fn agent(status: &desk::AgentStatus) -> AgentStatus {
    AgentStatus {
        member: status.member,
        name: status.name.clone(),
        online: status.online,
        away: status.away,
        waiting: status.work.waiting,
        in_progress: status.work.in_progress,
        over_limit: status.over_limit,
    }
}

/// How waiting goes.
pub(super) fn waiting(Waiting { waiting, accuracy }: Waiting) -> ReplyBody {
    ReplyBody::Waiting {
        waiting,
        estimates: EstimateFigures {
            compared: accuracy.compared,
            told_mean_s: accuracy.told_mean_s(),
            took_mean_s: accuracy.took_mean_s(),
            off_mean_s: accuracy.off_mean_s(),
        },
    }
}

pub(super) fn row(row: ListRow) -> Row {
    let answered = row.member.filter(|_| matches!(row.list, List::Completed | List::Missed));
    Row {
        conversation: row.conversation,
        profile: row.customer.profile,
        platform: row.customer.platform,
        user_key: row.customer.user_key,
        name: row.name,
        list: list_name(row.list),
        assignee: row.assignee,
        answered,
        waits_since: row.waits_since,
        category: row.category,
        ended: row.ended,
        last_message: row.last_message,
        last_at: row.last_at,
        unread: u32::try_from(row.unread).unwrap_or(u32::MAX),
        seq: row.seq,
        epoch: row.epoch,
    }
}

const fn list_name(list: List) -> ListName {
    match list {
        List::WithBot => ListName::WithBot,
        List::Waiting => ListName::Waiting,
        List::InProgress => ListName::InProgress,
        List::Completed => ListName::Completed,
        List::Missed => ListName::Missed,
    }
}

/// What a filter asks for.
pub(super) fn wish(filter: &ListFilter) -> Result<Wish, ErrorBody> {
    let mut lists = if filter.lists.is_empty() { Lists::ALL } else { Lists::NONE };
    for name in &filter.lists {
        lists = lists.with(match name {
            ListName::WithBot => List::WithBot,
            ListName::Waiting => List::Waiting,
            ListName::InProgress => List::InProgress,
            ListName::Completed => List::Completed,
            ListName::Missed => List::Missed,
            ListName::Unknown => {
                let sentence = "filter.lists: it names a list that is not known here";
                return Err(ErrorBody::new(ErrorCode::Unsupported, sentence));
            }
        });
    }
    let lists = if filter.hide_bot { lists.without(List::WithBot) } else { lists };
    Ok(Wish { lists, profile: filter.profile, mine: filter.mine })
}

/// What a frame takes at the most besides its rows and agents.
const ENVELOPE_BYTES: usize = 1_024;

/// What an agent takes at the most: a name of up to 30 characters, an id, numbers, and the names of the fields.
const AGENT_BYTES_MAX: usize = 220;

#[cfg(test)]
mod tests {
    use super::super::reply_frame;
    use super::*;
    use crate::actors::desk::Work;
    use crate::domain::identity::CustomerKey;
    use crate::journal::Position;
    use crate::limits;
    use switchboard_protocol::vocabulary::{
        CategoryName, CategoryPath, ConversationId, CustomerName, DisplayName, MemberId, Platform, Seq,
        Timestamp, UserKey,
    };
    use switchboard_protocol::wire::{ReplyBody, encode};

    fn longest_category() -> CategoryPath {
        let level = CategoryName::new("🙂".repeat(CategoryName::CHARS_MAX)).unwrap();
        CategoryPath::new(vec![level; 3]).unwrap()
    }

    fn longest_row() -> ListRow {
        ListRow {
            conversation: ConversationId::from_bytes([0xff; 16]),
            customer: CustomerKey {
                profile: ProfileId::from_bytes([0xff; 16]),
                platform: Platform::new("🙂".repeat(Platform::CHARS_MAX)).unwrap(),
                user_key: UserKey::new("🙂".repeat(UserKey::CHARS_MAX)).unwrap(),
            },
            name: Some(CustomerName::new("🙂".repeat(CustomerName::CHARS_MAX)).unwrap()),
            list: List::InProgress,
            assignee: Some(MemberId::from_bytes([0xff; 16])),
            member: Some(MemberId::from_bytes([0xff; 16])),
            waits_since: Some(Timestamp::from_millis(i64::MAX)),
            category: longest_category(),
            ended: true,
            last_message: "🙂".repeat(limits::PREVIEW_CHARS_MAX),
            last_at: Timestamp::from_millis(i64::MAX),
            unread: usize::MAX,
            seq: Seq::MAX,
            epoch: u64::MAX,
            position: Position(u64::MAX),
        }
    }

    fn longest_status(n: usize) -> desk::AgentStatus {
        let mut id = [0xff; 16];
        id[..8].copy_from_slice(&n.to_be_bytes());
        let name = DisplayName::new("🙂".repeat(DisplayName::CHARS_MAX)).unwrap();
        let work = Work { waiting: u32::MAX, in_progress: u32::MAX };
        desk::AgentStatus {
            member: MemberId::from_bytes(id),
            name,
            online: true,
            away: true,
            work,
            over_limit: true,
        }
    }

    #[test]
    fn a_row_takes_no_more_than_is_counted_and_a_page_of_them_fits_into_a_frame() {
        let longest = longest_row();
        let bytes = encode(&DeskFrame::Row(row(longest.clone()))).unwrap().len();
        assert!(bytes <= longest.bytes(), "{bytes} bytes");
        let rows = vec![row(longest); limits::REPLY_BYTES_MAX / longest_row().bytes()];
        let next = Some("x".repeat(200));
        let body = ReplyBody::Conversations { rows, next, position: u64::MAX };
        assert!(encode(&reply_frame(u64::MAX, Ok(body))).is_ok());
    }

    #[test]
    fn hiding_the_bot_leaves_every_other_list_that_was_asked_for() {
        let asked = |lists: &[ListName]| {
            let filter = ListFilter { lists: lists.to_vec(), hide_bot: true, ..ListFilter::default() };
            wish(&filter).unwrap().lists.each().collect::<Vec<_>>()
        };
        let all = [List::Waiting, List::InProgress, List::Completed, List::Missed];
        assert_eq!(asked(&[]), all);
        assert_eq!(asked(&[ListName::WithBot, ListName::Missed]), [List::Missed]);
    }

    #[test]
    fn every_row_and_agent_of_the_largest_workspace_reaches_the_desk() {
        for rows in [0, 1, limits::LIST_ROWS_MAX] {
            let agents: Vec<_> = (0..limits::MEMBERS_MAX).map(longest_status).collect();
            let row = Arc::new(Shared::new(longest_row()));
            let snapshot = Snapshot { rows: vec![row; rows], agents: agents.clone().into() };
            let frames = snapshot_frames(&snapshot);
            let (mut told, mut shown) = (Vec::new(), 0);
            for frame in frames {
                assert!(encode(&frame).is_ok());
                match frame {
                    DeskFrame::Snapshot { rows, agents, .. } => {
                        shown += rows.len();
                        told.extend(agents);
                    }
                    DeskFrame::Agent(agent) => told.push(agent),
                    DeskFrame::Row(_) => shown += 1,
                    DeskFrame::Gone { .. }
                    | DeskFrame::Counts(_)
                    | DeskFrame::ProfileCounts { .. }
                    | DeskFrame::Ended { .. }
                    | DeskFrame::Unknown => {}
                }
            }
            assert_eq!((told, shown), (agents.iter().map(agent).collect::<Vec<_>>(), rows));
        }
    }
}
