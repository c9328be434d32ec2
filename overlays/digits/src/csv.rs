//! Reads images from CSV: 64 pixels from 0 to 16 and a label from 0 to 9 on each line, no header, no quotes, no spaces.
//! It is strict, because a wrong line would only show as a slightly worse accuracy: the first mistake ends the call
//! with its line and column.

use clamp_overlay_sdk::{Failure, json};

/// Pixels of an image.
pub(crate) const PIXELS: usize = 64;

/// The darkest pixel.
pub(crate) const PIXEL_MAX: i32 = 16;

/// Different labels.
pub(crate) const CLASSES: usize = 10;

/// Values of an image as the model sees it: its pixels and a constant, the bias column.
pub(crate) const COLUMNS: usize = PIXELS + 1;

/// Images and their labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Images {
    /// Row by row, [`COLUMNS`] values each; the last is [`PIXEL_MAX`], which scales to 1.
    pub(crate) values: Vec<i32>,
    labels: Vec<u8>,
}

impl Images {
    /// Reads a whole CSV. Lines end in LF or CR LF; the last may go without.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, Failure> {
        let mut images = Self { values: Vec::new(), labels: Vec::new() };
        let body = text.strip_suffix(b"\n").unwrap_or(text);
        if body.is_empty() {
            return Err(Failure::new("bad-csv", "the CSV is empty; it needs an image on each line"));
        }
        for (index, line) in body.split(|byte| *byte == b'\n').enumerate() {
            images.add(index + 1, line.strip_suffix(b"\r").unwrap_or(line))?;
        }
        if u32::try_from(images.labels.len()).is_err() {
            return Err(Failure::new("bad-csv", "the CSV has more than 4294967295 lines"));
        }
        Ok(images)
    }

    /// How many images there are.
    pub(crate) fn len(&self) -> u32 {
        self.labels.len() as u32
    }

    /// The labels of these rows.
    pub(crate) fn labels_of(&self, rows: &[u32]) -> Vec<u8> {
        rows.iter().map(|row| self.labels[*row as usize]).collect()
    }

    fn add(&mut self, line: usize, text: &[u8]) -> Result<(), Failure> {
        let found = text.split(|byte| *byte == b',').count();
        if found != PIXELS + 1 {
            let message =
                format!("line {line} has {found} columns; an image has {PIXELS} pixels and a label: {}", PIXELS + 1);
            return Err(Failure::new("bad-csv", message).with_data(json!({ "line": line })));
        }
        for (index, field) in text.split(|byte| *byte == b',').enumerate() {
            let (what, most) = if index < PIXELS { ("a pixel", PIXEL_MAX) } else { ("a label", CLASSES as i32 - 1) };
            let value = whole_number(field).filter(|value| *value <= most).ok_or_else(|| {
                let column = index + 1;
                let message = format!(
                    "line {line}, column {column}: {} is not {what}, a whole number from 0 to {most}",
                    shown(field)
                );
                Failure::new("bad-csv", message).with_data(json!({ "line": line, "column": column }))
            })?;
            if index < PIXELS {
                self.values.push(value);
            } else {
                self.values.push(PIXEL_MAX);
                self.labels.push(value as u8);
            }
        }
        Ok(())
    }
}

/// Digits only, and few enough to be exact.
fn whole_number(field: &[u8]) -> Option<i32> {
    let digits = (1..=9).contains(&field.len()) && field.iter().all(u8::is_ascii_digit);
    digits.then(|| field.iter().fold(0, |number, digit| number * 10 + i32::from(digit - b'0')))
}

/// A field as it stands in a message; long ones are cut.
fn shown(field: &[u8]) -> String {
    const LONGEST: usize = 20;
    if field.is_empty() {
        return "nothing".to_owned();
    }
    let text = String::from_utf8_lossy(field);
    let cut: String = text.chars().take(LONGEST).collect();
    format!("{cut:?}{}", if cut.len() < text.len() { "..." } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(pixel: &str, label: &str) -> String {
        format!("{}{label}\n", format!("{pixel},").repeat(PIXELS))
    }

    #[test]
    fn an_image_gets_its_bias_column() {
        let images = Images::parse((line("3", "7") + &line("16", "0")).as_bytes()).expect("two images");
        assert_eq!(images.len(), 2);
        assert_eq!(images.values.len(), 2 * COLUMNS);
        assert_eq!(images.values[COLUMNS - 2..=COLUMNS], [3, PIXEL_MAX, 16]);
        assert_eq!(images.labels_of(&[1, 0]), [0, 7]);
    }

    #[test]
    fn line_ends_may_be_of_either_kind_and_the_last_may_miss() {
        let lf = line("1", "2") + &line("1", "3");
        let images = Images::parse(lf.as_bytes()).expect("LF");
        assert_eq!(Images::parse(lf.replace('\n', "\r\n").as_bytes()), Ok(images.clone()));
        assert_eq!(Images::parse(lf.trim_end().as_bytes()), Ok(images));
    }

    #[test]
    fn mistakes_say_where_and_what() {
        let good = line("1", "2");
        let broken = |from: &str, to: &str| format!("{good}{}", good.replacen(from, to, 1));
        for (text, part) in [
            (String::new(), "empty"),
            (good.clone() + "\n" + &good, "line 2 has 1 columns"),
            (good.clone() + "1,2,3\n", "line 2 has 3 columns"),
            (broken(",2\n", ",2,9\n"), "line 2 has 66 columns"),
            (broken("1,", "17,"), "line 2, column 1: \"17\" is not a pixel, a whole number from 0 to 16"),
            (broken("1,", "x,"), "line 2, column 1: \"x\""),
            (broken("1,", ","), "line 2, column 1: nothing"),
            (broken("1,", " 1,"), "line 2, column 1: \" 1\""),
            (broken("1,", "-1,"), "line 2, column 1: \"-1\""),
            (broken("1,", "1.0,"), "line 2, column 1: \"1.0\""),
            (broken("1,", "99999999999999999999999,"), "\"99999999999999999999\"..."),
            (broken(",2\n", ",10\n"), "line 2, column 65: \"10\" is not a label, a whole number from 0 to 9"),
        ] {
            let failure = Images::parse(text.as_bytes()).expect_err(part);
            assert_eq!(failure.code, "bad-csv");
            assert!(failure.message.contains(part), "{part}: {failure}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_refused_too() {
        let mut bytes = line("1", "2").into_bytes();
        bytes[0] = 0xff;
        let failure = Images::parse(&bytes).expect_err("not UTF-8");
        assert!(failure.message.starts_with("line 1, column 1"), "{failure}");
    }
}
