//! The columns about the parts of a queried name, such as its registered domain. Every table with a
//! row for each DNS query has them. A column that is declared in this file belongs to a table only
//! if the list of the table's columns names it.

use crate::event::QueriedName;
use crate::table::ColumnType::Text;
use crate::table::{Cell, ColumnOf};

/// A row of a table about DNS queries, and the columns about the parts of the queried name. The
/// name is split once for each row, and not for each of its cells.
pub(in crate::report) trait NameColumns: Sized {
    /// Returns the name that the row's DNS query asked for, split into its parts.
    fn queried_name(&self) -> &QueriedName<'_>;

    const QUERY_NAME_LOWER: ColumnOf<Self> = ColumnOf::<Self>::nullable(
        "query_name_lower",
        Text,
        "`query_name` in lower case, without the dot at its end, so that equal names are equal texts; null if the name is absent or empty",
        |row| Cell::optional(row.queried_name().lower()),
    )
    .looked_up();
    const QUERY_NAME_UNICODE: ColumnOf<Self> = ColumnOf::nullable(
        "query_name_unicode",
        Text,
        "`query_name_lower` with its encoded labels (`xn--…`) as people read them; null if it has none, or one that is not valid",
        |row| Cell::optional(row.queried_name().unicode()),
    );
    const REGISTERED_DOMAIN: ColumnOf<Self> = ColumnOf::<Self>::nullable(
        "registered_domain",
        Text,
        "the domain that somebody registered or was given, in ASCII (`xn--…`): `public_suffix` and the label before it, such as `example.co.uk` for `www.example.co.uk`, and `evil.github.io` for `a.evil.github.io`, as private suffixes count; null if the name is itself a public suffix, or has none",
        |row| Cell::optional(row.queried_name().registered_domain()),
    )
    .looked_up();
    const PUBLIC_SUFFIX: ColumnOf<Self> = ColumnOf::nullable(
        "public_suffix",
        Text,
        "the end of the name under which domains are given away, by registries (`co.uk`) or by others (private suffixes, such as `github.io`), by the public suffix list that `run.json` names; null if the list has none for it, such as for `dc.corp.local`, and for what is no name of a domain: an address, a single label, a name of a service alone, an empty or too long label",
        |row| Cell::optional(row.queried_name().public_suffix()),
    );
}
