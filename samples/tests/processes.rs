//! The processes of the samples hang together, as those of a real machine do.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that goes wrong fails loudly")]

use std::collections::{BTreeMap, BTreeSet};

use dnsweep_samples::truth::{SampleFile, matches_seed};
use dnsweep_samples::{Event, SYSMON, story};

/// A process by its machine and ProcessGuid.
type Key = (String, String);

fn text(event: &Event, name: &str) -> String {
    event.value(name).unwrap_or_else(|| panic!("no {name} in {event:?}")).text()
}

fn key(event: &Event, name: &str) -> Key {
    (event.computer.clone(), text(event, name))
}

fn samples() -> Vec<SampleFile> {
    let mut files = story::evidence().unwrap();
    files.extend(story::damaged().unwrap());
    files
}

/// Returns the Sysmon events of the files that are about one process, with the paths of the files.
fn events(files: &[SampleFile]) -> impl Iterator<Item = (&str, &Event)> {
    let records =
        files.iter().flat_map(|file| file.records.iter().map(|record| (file.path.as_str(), &record.event)));
    records.filter(|(_, event)| event.provider == SYSMON.name)
}

fn creations(files: &[SampleFile]) -> BTreeMap<Key, (&str, &Event)> {
    let created = events(files).filter(|(_, event)| event.event_id == 1);
    created.map(|(path, event)| (key(event, "ProcessGuid"), (path, event))).collect()
}

/// Returns the machine's number in a ProcessGuid, and the start that it states, in seconds since
/// 1970.
fn parts(guid: &str) -> (String, u32) {
    let parts: Vec<&str> = guid.trim_matches(['{', '}']).split('-').collect();
    let [machine, low, high, ..] = parts.as_slice() else { panic!("{guid}") };
    ((*machine).to_owned(), u32::from_str_radix(&format!("{high}{low}"), 16).unwrap())
}

#[test]
fn a_process_guid_names_its_machine_and_the_start_of_the_process() {
    let files = samples();
    let mut machines = BTreeSet::new();
    for (_, event) in events(&files) {
        let (machine, _) = parts(&text(event, "ProcessGuid"));
        machines.insert((machine, event.computer.clone()));
    }
    let numbers: BTreeSet<&String> = machines.iter().map(|(number, _)| number).collect();
    let computers: BTreeSet<&String> = machines.iter().map(|(_, computer)| computer).collect();
    assert_eq!((numbers.len(), computers.len()), (machines.len(), machines.len()), "{machines:?}");
    for ((_, guid), (_, event)) in creations(&files) {
        let start = parts(&guid).1;
        let [hour, minute, second] = [start / 3600 % 24, start / 60 % 60, start % 60];
        let stated = format!(" {hour:02}:{minute:02}:{second:02}.");
        assert!(text(event, "UtcTime").contains(&stated), "{guid}: {event:?}");
    }
}

#[test]
fn what_a_process_creation_says_of_its_parent_is_what_the_parents_own_says() {
    let files = samples();
    let creations = creations(&files);
    let mut compared = 0;
    for (_, event) in creations.values() {
        let Some((_, parent)) = creations.get(&key(event, "ParentProcessGuid")) else { continue };
        for name in ["ProcessId", "Image", "CommandLine", "User"] {
            assert_eq!(text(event, &format!("Parent{name}")), text(parent, name), "{event:?}");
        }
        assert!(text(parent, "UtcTime") < text(event, "UtcTime"), "{event:?}");
        compared += 1;
    }
    assert!(compared >= 6, "{compared}");
}

#[test]
fn all_events_of_a_process_have_its_program_and_lie_in_its_life() {
    let files = samples();
    let creations = creations(&files);
    let end = |event: &&Event| event.event_id == 5;
    let ends: BTreeMap<Key, &Event> = events(&files)
        .map(|(_, event)| event)
        .filter(end)
        .map(|event| (key(event, "ProcessGuid"), event))
        .collect();
    let mut images = BTreeMap::new();
    for (_, event) in events(&files) {
        let process = key(event, "ProcessGuid");
        let program = (text(event, "Image"), text(event, "ProcessId"));
        assert_eq!(images.entry(process.clone()).or_insert(program.clone()), &program, "{process:?}");
        if let Some((_, created)) = creations.get(&process) {
            assert!(created.time <= event.time, "{event:?}");
        }
        if let Some(ended) = ends.get(&process) {
            assert!(event.time <= ended.time, "{event:?}");
        }
    }
}

#[test]
fn the_implant_goes_back_to_a_mail_of_the_evening_before() {
    let files = story::evidence().unwrap();
    let creations = creations(&files);
    let named = |name: &str| {
        let implant = creations.values().find(|(_, event)| text(event, "Image").ends_with(name));
        implant.unwrap_or_else(|| panic!("{name} is not created")).1
    };
    let mut chain = vec![("", named(r"\cmd.exe"))];
    while let Some(parent) = creations.get(&key(chain.last().unwrap().1, "ParentProcessGuid")) {
        chain.push(*parent);
    }
    let programs: Vec<String> =
        chain.iter().map(|(_, event)| text(event, "Image").rsplit('\\').next().unwrap().to_owned()).collect();
    assert_eq!(programs, ["cmd.exe", "winsync.exe", "powershell.exe", "wscript.exe", "OUTLOOK.EXE"]);
    let [.., powershell, script, mail] = chain.as_slice() else { panic!("{programs:?}") };
    assert!(powershell.0 != script.0 && script.0 == mail.0, "two logs are needed");
    assert_eq!(text(mail.1, "ParentImage"), r"C:\Windows\explorer.exe");
    let ended: BTreeSet<Key> = events(&files)
        .filter(|(_, event)| event.event_id == 5)
        .map(|(_, event)| key(event, "ProcessGuid"))
        .collect();
    let ends: Vec<bool> = chain.iter().map(|(_, event)| ended.contains(&key(event, "ProcessGuid"))).collect();
    assert_eq!(ends, [true, false, true, true, false]);
}

/// Returns the matching queries that are left in the files, and whose process has no creation that
/// is left: its Image, and whether a creation was lost.
fn without_creation(files: &[SampleFile]) -> Vec<(String, String, bool)> {
    let created = |lost: bool| -> BTreeSet<Key> {
        let records = files.iter().flat_map(|file| &file.records);
        let records = records.filter(|record| record.lost == lost && record.event.event_id == 1);
        let sysmon = records.filter(|record| record.event.provider == SYSMON.name);
        sysmon.map(|record| key(&record.event, "ProcessGuid")).collect()
    };
    let (left, lost) = (created(false), created(true));
    let records = files.iter().flat_map(|file| &file.records);
    let matching = records.filter(|record| !record.lost && matches_seed(&record.event));
    let mut found: Vec<(String, String, bool)> = matching
        .map(|record| (key(&record.event, "ProcessGuid"), text(&record.event, "Image")))
        .filter(|(process, _)| !left.contains(process))
        .map(|(process, image)| (process.0.clone(), image, lost.contains(&process)))
        .collect();
    found.dedup();
    found
}

#[test]
fn one_process_is_not_logged_and_damage_takes_the_creation_of_another() {
    let powershell = r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe".to_owned();
    let evidence = without_creation(&story::evidence().unwrap());
    assert_eq!(evidence, [("FIN-WS07.corp.example".to_owned(), powershell.clone(), false)]);
    let damaged = without_creation(&story::damaged().unwrap());
    assert_eq!(damaged, [("DMG-WS02.corp.example".to_owned(), powershell, true)]);
}
