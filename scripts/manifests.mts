// Writes deploy/nodeplane.yaml, for who has no kustomize: the base as `kubectl kustomize` renders it. `npm run manifests`
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const head = `# Made from deploy/kustomize/base by \`npm run manifests\`: change that, not this. It needs one ConfigMap besides; see docs/install.md.\n`;

const rendered = execFileSync('kubectl', ['kustomize', 'deploy/kustomize/base'], {
  cwd: root,
  encoding: 'utf8',
});
writeFileSync(join(root, 'deploy/nodeplane.yaml'), head + rendered);
console.log('deploy/nodeplane.yaml');
