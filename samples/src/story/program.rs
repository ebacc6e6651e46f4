//! What Sysmon logs about the programs of the samples' story: the values that a program's file
//! has, and hashes of it.
//!
//! The names and versions are those that such programs have; the hashes are invented. A file has
//! the same ones wherever it runs.

use crate::event::Event;
use crate::rng::Rng;

/// What the resources of a program's file say about it. Sysmon writes `-` where they say nothing.
#[derive(Debug, Clone, Copy)]
struct Resources {
    file_version: &'static str,
    description: &'static str,
    product: &'static str,
    company: &'static str,
    original_file_name: &'static str,
}

const WINDOWS: &str = "Microsoft® Windows® Operating System";
const MICROSOFT: &str = "Microsoft Corporation";

const NOTHING: Resources =
    Resources { file_version: "-", description: "-", product: "-", company: "-", original_file_name: "-" };

/// The names of programs' files in lower case, and their resources.
const PROGRAMS: [(&str, Resources); 8] = [
    ("conhost.exe", of_windows("10.0.19041.5553", "Console Window Host", "CONHOST.EXE")),
    ("cmd.exe", of_windows("10.0.19041.4355", "Windows Command Processor", "Cmd.Exe")),
    ("notepad.exe", of_windows("10.0.19041.5438", "Notepad", "NOTEPAD.EXE")),
    ("powershell.exe", of_windows("10.0.19041.3996", "Windows PowerShell", "PowerShell.EXE")),
    (
        "wscript.exe",
        Resources {
            file_version: "5.812.10240.16384",
            description: "Microsoft ® Windows Based Script Host",
            product: "Microsoft ® Windows Script Host",
            company: MICROSOFT,
            original_file_name: "wscript.exe",
        },
    ),
    (
        "outlook.exe",
        Resources {
            file_version: "16.0.18429.20132",
            description: "Microsoft Outlook",
            product: "Microsoft Outlook",
            company: MICROSOFT,
            original_file_name: "Outlook.exe",
        },
    ),
    (
        "firefox.exe",
        Resources {
            file_version: "135.0.1",
            description: "Firefox",
            product: "Firefox",
            company: "Mozilla Corporation",
            original_file_name: "firefox.exe",
        },
    ),
    (
        // The implant calls itself something else than its maker did.
        "winsync.exe",
        Resources {
            file_version: "1.4.2.0",
            description: "Windows Synchronization Helper",
            product: "WinSync",
            company: "WinSync Software",
            original_file_name: "tgloader.exe",
        },
    ),
];

const fn of_windows(
    file_version: &'static str,
    description: &'static str,
    original_file_name: &'static str,
) -> Resources {
    Resources { file_version, description, product: WINDOWS, company: MICROSOFT, original_file_name }
}

/// Returns a process creation with the values that the file of its Image has.
pub(super) fn described(event: Event, image: &str) -> Event {
    let name = image.rsplit('\\').next().unwrap_or(image).to_lowercase();
    let resources =
        PROGRAMS.iter().find(|(program, _)| *program == name).map_or(NOTHING, |(_, resources)| *resources);
    event
        .with("FileVersion", resources.file_version)
        .with("Description", resources.description)
        .with("Product", resources.product)
        .with("Company", resources.company)
        .with("OriginalFileName", resources.original_file_name)
        .with("Hashes", hashes(image))
}

/// Returns the hashes of the file at a path, as a Sysmon that computes four of them logs them.
fn hashes(image: &str) -> String {
    let seed = image.bytes().fold(0xCBF2_9CE4_8422_2325, |seed: u64, byte| {
        (seed ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0000_01B3)
    });
    let mut rng = Rng::new(seed);
    let mut hexadecimal = |words: usize| {
        let words: Vec<String> = (0..words).map(|_| format!("{:08X}", rng.next_u32())).collect();
        words.concat()
    };
    let (sha1, md5, sha256, imphash) = (hexadecimal(5), hexadecimal(4), hexadecimal(8), hexadecimal(4));
    format!("SHA1={sha1},MD5={md5},SHA256={sha256},IMPHASH={imphash}")
}
