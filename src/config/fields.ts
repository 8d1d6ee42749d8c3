import * as v from 'valibot';
import { canonicalAddress } from '../model/address.ts';
import { isLabelValue } from '../model/names.ts';
import { parseDuration } from './duration.ts';

// What the fields of a configuration are made of. In Go's JSON null leaves a field unset, so it does here.

export const text = v.nullish(v.string());
export const flag = v.nullish(v.boolean());
export const decimal = v.nullish(v.number());
export const texts = v.nullish(v.array(v.string()));

/** A group of fields. (To valibot alone a list is an object too.) Other fields are found by `unknownFields`: valibot tells the first one only. */
export function group<const Entries extends v.ObjectEntries>(entries: Entries) {
  const isNoList = v.check((value: unknown) => !Array.isArray(value), 'a list is not a group of fields');
  return v.nullish(v.pipe(v.unknown(), isNoList, v.object(entries)));
}

/** An integer with both bounds inside. */
export function integerBetween(least: number, most: number) {
  const message = (issue: { readonly received: string }): string =>
    `${issue.received} is not between ${least} and ${most}`;
  return v.nullish(
    v.pipe(v.number(), v.safeInteger(), v.minValue(least, message), v.maxValue(most, message)),
  );
}

/** An integer that is not negative. */
export const count = integerBetween(0, 2 ** 31 - 1);

/** A duration as Go writes it; milliseconds come out. */
export const duration = v.nullish(durationText());

/** A duration that is not negative. */
export const naturalDuration = v.nullish(
  v.pipe(
    durationText(),
    v.minValue(0, () => 'it is negative'),
  ),
);

/** One of some words; empty text leaves the field unset. */
export function oneOf<const Words extends readonly string[]>(words: Words) {
  return v.nullish(v.picklist([...words, '']));
}

/** `IP`, or `IP:port` with IPv6 addresses in brackets; empty text leaves the field unset. */
export const endpointText = v.nullish(
  v.pipe(
    v.string(),
    v.check(
      isEndpointText,
      (issue) => `${issue.received} is not an IP address with a port, such as "0.0.0.0:10256"`,
    ),
  ),
);

/** What Kubernetes takes as the value of a label; empty text leaves the field unset. */
export const labelValue = v.nullish(
  v.pipe(
    v.string(),
    v.check(
      isLabelValue,
      (issue) =>
        `${issue.received} is not the value of a label: at most 63 letters, digits, "-", "_" and "." with a letter or digit at both ends`,
    ),
  ),
);

/** How long the log may be kept back: a duration, or nanoseconds as a number. */
export const flushFrequency = v.nullish(v.union([v.pipe(v.number(), v.minValue(0)), durationText()]));

/** `1.35`, a minor version of Kubernetes. */
export const minorVersion = v.nullish(
  v.pipe(
    v.string(),
    v.regex(/^(?:\d+\.\d+)?$/, (issue) => `${issue.received} is not a version such as "1.35"`),
  ),
);

/** `https://host:port`; the scheme may be left out, nothing may follow. The URL comes out without a slash at its end. */
export const serverUrl = v.nullish(
  v.pipe(
    v.string(),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      if (dataset.value === '') return '';
      const server = readServer(dataset.value);
      if (server !== undefined) return server;
      addIssue({
        message: `${JSON.stringify(dataset.value.slice(0, 80))} is no address of an API server, such as "https://10.0.0.1:6443"`,
      });
      return NEVER;
    }),
  ),
);

function readServer(text: string): string | undefined {
  const withScheme = text.includes('://') ? text : `https://${text}`;
  if (!URL.canParse(withScheme)) return undefined;
  const { protocol, origin, pathname, search, hash, username, password } = new URL(withScheme);
  const more = `${pathname === '/' ? '' : pathname}${search}${hash}${username}${password}`;
  return protocol === 'https:' && more === '' ? origin : undefined;
}

function durationText() {
  return v.pipe(
    v.string((issue) => `${issue.received} is not a duration; write it as text, such as "30s"`),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      const milliseconds = parseDuration(dataset.value);
      if (milliseconds !== undefined) return milliseconds;
      addIssue({ message: `"${dataset.value}" is not a duration, such as "30s" or "1m30s"` });
      return NEVER;
    }),
  );
}

function isEndpointText(value: string): boolean {
  if (value === '' || canonicalAddress(value) !== undefined) return true;
  const { host, port } = value.match(/^\[?(?<host>[^[\]]*?)\]?(?::(?<port>\d{1,5}))?$/)?.groups ?? {};
  if (host === undefined || canonicalAddress(host) === undefined) return false;
  const bracketed = value.startsWith('[');
  if (bracketed !== host.includes(':') || bracketed !== value.includes(']')) return false;
  return port === undefined || (Number(port) >= 1 && Number(port) <= 65535);
}
