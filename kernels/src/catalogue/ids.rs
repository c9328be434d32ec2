//! The table itself: every room's kernels in one list, sorted by id, and the lookup in it. The entries are the rooms'.

use std::sync::LazyLock;

use super::KernelSpec;

static TABLE: LazyLock<Vec<KernelSpec>> = LazyLock::new(|| {
    let rooms: [&[&[KernelSpec]]; 15] = [
        crate::elementwise::SPECS,
        crate::compare::SPECS,
        crate::cast::SPECS,
        crate::reduce::SPECS,
        crate::matmul::SPECS,
        crate::rows::SPECS,
        crate::gather::SPECS,
        crate::random::SPECS,
        crate::function::SPECS,
        crate::scan::SPECS,
        crate::map::SPECS,
        crate::layout::SPECS,
        crate::mirror::SPECS,
        crate::sort::SPECS,
        crate::histogram::SPECS,
    ];
    let mut table = rooms.concat().concat();
    table.sort_by_key(|spec| spec.id);
    table
});

/// Every kernel, sorted by id.
pub fn all() -> impl ExactSizeIterator<Item = &'static KernelSpec> {
    TABLE.iter()
}

/// The kernel of this id.
pub fn find(id: &str) -> Option<&'static KernelSpec> {
    TABLE.binary_search_by_key(&id, |spec| spec.id).ok().map(|position| &TABLE[position])
}

/// The id that was perhaps meant by one that does not exist: that of the same name if there is one, else a close one.
pub fn nearest(id: &str) -> Option<&'static str> {
    let name = |id: &str| id.split('.').next().map(str::to_owned);
    let by_distance = |spec: &&KernelSpec| distance(id, spec.id);
    if let Some(spec) = all().filter(|spec| name(spec.id) == name(id)).min_by_key(by_distance) {
        return Some(spec.id);
    }
    let limit = (id.len() / 3).min(4);
    all().filter(|spec| distance(id, spec.id) <= limit).min_by_key(by_distance).map(|spec| spec.id)
}

/// Levenshtein's distance in bytes; anything longer than an id could be counts by its length.
fn distance(one: &str, other: &str) -> usize {
    const LONGEST: usize = 64;
    if one.len() > LONGEST {
        return one.len();
    }
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.bytes().enumerate() {
            let substituted = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::{ParamKind, When};

    #[test]
    fn ids_are_sorted_unique_and_well_formed() {
        let ids: Vec<&str> = all().map(|spec| spec.id).collect();
        assert!(ids.is_sorted_by(|one, other| one < other), "{ids:?}");
        for spec in all() {
            assert_eq!(find(spec.id).map(|found| found.id), Some(spec.id));
            let parts: Vec<&str> = spec.id.split('.').collect();
            assert!(parts.len() == 3 && parts[2] == "v1", "{}", spec.id);
            assert!(spec.outputs.iter().all(|output| !output.optional), "{}", spec.id);
            assert!(spec.params.len() <= 64 && !spec.summary.is_empty(), "{}", spec.id);
            let texts = spec.params.iter().filter(|param| param.kind == ParamKind::Text);
            assert!(texts.clone().count() <= 1 && texts.clone().all(|text| text.when == When::Open), "{}", spec.id);
        }
    }

    #[test]
    fn the_whole_list_is_here() {
        assert_eq!(all().len(), 145);
        assert!(find("sum.f32.v2").is_none());
    }

    #[test]
    fn a_near_id_is_suggested() {
        assert_eq!(nearest("softmax.f64.v1"), Some("softmax.f32.v1"));
        assert_eq!(nearest("sotfmax.f32.v1"), Some("softmax.f32.v1"));
        assert_eq!(nearest("matmul.f16.v1"), Some("matmul.f32.v1"));
        assert_eq!(nearest("rmsnorm"), Some("rmsnorm.f32.v1"));
        assert_eq!(nearest("cast_f32.f32.v1"), Some("cast_f32.i32.v1"));
        assert_eq!(nearest("convolution.f32.v1"), None);
        assert_eq!(nearest(""), None);
        assert_eq!(nearest(&"x".repeat(1000)), None);
    }
}
