import { fieldNotes } from '../config/reference.ts';
import { type KubeProxyFlag, kubeProxyFlags } from './kube-proxy-flags.ts';

/** Text of help is this wide whatever the terminal. */
const columns = 80;

/** kube-proxy's flags as a section of help: names only, what they do stands in docs/cli.md. */
export function kubeProxyFlagsHelp(): string {
  const used = kubeProxyFlags.filter((flag) => hasEffect(flag));
  const idle = kubeProxyFlags.filter((flag) => !hasEffect(flag));
  return [
    '',
    'Flags of kube-proxy, with its names and meaning (docs/cli.md):',
    ...wrapped(used),
    '',
    'Flags of kube-proxy that are accepted and have no effect:',
    ...wrapped(idle),
  ].join('\n');
}

/** Whether the flag decides what nodeplane does. */
export function hasEffect({ form, field }: KubeProxyFlag): boolean {
  return (
    form === 'port' || (field !== undefined && fieldNotes.KubeProxyConfiguration[field]?.effect === 'used')
  );
}

function wrapped(flags: readonly KubeProxyFlag[]): readonly string[] {
  const lines: string[] = [];
  let line = ' ';
  for (const { flag, short } of flags) {
    const name = short === undefined ? flag : `${short} ${flag}`;
    if (line.length + 1 + name.length > columns) {
      lines.push(line);
      line = ' ';
    }
    line += ` ${name}`;
  }
  return [...lines, line];
}
