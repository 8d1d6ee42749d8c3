/**
 * A list that stays in memory: with room for its entries and no more, where one that grew by push, spread or filter has room for
 * up to seventeen (152 bytes for a single entry). All empty ones are one.
 */
export function kept<T>(list: readonly T[]): readonly T[] {
  return list.length === 0 ? nothing : list.slice();
}

const nothing: readonly never[] = [];
