//! Texts that want to be more than text, everywhere.

use eddy_report::{Contrast, DetectReport, SetAside};

/// What somebody might hope to be run.
pub(crate) const TEXT: &str = "<img src=x onerror=\"document.title='owned'\"></script><script>document.title='owned'</script>'\"&\u{202e}";

/// A report whose every text is hostile.
pub(crate) fn report(mut report: DetectReport) -> DetectReport {
    let evil = |text: &mut String| TEXT.clone_into(text);
    evil(&mut report.title);
    evil(&mut report.eddy_version);
    evil(&mut report.detector);
    evil(&mut report.threshold.rule);
    report.threshold.warning = Some(TEXT.into());
    report.generated_from = vec![TEXT.into()];
    report.read.format = TEXT.into();
    report.read.notes = vec![TEXT.into()];
    report.read.first_set_aside =
        vec![SetAside { place: TEXT.into(), reason: TEXT.into(), text: TEXT.into() }];
    report.columns.iter_mut().for_each(|column| evil(&mut column.name));
    for (i, feature) in report.features.iter_mut().enumerate() {
        feature.name = format!("{TEXT}{i}");
        feature.unit = Some(TEXT.into());
        feature.levels.iter_mut().for_each(evil);
    }
    report.finding_columns.iter_mut().for_each(evil);
    for finding in &mut report.findings {
        evil(&mut finding.sentence);
        finding.entity = Some(TEXT.into());
        finding.source = Some(TEXT.into());
        finding.time = Some(TEXT.into());
        if let Some(stretch) = &mut finding.stretch {
            (stretch.from, stretch.to) = (Some(TEXT.into()), Some(format!("{TEXT} later")));
        }
        finding.label = Some(TEXT.into());
        finding.values.iter_mut().for_each(evil);
        for (i, cause) in finding.causes.iter_mut().enumerate() {
            cause.feature = format!("{TEXT}{i}");
            cause.unit = Some(TEXT.into());
            if let Contrast::Category { seen, expected, .. } = &mut cause.contrast {
                evil(seen);
                evil(expected);
            }
        }
    }
    report.incidents = crate::incidents::cards(TEXT);
    report
}
