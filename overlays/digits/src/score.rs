//! What was predicted against what is true. It compares and counts; the only arithmetic on floats is one division.

use crate::csv::CLASSES;

/// How often each label was taken for each class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Confusion {
    /// `counts[label][predicted]`.
    counts: [[u64; CLASSES]; CLASSES],
}

impl Confusion {
    /// Counts pairs of a label and a prediction, in order.
    pub(crate) fn count(labels: &[u8], predicted: &[u8]) -> Self {
        let mut counts = [[0; CLASSES]; CLASSES];
        for (label, guess) in labels.iter().zip(predicted) {
            counts[usize::from(*label)][usize::from(*guess)] += 1;
        }
        Self { counts }
    }

    /// How many were right.
    pub(crate) fn correct(&self) -> u64 {
        (0..CLASSES).map(|class| self.counts[class][class]).sum()
    }

    /// Right ones over all.
    pub(crate) fn accuracy(&self) -> f64 {
        let all: u64 = self.counts.iter().flatten().sum();
        self.correct() as f64 / all as f64
    }

    /// A header with the predicted classes, then a line for each label.
    pub(crate) fn csv(&self) -> String {
        let header: Vec<String> = (0..CLASSES).map(|class| format!("predicted_{class}")).collect();
        let mut text = format!("label,{}\n", header.join(","));
        for (label, row) in self.counts.iter().enumerate() {
            let cells: Vec<String> = row.iter().map(u64::to_string).collect();
            text.push_str(&format!("{label},{}\n", cells.join(",")));
        }
        text
    }
}

/// The class of the highest probability in each row of [`CLASSES`] values; of equal ones the lowest class.
pub(crate) fn best_of_rows(probabilities: &[f32]) -> Vec<u8> {
    let best = |row: &[f32]| (1..CLASSES).fold(0, |best, class| if row[class] > row[best] { class } else { best });
    probabilities.chunks_exact(CLASSES).map(|row| best(row) as u8).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_labels_and_columns_predictions() {
        let confusion = Confusion::count(&[3, 3, 3, 9], &[3, 8, 3, 9]);
        assert_eq!((confusion.correct(), confusion.accuracy()), (3, 0.75));
        let csv = confusion.csv();
        assert!(csv.starts_with("label,predicted_0,"), "{csv}");
        assert!(csv.contains("\n3,0,0,0,2,0,0,0,0,1,0\n"), "{csv}");
        assert_eq!(csv.lines().count(), CLASSES + 1);
    }

    #[test]
    fn equal_probabilities_take_the_lowest_class() {
        let mut row = [0.1_f32; CLASSES];
        assert_eq!(best_of_rows(&row), [0]);
        row[4] = 0.2;
        row[7] = 0.2;
        assert_eq!(best_of_rows(&row), [4]);
    }
}
