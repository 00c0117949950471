/** Reading an OpenAPI description: its operations, and schemas as short outlines; pure. */
import type { Json } from '../shared/frames';
import { isRecord, list, text } from '../shared/frames';

export interface Operation {
  method: string;
  path: string;
  body: Json;
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;
const DEEPEST = 6;

export function operationsOf(description: Json): Operation[] {
  const paths = isRecord(description['paths']) ? description['paths'] : {};
  return Object.entries(paths).flatMap(([path, methods]) =>
    METHODS.flatMap((method) => {
      const body = isRecord(methods) ? methods[method] : undefined;
      return isRecord(body) ? [{ method, path, body }] : [];
    }),
  );
}

/** What a request body, an answer or a schema looks like; empty where nothing is said about it. */
export function outline(value: unknown, description: Json): string {
  if (!isRecord(value)) return '';
  if (isRecord(value['content'])) {
    const media = Object.values(value['content']).find(isRecord);
    return media ? outline(media['schema'], description) : '';
  }
  return draw(value, description, 0);
}

function resolve(schema: Json, description: Json): Json {
  const reference = text(schema['$ref']);
  if (!reference?.startsWith('#/')) return schema;
  let found: unknown = description;
  for (const name of reference.slice(2).split('/')) found = isRecord(found) ? found[name] : undefined;
  return isRecord(found) ? found : {};
}

function draw(raw: Json, description: Json, depth: number): string {
  if (depth > DEEPEST) return '…';
  const schema = resolve(raw, description);
  const options = [...list(schema['anyOf']), ...list(schema['oneOf'])].filter(isRecord);
  if (options.length > 0) return [...new Set(options.map((option) => draw(option, description, depth + 1)))].join(' | ');
  const values = list(schema['enum']);
  if (values.length > 0) return values.map((value) => JSON.stringify(value)).join(' | ');
  const type = text(schema['type']);
  if (type === 'array') {
    const inner = isRecord(schema['items']) ? draw(schema['items'], description, depth + 1) : '';
    return `[${inner || '…'}]`;
  }
  if (isRecord(schema['properties'])) {
    const required = new Set(list(schema['required']));
    const indent = '  '.repeat(depth + 1);
    const lines = Object.entries(schema['properties']).map(
      ([name, property]) =>
        `${indent}${name}${required.has(name) ? '' : '?'}: ${isRecord(property) ? draw(property, description, depth + 1) : '…'}`,
    );
    return `{\n${lines.join('\n')}\n${'  '.repeat(depth)}}`;
  }
  return type === undefined || type === 'object' ? (type ?? '') : [type, text(schema['format'])].filter(Boolean).join(' ');
}
