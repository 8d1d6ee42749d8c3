import { join } from 'node:path';
import type { Images } from '../kubelet/kubelet.ts';

export const httpPort = 8080;

/** The image `http`: says its Pod's name and who asks, at port 8080. */
export const http: Images[string] = async ({ place }) => [
  process.execPath,
  join(import.meta.dirname, 'http.mjs'),
  place.slice(place.indexOf('/') + 1),
  String(httpPort),
];
