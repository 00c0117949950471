import { expect, it } from 'vitest';
import { operationsOf, outline } from '../src/api/openapi';

const DESCRIPTION = {
  paths: {
    '/api/session': { post: { summary: 'Log in' }, get: { summary: 'Who' }, parameters: [] },
    '/api/company': { get: {} },
  },
  components: {
    schemas: {
      Person: {
        type: 'object',
        required: ['name'],
        properties: {
          name: { type: 'string' },
          role: { enum: ['agent', 'admin'] },
          friends: { type: 'array', items: { $ref: '#/components/schemas/Person' } },
        },
      },
    },
  },
};

it('lists every operation', () => {
  expect(operationsOf(DESCRIPTION).map(({ method, path }) => `${method} ${path}`)).toEqual([
    'get /api/session',
    'post /api/session',
    'get /api/company',
  ]);
});

it('outlines a body by following references, and ends where they go round in circles', () => {
  const body = { content: { 'application/json': { schema: { $ref: '#/components/schemas/Person' } } } };
  const drawn = outline(body, DESCRIPTION);
  expect(drawn).toContain('name: string');
  expect(drawn).toContain('role?: "agent" | "admin"');
  expect(drawn).toContain('…');
  expect(outline({ anyOf: [{ type: 'integer' }, { type: 'null' }] }, DESCRIPTION)).toBe('integer | null');
  expect(outline(undefined, DESCRIPTION)).toBe('');
  expect(outline({ $ref: '#/nowhere' }, DESCRIPTION)).toBe('');
});
