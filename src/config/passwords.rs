//! Reads the file of passwords for encrypted archives (`--passwords`).

use std::path::Path;

use super::error::PasswordsError;
use crate::base::digest::sha256;
use crate::base::platform::files::read_named;
use crate::evidence::container::Passwords;

/// The maximum number of passwords for encrypted archives that a user may give. Each password is
/// tried on each encrypted file, which takes time.
const MOST_PASSWORDS: usize = 64;
/// The greatest size of the file with passwords for encrypted archives, in bytes.
const MOST_BYTES: u64 = 64 << 10;

/// Reads the file of passwords for encrypted archives, one password a line. Empty lines and
/// repeated passwords are left out. Also returns the file's SHA-256 in hexadecimal digits. Fails if
/// there are more than 64 passwords, or none.
pub fn passwords(path: &Path) -> Result<(Passwords, String), PasswordsError> {
    let wrong = |reason: String| PasswordsError { path: path.to_path_buf(), reason };
    let bytes = read_named(path, MOST_BYTES).map_err(|error| wrong(error.to_string()))?;
    let mut passwords = Passwords::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        // Windows ends lines with two characters.
        let password = line.strip_suffix(b"\r").unwrap_or(line).to_vec();
        if !password.is_empty() && !passwords.contains(&password) {
            passwords.push(password);
        }
    }
    if passwords.is_empty() || passwords.len() > MOST_PASSWORDS {
        let found = passwords.len();
        return Err(wrong(format!("expected 1 to {MOST_PASSWORDS} passwords, one a line, found {found}")));
    }
    Ok((passwords, sha256(&bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Passwords, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let error = |error: PasswordsError| error.to_string();
        passwords(file.path()).map(|(passwords, _)| passwords).map_err(error)
    }

    #[test]
    fn each_line_is_a_password() {
        assert_eq!(
            read("infected\r\n two words \n\ninfected\n").unwrap(),
            [&b"infected"[..], b" two words "]
        );
        let many: Vec<String> = (0..65).map(|number| number.to_string()).collect();
        for (text, found) in [("\n", "found 0"), (&many.join("\n"), "found 65")] {
            let error = read(text).unwrap_err();
            assert!(error.contains("--passwords") && error.ends_with(found), "{error}");
        }
    }
}
