// Files and packets whose every text is an attempt to run a script.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { generate } from "./real.mjs";

/** Texts as they come from packets and files when somebody means harm. */
export const PAYLOADS = [
  `<script>window.__hit=1</script>`,
  `<img src=x onerror=window.__hit=1>`,
  `"><svg onload=window.__hit=1>`,
  `javascript:window.__hit=1`,
  `{{constructor.constructor('window.__hit=1')()}}`,
  `'-window.__hit=1-'`,
  `</textarea><script>window.__hit=1</script>`,
  `<iframe srcdoc="<script>parent.__hit=1</script>">`,
  `<a href="javascript:window.__hit=1">x</a>`,
  `<style>@import '//evil.example/x.css'</style>`,
  `<math><mtext></table><mglyph><style><img src onerror=window.__hit=1>`,
  `\u202egnp.exe\u0007\u001b[31m`,
  `<base href="//evil.example/">`,
  `<link rel=stylesheet href=//evil.example/>`,
  `\${window.__hit=1}`,
  `<details open ontoggle=window.__hit=1>`,
  `<input autofocus onfocus=window.__hit=1>`,
  `<body onload=window.__hit=1>`,
  `<object data="javascript:window.__hit=1">`,
  `%3Cscript%3Ewindow.__hit=1%3C/script%3E`,
  `<svg><animate onbegin=window.__hit=1 attributeName=x dur=1s>`,
  `<video><source onerror=window.__hit=1>`,
  `<marquee onstart=window.__hit=1>`,
  `<form action="javascript:window.__hit=1"><button>`,
  `<meta http-equiv=refresh content="0;url=//evil.example">`,
  `<table background="javascript:window.__hit=1">`,
  `]]><script>window.__hit=1</script>`,
  `<!--<img src="--><img src=x onerror=window.__hit=1>`,
  `\\"><script>window.__hit=1</script>`,
  `<x onclick=window.__hit=1 tabindex=1>click`,
  `<template><script>window.__hit=1</script></template>`,
  `=HYPERLINK("//evil.example","x")`,
  `__proto__`,
  `constructor`,
  `<noscript><p title="</noscript><img src=x onerror=window.__hit=1>">`,
  `\u2028window.__hit=1\u2029`,
  `<isindex type=image src=1 onerror=window.__hit=1>`,
  `<embed src="data:text/html,<script>parent.__hit=1</script>">`,
  `&lt;script&gt;window.__hit=1&lt;/script&gt;`,
  `data:text/html;base64,PHNjcmlwdD53aW5kb3cuX19oaXQ9MTwvc2NyaXB0Pg==`,
];

/** The n-th payload; it ends in the place it was put in, except where only the bare word does harm. */
export function payload(place, n = 0) {
  const text = PAYLOADS[n % PAYLOADS.length];
  return /^\w+$/.test(text) ? text : `${text}~${place}`;
}

const each = (make) => PAYLOADS.map((_, n) => make(n));
const quoted = (cell) => `"${String(cell).replaceAll('"', '""')}"`;
const csv = (rows) => Buffer.from(`${rows.map((row) => row.map(quoted).join(",")).join("\n")}\n`);
const ndjson = (rows) => Buffer.from(`${rows.map((row) => JSON.stringify(row)).join("\n")}\n`);
const moment = (minutes) => new Date(Date.UTC(2024, 0, 15) + minutes * 60_000).toISOString();
const wave = (i, k) => 100 + 20 * Math.sin(i / (5 + k)) + ((i * 7919 * (k + 1)) % 13);

/** Rows with a label: names of columns, categories, classes. Each numeric column is wild in some rows of each class. */
function labelled() {
  const names = each((n) => payload("column", n)).slice(0, 12);
  const rows = Array.from({ length: 800 }, (_, i) => {
    const attack = i % 20 === 3;
    const values = names.map((_, k) => (attack && (i + k) % 2 ? 40 * wave(i, k) : wave(i, k)).toFixed(3));
    return [...values, payload("category", attack ? i : i % 4), payload("service", i % 7), attack ? payload("class", i % 3) : "normal"];
  });
  return csv([[...names, payload("category-column", 14), payload("service-column", 22), "label"], ...rows]);
}

/** Every payload once among the categories of a table, and as a name of a column. */
function wide() {
  const names = each((n) => payload("wide", n));
  const rows = Array.from({ length: 200 }, (_, i) => [...names.map((_, k) => (i === 77 && k % 3 === 0 ? 9e6 : wave(i, k))), payload("cell", i)]);
  return csv([[...names, "kind"], ...rows]);
}

/** Metrics of two things over time, one of which leaps. */
function series() {
  const things = [payload("entity", 1), payload("entity", 2)];
  const rows = Array.from({ length: 800 }, (_, i) => things.map((thing, k) => [moment(5 * i), thing, (k === 0 && i >= 600 && i < 612 ? 30 : 1) * wave(i, k)])).flat();
  return csv([["timestamp", "host", payload("metric", 0)], ...rows]);
}

/** One metric in which one thing happens, so that there is an incident of a series. */
const metric = () => csv([["timestamp", payload("series", 1)], ...Array.from({ length: 2_000 }, (_, i) => [moment(5 * i), (i >= 1_500 && i < 1_506 ? 60 : 1) * wave(i, 0)])]);

/** What Zeek writes of HTTP. */
const zeekHttp = () =>
  ndjson(
    Array.from({ length: 400 }, (_, i) => ({
      ts: 1_705_276_800 + i, uid: payload("uid", i), "id.orig_h": "10.0.0.1", "id.orig_p": 40_000 + i, "id.resp_h": "203.0.113.5", "id.resp_p": 80, trans_depth: 1, method: payload("method", i),
      host: payload("zeek-host", i), uri: payload("uri", i), referrer: payload("referrer", i), user_agent: payload("zeek-agent", i), request_body_len: i === 9 ? 9e8 : 20 + (i % 7), response_body_len: 900 + (i % 11),
      status_code: 200, status_msg: payload("status", i),
    })),
  );

/** What Suricata writes. */
function eve() {
  const flow = (i, more) => ({ timestamp: moment(i / 60), flow_id: 1_000 + i, src_ip: "10.0.0.2", src_port: 30_000 + i, dest_ip: "203.0.113.7", dest_port: 443, proto: "TCP", ...more });
  const counts = (i) => ({ start: moment(i / 60), end: moment(i / 60 + 0.1), pkts_toserver: 9, pkts_toclient: 8, bytes_toserver: 900, bytes_toclient: 4_000 });
  return ndjson([
    ...each((n) => flow(n, { event_type: "dns", dns: { type: "query", rrname: payload("rrname", n), rrtype: payload("rrtype", n) } })),
    ...each((n) => flow(n, { event_type: "tls", tls: { sni: payload("eve-sni", n), ja4: payload("ja4", n) } })),
    ...each((n) => flow(n, { event_type: "http", http: { hostname: payload("eve-host", n), url: payload("eve-url", n), http_user_agent: payload("eve-agent", n) } })),
    ...each((n) => flow(n, { event_type: "alert", alert: { signature: payload("signature", n), severity: 1 } })),
    ...Array.from({ length: 300 }, (_, i) => flow(i, { event_type: "flow", app_proto: payload("app", i), flow: counts(i) })),
  ]);
}

/** Objects with every payload as a key. */
const keys = () => ndjson(Array.from({ length: 120 }, (_, i) => Object.fromEntries(PAYLOADS.map((_, n) => [payload("key", n), i === 60 ? 9_999 : wave(i, n)]))));

const u16 = (value) => Buffer.from([value >> 8, value & 255]);
const ip = (text) => Buffer.from(text.split(".").map(Number));

/** An Ethernet frame with a datagram of IPv4. */
function frame(protocol, source, destination, content) {
  const head = Buffer.concat([Buffer.from([0x45, 0]), u16(20 + content.length), Buffer.from([0, 1, 0x40, 0, 64, protocol, 0, 0]), ip(source), ip(destination)]);
  let sum = 0;
  for (let i = 0; i < 20; i += 2) sum += head.readUInt16BE(i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  head.writeUInt16BE(~sum & 0xffff, 10);
  return Buffer.concat([Buffer.from([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0]), head, content]);
}
const udp = (source, from, destination, to, content) => frame(17, source, destination, Buffer.concat([u16(from), u16(to), u16(8 + content.length), u16(0), content]));
function tcp(source, from, destination, to, flags, seq, ack, content = Buffer.alloc(0)) {
  const head = Buffer.alloc(20);
  head.writeUInt16BE(from, 0);
  head.writeUInt16BE(to, 2);
  head.writeUInt32BE(seq, 4);
  head.writeUInt32BE(ack, 8);
  head.set([0x50, flags, 0xff, 0xff], 12);
  return frame(6, source, destination, Buffer.concat([head, content]));
}
/** A connection whose client says one thing. */
const said = (port, to, content) => [
  tcp("10.0.0.9", port, "203.0.113.9", to, 2, 1, 0),
  tcp("203.0.113.9", to, "10.0.0.9", port, 18, 1, 2),
  tcp("10.0.0.9", port, "203.0.113.9", to, 16, 2, 2),
  tcp("10.0.0.9", port, "203.0.113.9", to, 24, 2, 2, content),
  tcp("203.0.113.9", to, "10.0.0.9", port, 17, 2, 2 + content.length),
  tcp("10.0.0.9", port, "203.0.113.9", to, 17, 2 + content.length, 3),
];
const label = (text) => { const bytes = Buffer.from(text).subarray(0, 63); return Buffer.concat([Buffer.from([bytes.length]), bytes]); };
const question = (labels) => Buffer.concat([Buffer.from([0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]), ...labels.map(label), Buffer.from([0, 0, 1, 0, 1])]);

function hello(name) {
  const text = Buffer.from(name);
  const server = Buffer.concat([u16(text.length + 3), Buffer.from([0]), u16(text.length), text]);
  const extensions = Buffer.concat([u16(0), u16(server.length), server]);
  const body = Buffer.concat([Buffer.from([3, 3]), Buffer.alloc(32, 7), Buffer.from([0]), u16(2), u16(0x1301), Buffer.from([1, 0]), u16(extensions.length), extensions]);
  const message = Buffer.concat([Buffer.from([1, 0]), u16(body.length), body]);
  return Buffer.concat([Buffer.from([0x16, 3, 1]), u16(message.length), message]);
}
const request = (n) => Buffer.from(`GET /${payload("path", n).replaceAll(/[\r\n ]/g, "+")} HTTP/1.1\r\nHost: ${payload("host", n)}\r\nUser-Agent: ${payload("agent", n)}\r\n\r\n`);
function lease(n) {
  const option = (code, text) => { const bytes = Buffer.from(text).subarray(0, 255); return Buffer.concat([Buffer.from([code, bytes.length]), bytes]); };
  const head = Buffer.alloc(240);
  head.set([1, 1, 6, 0, 0, 0, 0, n], 0);
  head.set([2, 0, 0, 0, 0, n], 28);
  head.set([0x63, 0x82, 0x53, 0x63], 236);
  return Buffer.concat([head, Buffer.from([53, 1, 3]), option(12, payload("dhcp", n)), option(60, payload("vendor", n)), Buffer.from([255])]);
}

/** A capture with a scan and a tunnel, into which packets with payloads are put behind the last. */
function capture(folder) {
  const base = readFileSync(generate(join(folder, "office.pcap"), "--as", "pcap", "--hosts", "12", "--duration", "0.25", "--plant", "horizontal-scan@0.05"));
  const nanos = base.readUInt32LE(0) === 0xa1b23c4d;
  let last = 0;
  for (let at = 24; at < base.length; at += 16 + base.readUInt32LE(at + 8)) last = base.readUInt32LE(at);
  const code = (n) => `${((n + 1) * 2_654_435_761).toString(36)}${((n + 7) * 40_503_000_017).toString(36)}zq`;
  const packets = [
    ...each((n) => udp("10.0.0.9", 50_000 + n, "10.0.0.53", 53, question([payload("dns", n), "example", "com"]))),
    // Names that carry something out, below a domain that is a payload itself.
    ...Array.from({ length: 400 }, (_, n) => udp("10.0.0.9", 51_000 + n, "10.0.0.53", 53, question([code(n), payload("domain", 4), "com"]))),
    ...each((n) => said(52_000 + n, 443, hello(payload("sni", n)))).flat(),
    ...each((n) => said(53_000 + n, 80, request(n))).flat(),
    ...each((n) => udp("0.0.0.0", 68, "255.255.255.255", 67, lease(n))),
  ];
  const records = packets.map((packet, n) => {
    const head = Buffer.alloc(16);
    head.writeUInt32LE(last + 1 + Math.floor(n / 10), 0);
    head.writeUInt32LE((n % 10) * (nanos ? 1e8 : 1e5), 4);
    head.writeUInt32LE(packet.length, 8);
    head.writeUInt32LE(packet.length, 12);
    return Buffer.concat([head, packet]);
  });
  return Buffer.concat([base, ...records]);
}

/** Names of files with what is in them, whether that has labels, and whether all of its analysis is worth a look. */
export const files = (folder) => [
  { name: `${payload("file", 0)}.csv`, bytes: labelled(), labels: true, whole: true },
  { name: `${payload("file", 1)}.csv`, bytes: wide() },
  { name: `${payload("file", 2)}.csv`, bytes: series() },
  { name: `${payload("file", 4)}.csv`, bytes: metric(), whole: true },
  { name: `${payload("file", 7)}.log`, bytes: zeekHttp() },
  { name: `${payload("file", 8)}.json`, bytes: eve() },
  { name: `${payload("file", 11)}.ndjson`, bytes: keys() },
  { name: `${payload("file", 15)}.pcap`, bytes: capture(folder), whole: true },
];

/** What cannot be read, and says so. */
export const broken = { name: `${payload("file", 16)}.csv`, bytes: Buffer.from(`{"a": ${payload("broken", 0)}\n`.repeat(3)) };
