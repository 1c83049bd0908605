//! Accounts and sign-ins.

use super::world::*;
use crate::db::Engine;
use app::{
    account::port::Accounts,
    context::{Me, Visitor},
    error::PortError,
};
use domain::{
    account::{Email, NewPassword, Role, SignUp},
    reject::{Code, Field},
    time::Millis,
};
use entity::{account, desk_event, reset_link, sign_in};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use server::{ids, store::Store};
use std::net::IpAddr;

on_both!(
    signing_up_signs_in,
    an_address_has_one_account,
    of_two_sign_ups_at_once_one_wins,
    unknown_and_wrong_are_answered_alike,
    a_sign_in_replaces_the_one_before,
    sign_ins_end_when_idle_and_in_any_case,
    being_seen_is_written_once_a_minute,
    signing_out_ends_it_everywhere,
    sign_ins_are_listed_and_revoked,
    a_new_password_ends_all_sign_ins,
    a_reset_link_works_once,
    a_weak_hash_is_replaced_at_sign_in,
    an_operator_is_made_by_the_command_line,
    whoever_offers_is_a_provider,
    what_had_its_time_is_pruned,
    settings_are_kept,
);

/// Without the secret, what an answer says.
fn answer(result: Result<app::account::port::SignedIn, PortError>) -> Result<(), PortError> {
    result.map(drop)
}

async fn who(store: &Store, signed_in: &app::account::port::SignedIn) -> Option<Me> {
    store.who(&token(signed_in)).await.unwrap()
}

fn password(text: &str) -> NewPassword {
    NewPassword::parse(text, None).expect("a good password")
}

async fn signing_up_signs_in(world: World) {
    let form = SignUp::parse("Ana López", " Ana@Example.org ", PASSWORD).unwrap();
    let signed_in = world.store.sign_up(form, &visitor()).await.unwrap();
    let (_, attributes) = signed_in.cookie.split_once(';').unwrap();
    assert_eq!(attributes, " HttpOnly; SameSite=Lax; Path=/; Max-Age=2592000");
    assert!(signed_in.cookie.starts_with("sid="));
    let me = who(&world.store, &signed_in).await.unwrap();
    assert_eq!((me.display_name.as_str(), me.email.as_str(), me.role, me.provider), ("Ana López", "ana@example.org", Role::Member, false));
    assert_eq!(world.store.who("").await, Ok(None));
    assert_eq!(world.store.who("guessed").await, Ok(None));
    let db = world.db.raw().await;
    let rows = sign_in::Entity::find().all(&db).await.unwrap();
    assert_eq!((rows.len(), &rows[0].token_hash), (1, &ids::hash(&token(&signed_in))), "the token itself is not stored");
    assert!(account::Entity::find().one(&db).await.unwrap().unwrap().password_hash.starts_with("$argon2id$"));
}

async fn an_address_has_one_account(world: World) {
    world.person("Ana").await;
    let again = SignUp::parse("Somebody else", "ANA@example.org", PASSWORD).unwrap();
    refused_field(answer(world.store.sign_up(again, &visitor()).await), Field::Email, Code::EmailTaken);
    assert_eq!(account::Entity::find().count(&world.db.raw().await).await.unwrap(), 1);
}

async fn of_two_sign_ups_at_once_one_wins(world: World) {
    let both = ["Ana", "Also Ana"].map(|name| {
        let (store, form) = (world.store.clone(), SignUp::parse(name, "ana@example.org", PASSWORD).unwrap());
        tokio::spawn(async move { answer(store.sign_up(form, &visitor()).await) })
    });
    let mut won = 0;
    for one in both {
        let result = one.await.unwrap();
        won += usize::from(result.is_ok());
        if result.is_err() {
            refused_field(result, Field::Email, Code::EmailTaken);
        }
    }
    assert_eq!(won, 1);
}

async fn unknown_and_wrong_are_answered_alike(world: World) {
    world.person("Ana").await;
    for (email, password) in [
        ("ana@example.org", "wrong password here"),
        ("nobody@example.org", PASSWORD),
        ("not an address", PASSWORD),
        ("", ""),
        ("ana@example.org", ""),
        ("nobody@example.org", "nobody has this password"),
    ] {
        refused(answer(world.store.sign_in(email, password, &visitor()).await), Code::BadSignIn);
    }
    assert!(world.store.sign_in(" Ana@example.org", PASSWORD, &visitor()).await.is_ok());
}

async fn a_sign_in_replaces_the_one_before(world: World) {
    let me = world.person("Ana").await;
    let mut sign_outs = world.store.hints().sign_outs.subscribe();
    let here = Visitor { me: Some(me.clone()), ..visitor() };
    let second = world.store.sign_in("ana@example.org", PASSWORD, &here).await.unwrap();
    assert_eq!(sign_outs.recv().await, Ok(me.sign_in));
    let second = who(&world.store, &second).await.unwrap();
    assert_ne!(second.sign_in, me.sign_in);
    assert_eq!(world.store.sign_ins(&second).await.unwrap().len(), 1, "the old one ended");
    world.store.sign_in("ana@example.org", PASSWORD, &visitor()).await.unwrap();
    assert_eq!(world.store.sign_ins(&second).await.unwrap().len(), 2, "another browser is another sign-in");
}

const DAY: Millis = Millis::minutes(24 * 60);

async fn sign_ins_end_when_idle_and_in_any_case(world: World) {
    let form = SignUp::parse("Ana", "ana@example.org", PASSWORD).unwrap();
    let idle = world.store.sign_up(form, &visitor()).await.unwrap();
    world.clock.advance(Millis(14 * DAY.0 - 1));
    assert!(who(&world.store, &idle).await.is_some());
    world.clock.advance(Millis(14 * DAY.0));
    assert!(who(&world.store, &idle).await.is_none());

    let used = world.store.sign_in("ana@example.org", PASSWORD, &visitor()).await.unwrap();
    for _ in 0..29 {
        world.clock.advance(DAY);
        assert!(who(&world.store, &used).await.is_some());
    }
    world.clock.advance(DAY);
    assert!(who(&world.store, &used).await.is_none());
}

async fn being_seen_is_written_once_a_minute(world: World) {
    let signed_in = world.store.sign_up(SignUp::parse("Ana", "ana@example.org", PASSWORD).unwrap(), &visitor()).await.unwrap();
    let me = who(&world.store, &signed_in).await.unwrap();
    let seen = async || world.store.sign_ins(&me).await.unwrap()[0].last_seen;
    world.clock.advance(Millis(59_999));
    who(&world.store, &signed_in).await;
    assert_eq!(seen().await, START);
    world.clock.advance(Millis(1));
    who(&world.store, &signed_in).await;
    assert_eq!(seen().await, START.after(Millis::minutes(1)));
}

async fn signing_out_ends_it_everywhere(world: World) {
    let signed_in = world.store.sign_up(SignUp::parse("Ana", "ana@example.org", PASSWORD).unwrap(), &visitor()).await.unwrap();
    let me = who(&world.store, &signed_in).await.unwrap();
    let mut sign_outs = world.store.hints().sign_outs.subscribe();
    let cleared = world.store.sign_out(&me).await.unwrap();
    assert_eq!(cleared.cookie, "sid=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0");
    assert_eq!((sign_outs.recv().await, who(&world.store, &signed_in).await), (Ok(me.sign_in), None));
    assert!(world.store.sign_out(&me).await.is_ok(), "twice is no error");
}

async fn sign_ins_are_listed_and_revoked(world: World) {
    let me = world.person("Ana").await;
    let stranger = world.person("Ben").await;
    world.clock.advance(Millis::seconds(10));
    let phone = world.store.sign_in("ana@example.org", PASSWORD, &Visitor { device: "x".repeat(500), ..visitor() }).await.unwrap();
    let tablet = world.store.sign_in("ana@example.org", PASSWORD, &visitor()).await.unwrap();
    let all = world.store.sign_ins(&me).await.unwrap();
    assert_eq!(all.iter().map(|view| view.here).collect::<Vec<_>>(), [true, false, false]);
    assert_eq!((all[0].id, all[0].device.as_str(), all[0].since), (me.sign_in, "Firefox on Linux", START));
    assert!(all.iter().all(|view| view.device.len() <= 80));

    let phone = who(&world.store, &phone).await.unwrap();
    refused(world.store.revoke(&stranger, Some(phone.sign_in)).await, Code::NotFound);
    world.store.revoke(&me, Some(phone.sign_in)).await.unwrap();
    refused(world.store.revoke(&me, Some(phone.sign_in)).await, Code::NotFound);
    assert_eq!(world.store.sign_ins(&me).await.unwrap().len(), 2);
    world.store.revoke(&me, None).await.unwrap();
    assert_eq!((world.store.sign_ins(&me).await.unwrap().len(), who(&world.store, &tablet).await), (1, None));
    world.store.revoke(&me, None).await.unwrap();
    assert_eq!(world.store.sign_ins(&stranger).await.unwrap().len(), 1);
}

async fn a_new_password_ends_all_sign_ins(world: World) {
    let me = world.person("Ana").await;
    let phone = world.store.sign_in("ana@example.org", PASSWORD, &visitor()).await.unwrap();
    let here = Visitor { me: Some(me.clone()), ..visitor() };
    let wrong = world.store.change_password(&me, "not the password", password("another good one"), &here).await;
    refused_field(answer(wrong), Field::CurrentPassword, Code::WrongPassword);
    let fresh = world.store.change_password(&me, PASSWORD, password("another good one"), &here).await.unwrap();
    assert_eq!(who(&world.store, &phone).await, None);
    let fresh = who(&world.store, &fresh).await.unwrap();
    assert_eq!(world.store.sign_ins(&fresh).await.unwrap().len(), 1);
    refused(answer(world.store.sign_in("ana@example.org", PASSWORD, &visitor()).await), Code::BadSignIn);
    assert!(world.store.sign_in("ana@example.org", "another good one", &visitor()).await.is_ok());
}

async fn a_reset_link_works_once(world: World) {
    world.person("Ana").await;
    let old = world.store.sign_in("ana@example.org", PASSWORD, &visitor()).await.unwrap();
    let ana = Email::parse("ana@example.org").unwrap();
    refused(world.store.reset_link(&Email::parse("nobody@example.org").unwrap()).await, Code::NotFound);
    let link = world.store.reset_link(&ana).await.unwrap();
    refused(answer(world.store.reset("guessed", password("another good one"), &visitor()).await), Code::LinkExpired);
    refused_field(answer(world.store.reset(&link, password("ana@example.org"), &visitor()).await), Field::Password, Code::WeakPassword);
    let fresh = world.store.reset(&link, password("another good one"), &visitor()).await.unwrap();
    assert_eq!(who(&world.store, &fresh).await.unwrap().email, "ana@example.org");
    assert_eq!(who(&world.store, &old).await, None);
    refused(answer(world.store.reset(&link, password("a third good one"), &visitor()).await), Code::LinkExpired);
    assert!(world.store.sign_in("ana@example.org", "another good one", &visitor()).await.is_ok());
    let late = world.store.reset_link(&ana).await.unwrap();
    world.clock.advance(Millis::minutes(120));
    refused(answer(world.store.reset(&late, password("a third good one"), &visitor()).await), Code::LinkExpired);
}

async fn a_weak_hash_is_replaced_at_sign_in(world: World) {
    world.person("Ana").await;
    let db = world.db.raw().await;
    let hash = async || account::Entity::find().one(&db).await.unwrap().unwrap().password_hash;
    let before = hash().await;
    world.store.sign_in("ana@example.org", PASSWORD, &visitor()).await.unwrap();
    assert_eq!(hash().await, before, "a hash that is strong enough stays");
    let mut config = world.db.config.clone();
    config.accounts.argon2_memory = 128;
    let stricter = Store::open_beside(&config, world.clock.clone()).await.unwrap();
    refused(answer(stricter.sign_in("ana@example.org", "wrong password here", &visitor()).await), Code::BadSignIn);
    assert_eq!(hash().await, before);
    stricter.sign_in("ana@example.org", PASSWORD, &visitor()).await.unwrap();
    assert!(hash().await.contains("m=128,"));
    assert!(world.store.sign_in("ana@example.org", PASSWORD, &visitor()).await.is_ok());
    stricter.close().await;
}

async fn an_operator_is_made_by_the_command_line(world: World) {
    let form = SignUp::parse("Olga", "olga@example.org", PASSWORD).unwrap();
    world.store.create_operator(form.clone()).await.unwrap();
    refused_field(world.store.create_operator(form).await, Field::Email, Code::EmailTaken);
    let signed_in = world.store.sign_in("olga@example.org", PASSWORD, &visitor()).await.unwrap();
    assert_eq!(who(&world.store, &signed_in).await.unwrap().role, Role::Operator);
}

async fn whoever_offers_is_a_provider(world: World) {
    use app::offers::port::Offers;
    let signed_in = world.store.sign_up(SignUp::parse("Ana", "ana@example.org", PASSWORD).unwrap(), &visitor()).await.unwrap();
    let me = who(&world.store, &signed_in).await.unwrap();
    let offer = world.store.register(&me, draft("Not yet")).await.unwrap();
    assert!(who(&world.store, &signed_in).await.unwrap().provider);
    world.store.retire(&me, offer).await.unwrap();
    assert!(!who(&world.store, &signed_in).await.unwrap().provider);
}

async fn what_had_its_time_is_pruned(world: World) {
    let me = world.person("Ana").await;
    let db = world.db.raw().await;
    let ana = Email::parse("ana@example.org").unwrap();
    let used = world.store.reset_link(&ana).await.unwrap();
    world.store.reset(&used, password("another good one"), &visitor()).await.unwrap();
    world.store.reset_link(&ana).await.unwrap();
    for n in 0..60 {
        let row = desk_event::ActiveModel {
            id: Set(ids::uuid()),
            account: Set(me.id.0),
            at: Set(n),
            kind: Set("renewed".into()),
            stretch_ms: Set(0),
        };
        row.insert(&db).await.unwrap();
    }
    let counts = async || {
        let links = reset_link::Entity::find().count(&db).await.unwrap();
        let events = desk_event::Entity::find().count(&db).await.unwrap();
        let sign_ins = sign_in::Entity::find().filter(sign_in::Column::Account.eq(me.id.0)).count(&db).await.unwrap();
        (links, events, sign_ins)
    };
    assert_eq!(counts().await, (2, 60, 1));
    world.store.prune(world.clock.now()).await.unwrap();
    assert_eq!(counts().await, (1, 50, 1), "only what is over");
    let oldest = desk_event::Entity::find().all(&db).await.unwrap().into_iter().map(|row| row.at).min();
    assert_eq!(oldest, Some(10), "the newest are kept");
    let mut sign_outs = world.store.hints().sign_outs.subscribe();
    world.clock.advance(Millis(14 * DAY.0));
    world.store.prune(world.clock.now()).await.unwrap();
    assert_eq!(counts().await, (0, 50, 0));
    assert!(sign_outs.recv().await.is_ok());
}

async fn settings_are_kept(world: World) {
    assert_eq!(world.store.setting("demo").await, Ok(None));
    world.store.set_setting("demo", "1").await.unwrap();
    world.store.set_setting("demo", "2").await.unwrap();
    assert_eq!(world.store.setting("demo").await, Ok(Some("2".into())));
}

#[tokio::test]
async fn on_https_the_cookie_is_bound_to_it() {
    let world = World::with(Engine::Sqlite, |config| config.public_url = Some("https://help.example.org".into())).await;
    let signed_in = world.store.sign_up(SignUp::parse("Ana", "ana@example.org", PASSWORD).unwrap(), &visitor()).await.unwrap();
    assert!(signed_in.cookie.starts_with("__Host-sid=") && signed_in.cookie.ends_with("; Secure"), "{}", signed_in.cookie);
    assert!(who(&world.store, &signed_in).await.is_some());
}

#[tokio::test]
async fn tries_are_limited_by_origin_and_by_account() {
    let world = World::with(Engine::Sqlite, |config| {
        (config.accounts.sign_in_per_minute, config.accounts.sign_in_per_hour, config.accounts.sign_up_per_hour) = (3, 5, 2);
    })
    .await;
    let from = |ip: &str| Visitor { ip: ip.parse::<IpAddr>().unwrap(), ..visitor() };
    let wrong = async |ip: &str, email: &str| answer(world.store.sign_in(email, "wrong password here", &from(ip)).await);
    world.person("Ana").await;
    for ip in ["192.0.2.1", "192.0.2.1", "192.0.2.1"] {
        refused(wrong(ip, "nobody@example.org").await, Code::BadSignIn);
    }
    refused(wrong("192.0.2.1", "nobody@example.org").await, Code::TooManyTries);
    for ip in ["192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5", "192.0.2.6"] {
        refused(wrong(ip, "ana@example.org").await, Code::BadSignIn);
    }
    refused(answer(world.store.sign_in("ana@example.org", PASSWORD, &from("192.0.2.7")).await), Code::TooManyTries);
    world.clock.advance(Millis::minutes(12));
    assert!(world.store.sign_in("ana@example.org", PASSWORD, &from("192.0.2.7")).await.is_ok());
    let form = |n: u8| SignUp::parse("Ben", &format!("ben{n}@example.org"), PASSWORD).unwrap();
    for n in 0..2 {
        assert!(world.store.sign_up(form(n), &from("2001:db8::1")).await.is_ok());
    }
    refused(answer(world.store.sign_up(form(2), &from("2001:db8::2")).await), Code::TooManyTries);
}
