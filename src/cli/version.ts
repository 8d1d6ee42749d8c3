declare const __NODEPLANE_VERSION__: string | undefined;
declare const __NODEPLANE_COMMIT__: string | undefined;

/** `0.1.0 (53fecb2a1b2c)`; the build fills both in. */
export const version: string =
  typeof __NODEPLANE_VERSION__ === 'undefined' || typeof __NODEPLANE_COMMIT__ === 'undefined'
    ? 'unbuilt'
    : `${__NODEPLANE_VERSION__} (${__NODEPLANE_COMMIT__})`;
