/** Kinds at a glance: the shapes of the picture, small. */
import type { JSX } from 'preact';
import type { Kind } from './model';

/** The sign of a kind beside its name: the shape that it has in the picture. */
export function KindSign({ kind }: { kind: Kind }) {
  return (
    <svg class={`kind-sign ${kind}`} viewBox="0 0 22 14" width="22" height="14" aria-hidden="true">
      {SIGNS[kind]}
    </svg>
  );
}

const SIGNS: Readonly<Record<Kind, JSX.Element>> = {
  symptom: <path d="M5 1h12l4 6-4 6H5L1 7Z" />,
  gate: <path d="M1 1h15l5 12H6Z" />,
  fault: <ellipse cx="11" cy="7" rx="10" ry="6" />,
  check: <path d="M2 1h14l5 6-5 6H2Z" stroke-linejoin="round" />,
  fix: <path d="M4 1h14l3 3v6l-3 3H4l-3-3V4Z" />,
  product: <path d="M1 1h20v12H1Z" />,
  component: <rect x="1" y="1" width="20" height="12" rx="3" />,
  skill: <path d="M6 1h10l5 4v4l-5 4H6L1 9V5Z" />,
  document: <path d="M1 1h20v9a3 3 0 0 1-3 3H4a3 3 0 0 1-3-3Z" />,
};
