//! What was decided about a consultation, and why.
//!
//! Owns a decision of automatic assignment as staff are told it: the outcome, the rule, and who was passed over.
//! Must not know how anything is chosen.

use serde::{Deserialize, Serialize};

use crate::vocabulary::{ConsultationId, MemberId, Timestamp};

/// A decision about a consultation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// When it was made.
    pub at: Timestamp,
    /// About which consultation.
    pub consultation: ConsultationId,
    /// What was decided.
    pub outcome: Decided,
    /// The most consultations of an agent that were allowed then.
    pub maximum: u32,
    /// The members who were considered: whoever was chosen first, then those who could have been, then the others,
    /// as many as fit.
    pub candidates: Vec<Candidate>,
    /// How many more were considered.
    #[serde(default)]
    pub left_off: u32,
}

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Decided {
    /// It went to somebody.
    Assigned {
        /// To whom.
        member: MemberId,
        /// By which rule.
        rule: AssignmentRule,
    },
    /// It had to wait.
    Waits {
        /// Why.
        why: WaitsWhy,
        /// The former agent, if it waits for them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        former: Option<MemberId>,
    },
    /// Something that this version does not know.
    #[serde(other)]
    Unknown,
}

/// The rule that chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssignmentRule {
    /// The customer's former agent.
    Sticky,
    /// A specialist of the category.
    Specialist,
    /// A general agent.
    General,
    /// One that this version does not know.
    #[serde(other)]
    Unknown,
}

/// Why a consultation had to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitsWhy {
    /// The profile's are taken by hand.
    Manual,
    /// The profile was closed.
    Closed,
    /// The former agent is to serve it, and could not then.
    ForFormer,
    /// Nobody who may serve it could.
    NobodyFree,
    /// For a reason that this version does not know.
    #[serde(other)]
    Unknown,
}

/// A member who was considered, as they stood then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Who.
    pub member: MemberId,
    /// Whether they are a specialist of its category.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub specialist: bool,
    /// How many consultations they had.
    pub load: u32,
    /// Why they could not get it; absent: they could.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed_over: Option<PassedOver>,
}

/// Why somebody could not get a consultation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PassedOver {
    /// They do not serve such consultations.
    Outside,
    /// They were away.
    Away,
    /// They were not there.
    Offline,
    /// They had as many as are allowed.
    Full,
    /// For a reason that this version does not know.
    #[serde(other)]
    Unknown,
}
