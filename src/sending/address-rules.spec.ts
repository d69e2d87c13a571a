import ipaddr from 'ipaddr.js';
import fc from 'fast-check';
import { type AddressRefusal, AddressRules } from './address-rules.js';

const publicOnly = new AddressRules({ allowedPrivateCidrs: [], httpsOnly: false });
const loopbackToo = new AddressRules({ allowedPrivateCidrs: ['127.0.0.0/8', '::1/128'], httpsOnly: false });

function reasonFor(raw: string, rules = publicOnly): AddressRefusal | 'ok' {
  const verdict = rules.checkUrl(raw);
  return verdict.ok ? 'ok' : verdict.reason;
}

// Each special range by its first and last address (IANA special-purpose registries, RFC 6890), and beside them the
// nearest public addresses, so that a range too wide is noticed as one too narrow is.
const REFUSED_IPV4 = [
  ...['0.0.0.0', '0.255.255.255', '10.0.0.0', '10.255.255.255', '100.64.0.0', '100.127.255.255'],
  ...['127.0.0.0', '127.0.0.1', '127.255.255.255', '169.254.0.0', '169.254.169.254', '169.254.255.255'],
  ...['172.16.0.0', '172.31.255.255', '192.0.0.0', '192.0.0.192', '192.0.0.255', '192.0.2.0', '192.0.2.255'],
  ...['192.31.196.0', '192.31.196.255', '192.52.193.0', '192.52.193.255', '192.88.99.0', '192.88.99.255'],
  ...['192.168.0.0', '192.168.255.255', '192.175.48.0', '192.175.48.255', '198.18.0.0', '198.19.255.255'],
  ...['198.51.100.0', '198.51.100.255', '203.0.113.0', '203.0.113.255', '224.0.0.0', '239.255.255.255'],
  ...['240.0.0.0', '255.255.255.254', '255.255.255.255', '168.63.129.16', '100.100.100.200'],
];
const PUBLIC_IPV4 = [
  ...['1.0.0.0', '1.1.1.1', '8.8.8.8', '9.255.255.255', '11.0.0.0', '100.63.255.255', '100.128.0.0'],
  ...['126.255.255.255', '128.0.0.0', '169.253.255.255', '169.255.0.0', '172.15.255.255', '172.32.0.0'],
  ...['191.255.255.255', '192.0.1.0', '192.0.3.0', '192.31.195.255', '192.88.98.255', '192.88.100.0'],
  ...['192.167.255.255', '192.169.0.0', '198.17.255.255', '198.20.0.0', '198.51.99.255', '198.51.101.0'],
  ...['203.0.112.255', '203.0.114.0', '223.255.255.255', '168.63.129.15', '168.63.129.17'],
  ...['192.0.1.255', '192.31.197.0', '192.52.192.255', '192.52.194.0', '192.175.47.255', '192.175.49.0'],
];
const REFUSED_IPV6 = [
  ...['::', '::1', '::2', '::ffff', '::ffff:ffff', '1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  // IPv4 in other clothes: compatible, mapped, translated, NAT64 (both prefixes), 6to4, Teredo.
  ...['::a00:1', '::10.0.0.1', '::127.0.0.1', '::808:808', '::ffff:0:0', '::ffff:127.0.0.1', '::ffff:8.8.8.8'],
  ...['::ffff:ffff:ffff', '::ffff:0:7f00:1', '::ffff:0:ffff:ffff', '64:ff9b::', '64:ff9b::7f00:1', '64:ff9b::808:808'],
  ...['64:ff9b::ffff:ffff', '64:ff9b:1::', '64:ff9b:1::a00:1', '64:ff9b:1:ffff:ffff:ffff:ffff:ffff'],
  ...['2002::', '2002:7f00:1::', '2002:808:808::1', '2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ...['2001::', '2001:0:7f00:1::', '2001:0:ffff:ffff:ffff:ffff:ffff:ffff', '2001:1::1', '2001:1ff:ffff::'],
  ...['2001:2::', '2001:3::1', '2001:4:112::1', '2001:10::', '2001:1f:ffff::', '2001:20::', '2001:2f:ffff::'],
  ...['2001:30::', '2001:3f:ffff::', '2001:db8::', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff', '2620:4f:8000::1'],
  ...['3fff::', '3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff', '4000::', '5f00::', '5f00:ffff::1', '8000::1'],
  ...['100::', '100::ffff:ffff:ffff:ffff', '100:0:0:1::', '100:0:0:1:ffff:ffff:ffff:ffff', '200::1'],
  ...['fc00::', 'fd00::1', 'fd00:ec2::254', 'fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'fe00::1'],
  ...['fe80::', 'fe80::1', 'febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'fec0::', 'feff:ffff::1', 'ff00::', 'ff02::1'],
  ...['ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
];
const PUBLIC_IPV6 = [
  ...['2000::', '2000:ffff::1', '2001:200::', '2001:4860:4860::8888', '2001:db7:ffff::', '2001:db9::'],
  ...['2003::1', '2606:4700:4700::1111', '2620:4f:7fff::', '2a00:1450:4001::1', '3ffe:ffff::', '3fff:1000::'],
  ...['2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '2003::', '2620:4f:8001::', '3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
];
const NO_ADDRESSES = [
  ...['', ' ', 'example.com', 'localhost', '1', '127.1', '2130706433', '0x7f000001', '0177.0.0.1', '010.0.0.1'],
  ...['1.1.1.1 ', ' 1.1.1.1', '1.1.1.1\0', '1.1.1.1/32', '1.1.1.256', '1.1.1', '1.1.1.1.', '[2606:4700::1]', ':::'],
  ...['fe80::1%eth0', '2606:4700:4700::1111%eth0', '2606:4700:4700::1111%1', '１.1.1.1'],
];

const ACCEPTED_URLS = [
  'http://example.com',
  'https://example.com/hooks?a=b&c=%20d',
  'https://EXAMPLE.com./x',
  'HTTPS://example.com:8443/',
  'http://example.com:80/',
  'http://example.com:443/',
  'http://example.com:1024/',
  'http://example.com:65535/',
  'https://bücher.example/ä',
  'https://xn--bcher-kva.example/',
  'https://example.com/@user',
  'https://localhost.example.com/',
  'https://internal.example.com/',
  'https://notlocalhost/',
  'https://service/hook',
  'http://134744072/',
  `https://example.com/${'a'.repeat(2048 - 20)}`,
];
const REFUSED_URLS: readonly [string, AddressRefusal][] = [
  // IPv4 in disguise: decimal, hexadecimal, octal, short, mixed, full-width, percent-encoded, odd dots.
  ['http://2130706433/', 'address'],
  ['http://3232235521/', 'address'],
  ['http://2852039166/', 'address'],
  ['http://0/', 'address'],
  ['http://0x7f000001/', 'address'],
  ['http://0X7F.0.0.1/', 'address'],
  ['http://0x7f.1/', 'address'],
  ['http://0xa9fea9fe/', 'address'],
  ['http://017700000001/', 'address'],
  ['http://0177.0.0.1/', 'address'],
  ['http://0000177.0.0.01/', 'address'],
  ['http://127.1/', 'address'],
  ['http://127.0.1/', 'address'],
  ['http://10.1/', 'address'],
  ['http://192.168.257/', 'address'],
  ['http://0x7f.0.0.01/', 'address'],
  ['http://127.0.0.1./', 'address'],
  ['http://127.1./', 'address'],
  ['http://１２７.０.０.１/', 'address'],
  ['http://①②⑦.⓪.⓪.①/', 'address'],
  ['http://127。0。0。1/', 'address'],
  ['http://127．0．0．1/', 'address'],
  ['http://%31%32%37.0.0.1/', 'address'],
  ['http://127%2e0%2e0%2e1/', 'address'],
  ['http://%6c%6f%63alhost/', 'host'],
  ['http://169.254.169.254/latest/meta-data/', 'address'],
  ['http://[::ffff:169.254.169.254]/', 'address'],
  ['http://[::ffff:7f00:1]/', 'address'],
  ['http://[0:0:0:0:0:ffff:7f00:0001]/', 'address'],
  ['http://[::127.0.0.1]/', 'address'],
  ['http://[64:ff9b::169.254.169.254]/', 'address'],
  ['http://[::1]:8080/', 'address'],
  ['http://[::]/', 'address'],
  ['http://256.256.256.256/', 'malformed'],
  ['http://127.0.0.1.1/', 'malformed'],
  ['http://09.0.0.1/', 'malformed'],
  ['http://4294967296/', 'malformed'],
  ['http://[fe80::1%25eth0]/', 'malformed'],
  ['http://[::1/', 'malformed'],
  ['http://::1/', 'malformed'],
  // Names that lead home.
  ['http://localhost/', 'host'],
  ['http://LOCALHOST:3000/', 'host'],
  ['http://localhost./', 'host'],
  ['http://ｌｏｃａｌｈｏｓｔ/', 'host'],
  ['http://a.localhost/', 'host'],
  ['http://a.localhost./', 'host'],
  ['http://localhost.localdomain/', 'host'],
  ['http://ip6-localhost/', 'host'],
  ['http://printer.local/', 'host'],
  ['http://printer.local./', 'host'],
  ['http://metadata.google.internal/', 'host'],
  ['http://metadata.google.internal./', 'host'],
  ['http://internal/', 'host'],
  ['http://example.com../', 'host'],
  ['http://.example.com/', 'host'],
  ['http://a..example.com/', 'host'],
  ['http://./', 'host'],
  // Other schemes, and http in forms that readers and parsers see differently.
  ['ftp://example.com/', 'scheme'],
  ['file:///etc/passwd', 'scheme'],
  ['gopher://example.com:6379/_FLUSHALL', 'scheme'],
  ['javascript:alert(1)', 'scheme'],
  ['data:text/plain,x', 'scheme'],
  ['ws://example.com/', 'scheme'],
  ['unix:/var/run/docker.sock', 'scheme'],
  ['blob:https://example.com/x', 'scheme'],
  ['view-source:http://example.com', 'scheme'],
  ['http:example.com', 'malformed'],
  ['http:/example.com', 'malformed'],
  ['http:///example.com', 'malformed'],
  ['//example.com/', 'malformed'],
  ['example.com', 'malformed'],
  ['/hooks', 'malformed'],
  ['', 'malformed'],
  ['http://', 'malformed'],
  ['http://?x', 'malformed'],
  ['http://exa mple.com/', 'characters'],
  ['http://exa%20mple.com/', 'malformed'],
  ['http://exa%00mple.com/', 'malformed'],
  ['http://exa<mple.com/', 'malformed'],
  // User info, fragments, ports.
  ['http://user@example.com/', 'userinfo'],
  ['http://user:pass@example.com/', 'userinfo'],
  ['http://@example.com/', 'userinfo'],
  ['http://:@example.com/', 'userinfo'],
  ['http://example.com@127.0.0.1/', 'userinfo'],
  ['http://example.com%40127.0.0.1/', 'malformed'],
  ['http://example.com/#x', 'fragment'],
  ['http://example.com#@127.0.0.1/', 'fragment'],
  ['http://example.com/#', 'fragment'],
  ['http://example.com:0/', 'port'],
  ['http://example.com:22/', 'port'],
  ['http://example.com:25/', 'port'],
  ['http://example.com:79/', 'port'],
  ['http://example.com:81/', 'port'],
  ['http://example.com:444/', 'port'],
  ['http://example.com:1023/', 'port'],
  ['http://example.com:65536/', 'malformed'],
  ['http://example.com:-1/', 'malformed'],
  ['http://example.com:8o/', 'malformed'],
  // Characters that parsers drop, fold or hide.
  ['http://example.com/\n', 'characters'],
  [' http://example.com/', 'characters'],
  ['http://example.com/ ', 'characters'],
  ['ht\ntp://example.com/', 'characters'],
  ['http://example.com/a\tb', 'characters'],
  ['http://example.com/\r\nX: y', 'characters'],
  ['http://example.com/\u0000', 'characters'],
  ['http://example.com/\u007f', 'characters'],
  ['http://example.com/\u0085', 'characters'],
  ['http://example.com/\u00a0', 'characters'],
  ['http://example.com/\u2028', 'characters'],
  ['http://exa\u00admple.com/', 'characters'],
  ['http://exa\u200bmple.com/', 'characters'],
  ['http://example.com/\u202e', 'characters'],
  ['http://\ufeffexample.com/', 'characters'],
  ['http://example.com/\ud800', 'characters'],
  ['http:\\\\example.com\\', 'characters'],
  ['http://example.com\\@127.0.0.1/', 'characters'],
  [`https://example.com/${'a'.repeat(2049 - 20)}`, 'too_long'],
];

describe('the tables below', () => {
  it('hold each form once, and no fewer than they should', () => {
    const addresses = [...REFUSED_IPV4, ...REFUSED_IPV6, ...PUBLIC_IPV4, ...PUBLIC_IPV6, ...NO_ADDRESSES];
    const urls = [...ACCEPTED_URLS, ...REFUSED_URLS.map(([url]) => url)];
    expect(new Set(addresses).size).toBe(addresses.length);
    expect(new Set(urls).size).toBe(urls.length);
    expect(addresses.length).toBeGreaterThanOrEqual(180);
    expect(urls.length).toBeGreaterThanOrEqual(120);
  });
});

describe('allowed addresses', () => {
  it.each([...REFUSED_IPV4, ...REFUSED_IPV6])('refuses %s', (ip) => {
    expect(publicOnly.isAllowedAddress(ip)).toBe(false);
    const host = ip.includes(':') ? `[${ip}]` : ip;
    expect(reasonFor(`http://${host}/`)).toBe('address');
  });

  it.each([...PUBLIC_IPV4, ...PUBLIC_IPV6])('allows the public %s', (ip) => {
    expect(publicOnly.isAllowedAddress(ip)).toBe(true);
    const host = ip.includes(':') ? `[${ip}]` : ip;
    expect(reasonFor(`http://${host}/`)).toBe('ok');
  });

  it.each(NO_ADDRESSES)('refuses %j, which is no plain address', (text) => {
    expect(publicOnly.isAllowedAddress(text)).toBe(false);
  });

  it('never allows an IPv6 address outside 2000::/3, nor an IPv4 address within the private ranges', () => {
    const bytes = (length: number): fc.Arbitrary<number[]> =>
      fc.array(fc.integer({ min: 0, max: 255 }), { minLength: length, maxLength: length });
    fc.assert(
      fc.property(bytes(16), ([first = 0, ...rest]) => {
        const ip = ipaddr.fromByteArray([first, ...rest]).toString();
        return first >> 5 === 1 || !publicOnly.isAllowedAddress(ip);
      }),
    );
    fc.assert(fc.property(bytes(3), (rest) => !publicOnly.isAllowedAddress(`10.${rest.join('.')}`)));
  });

  it('opens exactly the named private ranges', () => {
    const rules = new AddressRules({ allowedPrivateCidrs: ['10.1.0.0/16', 'fd12::/32'], httpsOnly: false });
    expect(rules.isAllowedAddress('10.1.0.0')).toBe(true);
    expect(rules.isAllowedAddress('10.1.255.255')).toBe(true);
    expect(rules.isAllowedAddress('10.0.255.255')).toBe(false);
    expect(rules.isAllowedAddress('10.2.0.0')).toBe(false);
    expect(rules.isAllowedAddress('fd12::1')).toBe(true);
    expect(rules.isAllowedAddress('fd13::1')).toBe(false);
    expect(rules.isAllowedAddress('::ffff:10.1.0.1')).toBe(false);
    expect(rules.isAllowedAddress('8.8.8.8')).toBe(true);
  });

  it.each(['10.0.0.0', '10.0.0.0/33', '10.0.0/8', 'fd00::/129', 'loopback', '', '10.0.0.0/-1', '10.0.0.0/8/8'])(
    'refuses to start with the range %j',
    (cidr) => {
      expect(() => new AddressRules({ allowedPrivateCidrs: [cidr], httpsOnly: false })).toThrow('not an address range');
    },
  );

  it('wants every address of a name allowed, and of local names only opened ones', () => {
    expect(publicOnly.areAllowedAddresses('example.com', ['8.8.8.8', '2606:4700::1'])).toBe(true);
    expect(publicOnly.areAllowedAddresses('example.com', ['8.8.8.8', '127.0.0.1'])).toBe(false);
    expect(loopbackToo.areAllowedAddresses('LOCALHOST.', ['127.0.0.1', '::1'])).toBe(true);
    expect(loopbackToo.areAllowedAddresses('api.internal', ['8.8.8.8'])).toBe(false);
    expect(loopbackToo.areAllowedAddresses('api.internal', ['127.0.0.1'])).toBe(true);
  });
});

describe('allowed URLs', () => {
  it.each(ACCEPTED_URLS)('accepts %s', (raw) => {
    expect(reasonFor(raw)).toBe('ok');
  });

  it.each(REFUSED_URLS)('refuses %j', (raw, reason) => {
    expect(reasonFor(raw)).toBe(reason);
  });

  it('refuses http where only https is allowed', () => {
    const rules = new AddressRules({ allowedPrivateCidrs: [], httpsOnly: true });
    expect(reasonFor('http://example.com/', rules)).toBe('scheme');
    expect(reasonFor('https://example.com/', rules)).toBe('ok');
  });

  it('takes the allowed ports from the options', () => {
    const rules = new AddressRules({ allowedPrivateCidrs: [], httpsOnly: false, allowedPorts: [{ from: 22, to: 23 }] });
    expect(reasonFor('http://example.com:22/', rules)).toBe('ok');
    expect(reasonFor('http://example.com/', rules)).toBe('port');
  });

  it('accepts loopback in any form once both of its families are open', () => {
    const urls = ['http://127.0.0.1:4000/', 'http://[::1]:4000/', 'http://localhost:4000/', 'http://a.localhost/'];
    for (const raw of urls) expect(reasonFor(raw, loopbackToo)).toBe('ok');
    const ipv4Only = new AddressRules({ allowedPrivateCidrs: ['127.0.0.0/8'], httpsOnly: false });
    expect(reasonFor('http://localhost:4000/', ipv4Only)).toBe('host');
    expect(reasonFor('http://127.0.0.1:4000/', ipv4Only)).toBe('ok');
    expect(reasonFor('http://[::ffff:127.0.0.1]/', loopbackToo)).toBe('address');
  });

  it('leaves local names to the resolver once a private range is open', () => {
    expect(reasonFor('http://api.internal/', loopbackToo)).toBe('ok');
  });

  it('never throws and never accepts a URL whose parsed host is a refused address', () => {
    const host = fc.oneof(fc.string(), fc.webUrl(), fc.ipV4Extended(), fc.ipV6(), fc.domain());
    fc.assert(
      fc.property(host, fc.string({ maxLength: 8 }), (text, tail) => {
        for (const raw of [text, `http://${text}/${tail}`, `http://[${text}]/`]) {
          const verdict = publicOnly.checkUrl(raw);
          if (!verdict.ok) continue;
          const literal = verdict.url.hostname.replace(/^\[|\]$/g, '');
          if (ipaddr.isValid(literal)) expect(publicOnly.isAllowedAddress(literal)).toBe(true);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
