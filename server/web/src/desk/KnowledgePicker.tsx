/** Search in the help articles, with what is found ready to go into the answer. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Lang } from '../shared/frames';
import { CloseIcon } from '../shared/icons';
import { safeLink } from '../shared/text';
import { searchKnowledge } from './deskApi';
import type { Passage } from './deskApi';
import { useShell } from './shell';

const SEARCH_AFTER_MS = 250;

interface KnowledgeProps {
  /** What is searched first: the customer's last words. */
  first: string;
  lang: Lang;
  onInsert(text: string): void;
  onClose(): void;
}

export function KnowledgePicker({ first, lang, onInsert, onClose }: KnowledgeProps) {
  const { t } = useShell();
  const [query, setQuery] = useState(first.slice(0, 200));
  const [found, setFound] = useState<{ passages: Passage[]; confident: boolean } | 'loading' | 'failed'>('loading');
  const field = useRef<HTMLInputElement>(null);

  useEffect(() => {
    field.current?.focus();
    field.current?.select();
  }, []);

  useEffect(() => {
    if (query.trim() === '') {
      setFound({ passages: [], confident: true });
      return undefined;
    }
    let current = true;
    const timer = setTimeout(() => {
      searchKnowledge(query.trim(), lang).then(
        (answer) => current && setFound(answer),
        () => current && setFound('failed'),
      );
    }, SEARCH_AFTER_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [query, lang]);

  return (
    <div
      class="picker knowledge"
      role="group"
      aria-label={t('knowledge')}
      onKeyDown={(event) => {
        if (event.key !== 'Escape') return;
        event.stopPropagation();
        onClose();
      }}
    >
      <div class="picker-head">
        <input
          ref={field}
          type="search"
          value={query}
          placeholder={t('knowledgeSearch')}
          aria-label={t('knowledgeSearch')}
          onInput={(event) => setQuery(event.currentTarget.value)}
          onKeyDown={(event) => event.key === 'Enter' && event.preventDefault()}
        />
        <button type="button" class="icon-button" aria-label={t('closeDialog')} onClick={onClose}>
          <CloseIcon />
        </button>
      </div>
      {found === 'loading' || found === 'failed' ? (
        <p class="empty">{t(found === 'loading' ? 'loading' : 'loadFailed')}</p>
      ) : (
        <div class="picker-list">
          {!found.confident && <p class="fine">{t('knowledgeUnsure')}</p>}
          {found.passages.length === 0 && query.trim() !== '' && <p class="empty">{t('knowledgeNone')}</p>}
          {found.passages.map((passage, index) => {
            const link = safeLink(passage.url, location.origin);
            return (
              <div key={index} class="picker-item">
                <b>
                  {link ? (
                    <a href={link.href} target="_blank" rel="noopener noreferrer">
                      {passage.title}
                    </a>
                  ) : (
                    passage.title
                  )}
                </b>
                <span class="picker-text">{passage.passage}</span>
                <span class="picker-tools">
                  <button type="button" class="text-button" onClick={() => onInsert(passage.passage)}>
                    {t('insert')}
                  </button>
                  {link && (
                    <button type="button" class="text-button" onClick={() => onInsert(`${passage.title} ${link.href}`)}>
                      {t('insertLink')}
                    </button>
                  )}
                </span>
              </div>
            );
          })}
        </div>
      )}
    </div>
  );
}
