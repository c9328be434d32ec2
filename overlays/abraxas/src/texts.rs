//! The section `texts`: counts over all texts of the document. A character is a Unicode scalar value, a word a run of
//! letters, digits and inner apostrophes, compared in lower case. It never says what a text means.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::walk::Text;

/// How many of the most frequent words are given.
const FREQUENT_WORDS: usize = 10;

/// How many characters of the longest text are given.
const SHOWN_CHARACTERS: usize = 60;

/// Counts over a set of texts.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    pub(crate) count: u64,
    pub(crate) empty: u64,
    pub(crate) distinct: u64,
    pub(crate) characters: u64,
    pub(crate) words: u64,
    pub(crate) distinct_words: u64,
    /// A text without a line end is one line, an empty one none.
    pub(crate) lines: u64,
    /// The first of the longest texts.
    pub(crate) longest: Option<Longest>,
    /// Most frequent first, equally frequent ones in alphabetical order of their code points.
    pub(crate) frequent: Vec<Word>,
}

/// Where the longest text is and how it begins.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Longest {
    pub(crate) at: String,
    pub(crate) characters: u64,
    pub(crate) begins: String,
}

/// A word and how often it stands there.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Word {
    pub(crate) word: String,
    pub(crate) count: u64,
}

impl Counts {
    /// Counts these texts, given in document order.
    pub(crate) fn of(texts: &[Text<'_>]) -> Self {
        let mut counts = Self { count: texts.len() as u64, ..Self::default() };
        let mut frequency: BTreeMap<String, u64> = BTreeMap::new();
        let mut longest: Option<(u64, &Text<'_>)> = None;
        for text in texts {
            let characters = text.text.chars().count() as u64;
            counts.characters += characters;
            counts.empty += u64::from(text.text.is_empty());
            counts.lines += text.text.lines().count() as u64;
            for word in words(text.text) {
                counts.words += 1;
                *frequency.entry(word.to_lowercase()).or_default() += 1;
            }
            if longest.is_none_or(|(most, _)| characters > most) {
                longest = Some((characters, text));
            }
        }
        counts.distinct = texts.iter().map(|text| text.text).collect::<BTreeSet<_>>().len() as u64;
        counts.distinct_words = frequency.len() as u64;
        counts.longest = longest.map(|(characters, text)| Longest {
            at: text.at.clone(),
            characters,
            begins: text.text.chars().take(SHOWN_CHARACTERS).collect(),
        });
        counts.frequent = frequent(frequency);
        counts
    }
}

/// The words of a text in order.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '\'')
        .map(|word| word.trim_matches('\''))
        .filter(|word| !word.is_empty())
}

fn frequent(frequency: BTreeMap<String, u64>) -> Vec<Word> {
    let mut words: Vec<Word> = frequency.into_iter().map(|(word, count)| Word { word, count }).collect();
    // The sort is stable and the map gave the words in order.
    words.sort_by_key(|word| std::cmp::Reverse(word.count));
    words.truncate(FREQUENT_WORDS);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(texts: &[&str]) -> Counts {
        let texts: Vec<_> =
            texts.iter().enumerate().map(|(index, text)| Text { at: format!("/{index}"), text }).collect();
        Counts::of(&texts)
    }

    #[test]
    fn no_texts_no_counts() {
        assert_eq!(counts(&[]), Counts::default());
    }

    #[test]
    fn words_lines_and_characters() {
        let counts = counts(&["Don't stop -- don't!\nNow.", "", "grüße", "grüße"]);
        assert_eq!((counts.count, counts.empty, counts.distinct), (4, 1, 3));
        assert_eq!((counts.words, counts.distinct_words, counts.lines), (6, 4, 4));
        assert_eq!(counts.characters, 25 + 5 + 5);
        let longest = counts.longest.expect("there are texts");
        assert_eq!((longest.at.as_str(), longest.characters), ("/0", 25));
    }

    #[test]
    fn equal_frequencies_stand_in_alphabetical_order() {
        let counts = counts(&["b a c b", "C c a"]);
        let seen: Vec<_> = counts.frequent.iter().map(|word| (word.word.as_str(), word.count)).collect();
        assert_eq!(seen, [("c", 3), ("a", 2), ("b", 2)]);
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let text = "ü".repeat(100);
        let longest = counts(&[&text]).longest.expect("there is a text");
        assert_eq!((longest.characters, longest.begins.chars().count()), (100, SHOWN_CHARACTERS));
    }
}
