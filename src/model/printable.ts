const longest = 80;

/**
 * A value from outside as one short line of printable ASCII, for `reason`: strings quoted and escaped as in JSON, so that no
 * newline, quote or terminal sequence of an object's author reaches a log or a terminal as such.
 */
export function printable(value: unknown): string {
  if (typeof value === 'string') return quoted(value);
  if (value === undefined || value === null) return 'nothing';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return Array.isArray(value) ? 'a list' : 'an object';
}

/** A name as it stands when it is harmless, else as {@link printable}. */
export function printableName(name: string): string {
  return /^[\w./-]{1,253}$/.test(name) ? name : quoted(name);
}

function quoted(text: string): string {
  const short = text.length > longest ? `${text.slice(0, longest)}…` : text;
  return JSON.stringify(short).replace(
    // The ellipsis; the build wants regular expressions in ASCII.
    /[^\x20-\x7e\u2026]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
