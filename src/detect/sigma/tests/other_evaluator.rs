//! Tests Sigma rules against another evaluator of Sigma, with random rules and events.

use proptest::prelude::*;
use rsigma_eval::Engine;
use rsigma_eval::event::JsonEvent;
use rsigma_parser::parse_sigma_yaml;
use serde_json::json;

use super::{detection, rule};
use crate::detect::sigma::placeholder::Placeholders;
use crate::detect::testing::event;

/// One line of a selection in a Sigma rule (a field with values). Lines with a modifier for the
/// position, such as `startswith`, have no wildcards, because `rsigma_eval`, the other evaluator of
/// Sigma in these tests, then matches them anywhere in the field.
fn line() -> impl Strategy<Value = String> {
    let field = prop::sample::select(&["QueryName", "Image", "User"][..]);
    let places = prop::sample::select(
        &["|contains", "|startswith", "|endswith", "|contains|cased", "|contains|all", "|endswith|all"][..],
    );
    let listed =
        |values: Vec<String>| values.iter().map(|value| format!("'{value}'")).collect::<Vec<_>>().join(", ");
    let plain = prop::collection::vec(r"[abAB.\\]{1,4}", 1..4).prop_map(listed);
    let wild = prop::collection::vec(r"[abAB.*?\\]{0,4}", 1..4).prop_map(listed);
    prop_oneof![
        5 => (field.clone(), places, plain).prop_map(|(field, place, values)| format!("{field}{place}: [{values}]")),
        4 => (field.clone(), prop::sample::select(&["", "|cased"][..]), wild)
            .prop_map(|(field, case, values)| format!("{field}{case}: [{values}]")),
        1 => field.clone().prop_map(|field| format!("{field}: null")),
        1 => (field.clone(), any::<bool>()).prop_map(|(field, is)| format!("{field}|exists: {is}")),
        1 => (field, "[ab.]{1,3}").prop_map(|(field, text)| format!("{field}|re: '{text}'")),
    ]
}

fn detection_section() -> impl Strategy<Value = String> {
    let part = prop::collection::btree_map("[a-c]", line(), 1..3).prop_map(|lines| {
        lines.into_values().map(|line| format!("        {line}")).collect::<Vec<_>>().join("\n")
    });
    let condition = prop::sample::select(
        &[
            "s1",
            "s1 and s2",
            "s1 or s2 and s3",
            "s1 and not s2",
            "not (s1 or s2)",
            "1 of s*",
            "all of them",
            "s1 and not 1 of s*",
            "not s1 and not s2",
        ][..],
    );
    (prop::collection::vec(part, 3), condition).prop_map(|(parts, condition)| {
        let parts: Vec<String> =
            parts.iter().enumerate().map(|(number, part)| format!("    s{}:\n{part}", number + 1)).collect();
        format!("{}\n    condition: {condition}", parts.join("\n"))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]
    /// Tests that `rsigma_eval`, another evaluator of Sigma, has the same result as dnsweep for a
    /// rule and an event.
    #[test]
    fn another_evaluator_agrees(
        section in detection_section(),
        query in prop::option::of(r"[abAB.\\]{0,5}"),
        image in prop::option::of(r"[abAB.\\]{0,5}"),
        user in prop::option::of(r"[abAB.\\]{0,5}"),
    ) {
        let text = rule(&section);
        // A rule in which a mapping has a key twice is refused.
        let Ok(rule) = detection(&text, &Placeholders::default()) else { return Ok(()) };
        let mut engine = Engine::new();
        // The other evaluator refuses `all` with a single value, which the specification allows.
        if engine.add_collection(&parse_sigma_yaml(&text).expect("the rule is YAML")).is_err() {
            return Ok(());
        }
        let mut fields = serde_json::Map::new();
        for (name, value) in [("QueryName", &query), ("Image", &image), ("User", &user)] {
            if let Some(value) = value {
                fields.insert(name.to_owned(), json!(value));
            }
        }
        let fields = fields.into();
        let theirs = !engine.evaluate(&JsonEvent::borrow(&fields)).is_empty();
        let mut event = event("", "");
        for (name, value) in [("QueryName", query), ("Image", image), ("User", user)] {
            event.set(name, value);
        }
        prop_assert_eq!(rule.search.predicate.evaluate(&event), theirs, "{}", text);
    }
}
