//! Principal components.

use eddy_frame::{Field, Frame, Kind, Role};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::step::{Edit, numbers, numeric_inputs, wanted};
use crate::{FitError, FittedStep, Fraction, LoadError, SectionReader, SectionWriter, Step, StepMemory};

/// Replaces the numeric columns by the principal components that keep a share of their variance (F11). Put it after
/// imputation and scaling. Eigenvectors of the covariance matrix by nalgebra; signs fixed so that the largest
/// coefficient of each component is positive.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Pca {
    /// Share of the variance to keep.
    pub variance: Fraction,
}

impl Default for Pca {
    fn default() -> Self {
        Self { variance: Fraction::new(0.95) }
    }
}

struct Fitted {
    columns: Vec<String>,
    mean: Vec<f64>,
    /// Components, row after row, each as long as `columns`.
    components: Vec<f64>,
    kept: f64,
}

impl Step for Pca {
    const NAME: &'static str = "pca";
    const SUMMARY: &'static str = "principal components that keep a share of the variance";

    fn fit(&self, frame: &Frame) -> Result<Box<dyn FittedStep>, FitError> {
        let inputs = numeric_inputs(frame);
        let d = inputs.len();
        let columns: Vec<Vec<f64>> = inputs.iter().map(|(idx, _)| numbers(frame.column(*idx))).collect();
        if columns.iter().flatten().any(|value| !value.is_finite()) {
            return Err(FitError::Data("pca needs numbers everywhere; put impute before it".into()));
        }
        if d > 2048 {
            return Err(FitError::Data(format!("pca takes at most 2048 columns, there are {d}; choose with --features")));
        }
        let n = frame.n_rows().max(1) as f64;
        let mean: Vec<f64> = columns.iter().map(|column| column.iter().sum::<f64>() / n).collect();
        let mut covariance = nalgebra::DMatrix::<f64>::zeros(d, d);
        for i in 0..d {
            for j in i..d {
                let sum: f64 =
                    columns[i].iter().zip(&columns[j]).map(|(a, b)| (a - mean[i]) * (b - mean[j])).sum();
                covariance[(i, j)] = sum / n;
                covariance[(j, i)] = sum / n;
            }
        }
        let eigen = nalgebra::SymmetricEigen::new(covariance);
        let mut order: Vec<usize> = (0..d).collect();
        order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
        let total: f64 = eigen.eigenvalues.iter().map(|value| value.max(0.0)).sum();
        let (mut components, mut kept) = (Vec::new(), 0.0);
        for at in order {
            if total <= 0.0 || (kept >= self.variance.get() * total && !components.is_empty()) {
                break;
            }
            kept += eigen.eigenvalues[at].max(0.0);
            let vector: Vec<f64> = eigen.eigenvectors.column(at).iter().copied().collect();
            let largest = vector.iter().copied().fold(0.0, |a: f64, b| if b.abs() > a.abs() { b } else { a });
            components.extend(vector.iter().map(|value| value * largest.signum()));
        }
        Ok(Box::new(Fitted {
            columns: inputs.into_iter().map(|(_, name)| name).collect(),
            mean,
            components,
            kept: if total > 0.0 { kept / total } else { 1.0 },
        }))
    }

    fn load(section: &SectionReader<'_>) -> Result<Box<dyn FittedStep>, LoadError> {
        let columns: Vec<String> = section.value("columns")?;
        let (mean, components) = (section.f64("mean")?.to_vec(), section.f64("components")?.to_vec());
        let fine = mean.len() == columns.len()
            && (if columns.is_empty() { components.is_empty() } else { components.len().is_multiple_of(columns.len()) })
            && mean.iter().chain(&components).all(|value| value.is_finite());
        if !fine {
            return Err(LoadError::content("pca", "must hold finite vectors of one width"));
        }
        Ok(Box::new(Fitted { columns, mean, components, kept: section.value("kept")? }))
    }
}

impl FittedStep for Fitted {
    fn apply(&self, frame: Frame, _: &mut StepMemory) -> Result<Frame, FitError> {
        let n_rows = frame.n_rows();
        let mut edit = Edit::new(frame);
        let mut inputs = Vec::with_capacity(self.columns.len());
        for name in &self.columns {
            let idx = wanted(&edit, name)?;
            inputs.push(numbers(edit.column(idx)));
            edit.remove(idx);
        }
        for (at, component) in self.components.chunks_exact(self.columns.len().max(1)).enumerate() {
            let mut values = vec![0.0; n_rows];
            for ((weight, mean), column) in component.iter().zip(&self.mean).zip(&inputs) {
                values.iter_mut().zip(column).for_each(|(to, from)| *to += weight * (from - mean));
            }
            edit.push(Field::new(format!("component {}", at + 1), Kind::Float, Role::Feature), values);
        }
        edit.finish()
    }

    fn describe(&self) -> String {
        let n = self.components.len() / self.columns.len().max(1);
        format!("{n} principal components, {:.1} % of the variance", self.kept * 100.0)
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        section.value("columns", &self.columns);
        section.value("kept", &self.kept);
        section.f64("mean", &self.mean);
        section.f64("components", &self.components);
    }
}
