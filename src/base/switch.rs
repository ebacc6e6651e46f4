//! Defines enums for options that have two values and are chosen by a switch on the command line.

/// Defines an enum for an option with two values. The first variant is the default; a switch on the
/// command line chooses the second.
///
/// The enum is serialized as a boolean, which is `true` if the switch was given. It converts from
/// and to `bool` with `into`.
macro_rules! switch {
    (
        $(#[$about:meta])*
        pub enum $name:ident {
            $(#[$about_off:meta])*
            $off:ident,
            $(#[$about_on:meta])*
            $on:ident,
        }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(from = "bool", into = "bool")]
        pub enum $name {
            $(#[$about_off])*
            #[default]
            $off,
            $(#[$about_on])*
            $on,
        }

        impl From<bool> for $name {
            fn from(is_on: bool) -> Self {
                if is_on { $name::$on } else { $name::$off }
            }
        }

        impl From<$name> for bool {
            fn from(way: $name) -> bool {
                way == $name::$on
            }
        }
    };
}

pub(crate) use switch;
