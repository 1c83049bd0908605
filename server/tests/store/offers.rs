//! Offers: what is kept, who sees it, and that no revision is lost.

use super::world::*;
use app::{
    account::port::Accounts,
    error::{AppError, PortError},
    forms::{api::Rejected, port::Forms},
    offers::port::Offers,
};
use domain::{
    category::Category,
    offer::{OFFERS_MAX, OfferForm, Status},
    presence::{DeskEventKind, Shown},
    reject::{Code, Field, Reject},
    text::DisplayName,
    time::Millis,
};
use entity::{desk_event, offer as offers};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, DbErr, EntityTrait, IntoActiveModel};
use server::{ids, store::StoreError};

on_both!(
    a_registered_offer_is_shown_as_written,
    drafts_are_seen_by_their_provider_only,
    a_revision_is_never_lost,
    of_two_revisions_at_once_one_is_stale,
    a_retired_offer_is_gone_for_good,
    the_number_of_offers_has_a_limit,
    a_provider_page_has_the_open_ones_first,
    a_new_name_is_on_the_board,
    constraints_name_their_field,
    every_name_of_the_domain_fits_its_column,
    rejected_forms_are_kept_for_ten_minutes,
);

async fn a_registered_offer_is_shown_as_written(world: World) {
    let me = world.person("Ana").await;
    assert!(!me.provider);
    let mut watcher = Watcher::start(&world.store).await;
    let full = OfferForm {
        title: "Chino para viajeros 中文".into(),
        description: "Line one\nline two".into(),
        languages: vec!["zh-Hant".into(), "es".into()],
        media: vec!["video".into()],
        rate_minor: "0".into(),
        currency: "JPY".into(),
        free_seconds: String::new(),
        ..form("")
    };
    let id = world.store.register(&me, full.parse().unwrap()).await.unwrap();
    watcher.agrees(&world.store).await;
    let view = world.store.show(id, None).await.unwrap();
    assert_eq!(
        (view.card.title.as_str(), view.card.languages.as_str(), view.card.media.join("+").as_str()),
        ("Chino para viajeros 中文", "zh-Hant,es", "video")
    );
    assert_eq!((view.card.rate_minor, view.card.currency.code(), view.card.free_seconds, view.card.is), (0, "JPY", 0, Shown::Offline));
    assert_eq!(
        (view.description.as_str(), view.status, view.since, view.own, view.cursor.seq),
        ("Line one\nline two", Status::Listed, START, false, watcher.seq)
    );
    assert_eq!(Some(view.card), world.card(id).await);
    assert!(world.store.show(id, Some(&me)).await.unwrap().own);
    let own = world.store.mine(&me).await.unwrap();
    assert_eq!((own.len(), own[0].version, own[0].status), (1, 1, Status::Listed));
}

async fn drafts_are_seen_by_their_provider_only(world: World) {
    let (me, other) = (world.person("Ana").await, world.person("Ben").await);
    let mut watcher = Watcher::start(&world.store).await;
    let id = world.store.register(&me, draft("Not yet")).await.unwrap();
    watcher.agrees(&world.store).await;
    assert_eq!(watcher.seq, 0, "a draft is no news");
    assert_eq!(world.store.show(id, Some(&me)).await.unwrap().status, Status::Draft);
    refused(world.store.show(id, Some(&other)).await, Code::NotFound);
    refused(world.store.show(id, None).await, Code::NotFound);
    refused(world.store.provider(me.id).await, Code::NotFound);
    world.store.revise(&me, id, 1, offer("Now")).await.unwrap();
    watcher.agrees(&world.store).await;
    assert!(world.card(id).await.is_some());
    world.store.revise(&me, id, 2, draft("Withdrawn")).await.unwrap();
    watcher.agrees(&world.store).await;
    assert_eq!((world.card(id).await, world.store.mine(&me).await.unwrap()[0].card.is), (None, Shown::Offline));
}

async fn a_revision_is_never_lost(world: World) {
    let (me, id) = world.provider("Ana").await;
    let other = world.person("Ben").await;
    world.store.revise(&me, id, 1, offer("From one tab")).await.unwrap();
    refused(world.store.revise(&me, id, 1, offer("From another tab")).await, Code::Stale);
    refused(world.store.revise(&other, id, 2, offer("From somebody else")).await, Code::NotFound);
    refused(world.store.revise(&me, ids::new(), 1, offer("Of nothing")).await, Code::NotFound);
    let own = &world.store.mine(&me).await.unwrap()[0];
    assert_eq!((own.card.title.as_str(), own.version), ("From one tab", 2));
}

async fn of_two_revisions_at_once_one_is_stale(world: World) {
    let (me, id) = world.provider("Ana").await;
    let both = [offer("Left"), offer("Right")].map(|content| {
        let (store, me) = (world.store.clone(), me.clone());
        tokio::spawn(async move { store.revise(&me, id, 1, content).await })
    });
    let mut results = Vec::new();
    for one in both {
        results.push(one.await.unwrap());
    }
    results.sort_by_key(Result::is_err);
    assert_eq!(results, [Ok(()), Err(PortError::Reject(Reject::Whole(Code::Stale)))]);
}

async fn a_retired_offer_is_gone_for_good(world: World) {
    let (me, id) = world.provider("Ana").await;
    let other = world.person("Ben").await;
    world.go_online(&me, 30).await;
    let mut watcher = Watcher::start(&world.store).await;
    refused(world.store.retire(&other, id).await, Code::NotFound);
    world.store.retire(&me, id).await.unwrap();
    watcher.agrees(&world.store).await;
    refused(world.store.retire(&me, id).await, Code::NotFound);
    refused(world.store.revise(&me, id, 1, offer("Back")).await, Code::NotFound);
    refused(world.store.revise(&me, id, 2, offer("Back")).await, Code::NotFound);
    refused(world.store.show(id, Some(&me)).await, Code::NotFound);
    assert_eq!((world.card(id).await, world.store.mine(&me).await.unwrap().len()), (None, 0));
}

async fn the_number_of_offers_has_a_limit(world: World) {
    let (me, first) = world.provider("Ana").await;
    for n in 1..OFFERS_MAX {
        world.store.register(&me, draft(&format!("Offer {n}"))).await.unwrap();
    }
    refused(world.store.register(&me, draft("One too many")).await, Code::OfferLimit);
    world.store.retire(&me, first).await.unwrap();
    world.store.register(&me, draft("In its place")).await.unwrap();
}

async fn a_provider_page_has_the_open_ones_first(world: World) {
    let (me, first) = world.provider("Ana").await;
    let second = world.store.register(&me, offer("Second")).await.unwrap();
    app::presence::port::Presences::go_online(&world.store, &me, Millis::minutes(30), Some(vec![first])).await.unwrap();
    let page = world.store.provider(me.id).await.unwrap();
    assert_eq!((page.id, page.name.as_str(), page.since), (me.id, "Ana", START));
    assert_eq!(page.cards.iter().map(|card| (card.id, card.is)).collect::<Vec<_>>(), [(first, Shown::Online), (second, Shown::Offline)]);
    assert_eq!(page.cursor.seq, world.seq().await);
    refused(world.store.provider(ids::new()).await, Code::NotFound);
}

async fn a_new_name_is_on_the_board(world: World) {
    let (me, id) = world.provider("Ana").await;
    let mut watcher = Watcher::start(&world.store).await;
    world.store.rename(&me, DisplayName::parse("Ana María").unwrap()).await.unwrap();
    watcher.agrees(&world.store).await;
    assert_eq!(world.card(id).await.unwrap().name, "Ana María");
    let seq = watcher.seq;
    world.store.rename(&me, DisplayName::parse("Ana María").unwrap()).await.unwrap();
    assert_eq!(world.seq().await, seq, "the same name is no news");
}

fn told(error: DbErr) -> PortError {
    StoreError::from(error).into()
}

/// The database is the last judge: what it refuses is told at the field, whichever engine it is.
async fn constraints_name_their_field(world: World) {
    let (_, id) = world.provider("Ana").await;
    let db = world.db.raw().await;
    let row = offers::Entity::find_by_id(id.0).one(&db).await.unwrap().unwrap();
    type Damage = fn(&mut offers::ActiveModel);
    let cases: [(Damage, Field, Code); 8] = [
        (|row| row.title = Set("x".repeat(81)), Field::Title, Code::TooLong),
        (|row| row.description = Set("x".repeat(4_001)), Field::Description, Code::TooLong),
        (|row| row.category = Set("cooking".into()), Field::Category, Code::BadCategory),
        (|row| row.languages = Set("x".repeat(41)), Field::Languages, Code::TooMany),
        (|row| row.media = Set(8), Field::Media, Code::BadMedia),
        (|row| row.rate_minor = Set(-1), Field::RateMinor, Code::BadRate),
        (|row| row.currency = Set("EURO".into()), Field::Currency, Code::BadCurrency),
        (|row| row.free_seconds = Set(3_601), Field::FreeSeconds, Code::BadFreeSeconds),
    ];
    for (damage, field, code) in cases {
        let mut row = row.clone().into_active_model();
        damage(&mut row);
        let error = row.update(&db).await.unwrap_err();
        assert_eq!(told(error), PortError::Reject(Reject::field(field, code)));
    }
    let mut row = row.into_active_model();
    row.status = Set("sold".into());
    assert!(matches!(told(row.update(&db).await.unwrap_err()), PortError::Broken { .. }), "what no form can cause is an incident");
}

async fn every_name_of_the_domain_fits_its_column(world: World) {
    let (me, id) = world.provider("Ana").await;
    let db = world.db.raw().await;
    let row = offers::Entity::find_by_id(id.0).one(&db).await.unwrap().unwrap();
    for category in Category::ALL {
        let mut row = row.clone().into_active_model();
        row.category = Set(category.as_str().into());
        row.update(&db).await.unwrap();
    }
    for status in Status::ALL {
        let mut row = row.clone().into_active_model();
        row.status = Set(status.as_str().into());
        row.update(&db).await.unwrap();
    }
    for kind in DeskEventKind::ALL {
        let row = desk_event::ActiveModel {
            id: Set(ids::uuid()),
            account: Set(me.id.0),
            at: Set(0),
            kind: Set(kind.as_str().into()),
            stretch_ms: Set(0),
        };
        row.insert(&db).await.unwrap();
    }
}

async fn rejected_forms_are_kept_for_ten_minutes(world: World) {
    let rejected = Rejected {
        path: "/api/offers/register".into(),
        fields: vec![("title".into(), "Ünï \"quoted\"".into()), ("media[]".into(), "chat".into()), ("media[]".into(), "voice".into())],
        error: Some(AppError::from(Reject::field(Field::Title, Code::TooLong))),
    };
    let id = world.store.keep(rejected.clone(), [192, 0, 2, 1].into()).await.unwrap();
    assert_ne!(id, world.store.keep(rejected.clone(), [192, 0, 2, 1].into()).await.unwrap());
    assert_eq!(Forms::read(&world.store, &id).await.unwrap(), Some(rejected));
    assert_eq!(Forms::read(&world.store, "nonsense").await.unwrap(), None);
    world.clock.advance(Millis::minutes(10));
    assert_eq!(Forms::read(&world.store, &id).await.unwrap(), None);
    world.store.prune(world.clock.now()).await.unwrap();
    assert!(entity::rejected_form::Entity::find().all(&world.db.raw().await).await.unwrap().is_empty());
}
