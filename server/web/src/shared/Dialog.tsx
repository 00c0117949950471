/** A modal window on the browser's own <dialog>: it keeps the focus and gives it back. */
import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { useStaffTexts } from './staffPage';

interface DialogProps {
  title: string;
  wide?: boolean;
  onClose(): void;
  children: ComponentChildren;
}

export function Dialog({ title, wide = false, onClose, children }: DialogProps) {
  const box = useRef<HTMLDialogElement>(null);
  // Before the next key: it belongs to the window.
  useLayoutEffect(() => {
    const dialog = box.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog ref={box} class={wide ? 'wide' : ''} aria-labelledby="dialog-title" onClose={onClose} onClick={(event) => event.target === box.current && onClose()}>
      <div class="dialog-body">
        <h2 id="dialog-title">{title}</h2>
        {children}
      </div>
    </dialog>
  );
}

interface FormProps {
  title: string;
  /** What the button that does it says. */
  action: string;
  ready?: boolean;
  wide?: boolean;
  onDo(): void;
  onClose(): void;
  children: ComponentChildren;
}

/** A window that asks for something and does it. */
export function FormDialog({ title, action, ready = true, wide = false, onDo, onClose, children }: FormProps) {
  const { t } = useStaffTexts();
  return (
    <Dialog title={title} wide={wide} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (ready) onDo();
        }}
      >
        {children}
        <div class="dialog-buttons">
          <button type="button" class="button outline" onClick={onClose}>
            {t('cancel')}
          </button>
          <button type="submit" class="button solid" disabled={!ready}>
            {action}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
