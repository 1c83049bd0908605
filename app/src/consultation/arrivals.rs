//! What has arrived of the other side: counted in bytes, since flags say what was meant and not what came.

use super::wire::Quality;
use crate::ui::js::get;
use wasm_bindgen::{JsCast, JsValue};

/// How long nothing may arrive until a new way is searched for, in milliseconds, and after each search again.
const RESTART_AFTER: f64 = 3_000.0;
/// How long nothing may arrive until the line counts as lost.
const LOST_AFTER: f64 = 2_500.0;
/// How long nothing may arrive until the page comes in anew; the sides differ, so that not both do at once.
const REJOIN_AFTER: (f64, f64) = (14_000.0, 18_000.0);

/// Sums since the call began, as the browser counts them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sums {
    bytes: f64,
    packets: f64,
    lost: f64,
    /// In seconds.
    jitter: f64,
    /// In seconds.
    round_trip: f64,
}

impl Sums {
    /// From a report of `getStats`.
    pub fn of(report: JsValue) -> Self {
        let mut sums = Sums::default();
        let number = |of: &JsValue, name: &str| get(of, name).as_f64().unwrap_or(0.0);
        report.unchecked_into::<js_sys::Map>().for_each(&mut |entry, _| match get(&entry, "type").as_string().as_deref() {
            Some("inbound-rtp") => {
                sums.bytes += number(&entry, "bytesReceived");
                sums.packets += number(&entry, "packetsReceived");
                sums.lost += number(&entry, "packetsLost");
                sums.jitter = sums.jitter.max(number(&entry, "jitter"));
            }
            Some("candidate-pair") if get(&entry, "nominated").is_truthy() => {
                sums.round_trip = sums.round_trip.max(number(&entry, "currentRoundTripTime"));
            }
            _ => {}
        });
        sums
    }
}

/// What had arrived at the last look.
#[derive(Clone, Copy, Debug)]
pub struct Arrivals {
    sums: Sums,
    /// When something arrived last, or the call began.
    last: f64,
    ever: bool,
    restarts: f64,
    rejoined: bool,
}

/// What a look found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    /// Whether something arrived since the look before.
    pub arrived: bool,
    /// Whether the line counts as flowing.
    pub flows: bool,
    /// How good what arrives is, if that can be said.
    pub quality: Option<Quality>,
    /// Whether a new way should be searched for.
    pub restart: bool,
    /// Whether nothing helps but to come in anew.
    pub rejoin: bool,
}

impl Arrivals {
    /// A call that begins; `now` in milliseconds of any clock.
    pub fn new(now: f64) -> Self {
        Arrivals { sums: Sums::default(), last: now, ever: false, restarts: 0.0, rejoined: false }
    }

    /// Whether anything has ever arrived.
    pub fn ever(&self) -> bool {
        self.ever
    }

    /// Takes in what has arrived by now.
    pub fn look(&mut self, sums: Sums, now: f64, polite: bool) -> Found {
        let arrived = sums.bytes > self.sums.bytes;
        let came = (sums.packets - self.sums.packets).max(0.0);
        let missed = (sums.lost - self.sums.lost).max(0.0);
        self.sums = sums;
        if arrived {
            (self.last, self.ever, self.restarts) = (now, true, 0.0);
        }
        let quiet = now - self.last;
        let restart = self.ever && quiet >= RESTART_AFTER * (self.restarts + 1.0);
        if restart {
            self.restarts += 1.0;
        }
        let rejoin = !self.rejoined && quiet >= if polite { REJOIN_AFTER.0 } else { REJOIN_AFTER.1 };
        self.rejoined |= rejoin;
        let flows = self.ever && quiet < LOST_AFTER;
        let quality = match (arrived, flows) {
            (true, _) => Some(judge(missed / (came + missed).max(1.0), sums.round_trip * 1_000.0, sums.jitter * 1_000.0)),
            (false, false) if self.ever => Some(Quality::Lost),
            _ => None,
        };
        Found { arrived, flows, quality, restart, rejoin }
    }
}

/// How good a line is, by an estimate of what people would say of it (the simplified E-model: latency and loss lower a rating of 93.2).
fn judge(loss: f64, round_trip_ms: f64, jitter_ms: f64) -> Quality {
    let latency = round_trip_ms + 2.0 * jitter_ms + 10.0;
    let rating = if latency < 160.0 { 93.2 - latency / 40.0 } else { 93.2 - (latency - 120.0) / 10.0 } - 2.5 * loss * 100.0;
    let rating = rating.clamp(0.0, 100.0);
    let opinion = 1.0 + 0.035 * rating + 7e-6 * rating * (rating - 60.0) * (100.0 - rating);
    if opinion >= 4.0 {
        Quality::Good
    } else if opinion >= 3.5 {
        Quality::Fair
    } else {
        Quality::Poor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_and_latency_lower_the_word() {
        assert_eq!(judge(0.0, 40.0, 5.0), Quality::Good);
        assert_eq!(judge(0.06, 80.0, 10.0), Quality::Fair);
        assert_eq!(judge(0.2, 80.0, 10.0), Quality::Poor);
        assert_eq!(judge(0.0, 900.0, 10.0), Quality::Poor);
    }

    fn sums(bytes: f64) -> Sums {
        Sums { bytes, packets: bytes / 100.0, ..Sums::default() }
    }

    #[test]
    fn a_line_flows_by_bytes_and_is_searched_for_when_they_stop() {
        let mut arrivals = Arrivals::new(0.0);
        let nothing = arrivals.look(sums(0.0), 5_000.0, true);
        assert_eq!(nothing, Found { arrived: false, flows: false, quality: None, restart: false, rejoin: false }, "it may yet begin");
        let first = arrivals.look(sums(900.0), 5_100.0, true);
        assert_eq!((first.arrived, first.flows, first.quality), (true, true, Some(Quality::Good)));
        let still = arrivals.look(sums(900.0), 6_100.0, true);
        assert_eq!((still.arrived, still.flows, still.quality, still.restart), (false, true, None, false));
        let restarts: Vec<f64> =
            (1..=12).map(|n| 6_100.0 + f64::from(n) * 1_000.0).filter(|now| arrivals.look(sums(900.0), *now, true).restart).collect();
        assert_eq!(restarts, [8_100.0, 11_100.0, 14_100.0, 17_100.0], "every three seconds");
        let lost = arrivals.look(sums(900.0), 19_100.0, true);
        assert_eq!((lost.flows, lost.quality, lost.rejoin), (false, Some(Quality::Lost), true));
        assert!(!arrivals.look(sums(900.0), 20_100.0, true).rejoin, "once");
        let back = arrivals.look(sums(1_000.0), 20_200.0, true);
        assert_eq!((back.arrived, back.flows, back.restart), (true, true, false));
    }

    #[test]
    fn the_sides_do_not_come_in_anew_at_once() {
        let (mut polite, mut other) = (Arrivals::new(0.0), Arrivals::new(0.0));
        assert!(polite.look(sums(0.0), 15_000.0, true).rejoin);
        assert!(!other.look(sums(0.0), 15_000.0, false).rejoin);
        assert!(other.look(sums(0.0), 18_000.0, false).rejoin);
    }
}
