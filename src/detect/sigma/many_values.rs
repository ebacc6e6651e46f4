//! Compiles a line of a Sigma rule with many plain values at once. A rule can list a hundred
//! thousand names, and to compile each by itself takes five times as long.

use super::compiler::Compiler;
use super::modifier::{Modifiers, ValueComparison};
use crate::base::byte_search::all;
use crate::detect::predicate::Predicate;
use crate::detect::predicate::expression::Case;
use crate::detect::predicate::field::Field;
use crate::detect::predicate::pattern_set::{Around, LEAST_PATTERNS, PatternSet};
use crate::detect::predicate::test::Position;
use crate::detect::predicate::text_index::PREPARED;
use crate::detect::yaml::Node;
use crate::event::FieldType;

/// Compiles the comparison of a field with many values of a Sigma rule, at least one of which must
/// match, to one set of patterns. `None` if there are fewer than [`LEAST_PATTERNS`] values, if the
/// field or its modifiers need more than a plain comparison of texts, if a value is not plain text,
/// or if the rule would have too many conditions on fields. The caller then compiles each value by
/// itself.
pub(super) fn set(
    compiler: &Compiler<'_>,
    field: Field,
    modifiers: &Modifiers,
    values: &[Node],
) -> Option<Predicate> {
    // Each modifier is named here, so that a new one cannot be overlooked. The caller negates.
    let Modifiers { comparison, encodings, all, negated: _, expand, windows_dash } = modifiers;
    let ValueComparison::Text(position, Case::Folded) = *comparison else { return None };
    let is_plain = !all && !expand && !windows_dash && encodings.is_empty();
    if !is_plain || values.len() < LEAST_PATTERNS || field.stored_type() != Some(FieldType::Text) {
        return None;
    }
    let around = Around {
        before: matches!(position, Position::End | Position::Anywhere),
        after: matches!(position, Position::Start | Position::Anywhere),
    };
    let mut set = PatternSet::default();
    let texts: Vec<&str> = values.iter().map(plain_text).collect::<Option<_>>()?;
    compiler.count_conditions_if_allowed(values.len())?;
    set.reserve(around, values.len(), texts.iter().map(|text| text.len()).sum());
    let mut lower = vec![String::new(); PREPARED];
    for texts in texts.chunks(PREPARED) {
        for (lower, text) in lower.iter_mut().zip(texts) {
            lower.clear();
            lower.push_str(text);
            lower.make_ascii_lowercase();
            set.prepare(lower, around);
        }
        for (lower, text) in lower.iter().zip(texts) {
            set.add_plain(lower, text, around);
        }
    }
    set.seal();
    Some(Predicate::OneOf { field, patterns: set.into() })
}

/// Returns the text of a value of a Sigma rule if it is not empty, and has only ASCII characters
/// without a special meaning in Sigma (not `*`, `?` or `\`); otherwise `None`.
fn plain_text(value: &Node) -> Option<&str> {
    let scalar = value.scalar().filter(|scalar| !scalar.is_null())?;
    let is_plain = |byte: u8| byte.is_ascii() && !matches!(byte, b'*' | b'?' | b'\\');
    Some(scalar.text.as_str()).filter(|text| !text.is_empty() && all(text.as_bytes(), is_plain))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::compiler::{Polarity, joined};
    use super::super::item;
    use super::super::placeholder::Placeholders;
    use super::super::source::LogSource;
    use super::*;
    use crate::detect::yaml::{Key, LineColumn, NodeKind, Scalar};

    const PLACE: LineColumn = LineColumn { line: 1, column: 1 };

    fn value(text: &str, is_plain: bool) -> Node {
        Node { place: PLACE, kind: NodeKind::Scalar(Scalar { text: text.to_owned(), is_plain }) }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]
        /// Compares a line with many values with the OR of lines with one of them each.
        #[test]
        fn many_values_mean_what_each_of_them_means(
            name in prop::sample::select(&[
                "QueryName", "QueryName|endswith", "QueryName|contains", "QueryName|startswith", "QueryName|neq",
                "QueryName|cased", "Image|endswith", "ProcessId", "ProcessGuid", "EventID", "QueryName|windash",
            ][..]),
            texts in prop::collection::vec("[aB.7]{1,4}|\\.[aB]{1,2}", 70..90),
            odd in prop::option::of(("[aB.*?\\\\é -]{0,4}|null|22", any::<bool>())),
        ) {
            let mut values: Vec<Node> = texts.iter().map(|text| value(text, true)).collect();
            values.extend(odd.iter().map(|(text, is_plain)| value(text, *is_plain)));
            let detection = value("", true);
            let placeholders = Placeholders::default();
            let compiler = Compiler::new(&detection, LogSource::Category, &placeholders);
            let key = Key { place: PLACE, name: name.to_owned() };
            let compiled = |values: &[Node]| {
                let node = Node { place: PLACE, kind: NodeKind::List(values.to_vec()) };
                item::predicate(&compiler, &key, &node, Polarity::For)
            };
            let many = compiled(&values).map(Predicate::with_sets);
            // A line that is negated negates the whole OR.
            let inner = |predicate| match predicate {
                Predicate::Not(inner) if name.ends_with("neq") => *inner,
                other => other,
            };
            let each: Result<Vec<Predicate>, _> =
                values.chunks(1).map(|one| compiled(one).map(inner)).collect();
            prop_assert_eq!(many.map(inner), each.map(|each| joined(each, Predicate::Or).with_sets()));
        }
    }
}
