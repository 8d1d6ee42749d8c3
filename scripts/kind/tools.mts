// Programs that a kind cluster takes, and what to say when one is not there.
import { $ } from 'zx';

export interface Tool {
  readonly name: string;
  /** Prints its version, or fails where it cannot work: docker without a daemon. */
  readonly try: readonly string[];
  readonly remedy: string;
}

export const tools: readonly Tool[] = [
  {
    name: 'docker',
    try: ['version', '--format', '{{.Server.Version}}'],
    remedy:
      'Docker Engine must be running, and you must be allowed to speak to it: https://docs.docker.com/engine/install/',
  },
  {
    name: 'kind',
    try: ['version'],
    remedy: 'v0.33.0 or newer: https://kind.sigs.k8s.io/docs/user/quick-start/#installation',
  },
  {
    name: 'kubectl',
    try: ['version', '--client'],
    remedy: 'https://kubernetes.io/docs/tasks/tools/',
  },
  { name: 'helm', try: ['version', '--short'], remedy: '3.14 or newer: https://helm.sh/docs/intro/install/' },
];

/** What a program answered when it was tried. */
export interface Tried {
  readonly tool: Tool;
  readonly failure: 'not installed' | { readonly says: string } | undefined;
}

/** Undefined: all are there. Else all that is missing at once, in sentences. */
export function whatIsMissing(tried: readonly Tried[]): string | undefined {
  const lines = tried.flatMap(({ tool, failure }) => {
    if (failure === undefined) return [];
    const what = failure === 'not installed' ? 'is not installed' : `does not work: ${failure.says}`;
    return [`  ${tool.name} ${what}\n    ${tool.remedy}`];
  });
  if (lines.length === 0) return undefined;
  return `A kind cluster cannot be started here:\n${lines.join('\n')}\nWithout Docker, \`npm run test:cluster\` plays the same scenarios in network namespaces.`;
}

export async function tryTools(wanted: readonly Tool[]): Promise<readonly Tried[]> {
  return Promise.all(
    wanted.map(async (tool) => {
      const { exitCode, stderr, stdout } = await $({
        nothrow: true,
        quiet: true,
      })`${tool.name} ${tool.try}`;
      if (exitCode === 0) return { tool, failure: undefined };
      if (exitCode === 127) return { tool, failure: 'not installed' as const };
      const said = `${stderr}\n${stdout}`
        .trim()
        .split('\n')
        .findLast((line) => line.trim() !== '');
      return { tool, failure: { says: said?.trim() ?? `exit code ${exitCode}` } };
    }),
  );
}
