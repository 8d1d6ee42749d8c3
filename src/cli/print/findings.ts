import { printable } from '../../errors.ts';
import { type Finding, type FindingCode, findingKinds } from '../../model/finding.ts';
import type { Page } from './page.ts';
import { counted, wrap } from './text.ts';

/** Of one code; more are counted. */
const told = 10;

/** One line per finding, grouped by code, with the remedy once under each group. */
export function printFindings(findings: readonly Finding[], page: Page): string {
  const lines = byCode(findings).flatMap(([code, group]) => {
    const { remedy } = findingKinds[code];
    const more = group.length - told;
    return [
      ...group
        .slice(0, told)
        .map((finding) => `${page.paint('changed', `warning ${code}`)} ${sentence(finding)}`),
      ...(more > 0 ? [`  and ${counted(more, 'more warning')} of this kind; --output json prints all`] : []),
      ...wrap(`remedy: ${remedy}`, page.columns - 2).map((line) => `  ${line}`),
    ];
  });
  return lines.map((line) => `${line}\n`).join('');
}

export function findingJson({ code, object, field, reason }: Finding): unknown {
  return { warning: { code, object, field, reason, remedy: findingKinds[code].remedy } };
}

/** `Service default/web spec.ports[0].port: 70000 is not between 1 and 65535`. */
function sentence({ object, field, reason }: Finding): string {
  return printable(`${field === '' ? object : `${object} ${field}`}: ${reason}`);
}

function byCode(findings: readonly Finding[]): readonly (readonly [FindingCode, readonly Finding[]])[] {
  const codes = [...new Set(findings.map((finding) => finding.code))].sort();
  return codes.map((code) => [code, findings.filter((finding) => finding.code === code)]);
}
