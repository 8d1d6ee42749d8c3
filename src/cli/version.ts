import { buildInfo } from '../agent/build-info.ts';

/** `0.1.0 (53fecb2a1b2c)`. */
export const version = `${buildInfo.version} (${buildInfo.commit})`;
