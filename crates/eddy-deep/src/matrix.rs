//! Products of small matrices of 32-bit floats, row after row.
//!
//! Every sum runs over its terms in order, starting from what is there: a row of a product has the same bits whatever
//! rows it is computed with. Columns are padded to a multiple of [`LANES`], so that no vector is ever cut.

use eddy_detect::wide;

/// Columns are padded to a multiple of this many.
pub(crate) const LANES: usize = 8;

/// The next multiple of [`LANES`].
pub(crate) const fn padded(n: usize) -> usize {
    n.next_multiple_of(LANES)
}

wide! {
    /// `c += a b`: `a` has rows of `k` numbers, `b` is `k` rows of `n`, and `c` has rows of `n`, a multiple of
    /// [`LANES`].
    pub(crate) fn add_product(a: &[f32], b: &[f32], c: &mut [f32], k: usize, n: usize) {
        let mut a_blocks = a.chunks_exact(4 * k);
        let mut c_blocks = c.chunks_exact_mut(4 * n);
        for (a, c) in a_blocks.by_ref().zip(c_blocks.by_ref()) {
            rows_by::<4>(a, b, c, k, n);
        }
        for (a, c) in a_blocks.remainder().chunks_exact(k).zip(c_blocks.into_remainder().chunks_exact_mut(n)) {
            rows_by::<1>(a, b, c, k, n);
        }
    }

    /// `c += a' b`: `a` has rows of `k` numbers and `b` as many rows of `n`; `c` is `k` rows of `n`. Both are multiples
    /// of [`LANES`].
    pub(crate) fn add_product_of_transposed(a: &[f32], b: &[f32], c: &mut [f32], k: usize, n: usize) {
        for (block, c) in c.chunks_exact_mut(4 * n).enumerate() {
            columns_by::<4>(a, b, c, 4 * block, k, n);
        }
    }

    /// Adds each row of `b` to `sums`, which is as long as a row.
    pub(crate) fn add_column_sums(b: &[f32], sums: &mut [f32]) {
        for row in b.chunks_exact(sums.len()) {
            sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        }
    }

    /// Adds `other` to `whole`, number by number.
    pub(crate) fn add(whole: &mut [f32], other: &[f32]) {
        whole.iter_mut().zip(other).for_each(|(whole, other)| *whole += other);
    }
}

/// Makes every row of `c` the given one.
pub(crate) fn fill_rows(c: &mut [f32], row: &[f32]) {
    c.chunks_exact_mut(row.len()).for_each(|c| c.copy_from_slice(row));
}

/// Writes the transposed matrix: `a` has rows of `n` numbers.
pub(crate) fn transpose(a: &[f32], out: &mut [f32], n: usize) {
    let n_rows = a.len() / n;
    for (col_idx, out) in out.chunks_exact_mut(n_rows).enumerate() {
        out.iter_mut().zip(a.chunks_exact(n)).for_each(|(out, row)| *out = row[col_idx]);
    }
}

/// `R` rows of a product.
#[expect(clippy::inline_always, reason = "it must be compiled anew for the processor of each caller")]
#[inline(always)]
fn rows_by<const R: usize>(a: &[f32], b: &[f32], c: &mut [f32], k: usize, n: usize) {
    let mut at = 0;
    while at < n {
        match n - at {
            24 => row_tile::<R, 24>(a, b, c, k, n, at),
            rest if rest >= 16 => row_tile::<R, 16>(a, b, c, k, n, at),
            _ => row_tile::<R, 8>(a, b, c, k, n, at),
        }
        at += match n - at {
            24 => 24,
            rest if rest >= 16 => 16,
            _ => 8,
        };
    }
}

/// `R` rows and `N` columns from `at` on of a product, held in registers while the terms go by.
#[expect(clippy::inline_always, reason = "as its caller")]
#[inline(always)]
fn row_tile<const R: usize, const N: usize>(
    a: &[f32],
    b: &[f32],
    c: &mut [f32],
    k: usize,
    n: usize,
    at: usize,
) {
    let rows: [&[f32]; R] = std::array::from_fn(|row| &a[row * k..(row + 1) * k]);
    let mut sums: [[f32; N]; R] = std::array::from_fn(|row| cells(c, row * n + at));
    for term in 0..k {
        let factors: [f32; N] = cells(b, term * n + at);
        for row in 0..R {
            let value = rows[row][term];
            for lane in 0..N {
                sums[row][lane] += value * factors[lane];
            }
        }
    }
    for row in 0..R {
        c[row * n + at..row * n + at + N].copy_from_slice(&sums[row]);
    }
}

/// `R` rows, from `first` on, of the product of a transposed matrix.
#[expect(clippy::inline_always, reason = "as its caller")]
#[inline(always)]
fn columns_by<const R: usize>(a: &[f32], b: &[f32], c: &mut [f32], first: usize, k: usize, n: usize) {
    let mut at = 0;
    while at < n {
        match n - at {
            24 => column_tile::<R, 24>(a, b, c, first, k, n, at),
            rest if rest >= 16 => column_tile::<R, 16>(a, b, c, first, k, n, at),
            _ => column_tile::<R, 8>(a, b, c, first, k, n, at),
        }
        at += match n - at {
            24 => 24,
            rest if rest >= 16 => 16,
            _ => 8,
        };
    }
}

#[expect(clippy::inline_always, reason = "as its caller")]
#[inline(always)]
fn column_tile<const R: usize, const N: usize>(
    a: &[f32],
    b: &[f32],
    c: &mut [f32],
    first: usize,
    k: usize,
    n: usize,
    at: usize,
) {
    let mut sums: [[f32; N]; R] = std::array::from_fn(|row| cells(c, row * n + at));
    for (a, b) in a.chunks_exact(k).zip(b.chunks_exact(n)) {
        let values: [f32; R] = cells(a, first);
        let factors: [f32; N] = cells(b, at);
        for row in 0..R {
            for lane in 0..N {
                sums[row][lane] += values[row] * factors[lane];
            }
        }
    }
    for row in 0..R {
        c[row * n + at..row * n + at + N].copy_from_slice(&sums[row]);
    }
}

/// The `N` numbers from `at` on.
#[expect(clippy::inline_always, reason = "as its caller")]
#[inline(always)]
fn cells<const N: usize>(values: &[f32], at: usize) -> [f32; N] {
    let mut out = [0.0; N];
    out.copy_from_slice(&values[at..at + N]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(n: usize, factor: usize) -> Vec<f32> {
        (0..n).map(|idx| (idx * idx * factor % 1009) as f32 / 500.0 - 1.0).collect()
    }

    #[test]
    fn products_have_the_bits_of_a_plain_loop() {
        for (m, k, n) in [(1, 3, 8), (4, 8, 16), (7, 20, 24), (32, 24, 64), (9, 16, 40), (5, 8, 56)] {
            let (a, b, start) = (numbers(m * k, 7), numbers(k * n, 11), numbers(m * n, 13));
            let mut plain = start.clone();
            for (row, col) in (0..m).flat_map(|row| (0..n).map(move |col| (row, col))) {
                for term in 0..k {
                    plain[row * n + col] += a[row * k + term] * b[term * n + col];
                }
            }
            let mut ours = start;
            add_product(&a, &b, &mut ours, k, n);
            assert_eq!(ours, plain, "{m} x {k} x {n}");
        }
    }

    #[test]
    fn products_of_the_transposed_have_the_bits_of_a_plain_loop() {
        for (m, k, n) in [(1, 8, 8), (5, 8, 16), (32, 24, 64), (33, 16, 24)] {
            let (a, b, start) = (numbers(m * k, 7), numbers(m * n, 11), numbers(k * n, 13));
            let mut plain = start.clone();
            for (row, col) in (0..k).flat_map(|row| (0..n).map(move |col| (row, col))) {
                for term in 0..m {
                    plain[row * n + col] += a[term * k + row] * b[term * n + col];
                }
            }
            let mut ours = start;
            add_product_of_transposed(&a, &b, &mut ours, k, n);
            assert_eq!(ours, plain, "{m} x {k} x {n}");
        }
    }

    #[test]
    fn rows_and_columns_change_places() {
        let mut out = [0.0; 6];
        transpose(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &mut out, 3);
        assert_eq!(out, [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
        let mut sums = [1.0, 0.0, 0.0];
        add_column_sums(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &mut sums);
        assert_eq!(sums, [6.0, 7.0, 9.0]);
    }
}
