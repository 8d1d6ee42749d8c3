/** Whether two values of the model say the same: numbers, text, flags, undefined, and lists and records of these. */
export function equal(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false;
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const fields = Object.entries(one);
  if (fields.length !== Object.keys(other).length) return false;
  const others = new Map<string, unknown>(Object.entries(other));
  return fields.every(([name, value]) => others.has(name) && equal(value, others.get(name)));
}
