/**
 * HTML of help articles, rebuilt node by node from an allow-list.
 * The server sanitises too; this walk makes sure that a mistake there is not a hole here.
 */
import { safeLink } from './text';

const TAGS: ReadonlySet<string> = new Set([
  'a', 'abbr', 'b', 'blockquote', 'br', 'caption', 'code', 'dd', 'del', 'div', 'dl', 'dt', 'em', 'figcaption', 'figure',
  'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'hr', 'i', 'img', 'kbd', 'li', 'mark', 'ol', 'p', 'pre', 's', 'small', 'span',
  'strong', 'sub', 'sup', 'table', 'tbody', 'td', 'tfoot', 'th', 'thead', 'tr', 'u', 'ul',
]);

/** Dropped with everything inside; the content of other unknown elements is kept. */
const DROPPED: ReadonlySet<string> = new Set([
  'script', 'style', 'template', 'iframe', 'object', 'embed', 'noscript', 'svg', 'math', 'form', 'input', 'button',
  'select', 'textarea', 'link', 'meta', 'base', 'title', 'head', 'video', 'audio', 'canvas',
]);

const ATTRIBUTES: Readonly<Record<string, readonly string[]>> = {
  a: ['href', 'title'],
  abbr: ['title'],
  img: ['src', 'alt', 'title', 'width', 'height'],
  ol: ['start'],
  td: ['colspan', 'rowspan'],
  th: ['colspan', 'rowspan', 'scope'],
};

const DEEPEST = 64;

/** A fragment for `owner` with the allowed part of `html`; links and pictures resolve against `base`. */
export function sanitise(html: string, base: string, owner: Document = document): DocumentFragment {
  const parsed = new DOMParser().parseFromString(html, 'text/html');
  const out = owner.createDocumentFragment();
  copyChildren(parsed.body, out, base, owner, 0);
  return out;
}

function copyChildren(from: Node, to: Node, base: string, owner: Document, depth: number): void {
  if (depth > DEEPEST) return;
  for (const node of Array.from(from.childNodes)) {
    if (node.nodeType === Node.TEXT_NODE) {
      to.appendChild(owner.createTextNode(node.nodeValue ?? ''));
      continue;
    }
    if (!(node.nodeType === Node.ELEMENT_NODE)) continue;
    const element = node as Element;
    const tag = element.localName;
    if (DROPPED.has(tag)) continue;
    if (!TAGS.has(tag)) {
      copyChildren(element, to, base, owner, depth + 1);
      continue;
    }
    const copy = owner.createElement(tag);
    if (!copyAttributes(element, copy, base)) continue;
    copyChildren(element, copy, base, owner, depth + 1);
    to.appendChild(copy);
  }
}

/** False where the element is worth nothing without what was refused (a picture without a source). */
function copyAttributes(from: Element, to: HTMLElement, base: string): boolean {
  const tag = from.localName;
  for (const name of ATTRIBUTES[tag] ?? []) {
    const value = from.getAttribute(name);
    if (value === null) continue;
    if (name === 'href' || name === 'src') {
      if (name === 'href' && value.startsWith('#')) {
        to.setAttribute(name, value);
        continue;
      }
      const link = safeLink(value, base);
      if (!link) continue;
      to.setAttribute(name, link.href);
      if (name === 'href' && !link.sameOrigin) {
        to.setAttribute('target', '_blank');
        to.setAttribute('rel', 'noopener noreferrer');
      }
      continue;
    }
    to.setAttribute(name, value);
  }
  if (tag === 'img') {
    if (!to.hasAttribute('src')) return false;
    to.setAttribute('loading', 'lazy');
  }
  return true;
}
