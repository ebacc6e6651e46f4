//! Leads: events of Windows' own DNS client that a detection about Sysmon's events may describe.
//! Such an event contains little more than the query name, so only the part of the detection's
//! condition that the name decides is evaluated.
//!
//! Such an event is not a match, because its other fields are not known. It is a lead if a match is
//! possible: if some values of the other fields would make the detection's condition true. To find
//! out, each comparison of another field is assumed to be true, or to be false if it lies inside an
//! odd number of negations. Each comparison is assumed independently. So a condition that requires
//! a value and also excludes it is not recognised as impossible, and can give leads although no
//! match is possible.
//!
//! An event without a query name, or with an empty name, is never a lead.

use crate::detect::predicate::Predicate;
use crate::detect::predicate::field::Field;
use crate::detect::predicate::test::FieldTest;

/// The condition on the query name under which an event of Windows' own DNS client is a lead of a
/// detection: a match is possible, as far as the name shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeadCondition {
    /// A match of the detection is possible with the query names for which this predicate is true.
    /// So events of Windows' own DNS client with these names are leads (possible matches). The
    /// predicate reads only the event's field `QueryName`.
    Names(Predicate),
    /// A match of the detection is possible with every query name or, from `requiring_names`, with
    /// all except certain names. The name alone then decides nothing, so the detection gives no
    /// leads (events of Windows' own DNS client that may be matches).
    EveryName,
    /// A match of the detection is not possible with any query name, so no event of Windows' own
    /// DNS client is a lead (a possible match).
    NoName,
    /// The detection is a list of names and addresses. Events of Windows' DNS client have both in
    /// fields of the same name as Sysmon's, so the detection's whole predicate is evaluated on
    /// these events.
    Listed(Predicate),
    /// The detection is itself about events of Windows' DNS client, so the detection's whole
    /// predicate is evaluated on these events.
    Whole(Predicate),
}

impl LeadCondition {
    /// Returns the condition on the query name under which an event is a lead of a detection with
    /// this predicate, which means that a match is possible. A predicate that only excludes certain
    /// names, and requires none, gives [`LeadCondition::EveryName`], which means no leads.
    #[must_use]
    pub fn requiring_names(predicate: &Predicate) -> Self {
        match Self::of(predicate) {
            LeadCondition::Names(names) if !requires_names(&names, true) => LeadCondition::EveryName,
            condition => condition,
        }
    }

    /// Returns the condition on the query name under which a match of a detection with this
    /// predicate is possible. If the predicate only excludes certain names, the condition excludes
    /// them.
    #[must_use]
    pub fn of(predicate: &Predicate) -> Self {
        match possible(predicate, true) {
            Possibility::Always => LeadCondition::EveryName,
            Possibility::Never => LeadCondition::NoName,
            Possibility::If(condition) => LeadCondition::Names(condition),
        }
    }
}

/// Says with which query names a part of a detection's condition is true. Each comparison of a
/// field other than the query name is assumed to have the result that helps a match: true, or false
/// inside an odd number of negations.
enum Possibility {
    /// The part of the detection's condition is true with every query name, if each comparison of
    /// another field has the result that helps a match.
    Always,
    /// The part of the detection's condition is false with every query name, if each comparison of
    /// another field has the result that helps a match.
    Never,
    /// The part of the detection's condition is true with exactly the query names for which this
    /// predicate is true, if each comparison of another field has the result that helps a match.
    If(Predicate),
}

impl Possibility {
    /// Returns the value for a part of a condition that has the result `holds` with every query
    /// name: [`Possibility::Always`] for true, and [`Possibility::Never`] for false.
    fn known(holds: bool) -> Self {
        if holds { Possibility::Always } else { Possibility::Never }
    }
}

/// Returns with which query names `predicate`, a part of a detection's condition, is true. Every
/// comparison of a field other than the query name is assumed to have the result `wanted`, which is
/// the result that helps a match: true, or false if the part lies inside an odd number of
/// negations.
fn possible(predicate: &Predicate, wanted: bool) -> Possibility {
    match predicate {
        // A lead always has a name.
        Predicate::All | Predicate::Exists(Field::QUERY_NAME) => Possibility::Always,
        Predicate::And(children) => join(children, wanted, Junction::And),
        Predicate::Or(children) => join(children, wanted, Junction::Or),
        Predicate::Not(child) => match possible(child, !wanted) {
            Possibility::Always => Possibility::Never,
            Possibility::Never => Possibility::Always,
            Possibility::If(condition) => Possibility::If(Predicate::Not(Box::new(condition))),
        },
        Predicate::Matches { field: Field::QUERY_NAME, pattern } if pattern.is_any() => Possibility::Always,
        // The name of a lead is not empty.
        Predicate::Empty(Field::QUERY_NAME) => Possibility::Never,
        Predicate::Matches { field: Field::QUERY_NAME, .. }
        | Predicate::OneOf { field: Field::QUERY_NAME, .. }
        | Predicate::ListedName(_)
        | Predicate::Fits { field: Field::QUERY_NAME, .. }
        | Predicate::InNetwork { field: Field::QUERY_NAME, .. }
        | Predicate::Passes {
            field: Field::QUERY_NAME,
            test: FieldTest::Number { .. } | FieldTest::Time { .. },
        }
        | Predicate::Compare { field: Field::QUERY_NAME, .. } => Possibility::If(predicate.clone()),
        Predicate::Computed(computed)
            if computed.fields().iter().all(|field| *field == Field::QUERY_NAME) =>
        {
            Possibility::If(predicate.clone())
        }
        Predicate::Sysmon
        | Predicate::Computed(_)
        | Predicate::Exists(_)
        | Predicate::Empty(_)
        | Predicate::Matches { .. }
        | Predicate::OneOf { .. }
        | Predicate::ListedAddress(_)
        | Predicate::Fits { .. }
        | Predicate::InNetwork { .. }
        | Predicate::Passes { .. }
        | Predicate::Compare { .. } => Possibility::known(wanted),
    }
}

/// Returns true if a condition on the query name requires certain names, and false if it only
/// excludes certain names. `wanted` is the truth value that a match needs: true for a whole
/// condition, false for a part inside an odd number of negations.
fn requires_names(predicate: &Predicate, wanted: bool) -> bool {
    match predicate {
        Predicate::And(children) | Predicate::Or(children) => {
            children.iter().any(|child| requires_names(child, wanted))
        }
        Predicate::Not(child) => requires_names(child, !wanted),
        _ => wanted,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
/// The operator that connects the children of a predicate: `And` or `Or`.
enum Junction {
    And,
    Or,
}

/// Combines what [`possible`] returns for each of the predicates `children`: returns with which
/// query names all of them are true (if `junction` is `And`), or at least one of them (if it is
/// `Or`). Every comparison of a field other than the query name is assumed to have the result
/// `wanted`.
fn join(children: &[Predicate], wanted: bool, junction: Junction) -> Possibility {
    let mut open = Vec::new();
    for child in children {
        match (possible(child, wanted), junction) {
            (Possibility::Never, Junction::And) => return Possibility::Never,
            (Possibility::Always, Junction::Or) => return Possibility::Always,
            (Possibility::Always | Possibility::Never, _) => {}
            (Possibility::If(condition), _) => open.push(condition),
        }
    }
    match (open.pop(), junction) {
        (None, _) => Possibility::known(junction == Junction::And),
        (Some(only), _) if open.is_empty() => Possibility::If(only),
        (Some(last), junction) => {
            open.push(last);
            Possibility::If(if junction == Junction::And {
                Predicate::And(open)
            } else {
                Predicate::Or(open)
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::detect::predicate::Inequality;
    use crate::detect::predicate::expression::{Expression, Flags};
    use crate::detect::predicate::pattern::Pattern;
    use crate::detect::splunk::search::Search;
    use crate::event::{DNS_QUERY, Event, System};

    fn condition(head: &str) -> LeadCondition {
        LeadCondition::of(&Search::parse(head).unwrap_or_else(|error| panic!("{head}: {error}")).predicate)
    }

    fn named(name: &str) -> Event {
        Event::new(&DNS_QUERY, System::default()).with("QueryName", name)
    }

    fn is_lead(condition: &LeadCondition, name: &str) -> bool {
        match condition {
            LeadCondition::Names(predicate)
            | LeadCondition::Listed(predicate)
            | LeadCondition::Whole(predicate) => predicate.evaluate(&named(name)),
            LeadCondition::EveryName => true,
            LeadCondition::NoName => false,
        }
    }

    #[test]
    fn conditions_on_the_name_alone() {
        for (head, same_as) in [
            ("`sysmon` EventCode=22 QueryName IN (a, b) Image=c", "QueryName IN (a, b)"),
            ("QueryName=a NOT Image=c", "QueryName=a"),
            ("QueryName=a NOT QueryName=b", "QueryName=a NOT QueryName=b"),
            ("(QueryName=a Image=c) OR (QueryName=b NOT User=d)", "QueryName=a OR QueryName=b"),
            ("QueryName!=a Image=c", "NOT QueryName=a"),
            ("NOT (QueryName=a Image=c)", "*"),
            ("NOT (QueryName=a OR Image=c)", "NOT QueryName=a"),
            ("QueryName=a OR Image=c", "*"),
            ("Image=c", "*"),
            ("QueryName=* Image=c", "*"),
            ("QueryName>b QueryStatus=0", "QueryName>b"),
            ("NOT QueryName=*", "NOT *"),
            ("QueryName=a NOT *", "NOT *"),
        ] {
            assert_eq!(condition(head), condition(same_as), "{head}");
        }
        assert_eq!(condition("*"), LeadCondition::EveryName);
        assert_eq!(condition("NOT *"), LeadCondition::NoName);
        assert!(matches!(condition("QueryName=a Image=c"), LeadCondition::Names(_)));
    }

    #[test]
    fn the_built_in_detection_has_leads_for_its_names() {
        let seed = crate::detect::Detection::seed().unwrap().search.predicate;
        let LeadCondition::Names(names) = LeadCondition::of(&seed) else { panic!("{seed:?}") };
        assert_eq!(names.hits(&named("www.pastebin.com")).matched_query, ["*pastebin*"]);
        assert!(names.evaluate(&named("t.me")) && !names.evaluate(&named("example.com")));
        assert_eq!(names.required_texts().len(), 1, "needles of the name alone");
    }

    #[test]
    fn a_condition_that_only_excludes_names_requires_none() {
        let asking = |head: &str| {
            LeadCondition::requiring_names(&Search::parse(head).unwrap().predicate)
                == LeadCondition::EveryName
        };
        for (head, expected) in [
            ("QueryName=a Image=x", false),
            ("Image=x NOT QueryName=a", true),
            ("Image=x QueryName!=a", true),
            ("QueryName=*.* NOT QueryName=a", false),
            ("NOT (NOT QueryName=a)", false),
            ("Image=x", true),
        ] {
            assert_eq!(asking(head), expected, "{head}");
        }
    }

    const NAMES: [&str; 5] = ["a", "b", "ab", "ba", "é"];

    fn any_predicate() -> impl Strategy<Value = Predicate> {
        let field = prop::sample::select(
            &[Field::QUERY_NAME, Field::QUERY_NAME, Field::IMAGE, Field::Data("User")][..],
        );
        let leaf = (field, "[ab*]{0,3}", 0..10_u8).prop_map(|(field, text, kind)| match kind {
            0 => Predicate::All,
            1 => Predicate::Sysmon,
            2 => Predicate::Exists(field),
            3 => Predicate::Compare { field, operator: Inequality::Less, value: text },
            4 => Predicate::Empty(field),
            5 => Predicate::Fits {
                field,
                expression: Expression::new(&text.replace('*', "."), Flags::default()).unwrap(),
            },
            _ => Predicate::Matches { field, pattern: Pattern::new(&text) },
        });
        leaf.prop_recursive(4, 12, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Predicate::And),
                prop::collection::vec(inner.clone(), 0..3).prop_map(Predicate::Or),
                inner.prop_map(|child| Predicate::Not(Box::new(child))),
            ]
        })
    }

    /// Evaluates a predicate on an event of which only the query name is known. Each comparison
    /// that does not read the name has the truth value of the next bit of `assignment`, from the
    /// lowest bit on.
    fn assigned(predicate: &Predicate, name: &Event, assignment: &mut u32) -> bool {
        // All children are evaluated, whatever the first of them give, because each leaf takes its
        // bit.
        let mut all = |children: &[Predicate]| -> Vec<bool> {
            children.iter().map(|child| assigned(child, name, assignment)).collect()
        };
        match predicate {
            Predicate::And(children) => all(children).into_iter().all(|holds| holds),
            Predicate::Or(children) => all(children).into_iter().any(|holds| holds),
            Predicate::Not(child) => !assigned(child, name, assignment),
            Predicate::All
            | Predicate::Exists(Field::QUERY_NAME)
            | Predicate::Empty(Field::QUERY_NAME)
            | Predicate::Matches { field: Field::QUERY_NAME, .. }
            | Predicate::Fits { field: Field::QUERY_NAME, .. }
            | Predicate::Compare { field: Field::QUERY_NAME, .. } => predicate.evaluate(name),
            _ => {
                let bit = *assignment & 1 == 1;
                *assignment >>= 1;
                bit
            }
        }
    }

    fn unknown_leaves(predicate: &Predicate) -> u32 {
        match predicate {
            Predicate::And(children) | Predicate::Or(children) => children.iter().map(unknown_leaves).sum(),
            Predicate::Not(child) => unknown_leaves(child),
            Predicate::All
            | Predicate::Exists(Field::QUERY_NAME)
            | Predicate::Empty(Field::QUERY_NAME)
            | Predicate::Matches { field: Field::QUERY_NAME, .. }
            | Predicate::Fits { field: Field::QUERY_NAME, .. }
            | Predicate::Compare { field: Field::QUERY_NAME, .. } => 0,
            _ => 1,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        /// Tests the definition of a lead (a possible match): a name is a lead's name if the
        /// condition is true for some truth values of the comparisons that do not read the name.
        #[test]
        fn a_lead_is_what_could_be_a_match(predicate in any_predicate()) {
            let leaves = unknown_leaves(&predicate);
            prop_assume!(leaves <= 12);
            let condition = LeadCondition::of(&predicate);
            for name in NAMES {
                let could_match = (0..1_u32 << leaves)
                    .any(|mut assignment| assigned(&predicate, &named(name), &mut assignment));
                prop_assert_eq!(is_lead(&condition, name), could_match, "{}", name);
            }
        }

        /// Tests that the name of every match is also the name of a lead (a possible match),
        /// whatever the event's other fields contain.
        #[test]
        fn the_name_of_every_match_is_a_lead(
            predicate in any_predicate(),
            name in prop::sample::select(&NAMES[..]),
            image in prop::option::of("[ab]{0,2}"),
            user in prop::option::of("[ab]{0,2}"),
            sysmon in any::<bool>(),
        ) {
            let provider = if sysmon { crate::event::SYSMON_PROVIDER } else { "other" };
            let system = System { provider: provider.to_owned(), ..System::default() };
            let mut event = named(name);
            event.system = system;
            event.set("Image", image);
            event.set("User", user);
            prop_assert!(!predicate.evaluate(&event) || is_lead(&LeadCondition::of(&predicate), name));
        }
    }
}
