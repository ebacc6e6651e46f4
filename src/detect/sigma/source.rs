//! The log source of a Sigma rule: which events it is about.

use super::super::nearest::suggestion;
use super::super::yaml::{Node, Problem};
use super::Refusal;
use super::header::text;
use crate::event::{
    DNS_CLIENT_CHANNEL, DNS_CLIENT_PROVIDER, DNS_CLIENT_QUERY_EVENT_IDS, DnsQueryEvent, SYSMON_CHANNEL,
    SYSMON_PROVIDER, System,
};

/// Which events a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// The category `dns_query`: Sysmon's event 22.
    Category,
    /// All events of Sysmon.
    Sysmon,
    /// All events of Windows.
    Windows,
    /// The log of Windows' own DNS client.
    DnsClient,
}

/// The keys of a log source.
const KEYS: [&str; 4] = ["category", "product", "service", "definition"];

impl Source {
    /// Reads a log source. What is known is taken in any case of letters.
    pub(super) fn of(node: &Node) -> Result<Self, Refusal> {
        if node.entries().is_empty() {
            let found = node.description();
            return Err(Problem::at(
                node.place,
                format!("logsource: expected a category, a product or a service, found {found}"),
            )
            .into());
        }
        let part = |key| Ok::<_, Problem>(text(node, key)?.map(|text| text.trim().to_lowercase()));
        let (category, product, service) = (part("category")?, part("product")?, part("service")?);
        let other = |key: &str, value: &str| {
            Err(Refusal::other_data(Problem::at(
                node.get(key).map_or(node.place, |value| value.place),
                format!("{key} {}", value.escape_debug()),
            )))
        };
        if let Some(product) = product.as_deref().filter(|product| *product != "windows") {
            return other("product", product);
        }
        let is_dns_client = |service: &str| matches!(service, "dns-client" | "dns-client-operational");
        match (category.as_deref(), service.as_deref()) {
            (Some("dns_query"), None | Some("sysmon")) => Ok(Source::Category),
            (None | Some("sysmon"), Some("sysmon")) | (Some("sysmon"), None) => Ok(Source::Sysmon),
            (None | Some("dns_query"), Some(service)) if is_dns_client(service) => Ok(Source::DnsClient),
            (None | Some("dns_query" | "sysmon"), Some(service)) => other("service", service),
            (Some(category), _) => other("category", category),
            (None, None) if product.is_some() => Ok(Source::Windows),
            (None, None) => Err(unknown(node).into()),
        }
    }

    /// Events that stand for all that it is about: of each number one, with nothing but what all of
    /// them have.
    pub(super) fn prototypes(self) -> Vec<DnsQueryEvent> {
        let (provider, channel, numbers) = match self {
            Source::DnsClient => (DNS_CLIENT_PROVIDER, DNS_CLIENT_CHANNEL, &DNS_CLIENT_QUERY_EVENT_IDS[..]),
            Source::Category | Source::Sysmon | Source::Windows => {
                (SYSMON_PROVIDER, SYSMON_CHANNEL, &[22][..])
            }
        };
        let prototype = |number: &u32| DnsQueryEvent {
            system: System {
                provider: provider.to_owned(),
                channel: channel.to_owned(),
                event_id: *number,
                ..System::default()
            },
            ..DnsQueryEvent::default()
        };
        numbers.iter().map(prototype).collect()
    }

    /// What is looked at of it, in words.
    pub(super) fn looked_at(self) -> &'static str {
        match self {
            Source::DnsClient => {
                "Windows' DNS client logs its queries as the events 3006, 3008 and 3020, looked at with --dns-client"
            }
            Source::Category | Source::Sysmon | Source::Windows => "of Sysmon, event 22 is looked at",
        }
    }
}

/// None of the keys of a log source is there.
fn unknown(node: &Node) -> Problem {
    let first = node.entries().first();
    let place = first.map_or(node.place, |(key, _)| key.place);
    let name = first.map(|(key, _)| key.name.as_str()).unwrap_or_default();
    let near = suggestion(name, KEYS);
    Problem::at(
        place,
        format!("logsource: expected category, product or service, found '{}'{near}", name.escape_debug()),
    )
}
