import { Command, CommanderError, Option } from 'commander';
import { didYouMean } from '../config/nearest.ts';
import { NodeplaneError, printable } from '../errors.ts';
import type { RawKubeProxyFlags } from './field-flags.ts';
import { type FlagDeclaration, type FlagName, flagTable, type RawFlags } from './flags.ts';
import { isSwitch, type KubeProxyFlag, kubeProxyFlags } from './kube-proxy-flags.ts';
import { kubeProxyFlagsHelp } from './kube-proxy-help.ts';
import { type Verb, verbs } from './verbs.ts';

/** What a command line asks for. */
export type Invocation =
  | {
      readonly kind: 'call';
      readonly verb: Verb;
      readonly flags: RawFlags;
      readonly kubeProxy: RawKubeProxyFlags;
    }
  /** Help or the version. `unasked`: nothing was said, so help is shown, and that is an error. */
  | { readonly kind: 'text'; readonly text: string; readonly unasked: boolean };

/** Behind a switch: Go's flags may be written `--x=false`. Help does not show it. */
const optionalBoolean = ' [boolean]';

/** Longer placeholders would push the text of help to the right. */
const widestPlaceholder = 14;

/**
 * Reads the arguments behind the program's name; has no effect.
 * @throws NodeplaneError `NP-CLI-003` to `NP-CLI-005`.
 */
export function parse(argv: readonly string[], version: string, columns: number): Invocation {
  const printed: string[] = [];
  const called: Invocation[] = [];
  const program = describeProgram(version, Math.min(Math.max(columns, 60), 100), printed);
  for (const verb of verbs) {
    const command = describeVerb(program, verb);
    command.action(() => {
      const options: Readonly<Record<string, unknown>> = command.opts();
      called.push({
        kind: 'call',
        verb,
        flags: flagsOf(verb, options),
        kubeProxy: kubeProxyFlagsOf(options),
      });
    });
  }
  try {
    program.parse(argv.map(withDashes), { from: 'user' });
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    if (printed.length === 0) throw usageError(thrown, argv);
    called.push({
      kind: 'text',
      text: printed.join(''),
      unasked: thrown.code === 'commander.help' && argv[0] !== 'help',
    });
  }
  const [invocation] = called;
  if (invocation === undefined) throw new NodeplaneError('NP-CLI-005', { reason: 'it names no verb' });
  return invocation;
}

/** kube-proxy takes `--cluster_cidr` for `--cluster-cidr`, and so do all parts of Kubernetes. */
function withDashes(word: string): string {
  return word.replace(/^--[\w-]+/, (name) => name.replaceAll('_', '-'));
}

function describeProgram(version: string, columns: number, printed: string[]): Command {
  const keep = (text: string): void => {
    printed.push(text);
  };
  return new Command('nodeplane')
    .description('The service proxy of a Kubernetes node. It replaces kube-proxy.')
    .version(`nodeplane ${version}`, '--version', 'print the version')
    .helpOption('-h, --help', 'print this help; after a verb, help for it')
    .helpCommand('help [verb]', 'print help for a verb')
    .showSuggestionAfterError(false)
    .exitOverride()
    .configureOutput({
      writeOut: keep,
      writeErr: keep,
      outputError: () => undefined,
      getOutHelpWidth: () => columns,
      getErrHelpWidth: () => columns,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .configureHelp({
      commandUsage: usageLine,
      subcommandTerm: (command) => command.name(),
      optionTerm: (option) => option.flags.replace(optionalBoolean, ''),
      styleTitle: (title) => titles.get(title) ?? title,
    })
    .addHelpText('after', programNotes);
}

/** Commander's words in ours. */
const titles: ReadonlyMap<string, string> = new Map([
  ['Options:', 'Flags:'],
  ['Commands:', 'Verbs:'],
]);

const programNotes = `
Flags follow the verb; \`nodeplane diff --help\` lists those of diff.

Environment:
  NODE_NAME    name of this machine's Node, when no flag or file tells it
  NO_COLOR     no colour, even on a terminal
  FORCE_COLOR  colour, even without a terminal`;

function usageLine(command: Command): string {
  return command.parent === null ? 'nodeplane <verb> [flags]' : `nodeplane ${command.name()} [flags]`;
}

function describeVerb(program: Command, verb: Verb): Command {
  const command = program
    .command(verb.name)
    .summary(verb.summary)
    .description(verb.description)
    .helpOption('-h, --help', 'print this help');
  for (const name of verb.flags) command.addOption(optionOf(flagTable[name]));
  if (verb.takesKubeProxyFlags) describeKubeProxyFlags(command);
  const examples = verb.examples.map(({ does, command: line }) => `  # ${does}\n  ${line}`);
  return command.addHelpText('after', `\nExamples:\n${examples.join('\n')}`);
}

function describeKubeProxyFlags(command: Command): void {
  for (const flag of kubeProxyFlags) command.addOption(kubeProxyOption(flag));
  command.addHelpText('after', kubeProxyFlagsHelp());
}

/** Not in the list of help, which they would make unreadable. Values of lists add up, as in kube-proxy. */
function kubeProxyOption(declared: KubeProxyFlag): Option {
  const { flag, short, form } = declared;
  const names = short === undefined ? flag : `${short}, ${flag}`;
  const option = new Option(`${names}${isSwitch(declared) ? optionalBoolean : ' <value>'}`).hideHelp();
  const adds = form === 'list' || form === 'gates';
  return option.argParser((value: string, before: unknown) => {
    // `-v=4` is `-v4` to commander.
    const own = short === undefined ? value : value.replace(/^=/, '');
    return adds && typeof before === 'string' ? `${before},${own}` : own;
  });
}

function optionOf({ flag, value, choices, help }: FlagDeclaration): Option {
  if (value === undefined) return new Option(`${flag}${optionalBoolean}`, help);
  const inline = choices?.join('|') ?? value;
  return new Option(`${flag} <${inline.length <= widestPlaceholder ? inline : value}>`, help);
}

function flagsOf(verb: Verb, options: Readonly<Record<string, unknown>>): RawFlags {
  const flags: Partial<Record<FlagName, string | true>> = {};
  for (const name of verb.flags) {
    const value = options[name];
    if (typeof value === 'string' || value === true) flags[name] = value;
  }
  return flags;
}

function kubeProxyFlagsOf(options: Readonly<Record<string, unknown>>): RawKubeProxyFlags {
  const given = kubeProxyFlags.flatMap(({ flag }) => {
    const value = options[new Option(flag).attributeName()];
    return typeof value === 'string' || value === true ? [[flag, value] as const] : [];
  });
  return Object.fromEntries(given);
}

/** Says what commander found in our words, with the nearest flag or verb. */
function usageError(error: CommanderError, argv: readonly string[]): NodeplaneError {
  const named = error.message.match(/'([\s\S]*)'/)?.[1] ?? '';
  const verb = verbs.find(({ name }) => name === argv[0]);
  if (error.code === 'commander.unknownCommand') {
    const hint = didYouMean(
      named,
      verbs.map(({ name }) => name),
    );
    return new NodeplaneError('NP-CLI-004', { verb: shown(named), hint }, error);
  }
  if (error.code === 'commander.unknownOption')
    return unknownFlag(named.replace(/=[\s\S]*$/, ''), verb, error);
  if (error.code === 'commander.excessArguments') {
    return new NodeplaneError('NP-CLI-005', { reason: 'a verb takes flags and no other words' }, error);
  }
  const reason = error.message.replace(/^error: /, '').replaceAll('option', 'flag');
  return new NodeplaneError('NP-CLI-005', { reason: shown(reason) }, error);
}

function unknownFlag(flag: string, verb: Verb | undefined, cause: CommanderError): NodeplaneError {
  const known = Object.values(flagTable).map((declaration) => declaration.flag);
  const own: readonly string[] = verb === undefined ? known : verb.flags.map((name) => flagTable[name].flag);
  const misplaced = verb === undefined && own.includes(flag);
  const compatible = verb?.takesKubeProxyFlags ? kubeProxyFlags.map((each) => each.flag) : [];
  const nearby = [...own, ...compatible, '--help', '--version'];
  const hint = misplaced ? ': flags follow the verb' : didYouMean(flag, nearby);
  const command = verb === undefined ? 'nodeplane' : `nodeplane ${verb.name}`;
  return new NodeplaneError('NP-CLI-003', { command, flag: shown(flag), hint }, cause);
}

function shown(text: string): string {
  return printable(text.length > 80 ? `${text.slice(0, 79)}…` : text);
}
