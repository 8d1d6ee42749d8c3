import { NodeplaneError } from '../../src/errors.ts';
import type { Command, CommandResult, Exec } from '../../src/kernel/exec.ts';
import type { FakeIptables } from '../../src/kernel/fake.ts';
import { fakeExec } from '../../src/kernel/fake-exec.ts';
import type { Family } from '../../src/model/address.ts';

/** What goes wrong with a program. `hangs`: until it is aborted, or let go. `killed`: after the first transaction. */
export type Fault = 'absent' | 'hangs' | 'timed-out' | 'killed' | 'locked';

/** Programs on a fake kernel that count their calls, and fail as they are told to. */
export class FaultyExec {
  readonly fakes: Readonly<Record<Family, FakeIptables>>;
  readonly restores: Record<Family, string[]> = { IPv4: [], IPv6: [] };
  readonly saves: Record<Family, number> = { IPv4: 0, IPv6: 0 };
  /** Asked for each program but `--version`. */
  fault: (program: string, family: Family) => Fault | undefined = () => undefined;
  /** Lines that the kernel does not take. */
  refuses: (line: string) => boolean = () => false;
  /** Called after each restore, however it ended. */
  restored: (family: Family) => void = () => undefined;
  /** Of the interfaces. */
  addresses: () => readonly string[] = () => [];
  /** Extensions that the kernel lacks. */
  lacks: readonly string[] = [];
  readonly #exec: Exec;
  #hanging: (() => void)[] = [];

  constructor(fakes: Readonly<Record<Family, FakeIptables>>) {
    this.fakes = fakes;
    this.#exec = fakeExec(fakes.IPv4, fakes.IPv6);
  }

  readonly exec: Exec = async (command) => {
    const call = command.argv.join(' ');
    const family: Family = call.includes('ip6tables') ? 'IPv6' : 'IPv4';
    const program = /ip6?tables\S*-(save|restore)/.exec(call)?.[1];
    const fault = this.fault(program ?? call, family);
    if (fault === 'absent') throw absent(command);
    if (command.argv[0] === 'ip')
      return ended(command, { exitCode: 0, stdout: addressList(this.addresses()) });
    if (program === undefined || fault === undefined) return this.#answer(command, program, family);
    if (fault === 'locked') return ended(command, { exitCode: 4, stderr: heldLock });
    if (fault === 'timed-out') return ended(command, { signal: 'SIGTERM', timedOut: true });
    if (fault === 'killed') return this.#killed(command, family);
    await this.#hang(command);
    return command.abort?.aborted === true
      ? ended(command, { signal: 'SIGTERM' })
      : this.#answer(command, program, family);
  };

  /** Lets programs that hang go on. */
  release(): void {
    for (const go of this.#hanging) go();
    this.#hanging = [];
  }

  async #answer(command: Command, program: string | undefined, family: Family): Promise<CommandResult> {
    if (program === 'save') this.saves[family] += 1;
    if (program !== 'restore') return this.#exec(command);
    const text = [...(command.stdin ?? [])].join('');
    if (command.argv.includes('--test')) {
      const warnings = this.lacks.filter((name) => text.includes(`-m ${name} `));
      const stderr = warnings.map(
        (name) => `Warning: Extension ${name} revision 0 not supported, missing kernel module?\n`,
      );
      return ended(command, { exitCode: 0, stderr: stderr.join('') });
    }
    this.restores[family].push(text);
    const result = await this.#restore(command, text, family);
    this.restored(family);
    return result;
  }

  async #restore(command: Command, text: string, family: Family): Promise<CommandResult> {
    const lines = text.split('\n');
    const bad = lines.findIndex((line) => line.startsWith('-A') && this.refuses(line));
    if (bad < 0) return this.#exec({ ...command, stdin: [text] });
    const start = lines.findLastIndex((line, at) => line.startsWith('*') && at < bad);
    this.fakes[family].restore(
      lines
        .slice(0, start)
        .map((line) => `${line}\n`)
        .join(''),
      { noflush: true },
    );
    const commit = lines.findIndex((line, at) => line === 'COMMIT' && at > bad) + 1;
    if (this.fakes[family].variant === 'legacy')
      return ended(command, { exitCode: 1, stderr: `iptables-restore: line ${commit} failed\n` });
    const chain = lines[bad]?.split(' ')[1] ?? '';
    const said = `line ${bad + 1}: RULE_APPEND failed (Invalid argument): rule in chain ${chain}\n`;
    return ended(command, { exitCode: 4, stderr: `iptables-restore v1.8.9 (nf_tables): \n${said}` });
  }

  async #killed(command: Command, family: Family): Promise<CommandResult> {
    const text = [...(command.stdin ?? [])].join('');
    this.restores[family].push(text);
    const first = text.slice(0, text.indexOf('COMMIT\n') + 'COMMIT\n'.length);
    this.fakes[family].restore(first, { noflush: true });
    return ended(command, { signal: 'SIGKILL' });
  }

  #hang({ abort }: Command): Promise<void> {
    return new Promise((resolve) => {
      this.#hanging.push(resolve);
      abort?.addEventListener('abort', () => resolve());
    });
  }
}

function addressList(addresses: readonly string[]): string {
  return addresses.map((address) => `2: eth0    inet ${address}/24 scope global eth0\n`).join('');
}

const heldLock = 'Another app is currently holding the xtables lock; waiting for it to exit...\n';

function ended(command: Command, end: Partial<CommandResult>): CommandResult {
  const none = {
    exitCode: undefined,
    signal: undefined,
    timedOut: false,
    milliseconds: 1,
    stdout: '',
    stderr: '',
  };
  return { ...none, ...end, argv: command.argv };
}

function absent({ argv }: Command): NodeplaneError {
  return new NodeplaneError('NP-KERNEL-001', { program: argv[0], hint: '', package: 'iptables' });
}
