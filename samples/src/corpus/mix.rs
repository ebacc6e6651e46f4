//! The events that the machines of a corpus log: their proportions and their texts.

use crate::corpus::Corpus;
use crate::event::Event;
use crate::rng::Rng;

const PROGRAMS: [&str; 8] = [
    r"C:\Windows\System32\svchost.exe",
    r"C:\Program Files\Mozilla Firefox\firefox.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
    r"C:\Windows\System32\lsass.exe",
    r"C:\Windows\System32\backgroundTaskHost.exe",
    r"C:\Program Files\Microsoft Office\root\Office16\OUTLOOK.EXE",
    r"C:\Users\user\AppData\Local\Vendor\Update.exe",
    "<unknown process>",
];
const SUSPECTS: [&str; 5] = [
    r"C:\Windows\System32\cmd.exe",
    r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe",
    r"C:\Windows\System32\wscript.exe",
    r"C:\Users\Public\helper.exe",
    r"C:\Users\user\AppData\Local\Temp\upd.exe",
];
const ABUSED: [&str; 5] = ["pastebin.com", "cdn.discordapp.com", "discord.com", "api.telegram.org", "t.me"];
const LABELS: [&str; 12] =
    ["www", "cdn", "api", "mail", "update", "static", "login", "edge", "time", "files", "img", "sync"];
const DOMAINS: [&str; 7] = [
    "example.com",
    "example.net",
    "example.org",
    "corp.example",
    "vendor.test",
    "cloud.test",
    "media.example",
];
/// The path of an installed program, which runs but makes no DNS query. Its name contains a text
/// that dnsweep's built-in detection looks for.
const INSTALLED: &str = r"C:\Users\user\AppData\Local\Discord\app-1.0.9180\Discord.exe";

/// Returns the event with the index `record` in the chunk with the index `chunk` of those that a
/// corpus is made of.
pub(super) fn event(corpus: Corpus, chunk: u64, record: u64, rng: &mut Rng) -> Event {
    let process_id = 4 * (200 + rng.next_u32() % 4000);
    let event = match corpus {
        // The only match of the pool lies in the middle of a chunk in the pool's middle.
        Corpus::Quiet if chunk == 32 && record == 40 => matching_query(rng),
        Corpus::Quiet if rng.permille(50) => query(rng),
        Corpus::Chatty if chunk % 16 == 5 && record == 33 => matching_query(rng),
        Corpus::Chatty if rng.permille(250) => query(rng),
        Corpus::Chatty if chunk.is_multiple_of(2) && (record == 2 || rng.permille(30)) => installed(rng),
        Corpus::Dense if record % 10 == 7 => matching_query(rng),
        Corpus::Dense => query(rng),
        Corpus::Quiet | Corpus::Chatty => activity(rng),
    };
    event.of_process(process_id)
}

fn matching_query(rng: &mut Rng) -> Event {
    let (name, image) = (*rng.pick(&ABUSED), *rng.pick(&SUSPECTS));
    let event = Event::dns_query(name, image);
    if rng.permille(200) { event.answered("9003", "-") } else { event.answered("0", &addresses(rng)) }
}

fn query(rng: &mut Rng) -> Event {
    let number = rng.below(500);
    let name = format!("{}{number}.{}", rng.pick(&LABELS), rng.pick(&DOMAINS));
    let image = *rng.pick(&PROGRAMS);
    let event = Event::dns_query(&name, image);
    match rng.below(10) {
        0 | 1 => event.answered("9003", "-"),
        2 => event.answered("9501", "-"),
        3 => event.answered("1460", "-"),
        4 | 5 => {
            let alias = format!("type:  5 {}.edge.example.net;{}", rng.pick(&LABELS), addresses(rng));
            event.answered("0", &alias)
        }
        _ => event.answered("0", &addresses(rng)),
    }
}

fn addresses(rng: &mut Rng) -> String {
    let count = 1 + rng.below(4);
    let addresses: Vec<String> =
        (0..count).map(|_| format!("::ffff:198.51.100.{};", rng.below(256))).collect();
    addresses.concat()
}

fn installed(rng: &mut Rng) -> Event {
    match rng.below(3) {
        0 => Event::process_create(INSTALLED, "Discord.exe --type=renderer", INSTALLED),
        1 => Event::network_connection(INSTALLED, "198.51.100.7", 443),
        _ => Event::file_create(INSTALLED, r"C:\Users\user\AppData\Roaming\discord\Cache\data_1"),
    }
}

fn activity(rng: &mut Rng) -> Event {
    let number = rng.below(10_000);
    let image = *rng.pick(&PROGRAMS);
    match rng.below(20) {
        0..=2 => Event::process_create(image, &format!("{image} -n {number}"), r"C:\Windows\explorer.exe"),
        3..=6 => Event::network_connection(image, &format!("198.51.100.{}", number % 256), 443),
        7 | 8 => Event::process_terminate(image),
        9..=11 => Event::image_load(image, &format!(r"C:\Windows\System32\module{}.dll", number % 90)),
        12..=15 => Event::file_create(image, &format!(r"C:\Users\user\Documents\work\file-{number}.tmp")),
        16 => Event::registry_key(image, &format!(r"HKLM\System\CurrentControlSet\Services\svc{number}")),
        _ => Event::registry_value(
            image,
            &format!(r"HKU\Software\Vendor\Recent\{number}"),
            "DWORD (0x00000001)",
        ),
    }
}
