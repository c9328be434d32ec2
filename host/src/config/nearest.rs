//! The known word that a mistyped one was probably meant to be. It only suggests; nothing is ever corrected silently.

/// The candidate nearest to `word`, if one is near enough to be meant: a slip in every third letter, or the same word
/// after another dot (`run.fuel` for `limits.fuel`).
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let last = |text: &str| text.rsplit('.').next().unwrap_or_default().to_owned();
    let own_last = last(word);
    // Distances cost the product of the lengths, and no name is this long.
    if word.len() > 128 {
        return None;
    }
    let rated = candidates.into_iter().filter_map(|candidate| {
        let slips = strsim::damerau_levenshtein(word, candidate);
        let allowed = (candidate.chars().count() / 3).max(1);
        let same_last = own_last.len() > 2 && own_last == last(candidate);
        (slips <= allowed || same_last).then_some((slips, candidate))
    });
    rated.min().map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_seen_and_strangers_are_not() {
        let known = ["limits.fuel", "limits.wall_ms", "run.seed", "run.root"];
        assert_eq!(nearest("limits.feul", known), Some("limits.fuel"));
        assert_eq!(nearest("run.fuel", known), Some("limits.fuel"));
        assert_eq!(nearest("run.rot", known), Some("run.root"));
        assert_eq!(nearest("telemetry", known), None);
        assert_eq!(nearest("digit", ["digits", "abraxas"]), Some("digits"));
        assert_eq!(nearest(&"x".repeat(10_000), known), None);
    }
}
