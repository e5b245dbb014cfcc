//! Templates, each exporter's apart, within quotas.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::Scope;
use super::elements::Element;
use super::record::Target;
use crate::limits::Limits;

/// One field of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FieldSpec {
    pub(super) element: Element,
    /// `u16::MAX`: the length stands before the bytes.
    pub(super) len: u16,
    pub(super) target: Target,
}

/// The layout of records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template {
    pub(super) fields: Box<[FieldSpec]>,
    /// How many of the fields say what the record is about; 0 for flows.
    pub(super) n_scope: u16,
    /// Fewest bytes of a record, never 0.
    pub(super) least_len: usize,
    pub(super) is_options: bool,
}

impl Template {
    /// Nothing for layouts whose records would take no bytes.
    pub(super) fn new(fields: Vec<FieldSpec>, n_scope: u16, is_options: bool) -> Option<Self> {
        let least = |field: &FieldSpec| if field.len == u16::MAX { 1 } else { usize::from(field.len) };
        let least_len = fields.iter().map(least).fold(0_usize, usize::saturating_add);
        (least_len > 0).then(|| Self { fields: fields.into(), n_scope, least_len, is_options })
    }
}

/// Counts of templates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TemplateStats {
    /// Templates that are kept now.
    pub kept: u64,
    /// Exporters (with domain and version) that are kept now.
    pub exporters: u64,
    /// Templates taken in, repeats included.
    pub taken: u64,
    /// Templates whose layout differs from the one before under the same number: a restart, or somebody else.
    pub changed: u64,
    /// Templates that made room for others of their own exporter.
    pub evicted: u64,
    /// Exporters that made room for others.
    pub exporters_evicted: u64,
    /// Templates that were too old when records came.
    pub expired: u64,
    /// Withdrawals, which are not for datagrams and were ignored.
    pub withdrawals: u64,
    /// Sampling rates that were not kept for want of room.
    pub samplers_lost: u64,
}

#[derive(Debug)]
struct Kept {
    template: Arc<Template>,
    used: u64,
    sent_ns: i64,
}

#[derive(Debug)]
struct Exporter {
    templates: HashMap<u16, Kept>,
    /// Their numbers in the order of use.
    order: BTreeMap<u64, u16>,
    /// Sampling rates by the number of the sampler.
    rates: HashMap<u64, u32>,
    /// Its place in the order of use.
    used: u64,
    first_ns: i64,
    /// It has sent records over some time, not only templates.
    proven: bool,
}

/// How long an exporter must have sent records to be kept before new ones.
const PROVEN_AFTER_NS: i64 = 1_000_000_000;
/// Most samplers of one exporter.
const MOST_SAMPLERS: usize = 1024;

/// All templates. Exporters that were not heard for longest go first; of those, the ones that never proved themselves.
#[derive(Debug)]
pub(super) struct Templates {
    most: usize,
    most_per_exporter: usize,
    most_exporters: usize,
    most_samplers: usize,
    lifetime_ns: i64,
    exporters: HashMap<Scope, Exporter>,
    /// New exporters in the order of use, and proven ones.
    new: BTreeMap<u64, Scope>,
    proven: BTreeMap<u64, Scope>,
    /// Templates of all exporters.
    total: usize,
    n_samplers: usize,
    clock: u64,
    stats: TemplateStats,
}

fn size(n: u32) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

fn count(counter: &mut u64) {
    *counter = counter.saturating_add(1);
}

impl Templates {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            most: size(limits.templates).max(1),
            most_per_exporter: size(limits.templates_per_exporter.min(limits.templates)).max(1),
            most_exporters: size(limits.exporters).max(1),
            most_samplers: size(limits.samplers),
            lifetime_ns: limits.template_lifetime_ns,
            exporters: HashMap::new(),
            new: BTreeMap::new(),
            proven: BTreeMap::new(),
            total: 0,
            n_samplers: 0,
            clock: 0,
            stats: TemplateStats::default(),
        }
    }

    pub(super) fn stats(&self) -> TemplateStats {
        TemplateStats { kept: self.total as u64, exporters: self.exporters.len() as u64, ..self.stats }
    }

    pub(super) fn withdrawn(&mut self) {
        count(&mut self.stats.withdrawals);
    }

    fn tick(&mut self) -> u64 {
        self.clock = self.clock.saturating_add(1);
        self.clock
    }

    /// Moves an exporter to the end of the order; whether it is known.
    fn touch(&mut self, scope: Scope, has_records: bool, now_ns: i64) -> bool {
        let tick = self.tick();
        let Some(exporter) = self.exporters.get_mut(&scope) else { return false };
        let order = if exporter.proven { &mut self.proven } else { &mut self.new };
        order.remove(&exporter.used);
        exporter.used = tick;
        if has_records && now_ns.saturating_sub(exporter.first_ns) >= PROVEN_AFTER_NS {
            exporter.proven = true;
        }
        let order = if exporter.proven { &mut self.proven } else { &mut self.new };
        order.insert(tick, scope);
        // New ones always keep a quarter of the room.
        if self.proven.len() > self.most_exporters.saturating_sub(self.most_exporters / 4)
            && let Some((used, scope)) = self.proven.pop_first()
        {
            if let Some(exporter) = self.exporters.get_mut(&scope) {
                exporter.proven = false;
            }
            self.new.insert(used, scope);
        }
        true
    }

    fn evict_exporter(&mut self, except: Scope) {
        let oldest = |order: &BTreeMap<u64, Scope>| {
            order.iter().find(|(_, scope)| **scope != except).map(|(used, scope)| (*used, *scope))
        };
        let Some((used, scope)) = oldest(&self.new).or_else(|| oldest(&self.proven)) else { return };
        self.new.remove(&used);
        self.proven.remove(&used);
        if let Some(exporter) = self.exporters.remove(&scope) {
            self.total = self.total.saturating_sub(exporter.templates.len());
            self.n_samplers = self.n_samplers.saturating_sub(exporter.rates.len());
            count(&mut self.stats.exporters_evicted);
        }
    }

    /// Makes sure that the exporter is known.
    fn enter(&mut self, scope: Scope, now_ns: i64) {
        if self.touch(scope, false, now_ns) {
            return;
        }
        if self.exporters.len() >= self.most_exporters {
            self.evict_exporter(scope);
        }
        let used = self.tick();
        self.new.insert(used, scope);
        let exporter = Exporter {
            templates: HashMap::new(),
            order: BTreeMap::new(),
            rates: HashMap::new(),
            used,
            first_ns: now_ns,
            proven: false,
        };
        self.exporters.insert(scope, exporter);
    }

    /// Takes a template in. Templates of flows and of options share their numbers.
    pub(super) fn insert(&mut self, scope: Scope, id: u16, template: Template, now_ns: i64) {
        self.enter(scope, now_ns);
        count(&mut self.stats.taken);
        let tick = self.tick();
        let Some(exporter) = self.exporters.get_mut(&scope) else { return };
        if let Some(kept) = exporter.templates.get_mut(&id) {
            kept.sent_ns = now_ns;
            exporter.order.remove(&kept.used);
            exporter.order.insert(tick, id);
            kept.used = tick;
            if *kept.template != template {
                kept.template = Arc::new(template);
                count(&mut self.stats.changed);
            }
            return;
        }
        if exporter.templates.len() >= self.most_per_exporter
            && let Some((_, oldest)) = exporter.order.pop_first()
        {
            exporter.templates.remove(&oldest);
            self.total = self.total.saturating_sub(1);
            count(&mut self.stats.evicted);
        }
        exporter.order.insert(tick, id);
        exporter.templates.insert(id, Kept { template: Arc::new(template), used: tick, sent_ns: now_ns });
        self.total = self.total.saturating_add(1);
        while self.total > self.most && self.exporters.len() > 1 {
            self.evict_exporter(scope);
        }
    }

    /// The template of a set of data.
    pub(super) fn get(&mut self, scope: Scope, id: u16, now_ns: i64) -> Option<Arc<Template>> {
        let tick = self.tick();
        let exporter = self.exporters.get_mut(&scope)?;
        let kept = exporter.templates.get_mut(&id)?;
        if now_ns.saturating_sub(kept.sent_ns) > self.lifetime_ns {
            exporter.order.remove(&kept.used);
            exporter.templates.remove(&id);
            self.total = self.total.saturating_sub(1);
            count(&mut self.stats.expired);
            return None;
        }
        exporter.order.remove(&kept.used);
        exporter.order.insert(tick, id);
        kept.used = tick;
        Some(Arc::clone(&kept.template))
    }

    /// The exporter has sent records that could be read.
    pub(super) fn has_sent_records(&mut self, scope: Scope, now_ns: i64) {
        self.touch(scope, true, now_ns);
    }

    /// Remembers what a sampler's rate is.
    pub(super) fn set_rate(&mut self, scope: Scope, sampler: u64, rate: u32) {
        let Some(exporter) = self.exporters.get_mut(&scope) else { return };
        if let Some(kept) = exporter.rates.get_mut(&sampler) {
            *kept = rate;
        } else if self.n_samplers < self.most_samplers && exporter.rates.len() < MOST_SAMPLERS {
            exporter.rates.insert(sampler, rate);
            self.n_samplers = self.n_samplers.saturating_add(1);
        } else {
            count(&mut self.stats.samplers_lost);
        }
    }

    /// The rate of a sampler; where the record names none, that of the only one there is.
    pub(super) fn rate(&self, scope: Scope, sampler: Option<u64>) -> Option<u32> {
        let rates = &self.exporters.get(&scope)?.rates;
        match sampler {
            Some(sampler) => rates.get(&sampler).copied(),
            None if rates.len() == 1 => rates.values().next().copied(),
            None => None,
        }
    }
}
