//! Two ways of doing a thing, of which a switch that is typed turns on the second.

/// Defines an enum of two ways: the first is what happens without the switch, the second with it.
///
/// In JSON it is the switch: `true` where it was given. A `bool` of what was typed becomes one by
/// `into`.
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
