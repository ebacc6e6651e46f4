//! How rare characters are in domain names and paths. A search for a text looks for the text's
//! rarest part first, because that part seldom occurs where the text does not. The estimates affect
//! only how long a search takes, not what it finds.

/// Characters by their estimated frequency in domain names and paths, the most frequent first.
const FREQUENT: &[u8] = b"eaoitnrscl.dm\\upghwbyfvk-xjqz0123456789";

/// How rare each byte is in domain names and paths, as a number: 0 for the most frequent byte, and
/// a greater number for each rarer one.
#[derive(Debug, Clone)]
pub(crate) struct Rarity([u8; 256]);

impl Default for Rarity {
    fn default() -> Self {
        let mut ranks = [u8::try_from(FREQUENT.len()).unwrap_or(u8::MAX); 256];
        for (rank, byte) in (0..).zip(FREQUENT) {
            if let Some(entry) = ranks.get_mut(usize::from(*byte)) {
                *entry = rank;
            }
        }
        Rarity(ranks)
    }
}

impl Rarity {
    /// Returns this table of numbers with one change: `byte` gets 0, the number of the most
    /// frequent byte.
    pub(crate) fn with_frequent(mut self, byte: u8) -> Self {
        if let Some(rank) = self.0.get_mut(usize::from(byte)) {
            *rank = 0;
        }
        self
    }

    /// Returns how rare a byte is, as a number that is greater for a rarer byte.
    pub(crate) fn of(&self, byte: u8) -> u32 {
        self.0.get(usize::from(byte)).copied().map_or(0, u32::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_that_names_seldom_have_are_rarer() {
        let rarity = Rarity::default();
        let ranks: Vec<u32> = b"etm-7\xc3".iter().map(|byte| rarity.of(*byte)).collect();
        assert!(ranks.is_sorted_by(|one, other| one < other), "{ranks:?}");
    }
}
