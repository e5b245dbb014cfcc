//! From a dense score to few events.

/// Rows between two events, as a share of the rows seen.
const PAUSE_SHARE: f64 = 0.05;
/// The shortest and the longest pause after an event, in rows.
const PAUSES: [f64; 2] = [20.0, 150.0];
/// By how much an event makes the next one dearer, in units of surprise.
const PRICE: f64 = 0.12;
/// Rows after which the price has fallen to a third.
const PRICE_MEMORY: f64 = 3000.0;
/// Rows a day up to which the threshold stands as it is: one in a quarter of an hour.
const CALM_ROWS_A_DAY: f64 = 96.0;
/// What is added to the threshold for ten times as many: more than one, as tails are heavier than they look.
const HASTE: f64 = 1.2;
const DAY_NS: f64 = 86_400e9;

/// Decides which rows open an event: those beyond a threshold, with a pause after each event, and at a price that grows
/// with every recent one. Rows that come more often than every quarter of an hour must be rarer in proportion, so that there
/// are as few false events a day.
#[derive(Debug, Clone, Default)]
pub struct Events {
    n_seen: u64,
    last: Option<u64>,
    price: f64,
    time: Option<i64>,
    step_ns: f64,
}

impl Events {
    /// Takes in the surprise of the next row; the height above the threshold where it opens an event, else 0.
    pub fn push(&mut self, time: Option<i64>, surprise: f64, threshold: f64, warm_up: u64) -> f64 {
        self.n_seen += 1;
        self.price *= (-1.0 / PRICE_MEMORY).exp();
        if let (Some(now), Some(before)) = (time, self.time) {
            let step = now.saturating_sub(before) as f64;
            if step > 0.0 {
                self.step_ns = if self.step_ns > 0.0 {
                    self.step_ns + 0.05 * (step.min(4.0 * self.step_ns) - self.step_ns)
                } else {
                    step
                };
            }
        }
        self.time = time.or(self.time);
        let height = surprise - self.price - threshold - self.haste();
        let pause = (PAUSE_SHARE * self.n_seen as f64).clamp(PAUSES[0], PAUSES[1]) as u64;
        let is_paused = self.last.is_some_and(|last| self.n_seen - last <= pause);
        if height <= 0.0 || is_paused || self.n_seen <= warm_up {
            return 0.0;
        }
        self.last = Some(self.n_seen);
        self.price += PRICE;
        surprise - self.price + PRICE
    }

    /// What is added to the threshold for rows that come often.
    fn haste(&self) -> f64 {
        if self.step_ns > 0.0 {
            HASTE * (DAY_NS / self.step_ns / CALM_ROWS_A_DAY).log10().max(0.0)
        } else {
            0.0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_followed_by_a_pause_and_makes_the_next_dearer() {
        let mut events = Events::default();
        let opened: Vec<bool> = (0..200).map(|_| events.push(None, 3.0, 2.0, 50) > 0.0).collect();
        let rows: Vec<usize> = (0..200).filter(|&row| opened[row]).collect();
        assert_eq!(rows[0], 50);
        assert!(rows.windows(2).all(|pair| pair[1] - pair[0] > 20), "{rows:?}");
        assert!(events.price > 0.5);
    }

    #[test]
    fn rows_that_come_often_must_be_rarer() {
        let opens = |step_s: i64| {
            let mut events = Events::default();
            (0..300).any(|row| events.push(Some(row * step_s * 1_000_000_000), 2.5, 2.0, 50) > 0.0)
        };
        assert!(opens(900) && opens(3600) && !opens(300) && !opens(60));
    }
}
