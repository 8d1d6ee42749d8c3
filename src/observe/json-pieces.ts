/** Text of JSON in pieces, made when they are asked for, so that a value of any size needs little memory at a time. */
export type Pieces = Iterable<string>;

/** A value in one piece. */
export function whole(value: unknown): Pieces {
  return [JSON.stringify(value) ?? 'null'];
}

/** A record with an entry on each line. */
export function* record(entries: Iterable<readonly [string, Pieces]>): Generator<string> {
  let before = '{';
  for (const [name, value] of entries) {
    yield `${before}\n${JSON.stringify(name)}: `;
    yield* value;
    before = ',';
  }
  yield before === '{' ? '{}' : '\n}';
}

/** A list with an entry on each line. For an undefined one it has an empty piece, so that a long search can be interrupted. */
export function* list(items: Iterable<Pieces | undefined>): Generator<string> {
  let before = '[';
  for (const item of items) {
    if (item === undefined) {
      yield '';
      continue;
    }
    yield `${before}\n`;
    yield* item;
    before = ',';
  }
  yield before === '[' ? '[]' : '\n]';
}
