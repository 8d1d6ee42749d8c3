import { styleText } from 'node:util';

/** Where text will stand: how wide it is and whether it has colour. */
export interface Page {
  readonly columns: number;
  readonly paint: (ink: Ink, text: string) => string;
}

export type Ink = keyof typeof inks;

const inks = {
  strong: 'bold',
  faint: 'dim',
  added: 'green',
  removed: 'red',
  changed: 'yellow',
  alarm: 'magenta',
} as const;

export function createPage(options: { readonly colour: boolean; readonly columns: number }): Page {
  const { colour, columns } = options;
  return {
    columns,
    paint: (ink, text) => (colour ? styleText(inks[ink], text, { validateStream: false }) : text),
  };
}

/** FORCE_COLOR goes before NO_COLOR, NO_COLOR before what the stream is; the same as Node itself decides. */
export function wantsColour(
  isTerminal: boolean,
  environment: Readonly<Record<string, string | undefined>>,
): boolean {
  const forced = environment['FORCE_COLOR'];
  if (forced !== undefined) return ['', '1', '2', '3', 'true'].includes(forced);
  if (environment['NO_COLOR'] || environment['TERM'] === 'dumb') return false;
  return isTerminal;
}
