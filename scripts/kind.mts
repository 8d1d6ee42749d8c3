// A kind cluster without kube-proxy: builds the image, installs the chart, and plays scenarios. For machines with Docker.
//   npm run kind                      everything, and the cluster is deleted afterwards
//   npm run kind -- --keep            the cluster stays, for a look around with kubectl
//   npm run kind -- --node-image I    another version of Kubernetes
import { parseArgs } from 'node:util';
import { $, cd, tmpfile } from 'zx';
import { agnhost, chartValues, cluster, kindConfig, nodeImage, workload } from './kind/files.mts';
import { scenarios } from './kind/scenarios.mts';
import { tools, tryTools, whatIsMissing } from './kind/tools.mts';
import { root } from './step.mts';

const usage = `Usage: npm run kind [-- --keep] [--node-image IMAGE]

  --keep              leave the cluster there, for a look around with kubectl
  --node-image IMAGE  another version of Kubernetes than ${nodeImage.replace(/@.*/, '')}`;

/** Undefined until Ctrl-C or the like, then the exit code that tells of it. Programs in the terminal hear of it themselves. */
let interrupted: number | undefined;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, (_: NodeJS.Signals, number: number) => {
    interrupted = 128 + number;
  });

cd(root);
process.exitCode = await main(process.argv.slice(2));

async function main(args: string[]): Promise<number> {
  const asked = parse(args);
  if (typeof asked === 'string') return refuse(asked);
  const missing = whatIsMissing(await tryTools(tools));
  if (missing !== undefined) return refuse(missing);
  const there = (await $`kind get clusters`.quiet()).stdout.split('\n');
  if (there.includes(cluster))
    return refuse(`A kind cluster ${cluster} is there already: kind delete cluster --name ${cluster}`);
  $.env = { ...process.env, KUBECONFIG: tmpfile('kubeconfig') };
  $.verbose = true;
  try {
    await startCluster(asked.image);
    await install(await buildImage());
    await startWorkload();
    return await playAll();
  } catch (error) {
    if (interrupted === undefined) throw error;
    return interrupted;
  } finally {
    if (asked.keep)
      console.log(
        `The cluster stays: export KUBECONFIG=${$.env['KUBECONFIG']}; kind delete cluster --name ${cluster}`,
      );
    else await $`kind delete cluster --name ${cluster}`;
  }
}

function refuse(why: string): number {
  console.error(why);
  return 2;
}

/** What was asked, or why that cannot be done. */
function parse(args: string[]): { readonly keep: boolean; readonly image: string } | string {
  try {
    const options = { keep: { type: 'boolean' }, 'node-image': { type: 'string' } } as const;
    const { values } = parseArgs({ args, options });
    return { keep: values.keep === true, image: values['node-image'] ?? nodeImage };
  } catch (error) {
    return `${error instanceof Error ? error.message : String(error)}\n\n${usage}`;
  }
}

/** Nodes get ready without Services: the CNI plugin of kind speaks to the control plane by its name. */
async function startCluster(image: string): Promise<void> {
  const config = tmpfile('kind.json', JSON.stringify(kindConfig));
  await $`kind create cluster --name ${cluster} --image ${image} --config ${config} --wait 0s`;
}

async function buildImage(): Promise<string> {
  const commit = (await $`git describe --always --dirty --abbrev=12 ${'--exclude=*'}`).stdout.trim();
  const tag = `kind-${commit}`;
  await $`docker build --build-arg NODEPLANE_COMMIT=${commit} --tag nodeplane:${tag} .`;
  await $`kind load docker-image --name ${cluster} nodeplane:${tag}`;
  return tag;
}

async function install(tag: string): Promise<void> {
  const values = tmpfile('values.json', JSON.stringify(chartValues(tag)));
  const chart = 'deploy/charts/nodeplane';
  await $`helm upgrade --install nodeplane ${chart} --namespace kube-system --values ${values} --wait --timeout 5m`;
  await $`kubectl wait --for=condition=Ready nodes --all --timeout=3m`;
  await $`kubectl -n kube-system rollout status deployment coredns --timeout=3m`;
}

async function startWorkload(): Promise<void> {
  await $`docker pull ${agnhost}`;
  await $`kind load docker-image --name ${cluster} ${agnhost}`;
  const items = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: workload });
  await $({ input: items })`kubectl apply -f -`;
  await $`kubectl rollout status deployment web --timeout=3m`;
  await $`kubectl wait --for=condition=Ready pod/client --timeout=3m`;
}

async function playAll(): Promise<number> {
  let failures = 0;
  $.verbose = false;
  for (const { name, play } of scenarios) {
    if (interrupted !== undefined) return interrupted;
    const complaint = await play().catch((error: unknown) => String(error));
    console.log(
      `${complaint === undefined ? 'ok  ' : 'FAIL'}  ${name}${complaint === undefined ? '' : `: ${complaint}`}`,
    );
    if (complaint !== undefined) failures++;
  }
  console.log(`${scenarios.length - failures} of ${scenarios.length} scenarios`);
  return failures === 0 ? 0 : 1;
}
