//! The desk and the list on the wire.
//!
//! Owns the translation of rows, agents and the desk's items, and how much of them fits into a frame. Must not
//! know where they come from.

use switchboard_protocol::wire::{
    AgentStatus, DeskFrame, ErrorBody, ErrorCode, EstimateFigures, FRAME_BYTES_MAX, ReplyBody, Row,
};

use crate::actors::desk::{self, DeskItem, Waiting};
use crate::journal::ListRow;
use crate::limits;

/// The frames of a desk item, each made when it is wanted: those of a large workspace are many. Nothing
/// follows the one that says that it has ended.
pub(in crate::transport) fn desk(item: DeskItem) -> impl Iterator<Item = DeskFrame> + Send {
    let (first, rest) = match item {
        DeskItem::Snapshot(rows, agents) => {
            let mut rows: Vec<Row> = rows.into_iter().map(row).collect();
            // The first page fits into a frame; its rows are bounded. The agents need not.
            rows.truncate(limits::LIST_ROWS_MAX);
            let room = (FRAME_BYTES_MAX - ROW_BYTES_MAX * (rows.len() + 1)) / AGENT_BYTES_MAX;
            let room = room.min(agents.len());
            let snapshot = DeskFrame::Snapshot { rows, agents: agents[..room].iter().map(agent).collect() };
            (snapshot, Some((agents, room)))
        }
        DeskItem::Row(changed) => (DeskFrame::Row(row(changed)), None),
        DeskItem::Agent(status) => (DeskFrame::Agent(agent(&status)), None),
        DeskItem::Ended => {
            let sentence = "the workspace's engine was begun anew; subscribe again";
            (DeskFrame::Ended { error: ErrorBody::new(ErrorCode::Resubscribe, sentence) }, None)
        }
    };
    let rest = rest
        .into_iter()
        .flat_map(|(agents, room)| (room..agents.len()).map(move |at| DeskFrame::Agent(agent(&agents[at]))));
    std::iter::once(first).chain(rest)
}

fn agent(status: &desk::AgentStatus) -> AgentStatus {
    AgentStatus {
        member: status.member,
        name: status.name.clone(),
        online: status.online,
        away: status.away,
        waiting: status.work.waiting,
        in_progress: status.work.in_progress,
    }
}

/// How waiting goes.
pub(super) fn waiting(Waiting { waiting, accuracy }: Waiting) -> ReplyBody {
    ReplyBody::Waiting {
        waiting: u32::try_from(waiting).unwrap_or(u32::MAX),
        estimates: EstimateFigures {
            compared: accuracy.compared,
            told_mean_s: accuracy.told_mean_s(),
            took_mean_s: accuracy.took_mean_s(),
            off_mean_s: accuracy.off_mean_s(),
        },
    }
}

pub(super) fn row(row: ListRow) -> Row {
    Row {
        conversation: row.conversation,
        profile: row.customer.profile,
        platform: row.customer.platform,
        user_key: row.customer.user_key,
        name: row.name,
        assignee: row.assignee,
        ended: row.ended,
        last_message: row.last_message,
        last_at: row.last_at,
        unread: u32::try_from(row.unread).unwrap_or(u32::MAX),
        seq: row.seq,
        epoch: row.epoch,
    }
}

// One more stands for the envelope.
const _: () = assert!((limits::LIST_ROWS_MAX + 1) * ROW_BYTES_MAX < FRAME_BYTES_MAX);

/// What a row takes at the most: four texts of up to 90, 100, 60 and 80 characters, of up to four bytes
/// each, three ids, numbers, and the names of the fields.
const ROW_BYTES_MAX: usize = 1_530;

/// What an agent takes at the most: a name of up to 30 characters, an id, numbers, and the names of the fields.
const AGENT_BYTES_MAX: usize = 220;

#[cfg(test)]
mod tests {
    use super::super::reply_frame;
    use super::*;
    use crate::actors::desk::Work;
    use crate::domain::identity::CustomerKey;
    use crate::journal::Position;
    use switchboard_protocol::vocabulary::{
        ConversationId, CustomerName, DisplayName, MemberId, Platform, ProfileId, Seq, Timestamp, UserKey,
    };
    use switchboard_protocol::wire::{ReplyBody, encode};

    fn longest_row() -> ListRow {
        ListRow {
            conversation: ConversationId::from_bytes([0xff; 16]),
            customer: CustomerKey {
                profile: ProfileId::from_bytes([0xff; 16]),
                platform: Platform::new("🙂".repeat(Platform::CHARS_MAX)).unwrap(),
                user_key: UserKey::new("🙂".repeat(UserKey::CHARS_MAX)).unwrap(),
            },
            name: Some(CustomerName::new("🙂".repeat(CustomerName::CHARS_MAX)).unwrap()),
            assignee: Some(MemberId::from_bytes([0xff; 16])),
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
        desk::AgentStatus { member: MemberId::from_bytes(id), name, online: true, away: true, work }
    }

    #[test]
    fn the_longest_page_of_the_list_fits_into_a_frame() {
        let rows = vec![row(longest_row()); limits::LIST_ROWS_MAX];
        let next = Some("x".repeat(200));
        let body = ReplyBody::Conversations { rows, next, position: u64::MAX };
        assert!(encode(&reply_frame(u64::MAX, Ok(body))).is_ok());
    }

    #[test]
    fn every_agent_of_the_largest_workspace_reaches_the_desk_whatever_rows_there_are() {
        for rows in [0, 1, limits::LIST_ROWS_MAX, limits::LIST_ROWS_MAX + 9] {
            let agents: Vec<_> = (0..limits::MEMBERS_MAX).map(longest_status).collect();
            let frames = desk(DeskItem::Snapshot(vec![longest_row(); rows], agents.clone().into()));
            let mut told = Vec::new();
            for frame in frames {
                assert!(encode(&frame).is_ok());
                match frame {
                    DeskFrame::Snapshot { agents, .. } => told.extend(agents),
                    DeskFrame::Agent(agent) => told.push(agent),
                    DeskFrame::Row(_) | DeskFrame::Ended { .. } | DeskFrame::Unknown => {}
                }
            }
            assert_eq!(told, agents.iter().map(agent).collect::<Vec<_>>());
        }
    }
}
