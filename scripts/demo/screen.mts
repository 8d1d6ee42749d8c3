// What the demo prints: at most 80 columns, in colour on a terminal only.
const colourful = process.stdout.isTTY && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb';
const width = 80;

let steps = 0;
let met = 0;
let missed = 0;

/** One plain sentence. */
export function heading(sentence: string): void {
  steps += 1;
  const number = `${steps}`.padStart(2);
  const [first = '', ...rest] = wrap(sentence, width - 4);
  print('');
  print(bold(`${number}  ${first}`));
  for (const line of rest) print(bold(`    ${line}`));
}

/** What a user would type, and where. */
export function command(place: 'node-a' | 'client' | 'frontend-1', text: string): void {
  print(`    ${cyan(`${place}$`)} ${text}`);
}

/** Output of a program, indented and cut to the screen. */
export function output(text: string): void {
  for (const line of text.trimEnd().split('\n')) print(`    ${clip(line, width - 4)}`);
}

export function note(text: string): void {
  for (const line of wrap(text, width - 4)) print(`    ${dim(line)}`);
}

/** How often each of them was counted, as bars. */
export function bars(counts: Readonly<Record<string, number>>, about: (name: string) => string): void {
  const names = Object.keys(counts).sort();
  const most = Math.max(1, ...Object.values(counts));
  for (const name of names) {
    const times = counts[name] ?? 0;
    const bar = '█'.repeat(Math.max(1, Math.round((times / most) * 36)));
    print(
      `    ${name.padEnd(11)}${dim(about(name).padEnd(8))}${green(bar.padEnd(37))}${`${times}`.padStart(5)}`,
    );
  }
}

/** Whether an expectation was met; one that was not makes the demo fail. */
export function expectation(isMet: boolean, text: string, otherwise = ''): void {
  if (isMet) met += 1;
  else missed += 1;
  const words = isMet || otherwise === '' ? text : `${text}, but ${otherwise}`;
  const [first = '', ...rest] = wrap(words, width - 6);
  print(`    ${isMet ? green('✓') : red('✗')} ${first}`);
  for (const line of rest) print(`      ${line}`);
}

export function allIsMet(): boolean {
  return missed === 0;
}

export function farewell(seconds: number): void {
  const told = `${met} of ${met + missed} expectations met in ${seconds.toFixed(1)} s.`;
  print('');
  print(bold(allIsMet() ? `    ${told}` : red(`    ${told}`)));
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function wrap(text: string, columns: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

function clip(line: string, columns: number): string {
  return line.length > columns ? `${line.slice(0, columns - 1)}…` : line;
}

const bold = style(1, 22);
const dim = style(2, 22);
const red = style(31, 39);
const green = style(32, 39);
const cyan = style(36, 39);

function style(on: number, off: number): (text: string) => string {
  return (text) => (colourful ? `\u001b[${on}m${text}\u001b[${off}m` : text);
}
