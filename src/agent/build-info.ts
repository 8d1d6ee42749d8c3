declare const __NODEPLANE_VERSION__: string | undefined;
declare const __NODEPLANE_COMMIT__: string | undefined;

/** What this program was built from; the build fills both in. */
export const buildInfo = {
  version: typeof __NODEPLANE_VERSION__ === 'undefined' ? 'unbuilt' : __NODEPLANE_VERSION__,
  commit: typeof __NODEPLANE_COMMIT__ === 'undefined' ? 'unknown' : __NODEPLANE_COMMIT__,
};
