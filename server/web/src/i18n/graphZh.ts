/** The console's texts about the knowledge graph. `{name}` is a parameter. */

export const graph = {
} as const;
