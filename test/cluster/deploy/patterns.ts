// Texts that the configuration takes, as regular expressions for Go: without looking ahead, and anchored.

const octet = '(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])';
const ipv4 = `(${octet}\\.){3}${octet}`;
const port = '([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])';
const ipv4Network = `${ipv4}/(3[0-2]|[12]?[0-9])`;

const group = '[0-9A-Fa-f]{1,4}';
/** One `::` at each place that it can have, or none. Without the forms that end in an IPv4 address. */
const ipv6 = `(${[
  `(${group}:){7}${group}`,
  `(${group}:){1,7}:`,
  ...[1, 2, 3, 4, 5, 6].map((after) => `(${group}:){1,${7 - after}}(:${group}){1,${after}}`),
  `:(:${group}){1,7}`,
  '::',
].join('|')})`;
const ipv6Network = `${ipv6}/(12[0-8]|1[01][0-9]|[1-9]?[0-9])`;

function whole(...alternatives: readonly string[]): string {
  return `^(${alternatives.join('|')})$`;
}

export const patterns = {
  /** The largest part first, as Go prints it. */
  duration: '^([0-9]{1,5}(\\.[0-9]{1,9})?h)?([0-9]{1,7}m)?([0-9]{1,9}(\\.[0-9]{1,9})?s)?([0-9]{1,9}ms)?$',
  address: whole('', ipv4, ipv6),
  network: whole(ipv4Network, ipv6Network),
  networks: whole(
    '',
    ipv4Network,
    ipv6Network,
    `${ipv4Network},${ipv6Network}`,
    `${ipv6Network},${ipv4Network}`,
  ),
  /** An address, or one with a port. */
  endpoint: whole('', ipv4, `${ipv4}:${port}`, ipv6, `\\[${ipv6}\\]`, `\\[${ipv6}\\]:${port}`),
  interfaceName: '^[A-Za-z0-9_.:@-]{0,15}$',
  interfacePrefix: '^[A-Za-z0-9_.:@-]{0,14}$',
  labelValue: '^([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?$',
  minorVersion: '^([0-9]+\\.[0-9]+)?$',
} as const;
