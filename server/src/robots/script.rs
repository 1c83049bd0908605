//! What a robot does next in a consultation: pure, and the same for the same state, so that it may be asked at any time and after any crash.

use app::consultation::wire::RoomState;
use domain::{
    consultation::Stage,
    media::Medium,
    side::Side,
    time::{Millis, Timestamp},
    timeline::{Event, Row},
};

/// How long after the request a robot's "device" rings, shows it, and accepts: slow enough for the stages to be seen.
const REACHED: Millis = Millis(300);
const SHOWN: Millis = Millis(1_000);
const ACCEPTS: Millis = Millis(2_500);
/// How long a robot "thinks" before it writes.
const THINKS: Millis = Millis(1_200);
/// A guest that is told nothing for so long takes its leave.
const LEAVES: Millis = Millis::seconds(60);

/// Something that a robot does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Its device rings.
    Reached,
    /// Its device shows the request.
    Shown,
    /// It accepts.
    Accept,
    /// It sits down in the room.
    Enter,
    /// It has no voice and no picture, so it goes on by chat.
    Chat,
    /// It reads what was written.
    Read,
    /// It thinks, and is seen to type.
    Type,
    /// It writes its `n`th message.
    Say(usize, String),
    /// It ends.
    End,
}

/// What a robot knows.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// How the consultation stands.
    pub state: &'a RoomState,
    /// All rows.
    pub rows: &'a [Row],
    /// The robot's side.
    pub side: Side,
    /// What the consumer asked.
    pub question: &'a str,
    /// Now.
    pub now: Timestamp,
}

/// What to do next; `None`: nothing yet.
pub fn next(scene: &Scene<'_>) -> Option<Act> {
    match scene.state.stage {
        Stage::Requested if scene.side == Side::Provider => answer(scene),
        stage if stage.is_open() => talk(scene),
        _ => None,
    }
}

fn answer(scene: &Scene<'_>) -> Option<Act> {
    let asked = scene.rows.first()?.at;
    let has = |event: fn(&Event) -> bool| scene.rows.iter().any(|row| event(&row.is));
    let due = |after: Millis| scene.now.since(asked) >= after;
    if !has(|event| matches!(event, Event::Reached { .. })) {
        due(REACHED).then_some(Act::Reached)
    } else if !has(|event| *event == Event::Shown) {
        due(SHOWN).then_some(Act::Shown)
    } else {
        due(ACCEPTS).then_some(Act::Accept)
    }
}

fn talk(scene: &Scene<'_>) -> Option<Act> {
    let Scene { state, side, now, .. } = *scene;
    if state.lives.of(side).is_none() {
        return Some(Act::Enter);
    }
    if state.medium != Medium::Chat {
        return Some(Act::Chat);
    }
    if state.stage != Stage::Live {
        return None;
    }
    let messages = scene.rows.iter().filter_map(|row| if let Event::Message(m) = &row.is { Some((row, m)) } else { None });
    let said = messages.clone().filter(|(_, message)| message.by == side).count();
    let last = messages.clone().next_back();
    let theirs = last.filter(|(_, message)| message.by != side);
    // Since when it is the robot's turn: since the other side wrote, or since both are here.
    let turn = match (theirs, said) {
        (Some((row, _)), _) => Some(row.at),
        (None, 0) => scene.rows.iter().find(|row| row.is == Event::Began).map(|row| row.at),
        _ => None,
    };
    if let Some((row, _)) = theirs
        && state.marks.of(side).read() < row.n
    {
        return Some(Act::Read);
    }
    let Some(turn) = turn else {
        let silent = last.map_or(Millis(0), |(row, _)| now.since(row.at));
        return (side == Side::Consumer && silent >= LEAVES).then_some(Act::End);
    };
    if now.since(turn) < THINKS {
        return Some(Act::Type);
    }
    let heard = theirs.map_or("", |(_, message)| message.text.as_str());
    match line(side, said, heard, scene.question) {
        Some(text) => Some(Act::Say(said, text)),
        None => Some(Act::End),
    }
}

/// The robot's `n`th message; `None` when it has no more to say, and takes its leave.
fn line(side: Side, n: usize, heard: &str, question: &str) -> Option<String> {
    if side == Side::Consumer {
        return match n {
            0 => Some("Hello! I am a robot: take your time, nobody pays and nobody waits. What would you tell a guest first?".into()),
            1 => Some("Thank you. A guest would ask on now: could you say that more simply?".into()),
            2 => Some("That is clear. Look at the time at the top, and at the marks beside your messages. One more, and I leave.".into()),
            3 => Some("Good bye, and thank you. What was said is kept under your consultations.".into()),
            _ => None,
        };
    }
    let quote = |text: &str| format!("“{}”", text.chars().take(120).collect::<String>());
    Some(match n {
        0 if question.is_empty() => {
            "Hello! I am a robot of this demo, so I know nothing. Write something, and I will answer all the same.".into()
        }
        0 => {
            format!("Hello! I am a robot of this demo, so I know nothing. You asked: {}. A person would answer that now.", quote(question))
        }
        n => {
            let after = [
                "A person would now say something useful.",
                "You can change to another tab, or reload this page: nothing is lost.",
                "When you have seen enough, end it. Then look at what is kept.",
            ];
            format!(
                "I read {}. {}",
                quote(heard),
                after.get(n.saturating_sub(1).checked_rem(after.len()).unwrap_or(0)).copied().unwrap_or_default()
            )
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{
        conditions::Cap,
        id::{LifeId, MessageKey},
        message::{Marks, Message},
        side::Both,
        text::MessageText,
    };
    use uuid::Uuid;

    struct Play {
        state: RoomState,
        rows: Vec<Row>,
        side: Side,
        now: Timestamp,
    }

    impl Play {
        fn new(side: Side, stage: Stage) -> Self {
            let state = RoomState {
                stage,
                until: None,
                asked: false,
                full: false,
                missing: None,
                medium: Medium::Chat,
                cap: Cap::minutes(30).unwrap(),
                proved: Millis(0),
                counts_from: None,
                ends_by: None,
                here: Both::default(),
                lives: Both { consumer: Some(LifeId(Uuid::nil())), provider: Some(LifeId(Uuid::nil())) },
                marks: Both::default(),
                reason: None,
                decline: None,
                head: 0,
                now: Timestamp(0),
            };
            let mut play = Play { state, rows: Vec::new(), side, now: Timestamp(0) };
            play.tell(if stage == Stage::Requested { Event::Requested { until: Timestamp(45_000) } } else { Event::Began });
            play
        }

        fn tell(&mut self, is: Event) {
            let n = self.rows.len() as u64 + 1;
            self.rows.push(Row { n, at: self.now, is });
        }

        fn say(&mut self, by: Side, text: &str) {
            let text = MessageText::parse(text).unwrap();
            self.tell(Event::Message(Message { by, key: MessageKey(Uuid::nil()), text }));
        }

        fn next(&self) -> Option<Act> {
            next(&Scene { state: &self.state, rows: &self.rows, side: self.side, question: "Is it far?", now: self.now })
        }

        /// Lets the robot do what it wants, until it waits for something longer than it thinks.
        fn run(&mut self) -> Vec<Act> {
            let (mut done, mut waited) = (Vec::new(), 0);
            while waited < 5_000 {
                match self.next() {
                    None | Some(Act::Type) => {
                        self.now = self.now.after(Millis(100));
                        waited += 100;
                        continue;
                    }
                    Some(act) => {
                        match &act {
                            Act::Reached => self.tell(Event::Reached { devices: 1 }),
                            Act::Shown => self.tell(Event::Shown),
                            Act::Accept => self.state.stage = Stage::Connecting,
                            Act::Enter => *self.state.lives.of_mut(self.side) = Some(LifeId(Uuid::nil())),
                            Act::Chat => self.state.medium = Medium::Chat,
                            Act::Read => *self.state.marks.of_mut(self.side) = Marks::default().moved(99, 99, self.rows.len() as u64),
                            Act::Say(_, text) => self.say(self.side, &text.clone()),
                            Act::End => self.state.stage = Stage::Ended,
                            Act::Type => {}
                        }
                        done.push(act);
                        waited = 0;
                    }
                }
            }
            done
        }
    }

    #[test]
    fn a_ring_is_answered_stage_by_stage() {
        let mut play = Play::new(Side::Provider, Stage::Requested);
        play.state.lives = Both::default();
        play.state.medium = Medium::Video;
        assert_eq!(play.next(), None, "not at the same moment");
        assert_eq!(play.run(), [Act::Reached, Act::Shown, Act::Accept, Act::Enter, Act::Chat]);
        assert_eq!(Play::new(Side::Consumer, Stage::Requested).run(), [], "a guest waits");
    }

    #[test]
    fn a_provider_greets_and_answers_each_message_once() {
        let mut play = Play::new(Side::Provider, Stage::Live);
        let greeting = play.run();
        let [Act::Say(0, words)] = &greeting[..] else { panic!("{greeting:?}") };
        assert!(words.contains("Is it far?"));
        assert_eq!(play.run(), [], "it waits for the other side");
        for n in 1..6 {
            play.say(Side::Consumer, "And <b>now</b>?");
            let done = play.run();
            let [Act::Read, Act::Say(at, words)] = &done[..] else { panic!("{done:?}") };
            assert_eq!(*at, n);
            assert!(words.contains("<b>now</b>"));
        }
    }

    #[test]
    fn a_guest_takes_its_leave() {
        let mut play = Play::new(Side::Consumer, Stage::Live);
        assert!(matches!(play.run()[..], [Act::Say(0, _)]));
        for n in 1..4 {
            play.say(Side::Provider, "It works so.");
            assert!(matches!(play.run()[..], [Act::Read, Act::Say(at, _)] if at == n));
        }
        play.say(Side::Provider, "Good bye.");
        assert_eq!(play.run(), [Act::Read, Act::End]);
        let mut silent = Play::new(Side::Consumer, Stage::Live);
        silent.run();
        silent.now = silent.now.after(LEAVES);
        assert_eq!(silent.next(), Some(Act::End));
    }

    #[test]
    fn nothing_is_done_while_the_other_side_is_missing() {
        assert_eq!(Play::new(Side::Provider, Stage::Interrupted).run(), []);
        assert_eq!(Play::new(Side::Provider, Stage::Ended).run(), []);
    }
}
