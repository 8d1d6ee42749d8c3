import type { Family } from '../../src/model/address.ts';

/** Texts for `iptables-restore --noflush`, good and bad, in the order in which they are given to one kernel. */
export interface RestoreCase {
  readonly name: string;
  readonly text: string;
}

const comment = (length: number) => 'c'.repeat(length);

/** The body of a nat transaction, or of another table's. */
function body(text: string, table = 'nat'): string {
  return `*${table}\n${text}\nCOMMIT\n`;
}

function rule(text: string, table = 'nat'): string {
  return body(`:E - [0:0]\n-A E ${text}`, table);
}

const cases: Readonly<Record<string, string>> = {
  'unknown table': body(':A - [0:0]', 'foo'),
  'name of 28 characters': body(':KUBE-AAAAAAAAAABBBBBBBBBBCCC - [0:0]'),
  'name of 29 characters': body(':KUBE-AAAAAAAAAABBBBBBBBBBCCCC - [0:0]'),
  'name deleted again': body('-X KUBE-AAAAAAAAAABBBBBBBBBBCCC'),
  'append to a name of 35 characters': body('-A XAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA -j ACCEPT'),
  'jump to a name of 35 characters': rule('-j XAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'),
  'no command': body(':A - [0:0]\nhello world'),
  'unknown command': body('-W X'),
  'no chain': body('-A'),
  'unknown match': rule('-m bogus -j RETURN'),
  'unknown option': rule('--bogus -j RETURN'),
  'stray word': rule('foo -j RETURN'),
  'append to no chain': body('-A NONE -j RETURN'),
  'insert into no chain': body('-I NONE -j RETURN'),
  'delete from no chain': body('-D NONE -j RETURN'),
  'jump to no chain': body(':B - [0:0]\n-A B -j NONE'),
  'goto no chain': body(':B - [0:0]\n-A B -g NONE'),
  'jump before its declaration': body(':B - [0:0]\n-A B -j LATER\n:LATER - [0:0]'),
  'jump to a built-in chain': body(':B - [0:0]\n-A B -j OUTPUT'),
  'jump to itself, out of reach': body(':B - [0:0]\n-A B -j B'),
  'loop out of reach': body(':B - [0:0]\n:C - [0:0]\n-A B -j C\n-A C -j B'),
  'loop in reach': body(':B - [0:0]\n:C - [0:0]\n-A OUTPUT -j B\n-A B -j C\n-A C -j B'),
  'a chain that jumps': body(':B - [0:0]\n:C - [0:0]\n-A B -j C'),
  'delete a chain that is jumped to': body('-X C'),
  'delete a chain with rules': body('-X B'),
  'delete a chain and what it jumps to': body(':B - [0:0]\n:C - [0:0]\n-X B\n-X C'),
  'delete what is used by a rule that goes': body(':B - [0:0]\n:C - [0:0]\n-A B -j C\n-F B\n-X C'),
  'delete no chain': body('-X NONE'),
  'delete a chain twice': body(':Z - [0:0]\n-X Z\n-X Z'),
  'delete and declare again': body(':Z - [0:0]\n-X Z\n:Z - [0:0]'),
  'delete a built-in chain': body('-X OUTPUT'),
  'no COMMIT': '*nat\n:D - [0:0]\n-A D -j RETURN\n',
  'no COMMIT and no line end': '*nat\n:D - [0:0]',
  'a table within a table': '*nat\n:D - [0:0]\n*filter\n:D - [0:0]\nCOMMIT\n',
  'a good table before a bad one': body(':G - [0:0]', 'filter') + body('-A NONE -j RETURN'),
  'a bad table before a good one': body('-A NONE -j RETURN') + body(':H - [0:0]', 'filter'),
  'the same table twice': body(':T1 - [0:0]') + body(':T2 - [0:0]\n-A T2 -j T1'),
  'delete a rule that is not there': body(':D - [0:0]\n-D D -j RETURN'),
  'delete a rule with another target': body(':M - [0:0]\n-A M -p tcp -j RETURN\n-D M -p tcp -j ACCEPT'),
  'delete a rule in another order': body(
    ':M - [0:0]\n-A M -m comment --comment a -m mark --mark 1\n-D M -m mark --mark 1 -m comment --comment a',
  ),
  'delete a rule in another spelling': body(
    ':M - [0:0]\n-A M -p tcp --dport 80 -j MARK --or-mark 0x4000\n-D M -m tcp -p 6 --dport 80 -j MARK --set-xmark 0x4000/0x4000',
  ),
  'delete the first of two': body(
    ':M - [0:0]\n-A M -p tcp -j RETURN\n-A M -j ACCEPT\n-A M -p tcp -j RETURN\n-D M -p tcp -j RETURN',
  ),
  'delete by number': body(':M1 - [0:0]\n-A M1 -j RETURN\n-A M1 -j ACCEPT') + body('-D M1 1'),
  'delete by a number too large': body('-D M1 2'),
  'delete a rule without its comment': body(':M2 - [0:0]\n-A M2 -m comment --comment a') + body('-D M2'),
  'delete a rule in another transaction': body('-D M2 -m comment --comment a'),
  'no table': ':D - [0:0]\nCOMMIT\n',
  'COMMIT alone': 'COMMIT\n',
  'nothing at all': '',
  'comments and empty lines': '# one\n*nat\n\n# two\n:K - [0:0]\nCOMMIT\n\n',
  'comment of 255 characters': rule(`-m comment --comment ${comment(255)}`),
  'comment of 256 characters': rule(`-m comment --comment ${comment(256)}`),
  'comment with quotes': rule('-m comment --comment "say \\"x\\\\y\\" it\'s"'),
  'two comments': rule('-m comment --comment a -m comment --comment b'),
  'list name of 200 characters': rule(`-m recent --name ${comment(200)} --set`),
  'list name with a slash': rule('-m recent --name a/b --set'),
  'interface of 15 characters': rule('-i eth456789012345'),
  'interface of 16 characters': rule('-i eth4567890123456'),
  '-i in POSTROUTING': body('-A POSTROUTING -i eth0 -j ACCEPT'),
  '-i in OUTPUT': body('-A OUTPUT -i eth0 -j ACCEPT', 'filter'),
  'port 65536': rule('-p tcp -m tcp --dport 65536'),
  'ports the wrong way round': rule('-p tcp -m tcp --dport 80:70'),
  'all ports': rule('-p tcp -m tcp --dport 0:65535'),
  'port without protocol': rule('--dport 70'),
  'port before protocol': rule('--dport 70 -p tcp'),
  '-m tcp without protocol': rule('-m tcp -j RETURN'),
  'two protocols': rule('-p tcp -p udp'),
  'two sources': rule('-s 1.2.3.4 -s 1.2.3.5'),
  'two ports': rule('-p tcp --dport 1 --dport 2'),
  'no address': rule('-d 300.1.1.1'),
  'no mask': rule('-d 10.0.0.0/33'),
  'bits behind the mask': rule('-d 10.0.0.1/8'),
  'any destination': rule('-d 0.0.0.0/0 -j ACCEPT'),
  'probability above one': rule('-m statistic --mode random --probability 1.5'),
  'probability of one': rule('-m statistic --mode random --probability 1.0000000000'),
  'no state': rule('-m conntrack --ctstate FOO'),
  'no mark': rule('-m mark --mark zz'),
  'no mark to set': rule('-j MARK --or-mark zz'),
  'DNAT in filter': rule('-p tcp -j DNAT --to-destination 1.2.3.4:80', 'filter'),
  'DNAT without protocol': rule('-j DNAT --to-destination 1.2.3.4:80'),
  'DNAT to the other family': rule('-p tcp -j DNAT --to-destination [fd00::1]:80'),
  'DNAT to port 70000': rule('-p tcp -j DNAT --to-destination 1.2.3.4:70000'),
  'DNAT in POSTROUTING': body('-A POSTROUTING -p tcp -j DNAT --to-destination 1.2.3.4:80'),
  'REJECT in nat': rule('-j REJECT'),
  'REJECT in mangle': rule('-j REJECT', 'mangle'),
  'DROP in nat': rule('-j DROP'),
  'DROP in mangle': rule('-j DROP', 'mangle'),
  'MASQUERADE in filter': rule('-j MASQUERADE', 'filter'),
  'MASQUERADE in PREROUTING': body('-A PREROUTING -j MASQUERADE'),
  'MASQUERADE reached from PREROUTING': body(':R - [0:0]\n-A R -j MASQUERADE\n-A PREROUTING -j R'),
  'MASQUERADE reached later': body(':R - [0:0]\n-A R -j MASQUERADE') + body('-A PREROUTING -j R'),
  'MASQUERADE with a strange option': rule('-j MASQUERADE --wibble'),
  'a strange target with an option': rule('-j WIBBLE --foo'),
  'a counter that does not exist': rule('-m nfacct --nfacct-name nosuch', 'filter'),
  'two faults': body(':Q - [0:0]\n-A Q -j REJECT\n-A Q -m nfacct --nfacct-name u'),
  'a chain declared twice': body(':E - [0:0]\n-A E -j RETURN\n:E - [0:0]\n-A E -j ACCEPT'),
  'a chain emptied by its declaration': body(':E - [0:0]'),
  'a policy': body(':OUTPUT ACCEPT [5:6]'),
  'a policy of DROP': body(':FORWARD DROP [0:0]', 'filter'),
  'no policy for a built-in chain': body(':FORWARD - [0:0]', 'filter'),
  'an unknown policy': body(':OUTPUT FOO [0:0]'),
  'a policy for a user-defined chain': body(':U ACCEPT [0:0]'),
  'a chain without a policy': body(':E'),
  'a chain without counters': body(':E -'),
  'a chain named like a target': body(':ACCEPT - [0:0]'),
  'a chain named like a target of others': body(':LOG - [0:0]'),
  '-N': body('-N NEW\n-A NEW -j RETURN'),
  '-N of a chain that is there': body('-N NEW'),
  '-F and -X': body('-F NEW\n-X NEW'),
  '-F of no chain': body('-F NONE'),
  '-I first': body(':I - [0:0]\n-A I -j RETURN\n-I I -j ACCEPT'),
  // By number only in a transaction that leaves the chain: iptables-nft 1.8.9 counts the rules that were there before `:I` emptied it.
  '-I second': body('-I I 2 -p tcp -j ACCEPT'),
  '-I too far': body('-I I 9 -j ACCEPT'),
  'counters of a rule': body(':E - [0:0]\n[1:2] -A E -j RETURN'),
  'foreign matches and targets': body(
    ':E - [0:0]\n-A E -p tcp -m multiport --dports 1,2,3 -j ACCEPT\n-A E -o eth0 -j LOG --log-prefix "a b: "\n-A E -p icmp',
    'filter',
  ),
};

/** The same in the addresses of the other family. */
const inIpv6: readonly (readonly [string, string])[] = [
  ['[fd00::1]:80', 'OTHER'],
  ['1.2.3.4:', '[fd00::4]:'],
  ['1.2.3.4', 'fd00::4'],
  ['1.2.3.5', 'fd00::5'],
  ['10.0.0.1/8', 'fd12::1/8'],
  ['10.0.0.0/33', 'fd00::/129'],
  ['0.0.0.0/0', '::/0'],
  ['300.1.1.1', 'fd00::xyz'],
  ['icmp', 'ipv6-icmp'],
  ['OTHER', '1.2.3.4:80'],
];

export function restoreCases(family: Family): readonly RestoreCase[] {
  const swaps = family === 'IPv6' ? inIpv6 : [];
  const swapped = (text: string) => swaps.reduce((so, [from, to]) => so.replaceAll(from, to), text);
  return Object.entries(cases).map(([name, text]) => ({ name, text: swapped(text) }));
}
