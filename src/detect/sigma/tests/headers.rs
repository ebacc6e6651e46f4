//! Tests of what a Sigma rule says of itself, such as its title and level, and of files with
//! several rules.

use super::*;
use crate::detect::splunk::library::NoLibrary;

#[test]
fn levels_and_statuses_may_be_in_any_case() {
    let text = selection("QueryName: x")
        .replace("level: high", "level: High")
        .replace("status: test", "status: EXPERIMENTAL")
        .replace("attack.t1059.005", "attack.T1059.005");
    let rule = parsed(&format!("\u{feff}{}", text.replace('\n', "\r\n")));
    assert_eq!(
        (rule.detection_type.as_deref(), rule.status.as_deref()),
        (Some("high"), Some("experimental"))
    );
    assert_eq!((rule.risk_score, &rule.mitre_attack_id[..]), (Some(53), &["T1059.005".to_owned()][..]));
    let plain = parsed(&selection("QueryName: x").replace("level: high\nstatus: test\n", ""));
    assert_eq!((plain.risk_score, plain.detection_type, plain.status), (None, None, None));
}

#[test]
fn a_rule_without_title_or_id_still_has_a_name() {
    let untitled = parsed(&selection("QueryName: x").replace("title: Test\n", ""));
    assert_eq!(untitled.name, "test-1");
    let text = selection("QueryName: x").replace("id: test-1\n", "");
    let (nameless, again) = (parsed(&text), parsed(&format!("license: MIT\n{text}")));
    assert_eq!((nameless.id.len(), &nameless.id), (36, &again.id));
    assert_ne!(nameless.id, parsed(&text.replace("QueryName: x", "QueryName: y")).id);
}

#[test]
fn unknown_keys_are_noted_only_if_they_are_misspelt() {
    let text = selection("QueryName: x");
    assert!(parsed(&format!("license: MIT\nscope: [server]\nfoo: {{bar: 1}}\n{text}")).notes.is_empty());
    let misspelt = parsed(&text.replace("level:", "levle:"));
    assert_eq!(misspelt.notes, ["line 4, column 1: the key 'levle' is not known; did you mean 'level'?"]);
    assert_eq!(misspelt.risk_score, None);
}

#[test]
fn a_file_can_have_several_rules() {
    let one = selection("QueryName: x");
    let other = one.replace("test-1", "test-2").replace("QueryName: x", "QeuryName: x");
    let correlation = "title: Many\nid: test-3\ncorrelation: {type: event_count}\n";
    let text = format!(
        "{one}---\n{other}---\n{correlation}---\naction: global\nid: g\nlogsource: {{category: dns_query}}\n\
                        ---\ndetection: {{s: {{QueryName: a}}, condition: s}}\n---\ndetection: {{s: {{QueryName: b}}, condition: s}}\n"
    );
    let rules = Detection::all_from_yaml(&text, "many.yml", &placeholders(), &NoLibrary);
    let results: Vec<(usize, String)> = rules
        .iter()
        .map(|rule| (rule.line, rule.rule.as_ref().map_or_else(ToString::to_string, |rule| rule.id.clone())))
        .collect();
    assert_eq!(results.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [1, 12, 23, 31, 33]);
    assert_eq!(results[0].1, "test-1");
    assert!(results[1].1.starts_with("many.yml: line 20, column 9: expected a field"), "{}", results[1].1);
    assert!(
        results[2].1.contains("line 25, column 1") && results[2].1.contains("a correlation rule"),
        "{}",
        results[2].1
    );
    assert_eq!((results[3].1.as_str(), results[4].1.as_str()), ("g", "g-2"));
    for nothing in ["", "# nothing\n", "---\n---\n"] {
        let error = Detection::from_yaml(nothing, "empty.yml", &placeholders()).unwrap_err().to_string();
        assert!(error.starts_with("empty.yml: expected a rule: a search (Splunk), or"), "{error}");
    }
}
