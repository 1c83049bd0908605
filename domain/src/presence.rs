//! Whether a provider's curtain is out. Wish and proof are two facts: the wish is a promise with an end, the proof is an attached page.

use crate::{
    id::{ConsultationId, OfferId},
    reject::{Code, codes},
    time::{Millis, Timestamp},
};
use serde::{Deserialize, Serialize};

/// The stretches that a provider can go online for, in minutes.
pub const STRETCHES: &[i64] = &[30, 60, 120, 240, 480];

/// A stretch of [`STRETCHES`] from text. Errors: `Required`, `BadMinutes`.
pub fn parse_minutes(raw: &str) -> Result<Millis, Code> {
    match raw.trim() {
        "" => Err(Code::Required),
        text => text.parse().ok().filter(|m| STRETCHES.contains(m)).map(Millis::minutes).ok_or(Code::BadMinutes),
    }
}

/// The times of design section 4. All are configuration keys; these are the defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Knobs {
    /// How long going online is proved without any page.
    pub without_page: Millis,
    /// How long the curtain stays out after the last page said that it leaves.
    pub page_left: Millis,
    /// How long the curtain stays out after the last line broke.
    pub line_lost: Millis,
    /// How often a page is asked whether it is there.
    pub beat: Millis,
    /// How long a page may be silent before its line counts as lost.
    pub silence: Millis,
    /// How long a node is believed to live after its last sign.
    pub node_lease: Millis,
    /// How long before the end of the wish the provider is warned.
    pub warn_before_end: Millis,
}

impl Default for Knobs {
    fn default() -> Self {
        Knobs {
            without_page: Millis::seconds(30),
            page_left: Millis::seconds(3),
            line_lost: Millis::seconds(12),
            beat: Millis::seconds(10),
            silence: Millis::seconds(18),
            node_lease: Millis::seconds(18),
            warn_before_end: Millis::minutes(5),
        }
    }
}

/// What is known about a provider, as stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The end of the wish to be online; `None` after an explicit off.
    pub until: Option<Timestamp>,
    /// How many pages are attached to living nodes.
    pub attached: u64,
    /// Until when the provider counts as there without an attached page.
    pub proved_until: Timestamp,
    /// Rings missed in a row.
    pub missed: u32,
    /// The consultation that is under way.
    pub consultation: Option<ConsultationId>,
}

/// A provider's state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// Not there, or not wanting to be.
    #[default]
    Offline,
    /// The curtain is out until then at the latest.
    Online {
        /// The end of the wish.
        until: Timestamp,
    },
    /// A guest is inside.
    Busy {
        /// With which consultation.
        consultation: ConsultationId,
    },
    /// Did not answer a ring; one tap returns.
    Away {
        /// Rings missed in a row.
        missed: u32,
    },
}

codes! {
    /// What consumers are shown of a presence.
    Shown {
        /// The curtain is out.
        Online = "online",
        /// The curtain is parted.
        Busy = "busy",
        /// The curtain is in.
        Offline = "offline",
    }
}

impl Presence {
    /// What consumers are shown.
    pub const fn shown(self) -> Shown {
        match self {
            Presence::Online { .. } => Shown::Online,
            Presence::Busy { .. } => Shown::Busy,
            Presence::Offline | Presence::Away { .. } => Shown::Offline,
        }
    }
}

/// The state that follows from the facts at `now`: the one rule by which everybody judges.
///
/// A consultation goes on even when its provider's wish ends or its desk line breaks: its own proofs decide about it.
pub const fn judge(facts: &Facts, now: Timestamp) -> Presence {
    if let Some(consultation) = facts.consultation {
        return Presence::Busy { consultation };
    }
    match facts.until {
        Some(until) if until.0 > now.0 => {
            if facts.missed > 0 {
                Presence::Away { missed: facts.missed }
            } else if facts.attached > 0 || facts.proved_until.0 > now.0 {
                Presence::Online { until }
            } else {
                Presence::Offline
            }
        }
        _ => Presence::Offline,
    }
}

/// When time alone can next change the judgement of these facts; `None` when it cannot.
pub fn next_due(facts: &Facts, now: Timestamp) -> Option<Timestamp> {
    match judge(facts, now) {
        Presence::Online { until } if facts.attached == 0 => Some(until.min(facts.proved_until)),
        Presence::Online { until } => Some(until),
        _ => None,
    }
}

/// How a page was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaving {
    /// It said so: closed, reloaded or signed out.
    Said,
    /// Its line broke or fell silent.
    Lost,
}

/// Until when a provider still counts as there when the last page goes at `now`. Never earlier than what was granted before.
pub fn proved_after(leaving: Leaving, knobs: &Knobs, now: Timestamp) -> Timestamp {
    now.after(match leaving {
        Leaving::Said => knobs.page_left,
        Leaving::Lost => knobs.line_lost,
    })
}

/// Until when a provider still counts as there whose pages hung on a node that is known to be dead at `now`.
///
/// `last_sign` is when the node last renewed its lease. The line counts as lost at the moment of the node's silence being
/// noticed, but never later than `silence` after its last sign, so a ghost is gone within `silence + line_lost` of it.
pub fn proved_after_node(last_sign: Timestamp, knobs: &Knobs, now: Timestamp) -> Timestamp {
    now.min(last_sign.after(knobs.silence)).after(knobs.line_lost)
}

codes! {
    /// What happened at a provider's desk, newest first on the page.
    DeskEventKind {
        /// The curtain was hung out.
        WentOnline = "went_online",
        /// The end was moved.
        Renewed = "renewed",
        /// The provider took the curtain in.
        WentOffline = "went_offline",
        /// The wish ended.
        TimeUp = "time_up",
        /// The last page left and none came back.
        PageLeft = "page_left",
        /// The line broke and did not come back in time.
        LineLost = "line_lost",
        /// The line broke and came back before anybody noticed.
        LineGap = "line_gap",
        /// A page came back and the curtain went out by itself.
        CameBack = "came_back",
        /// A consultation began.
        Began = "began",
        /// A consultation ended.
        Ended = "ended",
    }
}

/// One line of the desk's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeskEvent {
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: DeskEventKind,
    /// How long: the stretch chosen, or the gap in the line; 0 where it says nothing.
    pub stretch: Millis,
}

/// What a provider sees of the own presence, the same on every page and device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Desk {
    /// The state.
    pub presence: Presence,
    /// The end of the wish, also while the line is lost.
    pub until: Option<Timestamp>,
    /// The offers that hang out, or would.
    pub offers: Vec<OfferId>,
    /// How many pages are attached.
    pub pages: u64,
    /// After missed rings: from when on one tap returns, while that lies ahead.
    pub back_from: Option<Timestamp>,
    /// Without a page: until when being there is believed.
    pub proved_until: Option<Timestamp>,
    /// The server's clock, to count down by.
    pub now: Timestamp,
    /// How long before the end to warn.
    pub warn_before_end: Millis,
    /// How long the curtain stays out after the last line broke.
    pub line_lost: Millis,
    /// How long going online is proved without any page.
    pub without_page: Millis,
    /// The last events, newest first.
    pub events: Vec<DeskEvent>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    const NOW: Timestamp = Timestamp(1_000_000);

    fn facts() -> Facts {
        Facts { until: Some(Timestamp(2_000_000)), attached: 1, ..Facts::default() }
    }

    #[test]
    fn wish_and_proof_are_both_needed() {
        assert_eq!(judge(&facts(), NOW), Presence::Online { until: Timestamp(2_000_000) });
        assert_eq!(judge(&Facts { until: None, ..facts() }, NOW), Presence::Offline);
        assert_eq!(judge(&Facts { until: Some(NOW), ..facts() }, NOW), Presence::Offline);
        assert_eq!(judge(&Facts { attached: 0, ..facts() }, NOW), Presence::Offline);
        assert_eq!(judge(&Facts { attached: 0, proved_until: Timestamp(1_000_001), ..facts() }, NOW).shown(), Shown::Online);
        assert_eq!(judge(&Facts { missed: 1, ..facts() }, NOW), Presence::Away { missed: 1 });
    }

    #[test]
    fn a_consultation_outlives_wish_and_line() {
        let consultation = ConsultationId(Uuid::nil());
        let facts = Facts { consultation: Some(consultation), ..Facts::default() };
        assert_eq!(judge(&facts, NOW), Presence::Busy { consultation });
    }

    #[test]
    fn the_defaults_keep_the_promise_of_32_seconds() {
        let knobs = Knobs::default();
        assert!(knobs.silence.0 + knobs.line_lost.0 <= 32_000);
        let died = Timestamp(5_000_000);
        let noticed = died.after(knobs.node_lease);
        assert!(proved_after_node(died, &knobs, noticed).since(died).0 <= 32_000);
        assert!(
            proved_after_node(died, &knobs, died.after(Millis::minutes(10))) < died.after(Millis::minutes(1)),
            "an old ghost is gone at once"
        );
        assert_eq!(
            proved_after_node(died, &knobs, died.after(Millis::seconds(2))),
            died.after(Millis::seconds(14)),
            "a quick restart keeps the grace"
        );
    }

    #[test]
    fn minutes_are_those_on_the_buttons() {
        assert_eq!(parse_minutes("30"), Ok(Millis::minutes(30)));
        for bad in ["31", "-30", "1e3", "30.0", "99999999999999999999"] {
            assert_eq!(parse_minutes(bad), Err(Code::BadMinutes), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn between_two_due_points_the_judgement_stays(
            until in prop::option::of(0i64..10_000), attached in 0u64..2, proved in 0i64..10_000, missed in 0u32..2, now in 0i64..10_000, later in 0i64..10_000,
        ) {
            let facts = Facts { until: until.map(Timestamp), attached, proved_until: Timestamp(proved), missed, consultation: None };
            let (now, later) = (Timestamp(now), Timestamp(now.saturating_add(later)));
            let due = next_due(&facts, now);
            if due.is_none_or(|due| later < due) {
                prop_assert_eq!(judge(&facts, now).shown(), judge(&facts, later).shown());
            } else if let Some(due) = due {
                prop_assert_ne!(judge(&facts, now).shown(), judge(&facts, due).shown());
            }
        }

        #[test]
        fn minutes_never_panic(raw in ".{0,24}") {
            let _ = parse_minutes(&raw);
        }
    }
}
