/** The console's texts about the knowledge graph; every key of graphZh.ts. */
import type { Texts } from '.';
import type * as zh from './graphZh';

export const graph: Texts<typeof zh.graph> = {
};
