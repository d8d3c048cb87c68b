//! Which addresses an upstream call may reach.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where a backend may live. It is checked on the *resolved* addresses, on each new connection: so a
/// name that is bound anew to an inner address, a decimal `2130706433`, or an IPv4 address in IPv6
/// clothes does not pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NetworkPolicy {
    /// Only addresses of the public internet: a provider's. Loopback, private, shared, link-local
    /// (cloud metadata), multicast, documentation and reserved ranges are refused.
    Public,
    /// Only loopback, private and shared ranges (RFC 1918, RFC 6598, unique local): the cluster's
    /// own. Link-local, and with it cloud metadata, is refused.
    Private,
    /// Every address.
    #[default]
    Any,
}

impl NetworkPolicy {
    /// Whether an address may be connected to.
    #[must_use]
    pub fn allows(self, address: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::Public => class(address) == Class::Public,
            Self::Private => class(address) == Class::Private,
        }
    }
}

impl fmt::Display for NetworkPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public => "public",
            Self::Private => "private",
            Self::Any => "any",
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Public,
    Private,
    /// Neither: never a sensible backend.
    Special,
}

fn class(address: IpAddr) -> Class {
    match address {
        IpAddr::V4(address) => class_v4(address),
        IpAddr::V6(address) => class_v6(address),
    }
}

fn class_v4(address: Ipv4Addr) -> Class {
    let [a, b, c, _] = address.octets();
    match (a, b, c) {
        (127 | 10, ..) | (172, 16..=31, _) | (192, 168, _) | (100, 64..=127, _) => Class::Private,
        // "This network", link-local with the metadata service, benchmarks, multicast and reserved.
        (0, ..) | (169, 254, _) | (198, 18..=19, _) | (224..=255, ..) => Class::Special,
        // Protocol assignments, documentation, the 6to4 relay anycast.
        (192, 0, 0 | 2) | (192, 88, 99) | (198, 51, 100) | (203, 0, 113) => Class::Special,
        _ => Class::Public,
    }
}

fn class_v6(address: Ipv6Addr) -> Class {
    if let Some(inner) = embedded_v4(address) {
        return class_v4(inner);
    }
    // EC2's metadata service sits inside the unique local range.
    const EC2_METADATA: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254);
    let [first, second, ..] = address.segments();
    if address == EC2_METADATA {
        Class::Special
    } else if address.is_loopback() || first & 0xfe00 == 0xfc00 {
        Class::Private
    } else if first & 0xe000 != 0x2000 {
        // Global unicast is 2000::/3; all else is link-local, multicast, unspecified or reserved.
        Class::Special
    } else if (first, second) == (0x2001, 0x0db8) || (first == 0x2001 && second < 0x0200) || first == 0x3fff {
        // Documentation, and the special assignments (Teredo and the like).
        Class::Special
    } else {
        Class::Public
    }
}

/// The IPv4 address that traffic to this one ends at: v4-mapped, v4-compatible, NAT64, 6to4.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let s = address.segments();
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match s {
        [0, 0, 0, 0, 0, 0xffff, high, low] => Some(v4(high, low)),
        [0, 0, 0, 0, 0xffff, 0, high, low] => Some(v4(high, low)),
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => Some(v4(high, low)),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(v4(high, low)),
        [0x2002, high, low, ..] => Some(v4(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(addresses: &[&str], expected: Class) {
        for text in addresses {
            assert_eq!(class(text.parse().unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn e4_addresses_are_classed_by_where_traffic_ends() {
        classes(&["1.1.1.1", "8.8.8.8", "172.15.0.1", "172.32.0.1", "100.63.0.1", "100.128.0.1"], Class::Public);
        classes(&["2606:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"], Class::Public);
        classes(&["127.0.0.1", "127.255.0.9", "10.1.2.3", "172.16.0.1", "172.31.255.1"], Class::Private);
        classes(&["192.168.0.1", "100.64.0.1", "::1", "fc00::1", "fd12::3"], Class::Private);
        classes(&["::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:0:127.0.0.1"], Class::Private);
        classes(&["64:ff9b::127.0.0.1", "2002:7f00:1::", "::127.0.0.1"], Class::Private);
        classes(&["169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "fd00:ec2::254"], Class::Special);
        classes(&["0.0.0.0", "::", "255.255.255.255", "224.0.0.1", "ff02::1", "198.18.0.1"], Class::Special);
        classes(&["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "2001::1"], Class::Special);
    }

    #[test]
    fn policies_take_their_class_only() {
        let loopback = IpAddr::from([127, 0, 0, 1]);
        let metadata = IpAddr::from([169, 254, 169, 254]);
        let public = IpAddr::from([1, 1, 1, 1]);
        let allowed = |policy: NetworkPolicy| [loopback, metadata, public].map(|a| policy.allows(a));
        assert_eq!(allowed(NetworkPolicy::Public), [false, false, true]);
        assert_eq!(allowed(NetworkPolicy::Private), [true, false, false]);
        assert_eq!(allowed(NetworkPolicy::Any), [true, true, true]);
    }
}
