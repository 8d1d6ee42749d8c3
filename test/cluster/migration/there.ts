/** @throws Error when there is none. */
export function there<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error('it is there when tests run');
  return value;
}
