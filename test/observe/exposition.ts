/** A family of metrics as an exposition shows it. */
export interface ShownFamily {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly samples: readonly Sample[];
}

export interface Sample {
  /** With the suffix that a histogram's samples have. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/**
 * Reads Prometheus' text format 0.0.4 more strictly than Prometheus does: every family has HELP, TYPE and then its samples, once and
 * together; no sample comes twice; the buckets of a histogram rise, end with +Inf and agree with its count.
 */
export function parseExposition(text: string): readonly ShownFamily[] {
  if (!text.endsWith('\n')) throw new Error('the last line has no line feed');
  const families: { name: string; help: string; type: string; samples: Sample[] }[] = [];
  const seen = new Set<string>();
  let help: { name: string; text: string } | undefined;
  for (const line of text.split('\n').filter((each) => each !== '')) {
    const [, helpName, helpText = ''] = /^# HELP (\S+) (.+)$/.exec(line) ?? [];
    const [, typeName, type = ''] = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line) ?? [];
    if (helpName !== undefined) help = { name: helpName, text: helpText };
    else if (typeName !== undefined) {
      if (help?.name !== typeName) throw new Error(`TYPE without HELP: ${line}`);
      once(seen, typeName);
      families.push({ name: typeName, help: help.text, type, samples: [] });
    } else {
      const family = families.at(-1);
      const sample = parseSample(line);
      const own = family?.type === 'histogram' ? /_(?:bucket|sum|count)$/ : /$^/;
      if (family === undefined || sample.name.replace(own, '') !== family.name)
        throw new Error(`a sample outside its family: ${line}`);
      const labels = Object.entries(sample.labels).sort(([one], [other]) => (one < other ? -1 : 1));
      once(seen, `${sample.name} ${JSON.stringify(labels)}`);
      family.samples.push(sample);
    }
  }
  for (const family of families) checkFamily(family);
  return families;
}

function once(seen: Set<string>, what: string): void {
  if (seen.has(what)) throw new Error(`twice: ${what}`);
  seen.add(what);
}

function parseSample(line: string): Sample {
  const match = /^([a-z_][a-z0-9_]*)(?:\{(.*)\})? (\S+)$/.exec(line);
  if (match === null) throw new Error(`not a sample: ${line}`);
  const [, name = '', labelText = '', valueText = ''] = match;
  const labels = Array.from(
    labelText.matchAll(/([a-z_]+)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/g),
    ([, label = '', text = '']) => [label, text] as const,
  );
  const written = labels.map(([label, text]) => `${label}="${text}"`).join(',');
  if (written !== labelText) throw new Error(`labels that cannot be read: ${line}`);
  const value = valueText === '+Inf' ? Number.POSITIVE_INFINITY : Number(valueText);
  if (Number.isNaN(value)) throw new Error(`not a number: ${line}`);
  if (new Set(labels.map(([label]) => label)).size < labels.length) throw new Error(`a label twice: ${line}`);
  return { name, labels: Object.fromEntries(labels), value };
}

function checkFamily({ name, type, samples }: ShownFamily): void {
  if (type === 'counter' && !name.endsWith('_total'))
    throw new Error(`${name} is a counter and does not end with _total`);
  if (type === 'counter' && samples.some(({ value }) => value < 0)) throw new Error(`${name} is below 0`);
  if (type !== 'histogram') return;
  for (const count of samples.filter((sample) => sample.name === `${name}_count`)) {
    const buckets = bucketsOf({ name, samples }, count.labels);
    const last = buckets.at(-1);
    const rise = buckets.every(
      ({ bound, value }, index) =>
        index === 0 ||
        (bound > (buckets[index - 1]?.bound ?? 0) && value >= (buckets[index - 1]?.value ?? 0)),
    );
    if (!rise || last?.bound !== Number.POSITIVE_INFINITY || last.value !== count.value)
      throw new Error(`${name} has buckets that do not add up`);
  }
}

/** The buckets of the histogram with these labels. */
export function bucketsOf(
  { name, samples }: Pick<ShownFamily, 'name' | 'samples'>,
  labels: Readonly<Record<string, string>>,
): readonly { readonly bound: number; readonly value: number }[] {
  return samples
    .filter((sample) => sample.name === `${name}_bucket`)
    .filter((sample) => Object.entries(labels).every(([label, text]) => sample.labels[label] === text))
    .map(({ labels: { le = '' }, value }) => ({
      bound: le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le),
      value,
    }));
}
