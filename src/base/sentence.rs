//! Error types that consist of one sentence, which says what was expected and what was found.

/// Defines an error type whose only content is a sentence for people. The type converts from and to
/// `String`.
macro_rules! sentence {
    ($(#[$about:meta])* pub struct $name:ident;) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
        #[error("{0}")]
        pub struct $name(String);

        impl From<String> for $name {
            fn from(sentence: String) -> Self {
                $name(sentence)
            }
        }

        impl From<$name> for String {
            fn from(error: $name) -> String {
                error.0
            }
        }
    };
}

pub(crate) use sentence;
