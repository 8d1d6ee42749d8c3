/** A field holds something else than it should, or nothing. `message` reads on from "is not usable:". */
export class FieldError extends Error {
  override readonly name = 'FieldError';
}

/** An object of a file with the path to it, so that errors can name each field: `users[2].user.exec`. */
export interface Fields {
  readonly path: string;
  /** Undefined when absent, null or empty, as client-go takes them. @throws FieldError when it is no text. */
  text(name: string): string | undefined;
  /** @throws FieldError when it is absent. */
  need(name: string): string;
  /** @throws FieldError when it is neither absent nor true or false. */
  flag(name: string): boolean;
  /** @throws FieldError when it is no object. */
  inner(name: string): Fields | undefined;
  /** None when absent. @throws FieldError when it is no list of objects. */
  list(name: string): readonly Fields[];
  /** @throws FieldError when it is no list of texts. */
  texts(name: string): readonly string[];
  has(name: string): boolean;
  at(name: string): string;
}

/** @throws FieldError when the value is no object. */
export function fieldsOf(value: unknown, path = ''): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new FieldError(`${path === '' ? 'the file' : path} holds no object`);
  }
  const object: Readonly<Record<string, unknown>> = { ...value };
  const at = (name: string): string => (path === '' ? name : `${path}.${name}`);
  const absent = (name: string): boolean => object[name] === undefined || object[name] === null;
  const items = (name: string): readonly unknown[] => {
    const held = object[name] ?? [];
    if (!Array.isArray(held)) throw new FieldError(`${at(name)} is no list`);
    return held;
  };
  const text = (name: string): string | undefined =>
    absent(name) || object[name] === '' ? undefined : textOf(object[name], at(name));
  return {
    path,
    text,
    need(name) {
      const held = text(name);
      if (held === undefined) throw new FieldError(`${at(name)} is missing`);
      return held;
    },
    flag(name) {
      const held = object[name] ?? false;
      if (typeof held !== 'boolean') throw new FieldError(`${at(name)} is neither true nor false`);
      return held;
    },
    inner: (name) => (absent(name) ? undefined : fieldsOf(object[name], at(name))),
    list: (name) => items(name).map((each, index) => fieldsOf(each, `${at(name)}[${index}]`)),
    texts: (name) => items(name).map((each, index) => textOf(each, `${at(name)}[${index}]`)),
    has: (name) => !absent(name),
    at,
  };
}

function textOf(value: unknown, at: string): string {
  if (typeof value !== 'string') throw new FieldError(`${at} is no text`);
  return value;
}
