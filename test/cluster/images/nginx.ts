import { access, constants, mkdir, readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { searchPath } from '../../netns/holder.ts';
import { cacheDirectory } from '../cache.ts';
import type { Images } from '../kubelet/kubelet.ts';
import type { ClusterNetwork, Place } from '../network/network.ts';

export const nginxPort = 8080;

/** The program: what `npm run setup` has unpacked, or one of this machine; undefined when there is none. */
export async function findNginx(): Promise<string | undefined> {
  const directories = [join(cacheDirectory(), 'nginx/usr/sbin'), ...searchPath.split(delimiter)];
  for (const directory of directories) {
    const path = join(directory, 'nginx');
    const usable = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (usable) return path;
  }
  return undefined;
}

/**
 * The image `nginx`: a reverse proxy at port 8080 of both families that hands everything on to `upstream`, such as `172.30.0.90:80`.
 * See {@link accessLog}.
 */
export function reverseProxy(program: string, upstream: string): Images[string] {
  return async ({ place, network }) => {
    const directory = directoryOf(place);
    await mkdir(network.path(directory), { recursive: true });
    await writeFile(network.path(`${directory}/nginx.conf`), configuration(directory, upstream));
    return [program, '-e', 'stderr', '-p', directory, '-c', `${directory}/nginx.conf`];
  };
}

/** Who asked, as nginx saw it: an address for each request that it answered. The log outlives the Pod. */
export async function accessLog(network: ClusterNetwork, place: Place): Promise<readonly string[]> {
  const text = await readFile(network.path(`${directoryOf(place)}/access.log`), 'utf8');
  return text.split('\n').filter((line) => line !== '');
}

function directoryOf(place: Place): string {
  return `/run/nginx-${place.replace('/', '-')}`;
}

function configuration(directory: string, upstream: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `
daemon off;
user root;
worker_processes 1;
pid ${directory}/pid;
events {}
http {
  log_format clients '$remote_addr';
  access_log ${directory}/access.log clients;
  ${temporary.map((each) => `${each}_temp_path ${directory}/${each};`).join('\n  ')}
  server {
    listen ${nginxPort};
    listen [::]:${nginxPort} ipv6only=on;
    location / { proxy_pass http://${upstream}; }
  }
}
`;
}
