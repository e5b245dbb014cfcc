//! The sets of NetFlow v9 (RFC 3954) and IPFIX (RFC 7011): templates, options, data.

use super::elements::{Element, V9_SCOPE};
use super::record::{Extra, FlowRecord, Record, Target, apply, field_bytes, finish_times};
use super::templates::{FieldSpec, Template, Templates};
use super::{CollectorStats, Context, ExportVersion, Exported, Outcome};
use crate::cursor::Cursor;
use crate::limits::Limits;

pub(super) struct Sets<'l> {
    pub(super) limits: &'l Limits,
    pub(super) templates: &'l mut Templates,
    pub(super) stats: &'l mut CollectorStats,
    pub(super) context: Context,
    pub(super) outcome: Outcome,
}

/// The header of a template of options: how many of its fields are scopes.
struct OptionsHeader {
    fields: u16,
    scopes: u16,
}

impl Sets<'_> {
    /// Reads sets to the end of `body`, or until there were `count` records and templates, or something that is no set
    /// (where the number is given, another message may follow). Every set takes at least its 4 bytes, so this ends.
    pub(super) fn read(
        &mut self,
        mut body: Cursor<'_>,
        count: Option<u32>,
        each: &mut impl FnMut(&Exported<'_>),
    ) {
        let whole = body.len();
        while body.len() >= 4 {
            let had = self.outcome.records.saturating_add(self.outcome.templates);
            if count.is_some_and(|count| had >= count || is_no_v9_set(&body)) {
                self.outcome.consumed = whole.saturating_sub(body.len());
                return;
            }
            let (Some(id), Some(len)) = (body.u16(), body.u16()) else { return };
            let set = usize::from(len).checked_sub(4).filter(|len| *len <= body.len());
            let Some(set) = set.and_then(|len| body.take(len)) else {
                self.set_aside();
                self.outcome.consumed = whole;
                return;
            };
            let ipfix = self.context.scope.version == ExportVersion::Ipfix;
            match (id, ipfix) {
                (0, false) | (2, true) => self.template_set(Cursor::new(set)),
                (1, false) => self.v9_options_set(Cursor::new(set)),
                (3, true) => self.ipfix_options_set(Cursor::new(set)),
                (256.., _) => self.data_set(id, set, each),
                _ => self.set_aside(),
            }
        }
        if !body.is_empty() {
            self.set_aside();
        }
        self.outcome.consumed = whole;
    }

    fn set_aside(&mut self) {
        self.outcome.set_aside = self.outcome.set_aside.saturating_add(1);
    }

    fn template_set(&mut self, mut set: Cursor<'_>) {
        while set.len() >= 4 {
            let (Some(id), Some(n)) = (set.u16(), set.u16()) else { return };
            if id < 256 {
                // Padding, or nonsense: the rest cannot be told apart.
                if id != 0 || n != 0 {
                    self.set_aside();
                }
                return;
            }
            if n == 0 {
                self.templates.withdrawn();
                continue;
            }
            let Some(fields) = self.fields(&mut set, n, 0) else { return self.set_aside() };
            self.keep(id, fields, 0, false);
        }
    }

    /// RFC 3954, section 6.1: the lengths of scopes and options are in bytes.
    fn v9_options_set(&mut self, mut set: Cursor<'_>) {
        while set.len() >= 6 {
            let (Some(id), Some(scope_len), Some(option_len)) = (set.u16(), set.u16(), set.u16()) else {
                return;
            };
            if id < 256 {
                if id != 0 {
                    self.set_aside();
                }
                return;
            }
            let (scopes, options) = (scope_len >> 2, option_len >> 2);
            let header = OptionsHeader { fields: scopes.saturating_add(options), scopes };
            let Some(fields) = self.fields(&mut set, header.fields, header.scopes) else {
                return self.set_aside();
            };
            self.keep(id, fields, header.scopes, true);
        }
    }

    fn ipfix_options_set(&mut self, mut set: Cursor<'_>) {
        while set.len() >= 4 {
            let (Some(id), Some(fields)) = (set.u16(), set.u16()) else { return };
            if id < 256 {
                if id != 0 || fields != 0 {
                    self.set_aside();
                }
                return;
            }
            if fields == 0 {
                self.templates.withdrawn();
                continue;
            }
            let Some(scopes) = set.u16().filter(|scopes| *scopes <= fields) else { return self.set_aside() };
            let Some(fields) = self.fields(&mut set, fields, 0) else { return self.set_aside() };
            self.keep(id, fields, scopes, true);
        }
    }

    /// Reads `n` fields, of which the first `v9_scopes` have numbers of their own. Room is made only for what is there.
    fn fields(&mut self, set: &mut Cursor<'_>, n: u16, v9_scopes: u16) -> Option<Vec<FieldSpec>> {
        if n > self.limits.template_fields || usize::from(n) > set.len() / 4 {
            return None;
        }
        let ipfix = self.context.scope.version == ExportVersion::Ipfix;
        let mut fields = Vec::with_capacity(usize::from(n));
        for idx in 0..n {
            let (mut id, len) = (set.u16()?, set.u16()?);
            let mut enterprise = 0;
            if ipfix && id & 0x8000 != 0 {
                id &= 0x7fff;
                enterprise = set.u32()?;
            }
            if idx < v9_scopes {
                enterprise = V9_SCOPE;
            }
            let element = Element { enterprise, id };
            // NetFlow v9 knows no variable lengths, but some exporters send them.
            let target = if len == u16::MAX { Target::None } else { Target::of(element, len) };
            fields.push(FieldSpec { element, len, target });
        }
        Some(fields)
    }

    fn keep(&mut self, id: u16, fields: Vec<FieldSpec>, n_scope: u16, is_options: bool) {
        let Some(template) = Template::new(fields, n_scope, is_options) else { return self.set_aside() };
        self.templates.insert(self.context.scope, id, template, self.context.received_ns);
        self.outcome.templates = self.outcome.templates.saturating_add(1);
    }

    fn data_set(&mut self, id: u16, set: &[u8], each: &mut impl FnMut(&Exported<'_>)) {
        let scope = self.context.scope;
        let Some(template) = self.templates.get(scope, id, self.context.received_ns) else {
            self.outcome.sets_without_template = self.outcome.sets_without_template.saturating_add(1);
            return;
        };
        let before = self.outcome.records;
        let known_rate = self.templates.rate(scope, None);
        let mut rest = Cursor::new(set);
        while rest.len() >= template.least_len {
            if self.outcome.records >= self.limits.records_per_datagram {
                self.set_aside();
                break;
            }
            let bytes = rest.rest();
            let (mut flow, mut extra) = (FlowRecord::default(), Extra::default());
            if !read_fields(&template, &mut rest, &mut flow, &mut extra, self.context.export_ns) {
                self.set_aside();
                break;
            }
            finish_times(&mut flow, &extra, &self.context, self.stats);
            self.rate(&template, &extra, known_rate, &mut flow);
            let record = Record {
                version: scope.version,
                exporter: scope.exporter,
                domain: scope.domain,
                template_id: id,
                flow,
                template: Some(&template),
                bytes: bytes.get(..bytes.len().saturating_sub(rest.len())).unwrap_or_default(),
            };
            self.outcome.records = self.outcome.records.saturating_add(1);
            each(&if template.is_options { Exported::Options(record) } else { Exported::Flow(record) });
        }
        if self.outcome.records > before && !template.is_options {
            self.templates.has_sent_records(scope, self.context.received_ns);
        }
    }

    /// One of how many packets was looked at: the record says it, or an option said it before.
    fn rate(&mut self, template: &Template, extra: &Extra, known: Option<u32>, flow: &mut FlowRecord) {
        let stated = extra.sampling_interval.map(|interval| {
            let whole = interval.saturating_add(extra.sampling_space);
            // So many packets are taken, then so many are left: one of their sum by the first.
            let rate =
                if extra.sampling_space == 0 { whole } else { whole.checked_div(interval).unwrap_or(0) };
            if rate == 0 {
                self.stats.zero_rates = self.stats.zero_rates.saturating_add(1);
            }
            u32::try_from(rate.max(1)).unwrap_or(u32::MAX)
        });
        if let (true, Some(rate)) = (template.is_options, stated) {
            self.templates.set_rate(self.context.scope, extra.sampler.unwrap_or(0), rate);
        }
        flow.sampling_interval = match (stated, extra.sampler) {
            (Some(rate), _) => rate,
            (None, Some(_)) => self.templates.rate(self.context.scope, extra.sampler).or(known).unwrap_or(0),
            (None, None) => known.unwrap_or(0),
        };
    }
}

/// Whether what comes next has a number that no set of NetFlow v9 has (RFC 3954 keeps 2 to 255 free): another message.
fn is_no_v9_set(body: &Cursor<'_>) -> bool {
    matches!(body.rest(), [0, 2..=255, ..])
}

#[inline]
fn read_fields(
    template: &Template,
    rest: &mut Cursor<'_>,
    flow: &mut FlowRecord,
    extra: &mut Extra,
    export_ns: i64,
) -> bool {
    for field in &template.fields {
        let Some(bytes) = field_bytes(rest, field.len) else { return false };
        apply(field.target, bytes, flow, extra, export_ns);
    }
    true
}
