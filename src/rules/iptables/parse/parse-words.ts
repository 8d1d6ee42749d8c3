/**
 * The words of a line, split as iptables-restore splits: at spaces, with double quotes around words that have some, a backslash inside
 * quotes taking the next character as it is. Undefined when a quotation is still open at the end: iptables-save prints a line break in
 * a comment as it is, so the line goes on below.
 */
export function splitWords(line: string): string[] | undefined {
  if (line.includes('\\') || line.includes('\t')) return splitSlowly(line);
  let quote = line.indexOf('"');
  if (quote < 0) return spaced(line);
  const words: string[] = [];
  let start = 0;
  while (quote >= 0) {
    if (quote > 0 && line[quote - 1] !== ' ') return splitSlowly(line);
    pushSpaced(words, line, start, quote);
    const end = line.indexOf('"', quote + 1);
    if (end < 0) return undefined;
    words.push(line.slice(quote + 1, end));
    start = end + 1;
    quote = line.indexOf('"', start);
  }
  pushSpaced(words, line, start, line.length);
  return words;
}

function spaced(text: string): string[] {
  const words = text.split(' ');
  return words.includes('') ? words.filter((word) => word !== '') : words;
}

function pushSpaced(words: string[], line: string, from: number, to: number): void {
  let start = from;
  while (start < to) {
    const space = line.indexOf(' ', start);
    const end = space < 0 || space > to ? to : space;
    if (end > start) words.push(line.slice(start, end));
    start = end + 1;
  }
}

/** Character by character, with every turn that iptables-restore knows: a closing quote ends the word, an opening one does not. */
function splitSlowly(line: string): string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  let quoted = false;
  for (let at = 0; at < line.length; at++) {
    const character = line.charAt(at);
    if (quoted && character === '\\') {
      at++;
      word = (word ?? '') + line.charAt(at);
    } else if (character === '"') {
      quoted = !quoted;
      if (quoted) word ??= '';
    } else if (quoted || (character !== ' ' && character !== '\t')) {
      word = (word ?? '') + character;
      continue;
    }
    const ends = !quoted && (character === '"' || character === ' ' || character === '\t');
    if (!ends || word === undefined) continue;
    words.push(word);
    word = undefined;
  }
  if (quoted) return undefined;
  if (word !== undefined) words.push(word);
  return words;
}
