//! Reads the JSON file in which Velociraptor states the host of a collection.

use serde_json::Value;

/// The host from which Velociraptor collected files, as the file `client_info.json` in the
/// collection states it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientInfo {
    /// The name of the host, such as `FIN-WS07`; `None` if the file does not state it.
    pub hostname: Option<String>,
    /// The name of the host with its domain, such as `FIN-WS07.corp.example`; `None` if the file
    /// does not state it.
    pub fqdn: Option<String>,
}

/// The largest `client_info.json` of a collection by Velociraptor that is read, in bytes. A real
/// one has a few hundred bytes.
const MOST_CLIENT_INFO: usize = 1 << 20;

/// Reads the file `client_info.json` of a collection by Velociraptor. Returns `None` if the bytes
/// are not JSON, are more than 1 MiB, or name no host.
#[must_use]
pub fn client_info(bytes: &[u8]) -> Option<ClientInfo> {
    let value: Value = (bytes.len() <= MOST_CLIENT_INFO).then(|| serde_json::from_slice(bytes).ok())??;
    // Some versions write a list of one, and a server puts the names into `os_info`.
    let client = value.as_array().map_or(Some(&value), |all| all.first())?;
    let text = |names: [&str; 2]| {
        let places = [Some(client), client.get("os_info")];
        let found = places
            .into_iter()
            .flatten()
            .find_map(|place| names.iter().find_map(|name| place.get(name)?.as_str()));
        found.filter(|found| !found.is_empty()).map(str::to_owned)
    };
    let info = ClientInfo { hostname: text(["Hostname", "hostname"]), fqdn: text(["Fqdn", "fqdn"]) };
    (info != ClientInfo::default()).then_some(info)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn velociraptor_says_which_host_it_collected_from() {
        let info = |hostname: Option<&str>, fqdn: Option<&str>| {
            Some(ClientInfo { hostname: hostname.map(str::to_owned), fqdn: fqdn.map(str::to_owned) })
        };
        for (text, expected) in [
            (
                r#"{"Hostname":"FIN-WS07","Uptime":5,"Fqdn":"FIN-WS07.corp.example"}"#,
                info(Some("FIN-WS07"), Some("FIN-WS07.corp.example")),
            ),
            (r#"[{"Hostname":"A","Fqdn":""}]"#, info(Some("A"), None)),
            (r#"{"client_id":"C.1","os_info":{"hostname":"A","fqdn":"a.b"}}"#, info(Some("A"), Some("a.b"))),
            (r#"{"Hostname":7}"#, None),
            ("[]", None),
            ("{", None),
            ("", None),
        ] {
            assert_eq!(client_info(text.as_bytes()), expected, "{text}");
        }
        let padded = |length: usize| {
            let text = r#"{"Hostname":"A"}"#;
            text.to_owned() + &" ".repeat(length - text.len())
        };
        assert!(client_info(padded(MOST_CLIENT_INFO).as_bytes()).is_some());
        assert!(client_info(padded(MOST_CLIENT_INFO + 1).as_bytes()).is_none());
    }
}
