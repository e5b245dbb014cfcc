//! From a dense score to few events.

/// The pause after an event, as a share of the rows that show what is usual,
const PAUSE_SHARE: f64 = 0.2;
/// but no longer than so much.
const LONGEST_PAUSE_NS: f64 = 2.0 * DAY_NS;
/// By how much an event makes the next one dearer, in units of surprise.
const PRICE: f64 = 0.25;
/// Spans after which the price has fallen to a third.
const PRICE_SPANS: f64 = 5.0;
/// Rows a day up to which the threshold stands as it is: one in a quarter of an hour.
const CALM_ROWS_A_DAY: f64 = 96.0;
/// What is added to the threshold for ten times as many: more than one, as tails are heavier than they look.
const HASTE: f64 = 1.45;
const DAY_NS: f64 = 86_400e9;
/// What is added to the threshold while the series is known for less than a day, and so what is usual of each hour is not.
const YOUNG: f64 = 1.5;
/// What is added at the end of that day, and less and less of it
const UNSETTLED: f64 = 0.6;
/// for so much longer: what is usual of each day of the week is not known yet.
const SETTLED_AFTER_NS: f64 = 7.0 * DAY_NS;
/// How far below the threshold a row may be and still be told of.
const DEPTH: f64 = 1.0;
/// By how much a row must be above the last one told of to be told of within its pause.
const CLIMB: f64 = 0.5;
/// By how much a sudden value must be above the last event to open another within its pause: a thousand times as rare.
const TOWER: f64 = 3.0;

/// How surprising a row is.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Surprise {
    /// As a part of what the series does.
    pub event: f64,
    /// By itself, as a value far from its prediction: that needs no knowledge of the hours of the day.
    pub sudden: f64,
}

/// Decides which rows open an event: those beyond a threshold, with a pause after each event, and at a price that grows
/// with every recent one. Within a pause only a sudden value far above the event before it opens one. Rows that come more
/// often than every quarter of an hour must be rarer in proportion, so that there are as few false events a day; while a
/// series is young, until it has shown a day and then a week, all must be. Rows that would open one if the threshold
/// were lower are told of as well.
#[derive(Debug, Clone)]
pub struct Events {
    pause: u32,
    /// How high the highest since the last event was above the threshold, with it.
    highest: f32,
    price_kept: f64,
    n_seen: u64,
    price: f64,
    /// The row of the last event, from 1 on; 0 for none.
    last: u64,
    /// The last row told of, and how high it was above the threshold.
    told: (u64, f64),
    time: Option<i64>,
    begin: Option<i64>,
    step_ns: f64,
}

impl Events {
    /// Events of a series whose usual course shows within `span` rows.
    pub fn new(span: usize) -> Self {
        let span = span.max(1) as f64;
        Self {
            pause: (PAUSE_SHARE * span).ceil() as u32,
            highest: 0.0,
            price_kept: (-1.0 / (PRICE_SPANS * span)).exp(),
            n_seen: 0,
            price: 0.0,
            last: 0,
            told: (0, 0.0),
            time: None,
            begin: None,
            step_ns: 0.0,
        }
    }

    /// Takes in the surprise of the next row. The height above the threshold where it opens an event; below 0, by how
    /// much it is short of the threshold where it would open one without that; else 0.
    pub fn push(&mut self, time: Option<i64>, surprise: Surprise, threshold: f64, warm_up: u64) -> f64 {
        self.n_seen += 1;
        self.price *= self.price_kept;
        self.pace(time);
        let dearer = self.price + threshold + self.haste();
        let sudden = surprise.sudden - dearer;
        let height = sudden.max(surprise.event - self.youth() - dearer);
        let pause = self.pause();
        let is_past = |row: u64| row == 0 || self.n_seen - row > pause;
        if self.n_seen <= warm_up || height <= -DEPTH {
            return 0.0;
        }
        if height > 0.0 && is_past(self.last) {
            self.price += PRICE;
            self.last = self.n_seen;
            (self.highest, self.told) = (height as f32, (self.n_seen, height));
            return height;
        }
        if sudden > f64::from(self.highest) + TOWER {
            // It neither makes the pause longer nor the next event dearer: those stand as if it had not been.
            (self.highest, self.told) = (height as f32, (self.n_seen, height));
            return height;
        }
        let (row, before) = self.told;
        let is_news = is_past(row) || height > before + CLIMB;
        if height < 0.0 && is_news {
            self.told = (self.n_seen, height);
            return height;
        }
        0.0
    }

    /// Learns how often rows come.
    fn pace(&mut self, time: Option<i64>) {
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
        self.begin = self.begin.or(time);
    }

    /// Rows of the pause after an event.
    fn pause(&self) -> u64 {
        if self.step_ns > 0.0 {
            u64::from(self.pause).min((LONGEST_PAUSE_NS / self.step_ns).ceil() as u64)
        } else {
            self.pause.into()
        }
    }

    /// What is added to the threshold while a series is young: most on the first day, then less until a week is known.
    fn youth(&self) -> f64 {
        let Some((now, begin)) = self.time.zip(self.begin) else { return 0.0 };
        let known = now.saturating_sub(begin) as f64;
        if known < DAY_NS { YOUNG } else { UNSETTLED * (1.0 - (known - DAY_NS) / SETTLED_AFTER_NS).max(0.0) }
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

    fn of(event: f64) -> Surprise {
        Surprise { event, sudden: 0.0 }
    }

    #[test]
    fn an_event_is_followed_by_a_pause_and_makes_the_next_dearer() {
        let mut events = Events::new(150);
        let opened: Vec<bool> = (0..200).map(|_| events.push(None, of(3.0), 2.0, 50) > 0.0).collect();
        let rows: Vec<usize> = (0..200).filter(|&row| opened[row]).collect();
        assert_eq!(rows[0], 50);
        assert!(rows.windows(2).all(|pair| pair[1] - pair[0] > 30), "{rows:?}");
        assert!(events.price > 0.5, "{}", events.price);
    }

    #[test]
    fn within_a_pause_only_what_is_far_more_sudden_opens_an_event() {
        let mut events = Events::new(150);
        let mut push = |event, sudden| events.push(None, Surprise { event, sudden }, 2.0, 0) > 0.0;
        let opened = [(3.0, 0.0), (9.0, 0.0), (0.0, 5.5), (0.0, 6.5), (0.0, 9.0), (0.0, 9.8)];
        let opened = opened.map(|(event, sudden)| push(event, sudden));
        assert_eq!(opened, [true, false, false, true, false, true]);
        // The pause ends thirty rows after the event that began it, and its price is that of one.
        let next = (6..200).find(|_| push(2.4, 0.0));
        assert_eq!(next, Some(31));
    }

    #[test]
    fn rows_that_come_often_must_be_rarer() {
        let opens = |step_s: i64| {
            let mut events = Events::new(100);
            (0..3000).any(|row| events.push(Some(row * step_s * 1_000_000_000), of(2.3), 2.0, 50) > 0.0)
        };
        assert!(opens(900) && opens(3600) && !opens(300) && !opens(60));
    }

    #[test]
    fn on_the_first_day_it_takes_more_and_in_the_first_week_a_little() {
        let first = |surprise: f64| {
            let mut events = Events::new(100);
            (0..300).find(|hour| events.push(Some(hour * 3_600_000_000_000), of(surprise), 2.0, 0) > 0.0)
        };
        assert_eq!((first(2.65), first(4.0), first(1.9)), (Some(24), Some(0), None));
        // Half of it is left after half a week more.
        assert_eq!((first(2.31), first(2.01)), (Some(24 + 82), Some(24 + 166)));
    }

    #[test]
    fn what_falls_short_is_told_of_once_and_hides_no_event() {
        let mut events = Events::new(100);
        let surprises = [0.0, 1.5, 1.6, 1.4, 2.5, 1.9, 0.0];
        let heights: Vec<f64> =
            surprises.iter().map(|&surprise| events.push(None, of(surprise), 2.0, 0)).collect();
        assert!((heights[1] + 0.5).abs() < 1e-9 && (heights[4] - 0.5).abs() < 1e-9, "{heights:?}");
        assert!([0, 2, 3, 5, 6].iter().all(|&row| heights[row] == 0.0), "{heights:?}");
    }

    #[test]
    fn a_sudden_value_need_not_wait_for_the_first_day_and_no_pause_is_longer_than_two() {
        let mut events = Events::new(1000);
        let opened: Vec<i64> = (0..200)
            .filter(|hour| {
                let surprise = Surprise { event: 0.0, sudden: 2.5 };
                events.push(Some(hour * 3_600_000_000_000), surprise, 2.0, 10) > 0.0
            })
            .collect();
        // The price of three is more than the surprise is above the threshold.
        assert_eq!(opened, [10, 59, 108]);
    }
}
