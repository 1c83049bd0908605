//! List fields of forms.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;

/// A list field: `a,b`, `name[]=a&name[]=b` and `name[0]=a` all give the same; boxes and a line of text may be mixed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListArg(pub Vec<String>);

/// The items of one value.
fn items(text: &str) -> impl Iterator<Item = String> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned)
}

impl Serialize for ListArg {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.join(","))
    }
}

impl<'de> Deserialize<'de> for ListArg {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items;

        impl<'de> de::Visitor<'de> for Items {
            type Value = Vec<String>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(items(text).collect())
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut all = Vec::new();
                while let Some(item) = list.next_element::<String>()? {
                    all.extend(items(&item));
                }
                Ok(all)
            }

            fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
                Ok(Vec::new())
            }
        }

        deserializer.deserialize_any(Items).map(ListArg)
    }
}
