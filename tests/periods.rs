//! Periods: which events can match, and what is counted whatever the period.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that goes wrong fails loudly")]

mod common;

use std::time::{SystemTime, UNIX_EPOCH};

use common::logs::{log, matching, styled};
use common::truth::microseconds_of_filetime;
use common::{FinishedSweep, Scene};
use dnsweep_samples::{Event, Style, time};
use serde_json::{Value, json};

/// Returns noon of the day on which the events of most tests were logged.
fn noon() -> u64 {
    time::filetime(2025, 3, 4, 12, 0, 0)
}

/// Makes evidence with a log of matches at these FILETIMEs, numbered from 1.
fn scene(times: &[u64]) -> Scene {
    let scene = Scene::new();
    let events: Vec<Event> = times.iter().zip(1..).map(|(time, number)| matching(number).at(*time)).collect();
    scene.put("HOST/Sysmon.evtx", &log(&events));
    scene
}

fn ids(swept: &FinishedSweep) -> Vec<i64> {
    swept.column("matches", "event_record_id").iter().map(|id| id.as_i64().unwrap()).collect()
}

/// Sweeps with options that state a period. Returns the numbers of the events that match.
#[track_caller]
fn found(scene: &Scene, options: &[&str]) -> Vec<i64> {
    ids(&scene.sweep(&[&["--force"], options].concat()).expect(0))
}

#[test]
fn both_ends_belong_to_the_period() {
    // One unit of 100 ns before and after noon: no period is coarser than an event's own time.
    let scene = scene(&[noon() - 1, noon(), noon() + 1]);
    let at = |steps: u64| time::time_created(noon() + steps);
    assert_eq!(found(&scene, &["--since", &at(0)]), [2, 3]);
    assert_eq!(found(&scene, &["--until", &at(0)]), [1, 2]);
    assert_eq!(found(&scene, &["--since", &at(0), "--until", &at(0)]), [2]);
    assert_eq!(found(&scene, &["--since", &at(1)]), [3]);
    assert_eq!(found(&scene, &["--since", &at(2)]), [0; 0]);
    assert_eq!(found(&scene, &["--since", &at(0), "--until", &at(1)]), [2, 3]);
}

#[test]
fn times_may_have_an_offset_and_fewer_decimals() {
    let scene = scene(&[noon() - time::SECOND, noon(), noon() + time::SECOND]);
    for since in ["2025-03-04T12:00:00Z", "2025-03-04T13:00:00+01:00", "2025-03-04T07:00:00.000-05:00"] {
        assert_eq!(found(&scene, &["--since", since]), [2, 3], "{since}");
    }
}

#[test]
fn spans_count_back_from_now() {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let now = time::filetime(1970, 1, 1, 0, 0, 0) + elapsed * time::SECOND;
    let scene = scene(&[now - 15 * time::DAY, now - 13 * time::DAY, now - 2 * time::HOUR]);
    assert_eq!(found(&scene, &["--last", "14d"]), [2, 3]);
    assert_eq!(found(&scene, &["--last", "2w"]), [2, 3]);
    assert_eq!(found(&scene, &["--since", "14d"]), [2, 3]);
    assert_eq!(found(&scene, &["--last", "3h"]), [3]);
    assert_eq!(found(&scene, &["--since", "14d", "--until", "1d"]), [2]);
    assert_eq!(found(&scene, &["--last", "1h"]), [0; 0]);
}

#[test]
fn time_created_decides_and_not_utc_time() {
    // The machine's clock was changed: the query was made long before it was logged.
    let scene = Scene::new();
    let event = matching(1).at(noon()).with("UtcTime", "2024-08-12 10:00:00.000");
    scene.put("HOST/Sysmon.evtx", &log(&[event]));
    let swept = scene.sweep(&["--since", "2025-03-04T00:00:00Z"]).expect(0);
    assert_eq!(ids(&swept), [1]);
    let row = &swept.rows("matches")[0];
    assert_eq!(row["event_time"], microseconds_of_filetime(noon()));
    assert_eq!(row["utc_time"], microseconds_of_filetime(time::filetime(2024, 8, 12, 10, 0, 0)));
}

#[test]
fn forwarded_times_are_compared_alike() {
    let scene = Scene::new();
    let events = [matching(1).at(noon() - 1), matching(2).at(noon())];
    scene.put("HOST/Sysmon.evtx", &styled(Style::Forwarded, &events));
    assert_eq!(found(&scene, &["--since", "2025-03-04T12:00:00Z"]), [2]);
}

#[test]
fn counts_of_hosts_and_files_stay_whole() {
    let times = [noon() - time::DAY, noon(), noon() + time::DAY];
    let scene = scene(&times);
    let swept =
        scene.sweep(&["--since", "2025-03-04T00:00:00Z", "--until", "2025-03-04T23:59:59Z"]).expect(0);
    let micros = times.map(|time| json!(microseconds_of_filetime(time)));
    let file = swept.file("HOST/Sysmon.evtx");
    assert_eq!((&file["records"], &file["dns_queries"], &file["matches"]), (&json!(3), &json!(3), &json!(1)));
    assert_eq!((&file["first_time"], &file["last_time"]), (&micros[0], &micros[2]));
    let host = &swept.rows("hosts")[0];
    assert_eq!((&host["records"], &host["dns_queries"], &host["matches"]), (&json!(3), &json!(3), &json!(1)));
    assert_eq!((&host["first_time"], &host["last_time"]), (&micros[1], &micros[1]));
    assert_eq!((&host["log_first_time"], &host["log_last_time"]), (&micros[0], &micros[2]));
    assert_eq!(swept.run()["totals"]["dns_queries"], 3);
    let stats = swept.rows(&format!("stats/{}", common::truth::SEED_ID));
    assert_eq!((stats.len(), &stats[0]["count"]), (1, &json!(1)));
    // A period without queries says so: that none of them matches would prove nothing.
    let swept = scene.sweep(&["--until", "2020-01-01T00:00:00Z", "--force"]).expect(0);
    assert_eq!(swept.rows("hosts")[0]["verdict"], "no DNS queries in the period");
}

#[test]
fn the_run_and_the_summary_name_the_period() {
    let scene = scene(&[noon()]);
    let swept = scene.sweep(&["--since", "2025-03-04T13:00:00+01:00"]).expect(0);
    let run = swept.run();
    assert_eq!((&run["since"], &run["until"]), (&json!("2025-03-04T12:00:00.0000000Z"), &Value::Null));
    assert!(swept.process.stdout.contains("from 2025-03-04T12:00:00.0000000Z"), "{}", swept.process.stdout);
    let run = scene.sweep(&["--until", "2025-03-05T00:00:00Z", "--force"]).expect(0).run();
    assert_eq!((&run["since"], &run["until"]), (&Value::Null, &json!("2025-03-05T00:00:00.0000000Z")));
    let run = scene.sweep(&["--force"]).expect(0).run();
    assert_eq!((&run["since"], &run["until"]), (&Value::Null, &Value::Null));
}
