export type Cell = string | number | undefined;

/** A heading over aligned columns, the first one to the left. Numbers are rounded to what can be told apart. */
export function table(title: string, columns: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const cells = [columns, ...rows.map((row) => row.map(text))];
  const widths = columns.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const lines = cells.map((row) =>
    row.map((cell, column) => align(cell, column, widths[column] ?? 0)).join('  '),
  );
  const [head = '', ...body] = lines;
  return [title, '', head, '-'.repeat(head.length), ...body, ''].map((line) => line.trimEnd()).join('\n');
}

/** Times as large as the other: `7.3×`. */
export function ratio(value: number | undefined, other: number | undefined): string | undefined {
  return value === undefined || other === undefined || other === 0 ? undefined : `${text(value / other)}×`;
}

function text(cell: Cell): string {
  if (cell === undefined) return '–';
  if (typeof cell === 'string') return cell;
  if (Number.isInteger(cell)) return cell.toLocaleString('en');
  return Math.abs(cell) < 1 ? cell.toFixed(2) : cell.toFixed(Math.abs(cell) < 100 ? 1 : 0);
}

function align(cell: string, column: number, width: number): string {
  return column === 0 ? cell.padEnd(width) : cell.padStart(width);
}
