//! Techniques of MITRE ATT&CK that behaviours tell of.

use serde::Serialize;

/// The version of the Enterprise matrix that every id, name and tactic below was checked against, by the table of it that
/// pySigma 0.11.23 makes of MITRE's STIX bundle (`sigma/data/mitre_attack.py`).
pub const ATTACK_VERSION: &str = "17.0";

/// A technique of MITRE ATT&CK.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Technique {
    /// Its id, such as `T1046`.
    pub id: &'static str,
    /// Its name; that of a sub-technique after its technique's.
    pub name: &'static str,
    /// Id of the tactic it serves first, such as `TA0007`.
    pub tactic_id: &'static str,
    /// Name of that tactic.
    pub tactic: &'static str,
}

macro_rules! techniques {
    ($($id:literal $tactic:ident $name:literal;)+) => {
        /// The techniques that behaviours tell of, in the order of their ids.
        pub(crate) const TECHNIQUES: &[Technique] =
            &[$(Technique { id: $id, name: $name, tactic_id: $tactic.0, tactic: $tactic.1 }),+];
    };
}

const RECONNAISSANCE: (&str, &str) = ("TA0043", "Reconnaissance");
const INITIAL_ACCESS: (&str, &str) = ("TA0001", "Initial Access");
const CREDENTIALS: (&str, &str) = ("TA0006", "Credential Access");
const DISCOVERY: (&str, &str) = ("TA0007", "Discovery");
const LATERAL: (&str, &str) = ("TA0008", "Lateral Movement");
const COMMAND: (&str, &str) = ("TA0011", "Command and Control");
const EXFILTRATION: (&str, &str) = ("TA0010", "Exfiltration");
const IMPACT: (&str, &str) = ("TA0040", "Impact");

techniques! {
    "T1008" COMMAND "Fallback Channels";
    "T1018" DISCOVERY "Remote System Discovery";
    "T1020" EXFILTRATION "Automated Exfiltration";
    "T1021" LATERAL "Remote Services";
    "T1021.001" LATERAL "Remote Services: Remote Desktop Protocol";
    "T1021.002" LATERAL "Remote Services: SMB/Windows Admin Shares";
    "T1021.004" LATERAL "Remote Services: SSH";
    "T1029" EXFILTRATION "Scheduled Transfer";
    "T1030" EXFILTRATION "Data Transfer Size Limits";
    "T1041" EXFILTRATION "Exfiltration Over C2 Channel";
    "T1046" DISCOVERY "Network Service Discovery";
    "T1048" EXFILTRATION "Exfiltration Over Alternative Protocol";
    "T1071" COMMAND "Application Layer Protocol";
    "T1071.001" COMMAND "Application Layer Protocol: Web Protocols";
    "T1071.004" COMMAND "Application Layer Protocol: DNS";
    "T1090" COMMAND "Proxy";
    "T1095" COMMAND "Non-Application Layer Protocol";
    "T1110" CREDENTIALS "Brute Force";
    "T1110.001" CREDENTIALS "Brute Force: Password Guessing";
    "T1110.003" CREDENTIALS "Brute Force: Password Spraying";
    "T1110.004" CREDENTIALS "Brute Force: Credential Stuffing";
    "T1190" INITIAL_ACCESS "Exploit Public-Facing Application";
    "T1210" LATERAL "Exploitation of Remote Services";
    "T1489" IMPACT "Service Stop";
    "T1496" IMPACT "Resource Hijacking";
    "T1498" IMPACT "Network Denial of Service";
    "T1498.001" IMPACT "Network Denial of Service: Direct Network Flood";
    "T1498.002" IMPACT "Network Denial of Service: Reflection Amplification";
    "T1499" IMPACT "Endpoint Denial of Service";
    "T1499.001" IMPACT "Endpoint Denial of Service: OS Exhaustion Flood";
    "T1499.002" IMPACT "Endpoint Denial of Service: Service Exhaustion Flood";
    "T1499.004" IMPACT "Endpoint Denial of Service: Application or System Exploitation";
    "T1557" CREDENTIALS "Adversary-in-the-Middle";
    "T1557.001" CREDENTIALS "Adversary-in-the-Middle: LLMNR/NBT-NS Poisoning and SMB Relay";
    "T1557.002" CREDENTIALS "Adversary-in-the-Middle: ARP Cache Poisoning";
    "T1557.003" CREDENTIALS "Adversary-in-the-Middle: DHCP Spoofing";
    "T1567" EXFILTRATION "Exfiltration Over Web Service";
    "T1568" COMMAND "Dynamic Resolution";
    "T1568.002" COMMAND "Dynamic Resolution: Domain Generation Algorithms";
    "T1570" LATERAL "Lateral Tool Transfer";
    "T1571" COMMAND "Non-Standard Port";
    "T1572" COMMAND "Protocol Tunneling";
    "T1573" COMMAND "Encrypted Channel";
    "T1595" RECONNAISSANCE "Active Scanning";
    "T1595.001" RECONNAISSANCE "Active Scanning: Scanning IP Blocks";
    "T1595.002" RECONNAISSANCE "Active Scanning: Vulnerability Scanning";
}

/// The technique of an id, if it is on the list.
pub(crate) fn technique(id: &str) -> Option<Technique> {
    TECHNIQUES.iter().find(|technique| technique.id == id).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_technique_that_a_behaviour_names_is_on_the_list() {
        for entry in eddy_behaviour::BEHAVIOURS {
            for id in entry.about.techniques {
                assert!(technique(id).is_some(), "{} names {id}, which is not listed", entry.about.name);
            }
        }
    }

    #[test]
    fn the_list_is_in_order_and_sub_techniques_carry_the_name_of_their_technique() {
        assert!(TECHNIQUES.windows(2).all(|pair| pair[0].id < pair[1].id));
        for sub in TECHNIQUES {
            if let Some((whole, _)) = sub.id.split_once('.')
                && let Some(parent) = technique(whole)
            {
                assert!(sub.name.starts_with(&format!("{}: ", parent.name)), "{}", sub.id);
            }
        }
    }
}
