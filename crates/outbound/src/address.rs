//! Public addresses: those to which a request may go.
//!
//! Everything that IANA's registries of special-purpose addresses do not call globally reachable is refused, and so is every
//! form of IPv6 that contains an address of IPv4: it is refused and not unwrapped. Sources:
//! <https://www.iana.org/assignments/iana-ipv4-special-registry>, <https://www.iana.org/assignments/iana-ipv6-special-registry>,
//! <https://www.iana.org/assignments/multicast-addresses>.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Networks of IPv4 that are not public, each with the length of its prefix.
const IPV4: [(Ipv4Addr, u32); 17] = [
    // This network.
    (Ipv4Addr::UNSPECIFIED, 8),
    // Private use.
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    // Shared address space.
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    // Loopback. In Lambda, the runtime's API answers there.
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    // Link-local. On AWS, metadata and credentials are there.
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    // Private use.
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    // Assignments of protocols. Two addresses of it are global and serve protocols, no websites.
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    // Documentation.
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    // Relays of 6to4, not in use any more.
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    // Private use.
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    // Benchmarks.
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    // Documentation.
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    // Multicast.
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    // Multicast by domain, for tests.
    (Ipv4Addr::new(233, 252, 0, 0), 24),
    // Reserved, and limited broadcast.
    (Ipv4Addr::new(240, 0, 0, 0), 4),
    (Ipv4Addr::BROADCAST, 32),
];

/// Global unicast of IPv6: nothing outside is public.
const IPV6_GLOBAL: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// Networks of global unicast that are not public.
const IPV6: [(Ipv6Addr, u32); 4] = [
    // Assignments of protocols, with Teredo, ORCHID and benchmarks.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    // Documentation.
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    // 6to4.
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    // Documentation.
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// An address is not public.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an address is not public")]
pub struct NotPublicError;

/// Checks that a request may go to this address.
///
/// # Errors
/// [`NotPublicError`] for every other one.
pub fn check_public(address: IpAddr) -> Result<(), NotPublicError> {
    let is_public = match address {
        IpAddr::V4(address) => !IPV4.iter().any(|(network, length)| {
            let unlike = 32 - length;
            u64::from(address.to_bits()) >> unlike == u64::from(network.to_bits()) >> unlike
        }),
        IpAddr::V6(address) => {
            let is_in = |(network, length): &(Ipv6Addr, u32)| {
                let unlike = 128 - length;
                address.to_bits() >> unlike == network.to_bits() >> unlike
            };
            is_in(&IPV6_GLOBAL) && !IPV6.iter().any(is_in) && !holds_ipv4(address)
        }
    };
    if is_public { Ok(()) } else { Err(NotPublicError) }
}

/// Returns true for an interface identifier of ISATAP, which any prefix may have (RFC 5214 § 6.1).
fn holds_ipv4(address: Ipv6Addr) -> bool {
    let [.., high, low, _, _] = address.segments();
    matches!(high, 0 | 0x200) && low == 0x5efe
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_public(text: &str) -> bool {
        check_public(text.parse().unwrap()).is_ok()
    }

    #[test]
    fn first_and_last_address_of_each_network_are_refused_and_its_neighbours_are_not() {
        let networks = [
            ("0.0.0.0", "0.255.255.255", None, Some("1.0.0.0")),
            ("10.0.0.0", "10.255.255.255", Some("9.255.255.255"), Some("11.0.0.0")),
            (
                "100.64.0.0",
                "100.127.255.255",
                Some("100.63.255.255"),
                Some("100.128.0.0"),
            ),
            (
                "127.0.0.0",
                "127.255.255.255",
                Some("126.255.255.255"),
                Some("128.0.0.0"),
            ),
            (
                "169.254.0.0",
                "169.254.255.255",
                Some("169.253.255.255"),
                Some("169.255.0.0"),
            ),
            (
                "172.16.0.0",
                "172.31.255.255",
                Some("172.15.255.255"),
                Some("172.32.0.0"),
            ),
            ("192.0.0.0", "192.0.0.255", Some("191.255.255.255"), Some("192.0.1.0")),
            ("192.0.2.0", "192.0.2.255", Some("192.0.1.255"), Some("192.0.3.0")),
            (
                "192.88.99.0",
                "192.88.99.255",
                Some("192.88.98.255"),
                Some("192.88.100.0"),
            ),
            (
                "192.168.0.0",
                "192.168.255.255",
                Some("192.167.255.255"),
                Some("192.169.0.0"),
            ),
            (
                "198.18.0.0",
                "198.19.255.255",
                Some("198.17.255.255"),
                Some("198.20.0.0"),
            ),
            (
                "198.51.100.0",
                "198.51.100.255",
                Some("198.51.99.255"),
                Some("198.51.101.0"),
            ),
            (
                "203.0.113.0",
                "203.0.113.255",
                Some("203.0.112.255"),
                Some("203.0.114.0"),
            ),
            ("224.0.0.0", "255.255.255.255", Some("223.255.255.255"), None),
            (
                "2001::",
                "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",
                Some("2000:ffff::1"),
                Some("2001:200::"),
            ),
            (
                "2001:db8::",
                "2001:db8:ffff:ffff::",
                Some("2001:db7:ffff::"),
                Some("2001:db9::"),
            ),
            ("2002::", "2002:ffff:ffff::", Some("2001:ffff::"), Some("2003::")),
            ("3fff::", "3fff:fff:ffff::", Some("3ffe::"), Some("3fff:1000::")),
        ];
        for (first, last, before, after) in networks {
            assert!(!is_public(first) && !is_public(last), "{first}");
            for neighbour in [before, after].into_iter().flatten() {
                assert!(is_public(neighbour), "{neighbour}");
            }
        }
    }

    #[test]
    fn public_addresses_are_allowed() {
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "93.184.216.34",
            "192.31.196.1",
            "192.52.193.1",
            "192.175.48.1",
            "2606:2800:220:1:248:1893:25c8:1946",
            "2a00:1450:4001:81c::200e",
            "2620:4f:8000::1",
        ] {
            assert!(is_public(address), "{address}");
        }
    }

    #[test]
    fn every_form_of_ipv6_that_holds_an_address_of_ipv4_is_refused() {
        for address in [
            "::ffff:8.8.8.8",
            "::8.8.8.8",
            "::ffff:0:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "64:ff9b:1::8.8.8.8",
            "2002:808:808::1",
            "2001:0:808:808::1",
            "2a00:1450::5efe:127.0.0.1",
            "2a00:1450::200:5efe:127.0.0.1",
        ] {
            assert!(!is_public(address), "{address}");
        }
    }

    #[test]
    fn nothing_of_ipv6_but_global_unicast_is_public() {
        for address in [
            "::",
            "::1",
            "100::1",
            "1fff::1",
            "4000::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(address), "{address}");
        }
    }

    proptest! {
        /// The standard library knows these kinds, too, and must not call anything of them public.
        #[test]
        fn nothing_that_the_standard_library_calls_private_is_public(bits in any::<u32>()) {
            let address = Ipv4Addr::from_bits(bits);
            let is_special = address.is_private() || address.is_loopback() || address.is_link_local() || address.is_multicast()
                || address.is_broadcast() || address.is_documentation() || address.is_unspecified();
            prop_assert!(!is_special || check_public(address.into()).is_err());
        }
    }
}
