//! Assignment as a plain list, to hold the rules against.
//!
//! Owns who may be given what, said once more from the product's words, by going through everything each
//! time. Slow, and written without a look at how the queue is kept.

use super::*;

/// A workspace, plainly.
#[derive(Debug, Clone, Default)]
pub(super) struct Model {
    /// Who is a member, with standing and load.
    pub(super) agents: Vec<(MemberId, Standing, u32)>,
    pub(super) rules: Vec<(ProfileId, Rules)>,
    pub(super) waiting: Vec<Request>,
}

impl Model {
    fn rules(&self, request: &Request) -> &Rules {
        &self.rules.iter().find(|(profile, _)| *profile == request.profile).unwrap().1
    }

    fn specialists(&self, request: &Request) -> Option<&BTreeSet<MemberId>> {
        let levels = request.category.levels();
        let mut found = None;
        for (path, members) in &self.rules(request).specialists {
            let is_above = path.levels().len() <= levels.len() && levels.starts_with(path.levels());
            if is_above && found.is_none_or(|(depth, _)| depth < path.levels().len()) {
                found = Some((path.levels().len(), members));
            }
        }
        found.map(|(_, members)| members)
    }

    /// Whether somebody belongs to those who may serve a request, whatever they are doing.
    fn may_ever(&self, request: &Request, member: MemberId) -> bool {
        let rules = self.rules(request);
        let general = match &rules.general {
            Pool::All => true,
            Pool::List(listed) => listed.contains(&member),
        };
        match self.specialists(request) {
            Some(specialists) if rules.no_one_else => specialists.contains(&member),
            Some(specialists) => specialists.contains(&member) || general,
            None => general,
        }
    }

    fn is_free(&self, request: &Request, member: MemberId) -> bool {
        let maximum = self.rules(request).load.maximum;
        self.agents
            .iter()
            .any(|(id, standing, load)| *id == member && *standing == Standing::Online && *load < maximum)
    }

    /// Everybody to whom a request may be given now.
    pub(super) fn eligible(&self, request: &Request) -> BTreeSet<MemberId> {
        let rules = self.rules(request);
        if !rules.automatic || !rules.open {
            return BTreeSet::new();
        }
        let may: BTreeSet<MemberId> = self
            .agents
            .iter()
            .map(|(member, ..)| *member)
            .filter(|member| self.may_ever(request, *member) && self.is_free(request, *member))
            .collect();
        if let Some(former) = request.former
            && rules.choosing.sticky
            && self.agents.iter().any(|(member, ..)| *member == former)
            && self.may_ever(request, former)
        {
            if may.contains(&former) {
                return [former].into();
            }
            if !rules.choosing.or_another {
                return BTreeSet::new();
            }
        }
        let specialists: BTreeSet<MemberId> = match self.specialists(request) {
            Some(specialists) => may.intersection(specialists).copied().collect(),
            None => BTreeSet::new(),
        };
        if specialists.is_empty() { may } else { specialists }
    }

    /// The one who is to be served next of those who can be.
    pub(super) fn next(&self) -> Option<&Request> {
        self.waiting.iter().filter(|request| !self.eligible(request).is_empty()).min_by_key(|request| {
            let last = self.rules(request).load.in_hours_first && !request.in_hours;
            (last, request.called_at, request.consultation)
        })
    }

    /// A request was given to somebody.
    pub(super) fn give(&mut self, consultation: ConsultationId, to: MemberId) {
        self.waiting.retain(|request| request.consultation != consultation);
        for (member, _, load) in &mut self.agents {
            if *member == to {
                *load += 1;
            }
        }
    }
}
