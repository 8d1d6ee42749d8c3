/** `1 rule`, `2 rules`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** Breaks the text at spaces into lines of the width; a longer word stands alone. Line feeds of the text stay, and so do indented lines, as of YAML. */
export function wrap(text: string, width: number): readonly string[] {
  return text.split('\n').flatMap((paragraph) => {
    if (paragraph.startsWith('  ')) return [paragraph];
    const lines = [''];
    for (const word of paragraph.split(' ')) {
      const line = lines.at(-1) ?? '';
      if (line !== '' && line.length + 1 + word.length > width) lines.push(word);
      else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
    }
    return lines;
  });
}

/** Names the first few: `a, b +3 more`. */
export function shortened(items: readonly string[], most: number): string {
  const told = items.slice(0, most).join(', ');
  return items.length > most ? `${told} +${items.length - most} more` : told;
}

/**
 * Lines of cells, each column as wide as its widest cell but no wider than its cap. A wider cell pushes only its own line;
 * the last column is not padded.
 */
export function aligned(rows: readonly (readonly string[])[], caps: readonly number[]): readonly string[] {
  const widths = caps.map((cap, column) =>
    rows.reduce((width, row) => {
      const { length } = row[column] ?? '';
      return length > cap ? width : Math.max(width, length);
    }, 0),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
