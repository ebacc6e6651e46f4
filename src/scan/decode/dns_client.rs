//! A query of Windows' own DNS client, out of the JSON of its record. Fields are taken by name.
//!
//! The record's JSON is read a second time for what no other event is asked for, so that other
//! events cost nothing more.

use serde::Deserialize;

use crate::event::{DnsClientEvent, System};
use crate::scan::decode::document::{Element, present};

#[derive(Deserialize)]
struct Root<'a> {
    #[serde(borrow, rename = "Event")]
    event: EventElement<'a>,
}

#[derive(Deserialize)]
struct EventElement<'a> {
    #[serde(borrow, rename = "System")]
    system: SystemElement<'a>,
}

#[derive(Deserialize)]
struct SystemElement<'a> {
    #[serde(borrow, rename = "Execution")]
    execution: Option<ExecutionElement<'a>>,
}

#[derive(Deserialize)]
struct ExecutionElement<'a> {
    #[serde(borrow, rename = "#attributes")]
    attributes: Option<ExecutionAttributes<'a>>,
}

#[derive(Deserialize)]
struct ExecutionAttributes<'a> {
    #[serde(borrow, default, rename = "ProcessID", deserialize_with = "present")]
    process_id: Option<Element<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct QueryData<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    query_name: Option<Element<'a>>,
    #[serde(borrow, default, deserialize_with = "present")]
    query_type: Option<Element<'a>>,
    #[serde(borrow, default, deserialize_with = "present")]
    query_options: Option<Element<'a>>,
    #[serde(borrow, default, deserialize_with = "present")]
    query_status: Option<Element<'a>>,
    #[serde(borrow, default, deserialize_with = "present")]
    status: Option<Element<'a>>,
    #[serde(borrow, default, deserialize_with = "present")]
    query_results: Option<Element<'a>>,
    #[serde(borrow, default, rename = "ClientPID", deserialize_with = "present")]
    client_pid: Option<Element<'a>>,
}

/// Reads the query whose `System` was read already. `data` is the JSON of its `EventData`, `json`
/// that of all of it.
pub(in crate::scan) fn read(
    system: System,
    data: &str,
    json: &[u8],
) -> Result<DnsClientEvent, serde_json::Error> {
    let data: QueryData<'_> = serde_json::from_str(data)?;
    let text = |element: Option<Element<'_>>| element.map(|element| element.text.into_owned());
    Ok(DnsClientEvent {
        system,
        process_id: process_id(json),
        client_process_id: text(data.client_pid),
        query_name: text(data.query_name),
        query_type: text(data.query_type),
        query_options: text(data.query_options),
        query_status: text(data.query_status.or(data.status)),
        query_results: text(data.query_results),
    })
}

/// `System/Execution/@ProcessID`. A record that says it in no known form is a query all the same.
fn process_id(json: &[u8]) -> Option<String> {
    let root: Root<'_> = serde_json::from_slice(json).ok()?;
    let process_id = root.event.system.execution?.attributes?.process_id?;
    Some(process_id.text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::decode::document::{DnsClientQueries, Document, parse};

    fn json(execution: &str, data: &str) -> String {
        format!(
            r##"{{"Event":{{"System":{{"Provider":{{"#attributes":{{"Name":"Microsoft-Windows-DNS-Client"}}}},"EventID":3020,
            "Execution":{execution},"Computer":"a"}},"EventData":{data}}}}}"##
        )
    }

    fn query(json: &str) -> DnsClientEvent {
        match parse(json.as_bytes(), DnsClientQueries::Taken).unwrap() {
            Document::DnsClient(event) => *event,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn fields_are_taken_by_name_in_any_form() {
        let typed = query(&json(
            r##"{"#attributes":{"ProcessID":4711,"ThreadID":8}}"##,
            r#"{"QueryName":"a","QueryType":28,"Status":9003,"QueryResults":"","ClientPID":815}"#,
        ));
        let forwarded = query(&json(
            r##"{"#attributes":{"ProcessID":"4711","ThreadID":"8"}}"##,
            r#"{"QueryName":"a","QueryType":"28","Status":"9003","QueryResults":null,"ClientPID":"815"}"#,
        ));
        assert_eq!(typed, forwarded);
        assert_eq!(typed.process_id.as_deref(), Some("4711"));
        assert_eq!(typed.client_process_id.as_deref(), Some("815"));
        assert_eq!((typed.query_status.as_deref(), typed.query_type.as_deref()), (Some("9003"), Some("28")));
        assert_eq!((typed.query_results.as_deref(), typed.query_options), (Some(""), None));
    }

    #[test]
    fn a_query_without_its_process_is_one_all_the_same() {
        for execution in ["null", "{}", "7", r#"[{"a":1}]"#] {
            let event = query(&json(execution, r#"{"QueryName":"a"}"#));
            assert_eq!((event.process_id, event.query_name.as_deref()), (None, Some("a")), "{execution}");
        }
        assert_eq!(query(&json("null", "null")).query_name, None);
    }

    #[test]
    fn it_is_an_event_like_others_where_it_is_not_taken() {
        let json = json("null", r#"{"QueryName":{"b":"c"}}"#);
        assert!(matches!(parse(json.as_bytes(), DnsClientQueries::PassedOver), Ok(Document::Other(_))));
        assert!(parse(json.as_bytes(), DnsClientQueries::Taken).is_err(), "an element in a field");
    }
}
