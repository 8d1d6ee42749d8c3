import type { IptablesVariant } from '../../../src/kernel/iptables-programs.ts';
import { type Cell, ratio, table } from '../table.ts';
import type { ProxyFigures } from './measure.ts';
import type { ProxyName } from './options.ts';

/** What was measured in one mode with so many Services. */
export interface ModeFigures {
  readonly variant: IptablesVariant;
  readonly services: number;
  readonly figures: Partial<Readonly<Record<ProxyName, ProxyFigures>>>;
}

interface Row {
  readonly what: string;
  readonly of: (figures: ProxyFigures) => number | undefined;
  /** What stands there when it was not reached in time. */
  readonly late?: boolean;
}

const rows: readonly Row[] = [
  { what: 'start to first rules, s', of: ({ start }) => start, late: true },
  { what: 'restart to a change served, s', of: ({ restart }) => restart?.served },
  { what: 'restart to synced, s', of: ({ restart }) => restart?.synced },
  { what: 'memory at rest, MB: agent', of: ({ rest }) => rest?.agent },
  { what: '  its children', of: ({ rest }) => rest?.children },
  { what: 'memory at peak, MB: agent', of: ({ peak }) => peak.agent },
  { what: '  its largest child', of: ({ peak }) => peak.children },
  { what: 'one change, ms: p50', of: ({ change }) => change?.p50 },
  { what: '  p99', of: ({ change }) => change?.p99 },
  { what: '20 changes a second, ms: p50', of: ({ churn }) => churn?.lag.p50 },
  { what: '  p99', of: ({ churn }) => churn?.lag.p99 },
  { what: '  CPU of the minute, s: agent', of: ({ churn }) => churn?.cpu.agent },
  { what: '  its children', of: ({ churn }) => churn?.cpu.children },
  {
    what: '  both',
    of: ({ churn }) => (churn === undefined ? undefined : churn.cpu.agent + churn.cpu.children),
  },
  { what: 'first packet, last Service, µs: p50', of: ({ firstPacket }) => firstPacket?.p50 },
  { what: '  p99', of: ({ firstPacket }) => firstPacket?.p99 },
];

/** One table; the last column is how many times as much nodeplane takes, so less than 1 is better. */
export function modeTable({ variant, services, figures }: ModeFigures, giveUpSeconds: number): string {
  const { 'kube-proxy': old, nodeplane } = figures;
  const cells = rows.map(({ what, of, late }): readonly Cell[] => {
    const [theirs, ours] = [old, nodeplane].map((each) => (each === undefined ? undefined : of(each)));
    const shown = (known: ProxyFigures | undefined, value: number | undefined): Cell =>
      value ?? (known !== undefined && late === true ? `> ${giveUpSeconds}` : undefined);
    const gaveUp = late === true && old !== undefined && theirs === undefined;
    const times = gaveUp && ours !== undefined ? `< ${ratio(ours, giveUpSeconds)}` : ratio(ours, theirs);
    return [what, shown(old, theirs), shown(nodeplane, ours), times];
  });
  const title = `iptables-${variant}, ${services.toLocaleString('en')} Services × 5 endpoints`;
  return table(title, ['', 'kube-proxy', 'nodeplane', 'ratio'], cells);
}
