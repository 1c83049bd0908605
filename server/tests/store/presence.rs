//! The curtain never lies: design section 4, with the clock in hand.

use super::world::*;
use app::offers::port::Offers;
use app::presence::port::Presences;
use domain::{
    id::{AttachmentId, NodeId},
    presence::{DeskEventKind::*, Leaving, Presence, Shown},
    reject::{Code, Field},
    time::Millis,
};
use server::{ids, store::Renewed};

on_both!(
    going_online_is_seen_and_logged,
    only_chosen_offers_hang_out,
    going_online_needs_own_listed_offers,
    without_a_page_it_holds_for_thirty_seconds,
    the_last_page_left,
    a_reload_keeps_the_curtain_out,
    a_short_gap_is_seen_by_nobody_else,
    a_lost_line_comes_back_by_itself,
    of_two_tabs_one_is_enough,
    the_wish_ends,
    an_explicit_off_needs_a_tap,
    a_dead_node_takes_its_providers_along,
    a_dead_node_is_outlived_by_other_pages,
    a_gap_that_a_dead_node_tore_is_closed_in_time,
    a_buried_node_is_told,
    a_quick_restart_keeps_the_curtain_out,
    a_late_restart_shows_no_ghosts,
    sweeping_twice_changes_nothing,
    many_sweepers_tell_it_once,
    a_guest_makes_busy,
    one_of_many_guests_wins,
    what_is_due_is_not_undone_by_other_changes,
    detaching_twice_or_nobody_changes_nothing,
    desks_are_hinted_at_after_the_commit,
);

async fn attach(world: &World, me: &app::context::Me) -> AttachmentId {
    world.store.attach(me.id, world.node, "Firefox on Linux").await.unwrap()
}

/// A provider who is online for an hour with one page.
async fn online(world: &World) -> (app::context::Me, domain::id::OfferId, AttachmentId) {
    let (me, offer) = world.provider("Ana").await;
    let page = attach(world, &me).await;
    world.go_online(&me, 60).await;
    assert_eq!(world.shown(offer).await, Shown::Online);
    (me, offer, page)
}

async fn going_online_is_seen_and_logged(world: World) {
    let (me, offer) = world.provider("Ana").await;
    let mut watcher = Watcher::start(&world.store).await;
    world.pass(Millis::seconds(5)).await;
    attach(&world, &me).await;
    assert_eq!(world.shown(offer).await, Shown::Offline, "a page alone is no wish");
    world.go_online(&me, 30).await;
    watcher.agrees(&world.store).await;
    let (now, until) = (world.clock.now(), world.clock.now().after(Millis::minutes(30)));
    let card = world.card(offer).await.unwrap();
    assert_eq!((card.is, card.at), (Shown::Online, now));
    let desk = world.store.desk(&me).await.unwrap();
    assert_eq!((desk.presence, desk.until, desk.pages, desk.proved_until), (Presence::Online { until }, Some(until), 1, None));
    assert_eq!((desk.offers, desk.now), (vec![offer], now));

    // Moving the end is no news for consumers.
    world.pass(Millis::minutes(5)).await;
    world.go_online(&me, 60).await;
    assert_eq!(world.seq().await, watcher.seq);
    assert_eq!(world.store.desk(&me).await.unwrap().until, Some(world.clock.now().after(Millis::minutes(60))));

    world.store.go_offline(&me).await.unwrap();
    watcher.agrees(&world.store).await;
    assert_eq!(world.shown(offer).await, Shown::Offline);
    world.store.go_offline(&me).await.unwrap();
    assert_eq!(world.log(&me).await, [WentOnline, Renewed, WentOffline]);
    let desk = world.store.desk(&me).await.unwrap();
    assert_eq!((desk.presence, desk.until, desk.events[2].stretch), (Presence::Offline, None, Millis::minutes(30)));
}

async fn only_chosen_offers_hang_out(world: World) {
    let (me, first) = world.provider("Ana").await;
    let second = world.store.register(&me, offer("Another thing")).await.unwrap();
    attach(&world, &me).await;
    let mut watcher = Watcher::start(&world.store).await;
    world.store.go_online(&me, Millis::minutes(30), Some(vec![second])).await.unwrap();
    watcher.agrees(&world.store).await;
    assert_eq!((world.shown(first).await, world.shown(second).await), (Shown::Offline, Shown::Online));
    assert_eq!(world.store.desk(&me).await.unwrap().offers, [second]);
    world.store.go_online(&me, Millis::minutes(30), Some(vec![first])).await.unwrap();
    watcher.agrees(&world.store).await;
    assert_eq!((world.shown(first).await, world.shown(second).await), (Shown::Online, Shown::Offline));
    let third = world.store.register(&me, offer("A third thing")).await.unwrap();
    assert_eq!(world.shown(third).await, Shown::Offline, "it was not chosen");
    world.store.go_online(&me, Millis::minutes(30), None).await.unwrap();
    let fourth = world.store.register(&me, offer("A fourth thing")).await.unwrap();
    watcher.agrees(&world.store).await;
    for offer in [first, second, third, fourth] {
        assert_eq!(world.shown(offer).await, Shown::Online);
    }
}

async fn going_online_needs_own_listed_offers(world: World) {
    let (_, foreign) = world.provider("Ben").await;
    let me = world.person("Ana").await;
    refused(world.store.go_online(&me, Millis::minutes(30), None).await, Code::NoListedOffers);
    let unlisted = world.store.register(&me, draft("Not yet")).await.unwrap();
    refused(world.store.go_online(&me, Millis::minutes(30), Some(vec![unlisted])).await, Code::NoListedOffers);
    let listed = world.store.register(&me, offer("Now")).await.unwrap();
    for wrong in [vec![foreign], vec![unlisted], vec![listed, foreign], vec![ids::new()], vec![]] {
        refused_field(world.store.go_online(&me, Millis::minutes(30), Some(wrong)).await, Field::Offers, Code::BadOffers);
    }
    assert_eq!(world.shown(listed).await, Shown::Offline);
    assert_eq!(world.log(&me).await, []);
}

async fn without_a_page_it_holds_for_thirty_seconds(world: World) {
    let (me, offer) = world.provider("Ana").await;
    world.go_online(&me, 60).await;
    let desk = world.store.desk(&me).await.unwrap();
    assert_eq!((desk.pages, desk.proved_until), (0, Some(START.after(Millis::seconds(30)))));
    assert_eq!(world.pass(Millis(29_999)).await, 0);
    assert_eq!(world.shown(offer).await, Shown::Online);
    assert_eq!(world.pass(Millis(1)).await, 1);
    assert_eq!(world.shown(offer).await, Shown::Offline);
    assert_eq!(world.log(&me).await, [WentOnline, PageLeft]);
}

async fn the_last_page_left(world: World) {
    let (me, offer, page) = online(&world).await;
    let mut watcher = Watcher::start(&world.store).await;
    world.store.detach(page, Leaving::Said).await.unwrap();
    assert_eq!(world.pass(Millis(2_999)).await, 0);
    assert_eq!(world.shown(offer).await, Shown::Online);
    assert_eq!(world.pass(Millis(1)).await, 1);
    watcher.agrees(&world.store).await;
    assert_eq!(world.shown(offer).await, Shown::Offline);
    assert_eq!(world.log(&me).await, [WentOnline, PageLeft]);
    assert!(world.store.desk(&me).await.unwrap().until.is_some(), "the wish stands");
}

async fn a_reload_keeps_the_curtain_out(world: World) {
    // What going online without a page was granted must not outlast the page that came after it.
    let (me, offer) = world.provider("Ana").await;
    world.go_online(&me, 60).await;
    let page = attach(&world, &me).await;
    let seq = world.seq().await;
    world.store.detach(page, Leaving::Said).await.unwrap();
    world.pass(Millis::seconds(2)).await;
    let page = attach(&world, &me).await;
    world.pass(Millis::seconds(60)).await;
    assert_eq!((world.seq().await, world.log(&me).await), (seq, vec![WentOnline]));
    world.store.detach(page, Leaving::Said).await.unwrap();
    assert_eq!(world.pass(Millis::seconds(3)).await, 1);
    assert_eq!(world.shown(offer).await, Shown::Offline);
}

async fn a_short_gap_is_seen_by_nobody_else(world: World) {
    let (me, offer, page) = online(&world).await;
    let seq = world.seq().await;
    world.store.detach(page, Leaving::Lost).await.unwrap();
    assert_eq!(world.pass(Millis(11_999)).await, 0);
    attach(&world, &me).await;
    assert_eq!(world.pass(Millis::minutes(1)).await, 0);
    assert_eq!((world.seq().await, world.shown(offer).await), (seq, Shown::Online));
    assert_eq!(world.log(&me).await, [WentOnline, LineGap]);
    assert_eq!(world.store.desk(&me).await.unwrap().events[0].stretch, Millis(11_999));
}

async fn a_lost_line_comes_back_by_itself(world: World) {
    let (me, offer, page) = online(&world).await;
    let mut watcher = Watcher::start(&world.store).await;
    world.store.detach(page, Leaving::Lost).await.unwrap();
    assert_eq!(world.pass(Millis::seconds(12)).await, 1);
    assert_eq!(world.shown(offer).await, Shown::Offline);
    watcher.agrees(&world.store).await;
    world.pass(Millis::minutes(10)).await;
    let page = attach(&world, &me).await;
    watcher.agrees(&world.store).await;
    let card = world.card(offer).await.unwrap();
    assert_eq!((card.is, card.at), (Shown::Online, world.clock.now()));
    assert_eq!(world.log(&me).await, [WentOnline, LineLost, CameBack]);
    let events = world.store.desk(&me).await.unwrap().events;
    assert_eq!((events[1].stretch, events[0].stretch), (Millis::seconds(12), Millis(612_000)));

    // A page that was closed comes back just so.
    world.store.detach(page, Leaving::Said).await.unwrap();
    world.pass(Millis::minutes(1)).await;
    assert_eq!(world.shown(offer).await, Shown::Offline);
    attach(&world, &me).await;
    assert_eq!(world.shown(offer).await, Shown::Online);
    assert_eq!(world.log(&me).await, [WentOnline, LineLost, CameBack, PageLeft, CameBack]);
}

async fn of_two_tabs_one_is_enough(world: World) {
    let (me, offer, first) = online(&world).await;
    let second = attach(&world, &me).await;
    assert_eq!(world.store.desk(&me).await.unwrap().pages, 2);
    let seq = world.seq().await;
    world.store.detach(first, Leaving::Lost).await.unwrap();
    assert_eq!(world.pass(Millis::minutes(2)).await, 0);
    assert_eq!((world.seq().await, world.shown(offer).await, world.store.desk(&me).await.unwrap().pages), (seq, Shown::Online, 1));
    world.store.detach(second, Leaving::Said).await.unwrap();
    assert_eq!(world.pass(Millis::seconds(3)).await, 1);
    assert_eq!(world.log(&me).await, [WentOnline, PageLeft]);
}

async fn the_wish_ends(world: World) {
    let (me, offer, _) = online(&world).await;
    assert_eq!(world.pass(Millis(3_599_999)).await, 0);
    assert_eq!(world.pass(Millis(1)).await, 1);
    assert_eq!(world.shown(offer).await, Shown::Offline);
    attach(&world, &me).await;
    assert_eq!(world.shown(offer).await, Shown::Offline, "what ended does not come back by itself");
    assert_eq!(world.log(&me).await, [WentOnline, TimeUp]);
    let desk = world.store.desk(&me).await.unwrap();
    assert_eq!((desk.presence, desk.until), (Presence::Offline, None));
    world.go_online(&me, 30).await;
    assert_eq!((world.shown(offer).await, world.log(&me).await), (Shown::Online, vec![WentOnline, TimeUp, WentOnline]));
}

async fn an_explicit_off_needs_a_tap(world: World) {
    let (me, offer, page) = online(&world).await;
    world.store.go_offline(&me).await.unwrap();
    world.store.detach(page, Leaving::Lost).await.unwrap();
    world.pass(Millis::seconds(5)).await;
    attach(&world, &me).await;
    assert_eq!((world.shown(offer).await, world.log(&me).await), (Shown::Offline, vec![WentOnline, WentOffline]));
    world.go_online(&me, 30).await;
    assert_eq!(world.shown(offer).await, Shown::Online);
}

/// A node of its own that says nothing after its registration.
async fn dying_node(world: &World) -> NodeId {
    let node: NodeId = ids::new();
    world.store.register_node(node).await.unwrap();
    node
}

async fn a_dead_node_takes_its_providers_along(world: World) {
    let (me, offer) = world.provider("Ana").await;
    let dying = dying_node(&world).await;
    world.store.attach(me.id, dying, "Chrome on Android").await.unwrap();
    world.go_online(&me, 60).await;
    let mut watcher = Watcher::start(&world.store).await;
    let mut seconds = 0;
    while world.shown(offer).await == Shown::Online {
        world.pass(Millis::seconds(1)).await;
        seconds += 1;
    }
    assert!((30..=32).contains(&seconds), "gone after {seconds} s");
    watcher.agrees(&world.store).await;
    assert_eq!((world.log(&me).await, world.store.desk(&me).await.unwrap().pages), (vec![WentOnline, LineLost], 0));
    attach(&world, &me).await;
    assert_eq!((world.shown(offer).await, world.log(&me).await), (Shown::Online, vec![WentOnline, LineLost, CameBack]));
}

async fn a_dead_node_is_outlived_by_other_pages(world: World) {
    let (me, offer, _) = online(&world).await;
    let dying = dying_node(&world).await;
    world.store.attach(me.id, dying, "Chrome on Android").await.unwrap();
    let seq = world.seq().await;
    assert_eq!(world.pass(Millis::minutes(2)).await, 0);
    assert_eq!((world.seq().await, world.shown(offer).await), (seq, Shown::Online));
    assert_eq!((world.store.desk(&me).await.unwrap().pages, world.log(&me).await), (1, vec![WentOnline]));
}

async fn a_gap_that_a_dead_node_tore_is_closed_in_time(world: World) {
    let (me, offer) = world.provider("Ana").await;
    let dying = dying_node(&world).await;
    world.store.attach(me.id, dying, "Chrome on Android").await.unwrap();
    world.go_online(&me, 60).await;
    let seq = world.seq().await;
    world.pass(Millis::seconds(25)).await;
    attach(&world, &me).await;
    assert_eq!(world.pass(Millis::minutes(2)).await, 0);
    assert_eq!((world.seq().await, world.shown(offer).await), (seq, Shown::Online));
    assert_eq!(world.log(&me).await, [WentOnline, LineGap]);
}

async fn a_buried_node_is_told(world: World) {
    let (me, _, _) = online(&world).await;
    assert_eq!(world.store.renew_node(world.node).await, Ok(Renewed::InTime));
    world.clock.advance(world.store.knobs().node_lease);
    world.store.sweep(world.clock.now()).await.unwrap();
    refused(world.store.attach(me.id, world.node, "Firefox").await, Code::Overloaded);
    assert_eq!(world.store.renew_node(world.node).await, Ok(Renewed::Buried));
    assert_eq!(world.store.renew_node(world.node).await, Ok(Renewed::InTime));
    assert_eq!(world.store.desk(&me).await.unwrap().pages, 0);
    attach(&world, &me).await;
    assert_eq!(world.log(&me).await, [WentOnline, LineGap]);
}

/// The server was killed and starts again after `down`: the lock of the folder says that the old node is dead.
async fn restart(world: &World, down: Millis) -> NodeId {
    world.clock.advance(down);
    let node = dying_node(world).await;
    world.store.bury_others(node).await.unwrap();
    world.store.sweep(world.clock.now()).await.unwrap();
    node
}

async fn a_quick_restart_keeps_the_curtain_out(world: World) {
    let (me, offer, _) = online(&world).await;
    let seq = world.seq().await;
    let node = restart(&world, Millis::seconds(2)).await;
    assert_eq!((world.seq().await, world.shown(offer).await), (seq, Shown::Online));
    assert_eq!(world.store.desk(&me).await.unwrap().pages, 0);
    world.clock.advance(Millis::seconds(11));
    world.store.attach(me.id, node, "Firefox").await.unwrap();
    assert_eq!((world.seq().await, world.log(&me).await), (seq, vec![WentOnline, LineGap]));
}

async fn a_late_restart_shows_no_ghosts(world: World) {
    let (me, offer, _) = online(&world).await;
    let node = restart(&world, Millis::minutes(5)).await;
    assert_eq!(world.shown(offer).await, Shown::Offline, "before the board is served");
    world.store.attach(me.id, node, "Firefox").await.unwrap();
    assert_eq!((world.shown(offer).await, world.log(&me).await), (Shown::Online, vec![WentOnline, LineLost, CameBack]));
}

async fn sweeping_twice_changes_nothing(world: World) {
    let (me, _, page) = online(&world).await;
    world.store.detach(page, Leaving::Lost).await.unwrap();
    world.clock.advance(Millis::seconds(20));
    assert_eq!(world.store.sweep(world.clock.now()).await, Ok(1));
    let (seq, log) = (world.seq().await, world.log(&me).await);
    assert_eq!(world.store.sweep(world.clock.now()).await, Ok(0));
    assert_eq!((world.seq().await, world.log(&me).await), (seq, log));
}

async fn many_sweepers_tell_it_once(world: World) {
    for name in ["Ana", "Ben", "Caro", "Dan"] {
        let (me, _) = world.provider(name).await;
        world.go_online(&me, 30).await;
    }
    let mut watcher = Watcher::start(&world.store).await;
    world.clock.advance(Millis::minutes(30));
    let sweepers: Vec<_> = (0..8)
        .map(|_| {
            let (store, now) = (world.store.clone(), world.clock.now());
            tokio::spawn(async move { store.sweep(now).await.unwrap() })
        })
        .collect();
    let mut changed = 0;
    for sweeper in sweepers {
        changed += sweeper.await.unwrap();
    }
    let seq = watcher.seq;
    watcher.agrees(&world.store).await;
    assert_eq!((changed, watcher.seq - seq), (4, 4));
}

async fn a_guest_makes_busy(world: World) {
    let (me, offer, page) = online(&world).await;
    let guest = world.person("Gil").await;
    let mut watcher = Watcher::start(&world.store).await;
    assert_eq!(world.store.begin_scene(offer, me.id).await, Ok(None), "nobody is his own guest");
    let consultation = world.store.begin_scene(offer, guest.id).await.unwrap().unwrap();
    watcher.agrees(&world.store).await;
    assert_eq!(world.shown(offer).await, Shown::Busy);
    assert_eq!(world.store.desk(&me).await.unwrap().presence, Presence::Busy { consultation });
    assert_eq!(world.store.begin_scene(offer, guest.id).await, Ok(None));

    // It goes on when the line breaks and when the wish is taken back.
    world.store.detach(page, Leaving::Lost).await.unwrap();
    assert_eq!(world.pass(Millis::minutes(5)).await, 0);
    world.store.go_offline(&me).await.unwrap();
    assert_eq!(world.shown(offer).await, Shown::Busy);
    assert_eq!(world.store.end_scene(consultation).await, Ok(true));
    assert_eq!(world.store.end_scene(consultation).await, Ok(false));
    watcher.agrees(&world.store).await;
    assert_eq!((world.shown(offer).await, world.log(&me).await), (Shown::Offline, vec![WentOnline, Began, WentOffline, Ended]));

    world.go_online(&me, 30).await;
    attach(&world, &me).await;
    let consultation = world.store.begin_scene(offer, guest.id).await.unwrap().unwrap();
    world.pass(Millis::seconds(90)).await;
    world.store.end_scene(consultation).await.unwrap();
    watcher.agrees(&world.store).await;
    assert_eq!(world.shown(offer).await, Shown::Online, "the wish stands, so the curtain is out again");
    assert_eq!(world.store.desk(&me).await.unwrap().events[0].stretch, Millis::seconds(90));
    assert_eq!(world.store.end_scene(ids::new()).await, Ok(false));
    assert_eq!(world.store.begin_scene(ids::new(), guest.id).await, Ok(None));
}

async fn one_of_many_guests_wins(world: World) {
    let (_, offer, _) = online(&world).await;
    let mut guests = Vec::new();
    for n in 0..10 {
        guests.push(world.person(&format!("Guest{n}")).await);
    }
    let tries: Vec<_> = guests
        .into_iter()
        .map(|guest| {
            let store = world.store.clone();
            tokio::spawn(async move { store.begin_scene(offer, guest.id).await.unwrap() })
        })
        .collect();
    let mut won = 0;
    for attempt in tries {
        won += usize::from(attempt.await.unwrap().is_some());
    }
    assert_eq!(won, 1);
}

async fn what_is_due_is_not_undone_by_other_changes(world: World) {
    // A change of the offer that comes before the sweeper tells that time is up, in the same row.
    let (me, offer_id, page) = online(&world).await;
    let mut watcher = Watcher::start(&world.store).await;
    world.store.detach(page, Leaving::Lost).await.unwrap();
    world.clock.advance(Millis::seconds(13));
    world.store.revise(&me, offer_id, 1, offer("Another title")).await.unwrap();
    let seq = watcher.seq;
    watcher.agrees(&world.store).await;
    let card = world.card(offer_id).await.unwrap();
    assert_eq!((watcher.seq - seq, card.is, card.title.as_str()), (1, Shown::Offline, "Another title"));
    assert_eq!(world.log(&me).await, [WentOnline, LineLost]);
    assert_eq!(world.store.sweep(world.clock.now()).await, Ok(0));

    // Going online before the sweeper saw the end is a new beginning, and consumers saw no gap.
    let page = attach(&world, &me).await;
    watcher.agrees(&world.store).await;
    world.clock.advance(Millis::minutes(61));
    world.go_online(&me, 30).await;
    world.store.detach(page, Leaving::Said).await.unwrap();
    let seq = watcher.seq;
    watcher.agrees(&world.store).await;
    assert_eq!((watcher.seq, world.shown(offer_id).await), (seq, Shown::Online));
    assert_eq!(world.log(&me).await, [WentOnline, LineLost, CameBack, WentOnline]);
}

async fn detaching_twice_or_nobody_changes_nothing(world: World) {
    let (_, offer, page) = online(&world).await;
    let seq = world.seq().await;
    world.store.detach(ids::new(), Leaving::Said).await.unwrap();
    assert_eq!(world.pass(Millis::seconds(10)).await, 0);
    world.store.detach(page, Leaving::Lost).await.unwrap();
    world.pass(Millis::seconds(5)).await;
    world.store.detach(page, Leaving::Said).await.unwrap();
    assert_eq!(world.pass(Millis::seconds(6)).await, 0, "the second telling must not shorten the grace");
    assert_eq!((world.seq().await, world.shown(offer).await), (seq, Shown::Online));
}

async fn desks_are_hinted_at_after_the_commit(world: World) {
    let (me, _) = world.provider("Ana").await;
    let (mut desks, feed) = (world.store.hints().desks.subscribe(), &world.store.hints().feed);
    feed.notified().await;
    world.go_online(&me, 30).await;
    assert_eq!(desks.recv().await, Ok(me.id));
    feed.notified().await;
    refused_field(world.store.go_online(&me, Millis::minutes(30), Some(vec![])).await, Field::Offers, Code::BadOffers);
    assert!(desks.try_recv().is_err(), "what did not happen is not hinted at");
    attach(&world, &me).await;
    assert_eq!(desks.recv().await, Ok(me.id));
}
