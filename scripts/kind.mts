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

cd(root);
process.exitCode = await main();

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      keep: { type: 'boolean', default: false },
      'node-image': { type: 'string', default: nodeImage },
    },
  });
  const missing = whatIsMissing(await tryTools(tools));
  if (missing !== undefined) {
    console.error(missing);
    return 2;
  }
  $.env = { ...process.env, KUBECONFIG: tmpfile('kubeconfig') };
  $.verbose = true;
  try {
    await startCluster(values['node-image']);
    await install(await buildImage());
    await startWorkload();
    return await playAll();
  } finally {
    if (values.keep)
      console.log(
        `The cluster stays: export KUBECONFIG=${$.env['KUBECONFIG']}; kind delete cluster --name ${cluster}`,
      );
    else await $`kind delete cluster --name ${cluster}`;
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
    const complaint = await play().catch((error: unknown) => String(error));
    console.log(
      `${complaint === undefined ? 'ok  ' : 'FAIL'}  ${name}${complaint === undefined ? '' : `: ${complaint}`}`,
    );
    if (complaint !== undefined) failures++;
  }
  console.log(`${scenarios.length - failures} of ${scenarios.length} scenarios`);
  return failures === 0 ? 0 : 1;
}
