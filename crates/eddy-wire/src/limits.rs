//! The bounds that every parser obeys.

/// Which tunnels are entered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tunnels {
    /// All that are known: IP in IP, GRE, VXLAN, Geneve, GTP-U, Teredo, labels over UDP.
    #[default]
    All,
    /// Only IP in IP, 6in4 and the like; what rides on GRE or UDP is left there.
    IpInIp,
    /// None: the outermost addresses count.
    None,
}

/// The bounds that every parser obeys, in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most headers of one packet that are walked through, tunnels and tags included.
    pub headers: u8,
    /// Which tunnels are entered.
    pub tunnels: Tunnels,
    /// Longest frame that is handed out, in bytes; a capture file that tells of longer ones is not read further.
    pub frame_bytes: u32,
    /// Longest block of a pcapng file that is kept in memory, in bytes; longer ones of other kinds are skipped.
    pub block_bytes: u32,
    /// Most interfaces of one section of a pcapng file.
    pub interfaces: u32,
    /// Most notes that are kept about one capture; further ones are counted.
    pub notes: u32,
    /// Most packets whose later fragments are waited for.
    pub fragments: u32,
    /// How long later fragments are waited for, in nanoseconds of the capture's own time.
    pub fragment_timeout_ns: i64,
    /// Most compression pointers that are followed in one DNS name.
    pub name_pointers: u8,
    /// Most questions and records of one DNS message that are walked through.
    pub dns_records: u16,
    /// Most cipher suites, extensions, names and algorithms of one TLS hello that are looked at, each.
    pub tls_items: u16,
    /// Most bytes of the beginning of a stream that are put together.
    pub stream_head_bytes: u32,
    /// Most options and header lines of one message of an application.
    pub options: u16,
    /// Most templates of all exporters together.
    pub templates: u32,
    /// Most templates of one exporter (address, observation domain, version).
    pub templates_per_exporter: u32,
    /// Most exporters whose templates are kept.
    pub exporters: u32,
    /// Most fields of one template.
    pub template_fields: u16,
    /// Longest life of a template that is not sent again, in nanoseconds of receive time.
    pub template_lifetime_ns: i64,
    /// How far the times of a flow record may lie from the time of receipt, in nanoseconds; others are bent and marked.
    pub clock_window_ns: i64,
    /// Most records that are taken out of one datagram.
    pub records_per_datagram: u32,
    /// Most samplers whose rates are kept.
    pub samplers: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            headers: 16,
            tunnels: Tunnels::All,
            frame_bytes: 262_144,
            block_bytes: 1 << 20,
            interfaces: 4096,
            notes: 64,
            fragments: 4096,
            fragment_timeout_ns: 30_000_000_000,
            name_pointers: 32,
            dns_records: 512,
            tls_items: 512,
            stream_head_bytes: 8192,
            options: 256,
            templates: 65_536,
            templates_per_exporter: 1024,
            exporters: 4096,
            template_fields: 512,
            template_lifetime_ns: 6 * 3_600 * 1_000_000_000,
            clock_window_ns: 24 * 3_600 * 1_000_000_000,
            records_per_datagram: 65_535,
            samplers: 16_384,
        }
    }
}
