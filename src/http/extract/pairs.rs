//! From pairs of names and values to a type: serde's deserializer for queries and forms.
//!
//! A name that comes several times is one entry with several values, wherever it comes; what a
//! value is to be is decided by the type that asks, for all of them are text.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Display;
use std::vec;

use serde::de::value::{CowStrDeserializer, Error, SeqDeserializer};
use serde::de::{DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess, Visitor};
use serde::forward_to_deserialize_any;

/// All pairs: a map or a struct.
pub(super) struct Pairs<'de>(Vec<(Cow<'de, str>, Values<'de>)>);

/// The values of one name: one scalar, or a sequence.
pub(super) struct Values<'de> {
    name: Cow<'de, str>,
    values: Vec<Cow<'de, str>>,
}

impl<'de> Pairs<'de> {
    pub(super) fn new(pairs: impl Iterator<Item = (Cow<'de, str>, Cow<'de, str>)>) -> Pairs<'de> {
        let mut entries: Vec<(Cow<'de, str>, Values<'de>)> = Vec::new();
        let mut places: HashMap<Cow<'de, str>, usize> = HashMap::new();
        for (name, value) in pairs {
            let place = *places.entry(name.clone()).or_insert(entries.len());
            if place == entries.len() {
                let values = Values { name: name.clone(), values: Vec::new() };
                entries.push((name, values));
            }
            entries[place].1.values.push(value);
        }
        Pairs(entries)
    }
}

impl<'de> Deserializer<'de> for Pairs<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_map(Entries { entries: self.0.into_iter(), value: None })
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0.is_empty() {
            true => visitor.visit_none(),
            false => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct Entries<'de> {
    entries: vec::IntoIter<(Cow<'de, str>, Values<'de>)>,
    value: Option<Values<'de>>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        let Some((name, values)) = self.entries.next() else { return Ok(None) };
        self.value = Some(values);
        seed.deserialize(IntoDeserializer::<Error>::into_deserializer(name)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let Some(values) = self.value.take() else {
            return Err(Error::custom("a value before its name"));
        };
        let name = values.name.clone();
        seed.deserialize(values).map_err(|error| Error::custom(format!("{name:?}: {error}")))
    }
}

impl<'de> Values<'de> {
    /// The one value.
    fn one(mut self) -> Result<Cow<'de, str>, Error> {
        match (self.values.pop(), self.values.len()) {
            (Some(value), 0) => Ok(value),
            (_, before) => Err(Error::custom(format!("it is given {} times", before + 1))),
        }
    }

    fn text(self) -> Result<CowStrDeserializer<'de, Error>, Error> {
        self.one().map(IntoDeserializer::into_deserializer)
    }
}

fn not_a<T: Display>(what: &str, text: &str, why: T) -> Error {
    Error::custom(format!("{text:?} is not {what}: {why}"))
}

macro_rules! numbers {
    ($($deserialize:ident $visit:ident $number:ty,)*) => {
        $(fn $deserialize<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            let text = self.one()?;
            let number = text.parse::<$number>();
            visitor.$visit(number.map_err(|why| not_a(stringify!($number), &text, why))?)
        })*
    };
}

impl<'de> Deserializer<'de> for Values<'de> {
    type Error = Error;

    numbers! {
        deserialize_i8 visit_i8 i8,
        deserialize_i16 visit_i16 i16,
        deserialize_i32 visit_i32 i32,
        deserialize_i64 visit_i64 i64,
        deserialize_i128 visit_i128 i128,
        deserialize_u8 visit_u8 u8,
        deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32,
        deserialize_u64 visit_u64 u64,
        deserialize_u128 visit_u128 u128,
        deserialize_f32 visit_f32 f32,
        deserialize_f64 visit_f64 f64,
    }

    /// What stands for itself: text.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.text()?.deserialize_any(visitor)
    }

    /// `on` is what a browser sends for a box that is ticked.
    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let text = self.one()?;
        match &text[..] {
            "true" | "on" | "1" => visitor.visit_bool(true),
            "false" | "off" | "0" => visitor.visit_bool(false),
            _ => Err(not_a("a bool", &text, "write true or false")),
        }
    }

    /// A field that is there and empty is what a browser sends for one that nobody has filled in.
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.values[..] {
            [only] if only.is_empty() => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let name = self.name;
        let each = self.values.into_iter();
        let each = each.map(|value| Values { name: name.clone(), values: vec![value] });
        visitor.visit_seq(SeqDeserializer::new(each))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.text()?.deserialize_enum(name, variants, visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct tuple_struct map struct identifier
    }
}

impl<'de> IntoDeserializer<'de, Error> for Values<'de> {
    type Deserializer = Values<'de>;
    fn into_deserializer(self) -> Values<'de> {
        self
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;
    use crate::http::query::pairs;

    fn from<'de, T: Deserialize<'de>>(query: &'de str) -> Result<T, String> {
        T::deserialize(Pairs::new(pairs(query))).map_err(|error| error.to_string())
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "lowercase")]
    enum Order {
        Up,
        Down,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Id(u32);

    #[derive(Debug, Deserialize, PartialEq)]
    struct All<'a> {
        id: Id,
        order: Order,
        #[serde(default)]
        tag: Vec<String>,
        name: Option<Cow<'a, str>>,
        size: Option<f64>,
        #[serde(default)]
        deep: bool,
    }

    #[test]
    fn text_becomes_what_the_type_asks_for() {
        let all: All<'_> = from("tag=a&id=7&order=down&deep=on&tag=b+c&size=&name=x%26").unwrap();
        assert_eq!((all.id, all.order, all.deep), (Id(7), Order::Down, true));
        assert_eq!((all.tag, all.size), (vec!["a".to_owned(), "b c".to_owned()], None));
        assert_eq!(all.name.as_deref(), Some("x&"));
        let few: All<'_> = from("id=1&order=up&unknown=1&unknown=2").unwrap();
        assert_eq!((few.tag.len(), few.name, few.order), (0, None, Order::Up));
    }

    #[test]
    fn what_does_not_fit_is_told_with_its_name() {
        let error = |query: &str| from::<All<'_>>(query).unwrap_err();
        assert_eq!(error("order=up"), "missing field `id`");
        assert!(error("id=x&order=up").starts_with("\"id\": \"x\" is not u32"));
        assert!(error("id=1&id=2&order=up").contains("\"id\": it is given 2 times"));
        assert!(error("id=1&order=left").contains("unknown variant `left`"));
        assert!(error("id=1&order=up&deep=maybe").contains("write true or false"));
    }

    #[test]
    fn a_map_and_an_option_and_nothing_can_be_asked_for() {
        let map: BTreeMap<String, String> = from("b=2&a=1").unwrap();
        assert_eq!(map.into_keys().collect::<String>(), "ab");
        assert_eq!(from::<Option<All<'_>>>("").unwrap(), None);
        assert_eq!(from::<()>("a=1"), Ok(()));
    }
}
