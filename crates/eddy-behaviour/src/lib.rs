//! What hosts do, told from flows.
//!
//! `Flow -> Behaviour::see -> Sighting`
//!
//! A [`Behaviour`] watches flows in the order of time and says when somebody does what it looks for: a scan, a flood,
//! guessing of passwords, a beacon, a tunnel. It judges by what is done, not by signatures: how many others a host talks
//! to, how many of them answer, how regular, how large, how lopsided. Each has parameters with defaults, evidence as
//! numbers (what was seen against what is ordinary), techniques of the MITRE ATT&CK catalogue, and things it is blind to.
//!
//! Memory is bounded: each behaviour keeps a table of hosts or pairs with a fixed capacity, least recently seen first to
//! go, and counts what it let go. This crate is pure: it knows nothing of files, packets or models.

mod arp_spoofing;
mod beaconing;
mod brute_force;
mod crafted_packets;
mod entity;
mod flood;
mod flow;
mod forged_answers;
mod lateral;
mod made_up_names;
mod moments;
mod open;
mod packet_sign;
mod rounds;
mod scan;
mod sighting;
mod silence;
mod sketch;
mod table;
mod transfer;
mod tunnel;
mod unusual;
mod watch;
mod wrong_port;

pub use entity::{Entity, EntityWindow, EntityWindows, FEATURES, Per};
pub use flood::SENDERS;
pub use flow::{ConnectionState, DnsAsked, Flow, is_private};
pub use sighting::{Evidence, Role, Severity, Sighting};
pub use watch::{AboutBehaviour, BEHAVIOURS, Behaviour, BehaviourEntry, Watch};
