//! Where a process may die with the worst effect on money: before and after the commit of each step that moves it. Tests let it die there.
//!
//! The list is the registry: `server/tests/store/schedules.rs` fails when a point of it is never met.

macro_rules! points {
    ($($(#[$doc:meta])* $variant:ident = $text:literal),+ $(,)?) => {
        /// A step that moves money.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Point { $($(#[$doc])* $variant),+ }

        impl Point {
            /// All of them.
            pub const ALL: &[Point] = &[$(Point::$variant),+];

            /// Its name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Point::$variant => $text),+ }
            }
        }
    };
}

points! {
    /// The accept, with the hold.
    Accept = "accept",
    /// A raise, with its hold.
    Raise = "raise",
    /// The settlement.
    Settle = "settle",
    /// A movement is written down, before the gateway is told.
    Intend = "intend",
    /// What the gateway answered is applied.
    Apply = "apply",
    /// An event of the gateway is taken.
    Webhook = "webhook",
    /// Part of a bill goes back.
    Refund = "refund",
    /// The book is sealed.
    Seal = "seal",
}

/// On which side of the commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum When {
    /// Nothing has happened yet.
    Before,
    /// All of it has, and nobody was told.
    After,
}

/// What a test does when a point is met; `true` lets the work die there.
pub type Hook = Box<dyn Fn(Point, When) -> bool + Send + Sync>;

/// Where to die. A test of the store sets the hook; a test of the process sets `NOREN_CRASH=settle:before:3`, and the process ends when that point is
/// met for the third time. That switch is only in builds for tests.
#[derive(Default)]
pub struct Crash(std::sync::OnceLock<Hook>);

impl std::fmt::Debug for Crash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Crash")
    }
}

impl Crash {
    /// Lets a test decide at each point. The first one counts.
    pub fn on(&self, hook: Hook) {
        let _ = self.0.set(hook);
    }

    /// A point is met; whether the work is to die here.
    pub(crate) fn at(&self, point: Point, when: When) -> bool {
        #[cfg(debug_assertions)]
        abort_at(point, when);
        self.0.get().is_some_and(|hook| hook(point, when))
    }
}

/// Ends the whole process, as a power cut would, where the environment says so.
#[cfg(debug_assertions)]
fn abort_at(point: Point, when: When) {
    use std::sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    };
    static MET: AtomicU64 = AtomicU64::new(0);
    static WISH: LazyLock<Option<(String, u64)>> = LazyLock::new(|| {
        #[expect(clippy::disallowed_methods, reason = "a switch of the tests, not of the server")]
        let wish = std::env::var("NOREN_CRASH").ok()?;
        let (at, n) = wish.rsplit_once(':')?;
        Some((at.to_owned(), n.parse().ok()?))
    });
    let Some((at, n)) = &*WISH else { return };
    let here = format!("{}:{}", point.as_str(), if when == When::Before { "before" } else { "after" });
    if *at == here && MET.fetch_add(1, Ordering::SeqCst) + 1 == *n {
        std::process::abort();
    }
}
