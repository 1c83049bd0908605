//! Reading the JSON that our own server writes. It takes a tenth of the WASM that a reader for everybody's JSON takes: no fractions, no words for what is wrong.

use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, Unexpected, VariantAccess, Visitor},
};
use std::{borrow::Cow, fmt};

/// The value of a JSON text; `None` when it is not the JSON of such a value.
pub fn read<'de, T: Deserialize<'de>>(text: &'de str) -> Option<T> {
    let mut reader = Reader { rest: text };
    let value = T::deserialize(&mut reader).ok()?;
    reader.peek().is_none().then_some(value)
}

/// The text is not what was expected. Why, nobody reads.
#[derive(Debug)]
struct Bad;

impl fmt::Display for Bad {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

impl std::error::Error for Bad {}

impl de::Error for Bad {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Bad
    }

    fn invalid_type(_: Unexpected<'_>, _: &dyn de::Expected) -> Self {
        Bad
    }

    fn invalid_value(_: Unexpected<'_>, _: &dyn de::Expected) -> Self {
        Bad
    }

    fn invalid_length(_: usize, _: &dyn de::Expected) -> Self {
        Bad
    }

    fn unknown_variant(_: &str, _: &'static [&'static str]) -> Self {
        Bad
    }

    fn unknown_field(_: &str, _: &'static [&'static str]) -> Self {
        Bad
    }

    fn missing_field(_: &'static str) -> Self {
        Bad
    }

    fn duplicate_field(_: &'static str) -> Self {
        Bad
    }
}

struct Reader<'de> {
    rest: &'de str,
}

impl<'de> Reader<'de> {
    /// The next byte that is no space, if there is one; it stays.
    fn peek(&mut self) -> Option<u8> {
        self.rest = self.rest.trim_ascii_start();
        self.rest.bytes().next()
    }

    /// Takes the byte if it is the next one.
    fn skip(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.rest = self.rest.get(1..).unwrap_or_default();
        }
        found
    }

    fn expect(&mut self, byte: u8) -> Result<(), Bad> {
        if self.skip(byte) { Ok(()) } else { Err(Bad) }
    }

    /// Takes a word that stands for a value.
    fn word(&mut self, word: &str) -> Result<(), Bad> {
        self.rest = self.rest.strip_prefix(word).ok_or(Bad)?;
        Ok(())
    }

    /// Takes so many bytes.
    fn take(&mut self, bytes: usize) -> Result<&'de str, Bad> {
        let (taken, rest) = self.rest.split_at_checked(bytes).ok_or(Bad)?;
        self.rest = rest;
        Ok(taken)
    }

    fn integer(&mut self) -> Result<i64, Bad> {
        let end = self.rest.bytes().position(|b| !b.is_ascii_digit() && b != b'-').unwrap_or(self.rest.len());
        self.take(end)?.parse().map_err(|_| Bad)
    }

    fn string(&mut self) -> Result<Cow<'de, str>, Bad> {
        self.expect(b'"')?;
        let mut text = Cow::Borrowed("");
        loop {
            let end = self.rest.bytes().position(|b| b == b'"' || b == b'\\').ok_or(Bad)?;
            text += self.take(end)?;
            if self.take(1)? == "\"" {
                return Ok(text);
            }
            let escaped = match self.take(1)? {
                "n" => '\n',
                "t" => '\t',
                "r" => '\r',
                "b" => '\u{8}',
                "f" => '\u{c}',
                "u" => self.unicode()?,
                other => other.chars().next().ok_or(Bad)?,
            };
            text.to_mut().push(escaped);
        }
    }

    /// The character of `\uXXXX`, or of two of them where one is not enough.
    fn unicode(&mut self) -> Result<char, Bad> {
        let high = self.hex()?;
        if !(0xd800..0xdc00).contains(&high) {
            return char::from_u32(high).ok_or(Bad);
        }
        self.word("\\u")?;
        let low = self.hex()?.checked_sub(0xdc00).ok_or(Bad)?;
        char::from_u32(0x10000 + ((high - 0xd800) << 10) + low).ok_or(Bad)
    }

    fn hex(&mut self) -> Result<u32, Bad> {
        u32::from_str_radix(self.take(4)?, 16).map_err(|_| Bad)
    }
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Bad;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Bad> {
        match self.peek().ok_or(Bad)? {
            b'"' => match self.string()? {
                Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
                Cow::Owned(text) => visitor.visit_string(text),
            },
            b'{' => {
                self.expect(b'{')?;
                visitor.visit_map(Items { reader: self, first: true })
            }
            b'[' => {
                self.expect(b'[')?;
                visitor.visit_seq(Items { reader: self, first: true })
            }
            b't' => self.word("true").and_then(|()| visitor.visit_bool(true)),
            b'f' => self.word("false").and_then(|()| visitor.visit_bool(false)),
            b'n' => self.word("null").and_then(|()| visitor.visit_unit()),
            _ => self.integer().and_then(|n| match u64::try_from(n) {
                Ok(n) => visitor.visit_u64(n),
                Err(_) => visitor.visit_i64(n),
            }),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(self, _: &'static str, _: &'static [&'static str], visitor: V) -> Result<V::Value, Bad> {
        self.expect(b'{')?;
        visitor.visit_map(Items { reader: self, first: true })
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Bad> {
        self.expect(b'[')?;
        visitor.visit_seq(Items { reader: self, first: true })
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Bad> {
        self.expect(b'[')?;
        // A tuple knows its length and leaves the end where it is.
        let value = visitor.visit_seq(Items { reader: &mut *self, first: true })?;
        self.expect(b']')?;
        Ok(value)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(self, _: &'static str, length: usize, visitor: V) -> Result<V::Value, Bad> {
        self.deserialize_tuple(length, visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Bad> {
        match self.string()? {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => visitor.visit_string(text),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Bad> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Bad> {
        self.deserialize_str(visitor)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Bad> {
        self.peek();
        self.integer().and_then(|n| visitor.visit_i64(n))
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Bad> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Bad> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Bad> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Bad> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Bad> {
        if self.peek() == Some(b'n') { self.word("null").and_then(|()| visitor.visit_none()) } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Bad> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(self, _: &'static str, _: &'static [&'static str], visitor: V) -> Result<V::Value, Bad> {
        if self.skip(b'{') {
            let value = visitor.visit_enum(Variant(&mut *self))?;
            self.expect(b'}')?;
            Ok(value)
        } else {
            visitor.visit_enum(self.string()?.into_deserializer())
        }
    }

    serde::forward_to_deserialize_any! { bool i8 i16 u16 f32 f64 char bytes byte_buf unit unit_struct map ignored_any }
}

/// The members of an object or a list.
struct Items<'a, 'de> {
    reader: &'a mut Reader<'de>,
    first: bool,
}

impl Items<'_, '_> {
    /// Whether another one follows; the end is taken.
    fn more(&mut self, end: u8) -> Result<bool, Bad> {
        if self.reader.skip(end) {
            return Ok(false);
        }
        if !std::mem::replace(&mut self.first, false) {
            self.reader.expect(b',')?;
        }
        Ok(true)
    }
}

impl<'de> SeqAccess<'de> for Items<'_, 'de> {
    type Error = Bad;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Bad> {
        if self.more(b']')? { seed.deserialize(&mut *self.reader).map(Some) } else { Ok(None) }
    }
}

impl<'de> MapAccess<'de> for Items<'_, 'de> {
    type Error = Bad;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Bad> {
        if self.more(b'}')? { seed.deserialize(&mut *self.reader).map(Some) } else { Ok(None) }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Bad> {
        self.reader.expect(b':')?;
        seed.deserialize(&mut *self.reader)
    }
}

/// A variant with content: `{"online":{...}}`.
struct Variant<'a, 'de>(&'a mut Reader<'de>);

impl<'a, 'de> EnumAccess<'de> for Variant<'a, 'de> {
    type Error = Bad;
    type Variant = Variant<'a, 'de>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Bad> {
        let name = seed.deserialize(&mut *self.0)?;
        self.0.expect(b':')?;
        Ok((name, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, 'de> {
    type Error = Bad;

    fn unit_variant(self) -> Result<(), Bad> {
        Err(Bad)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Bad> {
        seed.deserialize(self.0)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Bad> {
        self.0.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Bad> {
        self.0.deserialize_struct("", fields, visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{account::api::Site, error::AppError, forms::api::Rejected, presence::wire::FromServer};
    use domain::{
        card::Card,
        feed::{Change, Hello},
        presence::{Desk, DeskEvent, DeskEventKind, Presence},
        reject::{Code, Field, Reject},
        time::{Millis, Timestamp},
        view::{Counts, Snapshot},
    };
    use serde::{Serialize, de::DeserializeOwned};

    /// What our server writes is read as it was.
    fn same<T: Serialize + DeserializeOwned + PartialEq + fmt::Debug>(value: &T) {
        let text = serde_json::to_string(value).unwrap();
        assert_eq!(read::<T>(&text).as_ref(), Some(value), "{text}");
    }

    #[test]
    fn reads_what_the_server_writes() {
        let card = r#"{"id":"00000000-0000-0000-0000-000000000001","by":"00000000-0000-0000-0000-000000000001","name":"田中 \"Yui\" \\ \n","title":"T",
            "cat":"languages","lang":"en,es","m":3,"r":120,"cur":"EUR","f":60,"is":"online","at":1763848000000,"more":[{"x":[1,-2,null,true]}]}"#;
        let card: Card = read(card).unwrap();
        assert_eq!(card.name, "田中 \"Yui\" \\ \n");
        same(&card);
        same(&Card { answers: domain::answers::Answers::try_from(92).ok(), ..card.clone() });
        let counts = Counts { open: 3, busy: 0, closed: 7 };
        let change = Change {
            from: 1,
            to: 2,
            cards: vec![card.clone()],
            gone: vec![card.id],
            counts: Some(counts),
            stale: true,
            ..Change::default()
        };
        same(&change);
        same(&Change {
            more: vec![card.clone()],
            also: vec![card.clone()],
            out: vec![card.id],
            lost: vec![card.id],
            opened: vec![card.id],
            ..change
        });
        same(&Change::default());
        let cursor = domain::feed::Cursor { epoch: domain::id::Epoch(card.id.0), seq: u64::from(u32::MAX) };
        same(&Snapshot { cursor, cards: vec![card.clone(); 2], counts });
        same(&Hello { epoch: cursor.epoch, seq: 1, mode: domain::feed::Mode::Reset });
        let event = DeskEvent { at: Timestamp(-1), kind: DeskEventKind::LineGap, stretch: Millis(9_000) };
        for presence in [Presence::Offline, Presence::Online { until: Timestamp(5) }, Presence::Away { missed: 1 }] {
            let desk = Desk {
                presence,
                until: Some(Timestamp(5)),
                offers: vec![card.id],
                pages: 2,
                back_from: Some(Timestamp(6)),
                proved_until: None,
                warn_before_end: Millis::minutes(5),
                line_lost: Millis::seconds(12),
                without_page: Millis::seconds(30),
                now: Timestamp(4),
                events: vec![event],
            };
            same(&FromServer::Desk(desk));
        }
        same(&FromServer::SignedOut {});
        same(&Site::default());
        let error = AppError::from(Reject::field(Field::Title, Code::TooLong));
        same(&Rejected { path: "/api/x".into(), fields: vec![("a".into(), "\u{1f3ee}\u{1}".into())], error: Some(error) });
        assert_eq!(read::<String>(r#""\ud83c\udfee\u00e9\/""#).as_deref(), Some("🏮é/"));
    }

    #[test]
    fn anything_else_is_refused_and_never_panics() {
        let text =
            serde_json::to_string(&Rejected { path: "é\n\u{1f3ee}".into(), fields: vec![("a".into(), "b".into())], error: None }).unwrap();
        for end in 0..text.len() {
            if let Some(cut) = text.get(..end) {
                assert_eq!(read::<Rejected>(cut), None, "{cut}");
            }
        }
        for bad in ["", "x", "{}x", "[1,]", "[,1]", "1.5", r#""\ud83c""#, r#""\u12"#, r#""\"#, "--1", "99999999999999999999"] {
            assert!(read::<Vec<i64>>(bad).is_none() && read::<String>(bad).is_none() && read::<i64>(bad).is_none(), "{bad}");
        }
    }
}
