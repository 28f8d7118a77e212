//! Lengths of time as people write them, and read them.

use std::time::Duration;

/// Reads a length of time: `10 min`, `1.5 h`, `500 ms`; seconds, if it is a number alone.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let unit_at = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let seconds = match unit.trim() {
        "ms" => 1e-3,
        "" | "s" => 1.0,
        "min" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        other => {
            return Err(format!(
                "{other:?} is no unit: there are ms, s, min, h and d"
            ));
        }
    };
    let number: f64 = number
        .parse()
        .map_err(|_| format!("{text:?} is no length of time: it is as in 10 min"))?;
    let length = Duration::try_from_secs_f64(number * seconds)
        .map_err(|_| format!("{text:?} is too long"))?;
    // Faster than the slowest sensor measures, it would only be behind.
    match length < SHORTEST {
        true => Err(format!("{text:?} is too short: 100 ms or more")),
        false => Ok(length),
    }
}

const SHORTEST: Duration = Duration::from_millis(100);

/// Shows a length of time, by its two largest units.
pub(crate) fn show(length: Duration) -> String {
    let seconds = length.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, ..) => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_as_people_write_them() {
        for (text, seconds) in [
            ("60", 60.0),
            ("10 min", 600.0),
            ("1.5h", 5400.0),
            ("500 ms", 0.5),
            (" 2 s ", 2.0),
            ("1 d", 86_400.0),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_secs_f64(seconds)), "{text}");
        }
        for (text, words) in [
            ("", "no length"),
            ("soon", "no unit"),
            ("-1", "no unit"),
            ("1.2.3 s", "no length"),
            ("0", "too short"),
            ("1 fortnight", "no unit"),
            ("99999999999999999999 d", "too long"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(words), "{text:?}: {error}");
        }
    }

    #[test]
    fn lengths_of_time_are_as_people_read_them() {
        let shown = [0, 59, 61, 3599, 7260, 90_000].map(|s| show(Duration::from_secs(s)));
        let expected = [
            "0 s",
            "59 s",
            "1 min 1 s",
            "59 min 59 s",
            "2 h 1 min",
            "1 d 1 h",
        ];
        assert_eq!(shown, expected);
    }
}
