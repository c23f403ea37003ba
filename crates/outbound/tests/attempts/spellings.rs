//! Spellings of URLs that lead inward, or may.

use std::net::Ipv4Addr;

/// Addresses that are not public, of each kind.
const INWARD: [[u8; 4]; 16] = [
    [127, 0, 0, 1],
    [127, 255, 255, 254],
    [0, 0, 0, 0],
    [10, 0, 0, 1],
    [100, 64, 0, 1],
    [100, 100, 100, 200],
    [169, 254, 169, 254],
    [169, 254, 170, 2],
    [172, 16, 0, 1],
    [192, 0, 0, 192],
    [192, 168, 1, 1],
    [198, 18, 0, 1],
    [203, 0, 113, 7],
    [224, 0, 0, 1],
    [240, 0, 0, 1],
    [255, 255, 255, 255],
];

/// Names that may lead inward: only their addresses tell, or a list of names.
const NAMES: [&str; 24] = [
    "localhost",
    "LOCALHOST",
    "localhost.",
    "loc%61lhost",
    "localhost.localdomain",
    "app.localhost",
    "ip6-localhost",
    "ip6-loopback",
    "broadcasthost",
    "lambda.internal",
    "metadata.google.internal",
    "instance-data.ec2.internal",
    "printer.local",
    "router.home.arpa",
    "127.0.0.1.nip.io",
    "169-254-169-254.sslip.io",
    "10.0.0.1.example.com",
    "spoofed.example.com",
    "xn--localhost-.example",
    "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
    "ｌｏｃａｌｈｏｓｔ",
    "localhost。localdomain",
    "local\u{ad}host",
    "kubernetes.default.svc.cluster.local",
];

/// Literals of IPv6, as a URL has them.
const IPV6: [&str; 26] = [
    "[::]",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[0000:0000:0000:0000:0000:0000:0000:0001]",
    "[::0.0.0.1]",
    "[::ffff:7f00:1]",
    "[::FFFF:127.0.0.1]",
    "[0:0:0:0:0:ffff:127.0.0.1]",
    "[::ffff:a9fe:a9fe]",
    "[::ffff:0:127.0.0.1]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b::169.254.169.254]",
    "[64:ff9b:1::10.0.0.1]",
    "[2002:7f00:1::]",
    "[2001:0:7f00:1::]",
    "[2001:db8::1]",
    "[3fff::1]",
    "[100::1]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "[fe80::1%25eth0]",
    "[fe80::1%eth0]",
    "[fec0::1]",
    "[ff02::1]",
];

/// Spellings of a host that is an address of IPv4.
fn hosts(address: [u8; 4]) -> Vec<String> {
    let [a, b, c, d] = address;
    let dotted = Ipv4Addr::from(address).to_string();
    let number = u32::from_be_bytes(address);
    let (low_24, low_16) = (number & 0x00ff_ffff, number & 0xffff);
    let digits = |zero: char, nine_from_one: bool| -> String {
        dotted
            .chars()
            .map(|c| match c.to_digit(10) {
                // The digits from one on may be apart from zero.
                Some(0) if nine_from_one => '⓪',
                Some(digit) => char::from_u32(u32::from(zero) + digit).unwrap(),
                None => c,
            })
            .collect()
    };
    let high = u16::from_be_bytes([a, b]);
    let low = u16::from_be_bytes([c, d]);
    vec![
        dotted.clone(),
        format!("{dotted}."),
        dotted.replace('.', "。"),
        dotted.replace('.', "．"),
        dotted.replace('.', "%2e"),
        dotted
            .bytes()
            .map(|byte| format!("%{byte:02x}"))
            .collect::<Vec<_>>()
            .concat(),
        number.to_string(),
        format!("{number:#x}"),
        format!("{number:#X}").replace("0X", "0x"),
        format!("0X{number:x}"),
        format!("0{number:o}"),
        format!("0000000000{number:o}"),
        format!("{a:#x}.{b:#x}.{c:#x}.{d:#x}"),
        format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
        format!("000{a:o}.{b}.{c:#x}.{d}"),
        format!("{a}.{low_24}"),
        format!("{a}.{b}.{low_16}"),
        format!("{a:#x}.{low_24}"),
        format!("{a}.{b}.{low_16:#x}"),
        digits('０', false),
        digits('\u{245f}', true),
        format!("[::ffff:{dotted}]"),
        format!("[::ffff:{high:x}:{low:x}]"),
        format!("[::{dotted}]"),
        format!("[64:ff9b::{dotted}]"),
        format!("[2002:{high:x}:{low:x}::]"),
        format!("[::ffff:0:{dotted}]"),
    ]
}

/// Spellings around a host.
fn around(host: &str) -> Vec<String> {
    vec![
        format!("https://{host}"),
        format!("http://{host}:8080/hook"),
        format!("HTTPS://{host}:443/"),
    ]
}

/// Spellings that hide a host behind another.
fn hidden(host: &str) -> Vec<String> {
    vec![
        format!("https://example.com@{host}/"),
        format!("https://example.com:443@{host}/"),
        format!("https://example.com%40{host}/"),
        format!("https://{host}#@example.com/"),
        format!("https://{host}?@example.com/"),
        format!("https://example.com\\@{host}/"),
        format!("https://{host}\\.example.com/"),
        format!("https://{host}%00.example.com/"),
        format!("https://{host}\u{0}.example.com/"),
        format!("https:{host}"),
        format!("https:/{host}"),
        format!("https:///{host}"),
        format!("https:\\\\{host}"),
        format!(" https://{host}"),
        format!("https://\t{host}/"),
        format!("ht\ntps://{host}/"),
        format!("https://{host}:80/"),
        format!("https://{host}:9001/2018-06-01/runtime/invocation/next"),
        format!("http://{host}/latest/meta-data/"),
        format!("//{host}/"),
        format!("ftp://{host}/"),
        format!("gopher://{host}/"),
        format!("file://{host}/etc/passwd"),
        format!("ws://{host}/"),
        format!("unix://{host}/"),
        format!("jar:https://{host}!/"),
        format!("blob:https://{host}/"),
    ]
}

/// Spellings whose host is an address: no URL of an endpoint.
pub fn addresses() -> Vec<String> {
    let ipv4 = INWARD.into_iter().flat_map(hosts);
    ipv4.chain(IPV6.map(str::to_owned))
        .flat_map(|host| around(&host))
        .collect()
}

/// All spellings.
pub fn all() -> Vec<String> {
    let mut all = addresses();
    all.extend(NAMES.iter().flat_map(|name| around(name)));
    for host in ["127.0.0.1", "169.254.169.254", "localhost", "[::1]"] {
        all.extend(hidden(host));
    }
    all
}
