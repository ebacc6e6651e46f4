//! The meaning of the names in a search: of event fields, and of the fields of Splunk's data model
//! of DNS queries, such as `DNS.query`.

use crate::detect::nearest::nearest;
use crate::detect::predicate::field::Field;
use crate::detect::splunk::search_error::SearchError;
use crate::detect::splunk::token::{Cursor, Token};
use crate::detect::term::{Term, TermKind};

/// Says what a name means at one place of a Splunk search: which names are known there depends on
/// the commands before the place.
pub(in crate::detect) trait NameResolver {
    /// Returns the [`Term`] that a name means at one place of a Splunk search: a field, a column of
    /// the search's `stats` table, or a computed value. The error for an unknown name suggests a
    /// known one that is close.
    fn term(&self, cursor: &Cursor<'_>, name: &Token) -> Result<Term, SearchError>;
}

/// A [`NameResolver`] that knows the fields of events, and no names that commands of a search
/// define.
#[derive(Debug, Clone, Copy)]
pub(in crate::detect) struct EventFields;

impl NameResolver for EventFields {
    fn term(&self, cursor: &Cursor<'_>, name: &Token) -> Result<Term, SearchError> {
        let field = Field::from_name(&name.text);
        field.map(Term::from).ok_or_else(|| no_field(cursor, name, Field::names()))
    }
}

/// Returns the error for a name that is not an event field. It suggests a field whose name differs
/// only by case, or a name in `known` that is close.
pub(in crate::detect) fn no_field<'k>(
    cursor: &Cursor<'_>,
    name: &Token,
    known: impl IntoIterator<Item = &'k str>,
) -> SearchError {
    match Field::name_like(&name.text) {
        Some(like) => cursor
            .error_at(name, format!("a field of a Sysmon DNS query, such as {like} (names differ by case)")),
        None => cursor
            .error_at(name, "a field of a Sysmon DNS query, such as QueryName, Image or process_name")
            .near(&name.text, known),
    }
}

/// The prefix of the names of all fields in the data set `DNS`, which is the part of Splunk's data
/// model `Network_Resolution` that describes DNS queries.
const DATA_SET: &str = "DNS.";

/// The fields of Splunk's data model of DNS queries (`Network_Resolution`, a common schema for
/// events of many products) that Sysmon's DNS queries have: their names without [`DATA_SET`], each
/// with the event field that has the value.
const MODEL_FIELDS: &[(&str, Field)] = &[
    ("query", Field::QUERY_NAME),
    ("query_count", Field::QueryCount),
    ("answer", Field::Answer),
    ("answer_count", Field::AnswerCount),
    ("record_type", Field::RecordType),
    ("reply_code", Field::ReplyCode),
    ("reply_code_id", Field::QUERY_STATUS),
    ("src", Field::Computer),
    ("vendor_product", Field::VendorProduct),
];

/// The names of the fields of Splunk's data model of DNS queries (`Network_Resolution`, a common
/// schema for events of many products) that Sysmon's DNS queries do not have, without [`DATA_SET`].
const ABSENT_MODEL_FIELDS: &[&str] = &[
    "additional_answer_count",
    "authority_answer_count",
    "dest",
    "dest_bunit",
    "dest_category",
    "dest_port",
    "dest_priority",
    "duration",
    "message_type",
    "name",
    "query_type",
    "response_time",
    "src_bunit",
    "src_category",
    "src_port",
    "src_priority",
    "tag",
    "transaction_id",
    "transport",
    "ttl",
    "eventtype",
];

/// A [`NameResolver`] that knows the fields of Splunk's data model of DNS queries
/// (`Network_Resolution`, a common schema for events of many products), such as `DNS.query`.
#[derive(Debug, Clone, Copy)]
pub(in crate::detect) struct ModelFields;

impl ModelFields {
    /// Returns the [`Term`] for the name of a field of Splunk's data model of DNS queries
    /// (`Network_Resolution`, a common schema for events of many products), such as `DNS.query` or
    /// `_time`; `None` for an unknown name. A field that Sysmon's DNS queries do not have is a term
    /// without a value.
    pub fn find(name: &str) -> Option<Term> {
        match name {
            "host" => return Some(Term::from(Field::Computer)),
            "_time" => return Some(Term::from(Field::Time)),
            _ => {}
        }
        let name = name.strip_prefix(DATA_SET)?;
        if let Some((_, field)) = MODEL_FIELDS.iter().find(|(known, _)| *known == name) {
            return Some(Term::from(*field));
        }
        ABSENT_MODEL_FIELDS.contains(&name).then(|| Term::from(TermKind::Absent))
    }

    /// Returns the fields of Splunk's data model of DNS queries (`Network_Resolution`, a common
    /// schema for events of many products) that Sysmon's DNS queries have: the full name, such as
    /// `DNS.query`, and the event field that has the value.
    pub fn present() -> impl Iterator<Item = (String, Field)> {
        MODEL_FIELDS.iter().map(|(name, field)| (format!("{DATA_SET}{name}"), *field))
    }

    /// Returns the name of the field of Splunk's data model of DNS queries, such as `DNS.query`,
    /// that is closest to a misspelt name; `None` if none is close. The common prefix `DNS.` is not
    /// compared.
    pub fn nearest(name: &str) -> Option<String> {
        let had = MODEL_FIELDS.iter().map(|(name, _)| *name);
        let known = had.chain(ABSENT_MODEL_FIELDS.iter().copied());
        if let Some(bare) = name.strip_prefix(DATA_SET) {
            return nearest(bare, known).map(|known| format!("{DATA_SET}{known}"));
        }
        if let Some(other) = nearest(name, ["host", "_time"]) {
            return Some(other.to_owned());
        }
        let (data_set, bare) = name.split_once('.').unwrap_or(("", name));
        let is_near = data_set.is_empty() || nearest(data_set, ["DNS"]).is_some();
        nearest(bare, known).filter(|_| is_near).map(|known| format!("{DATA_SET}{known}"))
    }
}

impl NameResolver for ModelFields {
    fn term(&self, cursor: &Cursor<'_>, name: &Token) -> Result<Term, SearchError> {
        Self::find(&name.text).ok_or_else(|| {
            let error = cursor.error_at(name, "a field of the data set, such as DNS.query or DNS.answer");
            SearchError { nearest: Self::nearest(&name.text).map(Box::from), ..error }
        })
    }
}
