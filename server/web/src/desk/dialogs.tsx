/** The desk's modal windows, on the browser's own <dialog>: it keeps the focus and gives it back. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { ComponentChildren } from 'preact';
import { OUTCOMES } from './deskState';
import type { Outcome } from './deskState';
import { useShell } from './shell';

function Dialog({ title, onClose, children }: { title: string; onClose(): void; children: ComponentChildren }) {
  const box = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = box.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog ref={box} aria-labelledby="dialog-title" onClose={onClose} onClick={(event) => event.target === box.current && onClose()}>
      <div class="dialog-body">
        <h2 id="dialog-title">{title}</h2>
        {children}
      </div>
    </dialog>
  );
}

export function Shortcuts({ onClose }: { onClose(): void }) {
  const { t } = useShell();
  const keys: [string[], string][] = [
    [['j', 'k'], t('keys_move')],
    [['Enter'], t('keys_open')],
    [['1', '2', '3', '4'], t('keys_tabs')],
    [['t'], t('keys_take')],
    [['m'], t('keys_reply')],
    [['n'], t('keys_note')],
    [['r'], t('keys_return')],
    [['x'], t('keys_close')],
    [['Esc'], t('keys_escape')],
    [['?'], t('keys_help')],
  ];
  return (
    <Dialog title={t('shortcuts')} onClose={onClose}>
      <dl class="keys">
        {keys.map(([names, meaning]) => (
          <div key={meaning}>
            <dt>
              {names.map((name) => (
                <kbd key={name}>{name}</kbd>
              ))}
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
      <div class="dialog-buttons">
        <button type="button" class="button outline" onClick={onClose}>
          {t('closeDialog')}
        </button>
      </div>
    </Dialog>
  );
}

export function CloseDialog(props: { onCancel(): void; onClose(outcome: Outcome, tags: string[]): void }) {
  const { t } = useShell();
  const [outcome, setOutcome] = useState<Outcome>('solved');
  const [tags, setTags] = useState('');
  return (
    <Dialog title={t('closeTitle')} onClose={props.onCancel}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const list = tags.split(/[,，、;；]/).map((tag) => tag.trim());
          props.onClose(outcome, [...new Set(list.filter(Boolean))]);
        }}
      >
        <p>{t('closeText')}</p>
        <fieldset>
          <legend>{t('outcome')}</legend>
          {OUTCOMES.map((value) => (
            <label key={value} class="choice">
              <input type="radio" name="outcome" value={value} checked={outcome === value} onChange={() => setOutcome(value)} />
              {t(`outcome_${value}`)}
            </label>
          ))}
        </fieldset>
        <label class="field">
          {t('tags')}
          <input value={tags} placeholder={t('tagsHint')} maxLength={200} onInput={(event) => setTags(event.currentTarget.value)} />
        </label>
        <div class="dialog-buttons">
          <button type="button" class="button outline" onClick={props.onCancel}>
            {t('cancel')}
          </button>
          <button type="submit" class="button solid">
            {t('closeTitle')}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
