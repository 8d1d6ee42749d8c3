/** A copy of what was cut out of a longer text: V8 keeps the longer one as long as there is a part of it. */
export function detached(text: string): string {
  return Buffer.from(text).toString();
}
